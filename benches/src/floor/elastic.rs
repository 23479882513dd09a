//! `elastic-apm-traceparent`.

use http::{HeaderMap, HeaderName};

use super::{found, line, put, put_hex, put_trace_id, w3c};
use crate::Found;

const HEADER: HeaderName = HeaderName::from_static("elastic-apm-traceparent");

pub fn extract(headers: &HeaderMap) -> Found {
    found(line(headers, &HEADER).and_then(w3c::traceparent))
}

pub fn inject(&(trace_id, span_id): &(u128, u64), headers: &mut HeaderMap) {
    let mut text = *b"00-00000000000000000000000000000000-0000000000000000-01";
    put_trace_id(trace_id, &mut text[3..35]);
    put_hex(span_id, &mut text[36..52]);
    put(headers, HEADER, &text);
}
