//! `X-Cloud-Trace-Context`.

use http::{HeaderMap, HeaderName};

use super::{Ids, decimal, digits, found, line, put, put_trace_id, trace_id};
use crate::Found;

const HEADER: HeaderName = HeaderName::from_static("x-cloud-trace-context");

pub fn extract(headers: &HeaderMap) -> Found {
    found(line(headers, &HEADER).and_then(value))
}

/// Parses ids and an option of one digit.
#[inline(always)]
pub(super) fn value(text: &[u8]) -> Ids {
    let (trace, rest) = text.split_at_checked(32)?;
    let [b'/', span @ .., b';', b'o', b'=', option @ b'0'..=b'9'] = rest else { return None };
    Some((trace_id(trace)?, decimal(span)?, option & 1 == 1))
}

pub fn inject(&(trace_id, span_id): &(u128, u64), headers: &mut HeaderMap) {
    let mut text = [0; 32 + 1 + 20 + 4];
    put_trace_id(trace_id, &mut text[..32]);
    text[32] = b'/';
    let mut buffer = [0; 20];
    let span = digits(span_id, &mut buffer);
    let end = 33 + span.len();
    text[33..end].copy_from_slice(span);
    text[end..end + 4].copy_from_slice(b";o=1");
    put(headers, HEADER, &text[..end + 4]);
}
