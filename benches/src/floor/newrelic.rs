//! `newrelic`, as an agent sends it.

use http::{HeaderMap, HeaderName};

use super::{Ids, found, line, span_id, trace_id};
use crate::Found;

const HEADER: HeaderName = HeaderName::from_static("newrelic");
/// The longest payload that is read.
const MAX: usize = 384;

pub fn extract(headers: &HeaderMap) -> Found {
    found(line(headers, &HEADER).and_then(value))
}

/// Parses ids and a decision, in the order of the Go agent.
#[inline(always)]
pub(super) fn value(text: &[u8]) -> Ids {
    let (blocks, rest) = text.as_chunks::<4>();
    let mut buffer = [0; MAX];
    let json = buffer.get_mut(..blocks.len() * 3)?;
    if !rest.is_empty() || !super::base64(blocks, json.as_chunks_mut::<3>().0) {
        return None;
    }
    let rest = json.strip_prefix(br#"{"v":[0,1],"d":{"ty":"App","#)?;
    let (span, rest) = text_of(rest, br#""id":""#)?;
    let (trace, rest) = text_of(rest, br#""tr":""#)?;
    let sampled = after(rest, br#""sa":"#)?.starts_with(b"true");
    Some((trace_id(trace)?, span_id(span)?, sampled))
}

/// Returns the text of a key, and what comes after it.
#[inline(always)]
fn text_of<'t>(json: &'t [u8], key: &[u8]) -> Option<(&'t [u8], &'t [u8])> {
    let rest = after(json, key)?;
    Some(rest.split_at(rest.iter().position(|&byte| byte == b'"')?))
}

#[inline(always)]
fn after<'t>(json: &'t [u8], key: &[u8]) -> Option<&'t [u8]> {
    let at = json.windows(key.len()).position(|window| window == key)?;
    Some(&json[at + key.len()..])
}
