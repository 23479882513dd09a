//! `x-datadog-*`.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{decimal, digits, put, put_hex, span_id};
use crate::{Fields, Found};

const TRACE_ID: HeaderName = HeaderName::from_static("x-datadog-trace-id");
const PARENT_ID: HeaderName = HeaderName::from_static("x-datadog-parent-id");
const PRIORITY: HeaderName = HeaderName::from_static("x-datadog-sampling-priority");
const ORIGIN: HeaderName = HeaderName::from_static("x-datadog-origin");
const TAGS: HeaderName = HeaderName::from_static("x-datadog-tags");

/// Extracts ids, decision, and the sizes of origin and tags.
pub fn extract(headers: &HeaderMap) -> Found {
    let mut lines = [None; 5];
    // A walk is faster than five look-ups.
    for (name, value) in headers {
        let name = name.as_str().as_bytes();
        if name.len() < 14 || name[2] != b'd' {
            continue;
        }
        let at = match name {
            b"x-datadog-trace-id" => 0,
            b"x-datadog-parent-id" => 1,
            b"x-datadog-sampling-priority" => 2,
            b"x-datadog-origin" => 3,
            b"x-datadog-tags" => 4,
            _ => continue,
        };
        lines[at] = Some(value.as_bytes());
    }
    read(lines)
}

/// Reads the five lines.
#[inline(always)]
pub(super) fn read([trace, parent, priority, origin, tags]: [Option<&[u8]>; 5]) -> Found {
    let ids = || Some((trace.and_then(decimal)?, parent.and_then(decimal)?));
    let Some((lower @ 1.., span_id @ 1..)) = ids() else { return Found::default() };
    let sampled = match priority {
        Some(b"1" | b"2") => true,
        Some(b"0" | b"-1") | None => false,
        Some(_) => return Found::default(),
    };
    let mut trace_id = u128::from(lower);
    let mut bytes = origin.filter(|text| text.iter().all(|byte| matches!(byte, b' '..=b'~'))).map_or(0, <[u8]>::len);
    for tag in tags.unwrap_or_default().split(|&byte| byte == b',') {
        let Some(equals) = tag.iter().position(|&byte| byte == b'=') else { continue };
        let (name, value) = (&tag[..equals], &tag[equals + 1..]);
        if name == b"_dd.p.tid" {
            trace_id |= u128::from(upper(value)) << 64;
        } else if let Some(name) = name.strip_prefix(b"_dd.p.") {
            bytes += name.len() + value.len();
        }
    }
    Found { trace_id, span_id, sampled, fields: Fields { bytes }, ..Found::default() }
}

#[inline(always)]
fn upper(text: &[u8]) -> u64 {
    span_id(text).unwrap_or(0)
}

/// Writes all five headers: sampled, from a browser.
pub fn inject(&(trace_id, span_id): &(u128, u64), headers: &mut HeaderMap) {
    let mut buffer = [0; 20];
    put(headers, TRACE_ID, digits(trace_id as u64, &mut buffer));
    put(headers, PARENT_ID, digits(span_id, &mut buffer));
    headers.insert(PRIORITY, HeaderValue::from_static("1"));
    put(headers, ORIGIN, b"rum");
    let mut tags = *b"_dd.p.dm=-0,_dd.p.tid=0000000000000000";
    put_hex((trace_id >> 64) as u64, &mut tags[22..]);
    put(headers, TAGS, &tags);
}
