//! A correlation id, a UUID.

use http::{HeaderMap, HeaderName};

use super::{line, put, put_trace_id, trace_id};
use crate::{CORRELATION, Found};

const HEADER: HeaderName = HeaderName::from_static(CORRELATION);
/// Where the digits are, and the hyphens are not.
const GROUPS: [std::ops::Range<usize>; 5] = [0..8, 9..13, 14..18, 19..23, 24..36];
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

pub fn extract(headers: &HeaderMap) -> Found {
    Found { trace_id: line(headers, &HEADER).and_then(uuid).unwrap_or(0), ..Found::default() }
}

/// Parses a UUID in lower case.
#[inline(always)]
pub(super) fn uuid(text: &[u8]) -> Option<u128> {
    let text: &[u8; 36] = text.try_into().ok()?;
    if HYPHENS.iter().any(|&at| text[at] != b'-') {
        return None;
    }
    let mut digits = [0; 32];
    let mut at = 0;
    for group in GROUPS {
        let length = group.len();
        digits[at..at + length].copy_from_slice(&text[group]);
        at += length;
    }
    trace_id(&digits)
}

pub fn inject(&trace_id: &u128, headers: &mut HeaderMap) {
    let mut digits = [0; 32];
    put_trace_id(trace_id, &mut digits);
    let mut text = [b'-'; 36];
    let mut at = 0;
    for group in GROUPS {
        let length = group.len();
        text[group].copy_from_slice(&digits[at..at + length]);
        at += length;
    }
    put(headers, HEADER, &text);
}
