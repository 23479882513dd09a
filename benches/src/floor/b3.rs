//! `b3` and `X-B3-*`.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{either_trace_id, found, line, put, put_hex, put_trace_id, span_id};
use crate::Found;

const B3: HeaderName = HeaderName::from_static("b3");
const TRACE_ID: HeaderName = HeaderName::from_static("x-b3-traceid");
const SPAN_ID: HeaderName = HeaderName::from_static("x-b3-spanid");
const SAMPLED: HeaderName = HeaderName::from_static("x-b3-sampled");

/// Extracts the single header, or else the others.
pub fn extract(headers: &HeaderMap) -> Found {
    match line(headers, &B3).and_then(single) {
        Some(ids) => found(Some(ids)),
        None => extract_multi(headers),
    }
}

/// Extracts the several headers, by a walk: that is faster than up to five look-ups.
#[inline(always)]
pub fn extract_multi(headers: &HeaderMap) -> Found {
    let (mut trace, mut span, mut decision, mut flags) = (None, None, None, None);
    for (name, value) in headers {
        let name = name.as_str().as_bytes();
        if name.len() < 10 || name[2] != b'b' {
            continue;
        }
        let place = match name {
            b"x-b3-traceid" => &mut trace,
            b"x-b3-spanid" => &mut span,
            b"x-b3-sampled" => &mut decision,
            b"x-b3-flags" => &mut flags,
            _ => continue,
        };
        *place = Some(value.as_bytes());
    }
    let sampled = decision == Some(b"1".as_slice()) || flags == Some(b"1".as_slice());
    let ids = || Some((either_trace_id(trace?)?, span_id(span?)?, sampled));
    found(ids())
}

pub fn inject(&(trace_id, span_id): &(u128, u64), headers: &mut HeaderMap) {
    let mut text = *b"00000000000000000000000000000000-0000000000000000-1";
    put_trace_id(trace_id, &mut text[..32]);
    put_hex(span_id, &mut text[33..49]);
    put(headers, B3, &text);
}

pub fn inject_multi(&(trace_id, span_id): &(u128, u64), headers: &mut HeaderMap) {
    let (mut trace, mut span) = ([0; 32], [0; 16]);
    put_trace_id(trace_id, &mut trace);
    put_hex(span_id, &mut span);
    put(headers, TRACE_ID, &trace);
    put(headers, SPAN_ID, &span);
    headers.insert(SAMPLED, HeaderValue::from_static("1"));
}

/// Parses ids and a decision.
#[inline(always)]
pub(super) fn single(text: &[u8]) -> super::Ids {
    let end = match text.len() {
        51 => 32,
        35 => 16,
        _ => return None,
    };
    if text[end] != b'-' || text[end + 17] != b'-' {
        return None;
    }
    let sampled = match text[end + 18] {
        b'1' | b'd' => true,
        b'0' => false,
        _ => return None,
    };
    Some((either_trace_id(&text[..end])?, span_id(&text[end + 1..end + 17])?, sampled))
}
