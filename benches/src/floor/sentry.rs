//! `sentry-trace`.

use http::{HeaderMap, HeaderName};

use super::{Ids, found, line, put, put_hex, put_trace_id, span_id, trace_id};
use crate::Found;

const HEADER: HeaderName = HeaderName::from_static("sentry-trace");

pub fn extract(headers: &HeaderMap) -> Found {
    found(line(headers, &HEADER).and_then(value))
}

/// Parses ids and a decision.
#[inline(always)]
pub(super) fn value(text: &[u8]) -> Ids {
    let text: &[u8; 51] = text.try_into().ok()?;
    if text[32] != b'-' || text[49] != b'-' {
        return None;
    }
    let sampled = match text[50] {
        b'0' => false,
        b'1' => true,
        _ => return None,
    };
    Some((trace_id(&text[..32])?, span_id(&text[33..49])?, sampled))
}

pub fn inject(&(trace_id, span_id): &(u128, u64), headers: &mut HeaderMap) {
    let mut text = *b"00000000000000000000000000000000-0000000000000000-1";
    put_trace_id(trace_id, &mut text[..32]);
    put_hex(span_id, &mut text[33..49]);
    put(headers, HEADER, &text);
}
