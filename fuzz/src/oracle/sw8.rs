//! SkyWalking's headers.

use traceprop_core::{RemoteContext, Sampling, SpanId, TraceId};

use super::{Expected, any_hex, decimal, is_digits, split_once, trim};
use crate::input::{Headers, values};

/// The eight fields, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// Field 1.
    pub sampled: bool,
    /// Field 2.
    pub trace: String,
    /// Field 3.
    pub segment: String,
    /// Field 4.
    pub span: u32,
    /// Fields 5 to 8.
    pub names: [String; 4],
    /// What field 2 is as a number.
    pub trace_id: TraceId,
    /// What fields 3 and 4 are as a number.
    pub span_id: SpanId,
}

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Decodes base64, padded or not; surplus bits are ignored.
pub fn base64(encoded: &[u8]) -> Option<Vec<u8>> {
    let padding = encoded.iter().rev().take_while(|&&b| b == b'=').count();
    if padding > 2 || (padding > 0 && encoded.len() % 4 != 0) {
        return None;
    }
    let digits = &encoded[..encoded.len() - padding];
    if digits.len() % 4 == 1 {
        return None;
    }
    let bits: Option<Vec<u32>> =
        digits.iter().map(|b| ALPHABET.iter().position(|known| known == b).map(|at| at as u32)).collect();
    let mut bytes = Vec::new();
    for four in bits?.chunks(4) {
        let group = four.iter().enumerate().fold(0, |group, (at, bits)| group | bits << (18 - 6 * at));
        bytes.extend_from_slice(&group.to_be_bytes()[1..four.len()]);
    }
    Some(bytes)
}

/// Decodes base64 of text.
pub fn base64_text(encoded: &[u8]) -> Option<String> {
    String::from_utf8(base64(encoded)?).ok()
}

fn is_husk(value: &[u8]) -> bool {
    value.is_empty() || value == b"-------" || (value.len() == 8 && &value[1..] == b"-------")
}

/// Returns the value that counts: the last one that is not a husk, if any.
fn nearest<'h>(lines: &[&'h [u8]]) -> Option<&'h [u8]> {
    let of_line = |line: &&'h [u8]| {
        // Husks after it are skipped, up to a limit.
        let values = line.rsplit(|&b| b == b',').take(64).map(trim);
        values.into_iter().find(|value| !is_husk(value))
    };
    lines.iter().rev().find_map(of_line)
}

/// Reads one value.
pub fn value(value: &[u8]) -> Option<Value> {
    let fields: Vec<_> = value.split(|&b| b == b'-').collect();
    let [sample, trace, segment, span, names @ ..] = fields.as_slice() else { return None };
    if value.len() > 2048 || names.len() != 4 || ![&b"0"[..], b"1"].contains(sample) {
        return None;
    }
    let (trace, segment) = (base64_text(trace)?, base64_text(segment)?);
    if trace.is_empty() || segment.is_empty() {
        return None;
    }
    let span = i32::try_from(decimal(span)?).ok()? as u32;
    let names: Option<Vec<String>> = names.iter().map(|name| base64_text(name)).collect();
    Some(Value {
        sampled: *sample == b"1",
        trace_id: trace_id(&trace)?,
        span_id: span_id(&segment, span),
        trace,
        segment,
        span,
        names: names?.try_into().ok()?,
    })
}

/// Reads the line that counts: nothing, something invalid, or a value.
pub fn read(headers: &Headers) -> Option<Option<Value>> {
    let lines = values(headers, "sw8");
    if lines.len() > 64 {
        return Some(None);
    }
    nearest(&lines).map(value)
}

/// Returns what the format must make of a request.
pub fn expected(headers: &Headers) -> Expected {
    match read(headers) {
        None => Expected::Absent,
        Some(None) => Expected::Invalid,
        Some(Some(value)) => Expected::Context(RemoteContext {
            sampling: if value.sampled { Sampling::Sampled } else { Sampling::NotSampled },
            ..RemoteContext::new(value.trace_id, Some(value.span_id))
        }),
    }
}

/// Returns the number of a trace id text, or `None` if a rule gives zero.
pub fn trace_id(text: &str) -> Option<TraceId> {
    match mapped(text) {
        Some(number) => TraceId::new(number),
        None => TraceId::new(fnv(&[text.as_bytes()])),
    }
}

/// Returns the number of a span in a segment.
pub fn span_id(segment: &str, span: u32) -> SpanId {
    let of_rules = mapped(segment).and_then(|number| {
        let mut bytes = number.to_be_bytes();
        bytes.iter_mut().zip(span.to_le_bytes()).for_each(|(byte, mixed)| *byte ^= mixed);
        fold(bytes)
    });
    let derived = || fold(fnv(&[segment.as_bytes(), &span.to_le_bytes()]).to_be_bytes());
    of_rules.or_else(derived).unwrap_or(SpanId::MIN)
}

fn fold(bytes: [u8; 16]) -> Option<SpanId> {
    SpanId::from_bytes(std::array::from_fn(|at| bytes[at] ^ bytes[at + 8]))
}

fn mapped(text: &str) -> Option<u128> {
    let bytes = text.as_bytes();
    if let Some(number) = any_hex(bytes, |len| len == 32).or_else(|| uuid(bytes)) {
        return Some(number);
    }
    if let Some((head, tail)) = split_once(bytes, b'.') {
        let (a, b) = split_once(tail, b'.')?;
        let number = |digits: &[u8]| {
            let text = is_digits(digits).then(|| super::text(digits))?;
            let text = text.trim_start_matches('0');
            if text.is_empty() { Some(0) } else { text.parse::<i64>().ok() }
        };
        let (head, a, b) = (any_hex(head, |len| len == 32)?, number(a)?, number(b)?);
        let mut mixed = head.to_be_bytes();
        mixed[4..8].iter_mut().zip(a.to_le_bytes()).for_each(|(byte, mask)| *byte ^= mask);
        mixed[8..].iter_mut().zip(b.to_le_bytes()).for_each(|(byte, mask)| *byte ^= mask);
        return Some(u128::from_be_bytes(mixed));
    }
    let decimal = is_digits(bytes) && bytes.len() <= 39 && bytes.len() != 32;
    decimal.then(|| text.parse().ok()).flatten()
}

/// Reads a UUID with its hyphens.
pub fn uuid(text: &[u8]) -> Option<u128> {
    let hyphens = text.iter().enumerate().all(|(at, &b)| [8, 13, 18, 23].contains(&at) == (b == b'-'));
    let digits: Vec<u8> = text.iter().copied().filter(|&b| b != b'-').collect();
    (text.len() == 36 && hyphens).then(|| any_hex(&digits, |len| len == 32)).flatten()
}

fn fnv(parts: &[&[u8]]) -> u128 {
    let prime = (1_u128 << 88) + (1 << 8) + 0x3b;
    let bytes = parts.iter().flat_map(|part| part.iter());
    bytes.fold(144_066_263_297_769_815_596_495_629_667_062_367_629, |hash: u128, byte| {
        (hash ^ u128::from(*byte)).wrapping_mul(prime)
    })
}

/// Returns key and value of each pair that counts.
pub fn correlation(lines: &[&[u8]]) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut end = 0;
    for raw in lines.join(&b',').split(|&b| b == b',') {
        end += raw.len();
        if end > 2048 || lines.len() > 64 {
            break;
        }
        end += 1;
        let pair = split_once(trim(raw), b':').and_then(|(key, value)| Some((base64_text(key)?, base64_text(value)?)));
        let Some(pair) = pair.filter(|(key, value)| !key.is_empty() && !value.is_empty()) else { continue };
        let known = pairs.iter().position(|(key, _)| *key == pair.0);
        if known.is_none() && pairs.len() == 3 {
            break;
        }
        known.map(|at| pairs.remove(at));
        pairs.push(pair);
    }
    pairs
}
