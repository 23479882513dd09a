//! `grpc-trace-bin`: 29 bytes as unpadded base64.

use http::{HeaderMap, HeaderName};

use super::{Ids, base64, found, line, put};
use crate::Found;

const HEADER: HeaderName = HeaderName::from_static("grpc-trace-bin");

pub fn extract(headers: &HeaderMap) -> Found {
    found(line(headers, &HEADER).and_then(value))
}

/// Parses the three fields, in the order of their numbers.
#[inline(always)]
pub(super) fn value(text: &[u8]) -> Ids {
    let text: &[u8; 39] = text.try_into().ok()?;
    let mut padded = [b'='; 40];
    padded[..39].copy_from_slice(text);
    let mut bytes = [0; 30];
    if !base64(padded.as_chunks().0, bytes.as_chunks_mut().0) {
        return None;
    }
    let [0, 0, rest @ ..] = bytes else { return None };
    let (trace, [1, rest @ ..]) = rest.split_first_chunk()? else { return None };
    let (span, [2, options, _]) = rest.split_first_chunk()? else { return None };
    Some((u128::from_be_bytes(*trace), u64::from_be_bytes(*span), options & 1 == 1))
}

pub fn inject(&(trace_id, span_id): &(u128, u64), headers: &mut HeaderMap) {
    let mut bytes = [0; 30];
    bytes[2..18].copy_from_slice(&trace_id.to_be_bytes());
    bytes[18] = 1;
    bytes[19..27].copy_from_slice(&span_id.to_be_bytes());
    (bytes[27], bytes[28]) = (2, 1);
    let mut text = [0; 40];
    for (three, four) in bytes.as_chunks::<3>().0.iter().zip(text.as_chunks_mut::<4>().0) {
        *four = super::base64_of(*three);
    }
    put(headers, HEADER, &text[..39]);
}
