//! `sw8`.

use http::{HeaderMap, HeaderName};

use super::{BASE64, DIGITS, INVALID, base64, decimal, hex32, line, put, put_hex, put_trace_id, trace_id};
use crate::{Fields, Found};

const SW8: HeaderName = HeaderName::from_static("sw8");
/// Extracts ids, decision, and the decoded lengths of the four texts, which are checked.
pub fn extract(headers: &HeaderMap) -> Found {
    line(headers, &SW8).and_then(value).unwrap_or_default()
}

#[inline(always)]
pub(super) fn value(text: &[u8]) -> Option<Found> {
    // Ids of 32 digits are at fixed places.
    if text.len() < 94 || text[1] != b'-' || text[46] != b'-' || text[91] != b'-' {
        return java(text);
    }
    let (trace, segment) = (decoded(text[2..46].try_into().ok()?), decoded(text[47..91].try_into().ok()?));
    let (Some(trace), Some(segment)) = (trace, segment) else { return java(text) };
    let (trace_id, invalid) = hex32(trace[..32].try_into().ok()?);
    let (segment, also_invalid) = hex32(segment[..32].try_into().ok()?);
    let mut fields = text[92..].split(|&byte| byte == b'-');
    let span = decimal(fields.next()?)?;
    let bytes = texts(fields)?;
    if invalid | also_invalid | span != 0 {
        return java(text);
    }
    let span_id = (segment >> 64) as u64 ^ segment as u64;
    Some(Found { trace_id, span_id, sampled: text[0] == b'1', fields: Fields { bytes }, ..Found::default() })
}

/// Checks the four texts, and returns how long they are without base64.
#[inline(always)]
fn texts<'t>(fields: impl Iterator<Item = &'t [u8]>) -> Option<usize> {
    let (mut bytes, mut invalid, mut texts) = (0, 0, 0);
    for field in fields {
        texts += 1;
        for &byte in field {
            invalid |= DIGITS[byte as usize] & INVALID;
        }
        bytes += field.len() / 4 * 3 - field.iter().rev().take_while(|&&byte| byte == b'=').count();
    }
    (invalid == 0 && texts == 4).then_some(bytes)
}

/// Reads ids of the agent for Java: 32 hex digits, the thread, and a time with a number.
#[cold]
fn java(text: &[u8]) -> Option<Found> {
    let mut fields = text.split(|&byte| byte == b'-');
    let sampled = fields.next()? == b"1";
    let id = |text: &[u8]| {
        let mut text: Vec<u8> = text.chunks(4).flat_map(quantum).collect();
        text.retain(|&byte| byte != 0);
        let mut parts = text.split(|&byte| byte == b'.');
        let (digits, thread, time) = (parts.next()?, decimal(parts.next()?)?, decimal(parts.next()?)?);
        Some(trace_id(digits)? ^ (u128::from((thread as u32).swap_bytes()) << 64 | u128::from(time.swap_bytes())))
    };
    let (trace_id, segment) = (id(fields.next()?)?, id(fields.next()?)?);
    let span = decimal(fields.next()?)? as u32;
    let segment = segment ^ u128::from(span.swap_bytes()) << 96;
    let bytes = texts(fields)?;
    let span_id = (segment >> 64) as u64 ^ segment as u64;
    Some(Found { trace_id, span_id, sampled, fields: Fields { bytes }, ..Found::default() })
}

/// Writes a sampled value with the texts of the case.
pub fn inject(&(trace_id, span_id): &(u128, u64), headers: &mut HeaderMap) {
    let mut trace = [0; 32];
    put_trace_id(trace_id, &mut trace);
    // The segment is the span id, and zeros.
    let mut segment = [b'0'; 32];
    put_hex(span_id, &mut segment[..16]);
    let mut text = Vec::with_capacity(160);
    text.extend_from_slice(b"1-");
    encode(&trace, &mut text);
    text.push(b'-');
    encode(&segment, &mut text);
    text.extend_from_slice(b"-0-");
    for (last, name) in [(false, "cart"), (false, "cart-1"), (false, "/cart"), (true, "stock:8080")] {
        encode(name.as_bytes(), &mut text);
        if !last {
            text.push(b'-');
        }
    }
    put(headers, SW8, &text);
}

#[inline(always)]
fn quantum(four: &[u8]) -> [u8; 3] {
    let bits = four.iter().fold(0, |bits, &byte| bits << 6 | u32::from(DIGITS[byte as usize] & 63));
    let [_, bytes @ ..] = bits.to_be_bytes();
    bytes
}

#[inline(always)]
fn decoded(text: &[u8; 44]) -> Option<[u8; 33]> {
    let mut bytes = [0; 33];
    base64(text.as_chunks().0, bytes.as_chunks_mut().0).then_some(bytes)
}

#[inline(always)]
fn encode(bytes: &[u8], text: &mut Vec<u8>) {
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = BASE64[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= three.len() { digit } else { b'=' });
        }
    }
}
