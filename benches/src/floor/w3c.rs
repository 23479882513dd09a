//! `traceparent`, `tracestate` and `baggage`.

use http::{HeaderMap, HeaderName};

use super::{Ids, found, hex16, hex32, line, put, put_hex, put_trace_id};
use crate::{Baggage, Found, Tracestate};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const BAGGAGE: HeaderName = HeaderName::from_static("baggage");

/// What an inject writes.
#[derive(Debug)]
pub struct Context {
    trace_id: u128,
    span_id: u64,
    tracestate: Option<Box<[u8]>>,
    baggage: Option<Box<[u8]>>,
}

/// Extracts a traceparent alone.
pub fn extract_traceparent(headers: &HeaderMap) -> Found {
    found(line(headers, &TRACEPARENT).and_then(traceparent))
}

/// Extracts a traceparent, and the number of members of a tracestate. That there is none is part of the answer.
pub fn extract(headers: &HeaderMap) -> Found {
    let read = extract_traceparent(headers);
    if read.trace_id == 0 {
        return read;
    }
    let members = line(headers, &TRACESTATE).and_then(members);
    Found { tracestate: members.map_or(Tracestate::Absent, Tracestate::Members), ..read }
}

pub fn extract_baggage(headers: &HeaderMap) -> Found {
    Found { baggage: line(headers, &BAGGAGE).map(baggage).unwrap_or_default(), ..Found::default() }
}

pub fn extract_default(headers: &HeaderMap) -> Found {
    Found { baggage: extract_baggage(headers).baggage, ..extract(headers) }
}

/// Returns what [`inject`] writes for a child of the received span.
pub fn context(headers: &HeaderMap) -> Context {
    let Found { trace_id, .. } = extract_traceparent(headers);
    let copy = |name| line(headers, name).map(Box::from);
    Context { trace_id, span_id: crate::CHILD, tracestate: copy(&TRACESTATE), baggage: copy(&BAGGAGE) }
}

pub fn inject(context: &Context, headers: &mut HeaderMap) {
    inject_traceparent(context.trace_id, context.span_id, headers);
    if let Some(tracestate) = &context.tracestate {
        put(headers, TRACESTATE, tracestate);
    }
    if let Some(baggage) = &context.baggage {
        put(headers, BAGGAGE, baggage);
    }
}

/// Extracts and injects with its own span id.
pub fn child(from: &HeaderMap, span_id: u64, to: &mut HeaderMap) {
    let read = extract(from);
    if read.trace_id == 0 {
        return;
    }
    inject_traceparent(read.trace_id, span_id, to);
    if let (Tracestate::Members(_), Some(text)) = (read.tracestate, from.get(&TRACESTATE)) {
        to.insert(TRACESTATE, text.clone());
    }
}

/// Forwards a valid traceparent with its tracestate.
pub fn passthrough(from: &HeaderMap, to: &mut HeaderMap) {
    let Some(text) = from.get(&TRACEPARENT).filter(|text| traceparent(text.as_bytes()).is_some()) else { return };
    to.insert(TRACEPARENT, text.clone());
    if let Some(text) = from.get(&TRACESTATE).filter(|text| members(text.as_bytes()).is_some()) {
        to.insert(TRACESTATE, text.clone());
    }
}

/// Forwards what a request has. Without any of the three headers the outgoing request is left alone, so it asks for all
/// of them, by a walk over the names.
pub fn passthrough_unless_absent(from: &HeaderMap, to: &mut HeaderMap) {
    if from.keys().any(|name| matches!(name.as_str(), "traceparent" | "tracestate" | "baggage")) {
        passthrough(from, to);
    }
}

pub fn passthrough_baggage(from: &HeaderMap, to: &mut HeaderMap) {
    if let Some(text) = from.get(&BAGGAGE).filter(|text| baggage(text.as_bytes()).members > 0) {
        to.insert(BAGGAGE, text.clone());
    }
}

/// Writes a sampled traceparent.
pub(super) fn inject_traceparent(trace_id: u128, span_id: u64, headers: &mut HeaderMap) {
    let mut text = *b"00-00000000000000000000000000000000-0000000000000000-01";
    put_trace_id(trace_id, &mut text[3..35]);
    put_hex(span_id, &mut text[36..52]);
    put(headers, TRACEPARENT, &text);
}

/// Writes a tracestate.
pub(super) fn inject_tracestate(text: &[u8], headers: &mut HeaderMap) {
    put(headers, TRACESTATE, text);
}

/// Writes a baggage.
pub(super) fn inject_baggage(text: &[u8], headers: &mut HeaderMap) {
    put(headers, BAGGAGE, text);
}

/// Parses version 00.
#[inline(always)]
pub(super) fn traceparent(text: &[u8]) -> Ids {
    let text: &[u8; 55] = text.try_into().ok()?;
    let dashes = text[2] == b'-' && text[35] == b'-' && text[52] == b'-';
    if !dashes || text[0] != b'0' || text[1] != b'0' || text[53] != b'0' {
        return None;
    }
    let (trace_id, invalid) = hex32(text[3..35].try_into().ok()?);
    let (span_id, also_invalid) = hex16(text[36..52].try_into().ok()?);
    let flags = text[54].wrapping_sub(b'0');
    (invalid | also_invalid == 0 && flags <= 3).then_some((trace_id, span_id, flags & 1 == 1))
}

const KEY: u8 = 1;
const VALUE: u8 = 2;

/// Which bytes a tracestate allows in keys and in values.
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        let character = byte as u8;
        if matches!(character, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@') {
            classes[byte] |= KEY;
        }
        if matches!(character, b' '..=b'~') && !matches!(character, b',' | b'=') {
            classes[byte] |= VALUE;
        }
        byte += 1;
    }
    classes
};

/// Counts the members of a tracestate without spaces.
#[inline(always)]
pub(super) fn members(text: &[u8]) -> Option<usize> {
    let mut count = 0;
    let mut at = 0;
    loop {
        let key = at;
        while at < text.len() && CLASSES[text[at] as usize] & KEY != 0 {
            at += 1;
        }
        if at == key || text.get(at) != Some(&b'=') {
            return None;
        }
        at += 1;
        let value = at;
        while at < text.len() && CLASSES[text[at] as usize] & VALUE != 0 {
            at += 1;
        }
        if at == value || text[at - 1] == b' ' {
            return None;
        }
        count += 1;
        match text.get(at) {
            None => return Some(count),
            Some(b',') => at += 1,
            Some(_) => return None,
        }
    }
}

/// Counts the members of a baggage without spaces, and the bytes of their keys and decoded values.
#[inline(always)]
pub(super) fn baggage(text: &[u8]) -> Baggage {
    let mut read = Baggage::default();
    for member in text.split(|&byte| byte == b',') {
        let (mut equals, mut escapes) = (0, 0);
        for &byte in member {
            equals += usize::from(byte == b'=');
            escapes += usize::from(byte == b'%');
            if !byte.is_ascii_graphic() {
                return Baggage::default();
            }
        }
        if equals == 0 {
            return Baggage::default();
        }
        read.members += 1;
        read.bytes += member.len() - "=".len() - 2 * escapes;
    }
    read
}
