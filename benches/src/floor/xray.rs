//! `X-Amzn-Trace-Id`.

use http::{HeaderMap, HeaderName};

use super::{Ids, found, line, put, put_hex, put_trace_id, span_id, trace_id};
use crate::Found;

const HEADER: HeaderName = HeaderName::from_static("x-amzn-trace-id");

pub fn extract(headers: &HeaderMap) -> Found {
    found(line(headers, &HEADER).and_then(value))
}

/// Parses root, parent and decision, in this order.
#[inline(always)]
pub(super) fn value(text: &[u8]) -> Ids {
    let text: &[u8; 74] = text.try_into().ok()?;
    if text[..7] != *b"Root=1-" || text[15] != b'-' || text[40..48] != *b";Parent=" || text[64..73] != *b";Sampled=" {
        return None;
    }
    let sampled = match text[73] {
        b'0' => false,
        b'1' => true,
        _ => return None,
    };
    let mut digits = [0; 32];
    digits[..8].copy_from_slice(&text[7..15]);
    digits[8..].copy_from_slice(&text[16..40]);
    Some((trace_id(&digits)?, span_id(&text[48..64])?, sampled))
}

pub fn inject(&(trace_id, span_id): &(u128, u64), headers: &mut HeaderMap) {
    let mut text = *b"Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=1";
    let mut digits = [0; 32];
    put_trace_id(trace_id, &mut digits);
    text[7..15].copy_from_slice(&digits[..8]);
    text[16..40].copy_from_slice(&digits[8..]);
    put_hex(span_id, &mut text[48..64]);
    put(headers, HEADER, &text);
}
