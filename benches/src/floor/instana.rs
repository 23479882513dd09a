//! `X-INSTANA-T`, `X-INSTANA-S` and `X-INSTANA-L`, by a walk: that is faster than three look-ups.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Ids, either_trace_id, found, put, put_hex, put_trace_id, span_id};
use crate::Found;

const TRACE_ID: HeaderName = HeaderName::from_static("x-instana-t");
const SPAN_ID: HeaderName = HeaderName::from_static("x-instana-s");
const LEVEL: HeaderName = HeaderName::from_static("x-instana-l");

pub fn extract(headers: &HeaderMap) -> Found {
    let mut lines = [None; 3];
    for (name, value) in headers {
        let name = name.as_str().as_bytes();
        if name.len() != 11 || name[2] != b'i' {
            continue;
        }
        let place = match name {
            b"x-instana-t" => 0,
            b"x-instana-s" => 1,
            b"x-instana-l" => 2,
            _ => continue,
        };
        lines[place] = Some(value.as_bytes());
    }
    found(ids(lines))
}

/// Parses ids, and a level without a correlation.
#[inline(always)]
pub(super) fn ids([trace, span, level]: [Option<&[u8]>; 3]) -> Ids {
    let sampled = match level? {
        b"1" => true,
        b"0" => false,
        _ => return None,
    };
    Some((either_trace_id(trace?)?, span_id(span?)?, sampled))
}

pub fn inject(&(trace_id, span_id): &(u128, u64), headers: &mut HeaderMap) {
    let (mut trace, mut span) = ([0; 32], [0; 16]);
    put_trace_id(trace_id, &mut trace);
    put_hex(span_id, &mut span);
    put(headers, TRACE_ID, &trace);
    put(headers, SPAN_ID, &span);
    headers.insert(LEVEL, HeaderValue::from_static("1"));
}
