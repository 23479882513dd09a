//! `grpc-trace-bin`: base64 of a version, and of fields of known widths.

use traceprop_core::{RemoteContext, Sampling, SpanId, TraceId};

use super::{Expected, first_value, yes_or_no};
use crate::input::Headers;

/// Decodes base64, padded or not.
pub fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = match text {
        [digits @ .., b'=', b'='] | [digits @ .., b'='] if text.len() % 4 == 0 => digits,
        digits => digits,
    };
    let values: Option<Vec<u32>> = digits
        .iter()
        .map(|digit| LETTERS.iter().position(|letter| letter == digit).map(|place| place as u32))
        .collect();
    let bits: Vec<u32> = values?.iter().flat_map(|value| (0..6).rev().map(move |bit| value >> bit & 1)).collect();
    let byte = |bits: &[u32]| bits.iter().fold(0, |byte, bit| byte << 1 | *bit as u8);
    (digits.len() % 4 != 1).then(|| bits.chunks_exact(8).map(byte).collect())
}

/// Reads trace id, span id and options.
pub fn fields(bytes: &[u8]) -> Option<(TraceId, Option<SpanId>, Option<u8>)> {
    let mut rest = bytes.strip_prefix(&[0])?;
    let mut found: [Option<Vec<u8>>; 3] = [None, None, None];
    while let Some((&field, tail)) = rest.split_first() {
        let Some(len) = [16, 8, 1].get(usize::from(field)) else { break };
        let (value, tail) = tail.split_at_checked(*len)?;
        if found[usize::from(field)].replace(value.to_vec()).is_some() {
            return None;
        }
        rest = tail;
    }
    let [trace, span, options] = found;
    let trace_id = TraceId::from_bytes(trace?.try_into().expect("16 bytes"))?;
    let span_id = span.and_then(|span| SpanId::from_bytes(span.try_into().expect("eight bytes")));
    Some((trace_id, span_id, options.map(|options| options[0])))
}

/// Reads the first value of the header.
pub fn read(headers: &Headers) -> Option<Option<(TraceId, Option<SpanId>, Option<u8>)>> {
    let value = first_value(headers, "grpc-trace-bin")?;
    let fits = value.len() <= 256;
    Some(decoded(&value).filter(|_| fits).and_then(|bytes| fields(&bytes)))
}

/// Returns what the format must make of a request.
pub fn expected(headers: &Headers) -> Expected {
    match read(headers) {
        None => Expected::Absent,
        Some(None) => Expected::Invalid,
        Some(Some((trace_id, span_id, options))) => {
            let sampling = options.map_or(Sampling::Deferred, |options| yes_or_no(options & 1 == 1));
            Expected::Context(RemoteContext { sampling, ..RemoteContext::new(trace_id, span_id) })
        }
    }
}
