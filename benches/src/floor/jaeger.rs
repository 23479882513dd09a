//! `uber-trace-id`, and baggage in `uberctx-*`.

use http::{HeaderMap, HeaderName};

use super::{Ids, either_trace_id, found, line, put, put_hex, put_trace_id, span_id};
use crate::{Baggage, Found};

const UBER_TRACE_ID: HeaderName = HeaderName::from_static("uber-trace-id");
const DEBUG_ID: HeaderName = HeaderName::from_static("jaeger-debug-id");
const BAGGAGE: &[u8] = b"uberctx-";

/// Extracts ids and decision. Without a trace, it asks for a debug id.
pub fn extract(headers: &HeaderMap) -> Found {
    match line(headers, &UBER_TRACE_ID) {
        Some(text) => found(value(text)),
        None => {
            std::hint::black_box(headers.contains_key(&DEBUG_ID));
            Found::default()
        }
    }
}

/// Extracts ids, decision and baggage.
pub fn extract_with_baggage(headers: &HeaderMap) -> Found {
    let mut read = extract(headers);
    for (name, value) in headers {
        if let Some(key) = name.as_str().as_bytes().strip_prefix(BAGGAGE) {
            let Baggage { members, bytes } = &mut read.baggage;
            (*members, *bytes) = (*members + 1, *bytes + key.len() + value.len());
        }
    }
    read
}

pub fn inject(&(trace_id, span_id): &(u128, u64), headers: &mut HeaderMap) {
    let mut text = *b"00000000000000000000000000000000:0000000000000000:0:1";
    put_trace_id(trace_id, &mut text[..32]);
    put_hex(span_id, &mut text[33..49]);
    put(headers, UBER_TRACE_ID, &text);
}

/// Parses ids with all their digits, no parent, and one digit of flags.
#[inline(always)]
pub(super) fn value(text: &[u8]) -> Ids {
    let end = match text.len() {
        53 => 32,
        37 => 16,
        _ => return None,
    };
    let [b':', b'0', b':', flags @ b'0'..=b'9'] = text[end + 17..] else { return None };
    if text[end] != b':' {
        return None;
    }
    Some((either_trace_id(&text[..end])?, span_id(&text[end + 1..end + 17])?, flags & 1 == 1))
}
