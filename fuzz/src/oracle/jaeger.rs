//! `uber-trace-id`, and Jaeger's baggage.

use traceprop_core::{RemoteContext, Sampling, SpanId, TraceId};

use super::{Expected, any_hex, equal_copies, percent, split_once, text, trim};
use crate::input::{Headers, values};

/// Reads trace, span and flag byte of a value.
pub fn header(value: &[u8]) -> Option<(TraceId, SpanId, u8)> {
    let value = trim(value);
    if value.len() > 256 || value.contains(&b',') {
        return None;
    }
    // Only where no colon is plain are they encoded.
    let fields: Vec<Vec<u8>> = match value.contains(&b':') {
        true => value.split(|&b| b == b':').map(<[u8]>::to_vec).collect(),
        false => split_encoded(value),
    };
    let [trace, span, _, flags] = fields.as_slice() else { return None };
    let trace_id = TraceId::new(any_hex(trace, |len| (1..=32).contains(&len))?)?;
    let span_id = SpanId::new(any_hex(span, |len| (1..=16).contains(&len))? as u64)?;
    Some((trace_id, span_id, any_hex(flags, |len| (1..=2).contains(&len))? as u8))
}

fn split_encoded(mut rest: &[u8]) -> Vec<Vec<u8>> {
    let mut fields = Vec::new();
    while let Some(at) = rest.windows(3).position(|three| three.eq_ignore_ascii_case(b"%3A")) {
        fields.push(rest[..at].to_vec());
        rest = &rest[at + 3..];
    }
    fields.push(rest.to_vec());
    fields
}

/// Returns the decision of a flag byte.
pub const fn sampling(flags: u8) -> Sampling {
    match flags & 3 {
        1 => Sampling::Sampled,
        3 => Sampling::Debug,
        _ => Sampling::NotSampled,
    }
}

/// Returns what the format must make of a request.
pub fn expected(headers: &Headers) -> Expected {
    let debug_id = values(headers, "jaeger-debug-id").first().map(|value| trim(value).len());
    match values(headers, "uber-trace-id")[..] {
        [] => match debug_id {
            None | Some(0) => Expected::Absent,
            Some(1..=256) => Expected::Decision(Sampling::Debug),
            Some(_) => Expected::Invalid,
        },
        _ => match equal_copies(&values(headers, "uber-trace-id")).and_then(header) {
            Some((trace_id, span_id, flags)) => Expected::Context(RemoteContext {
                sampling: sampling(flags),
                ..RemoteContext::new(trace_id, Some(span_id))
            }),
            None => Expected::Invalid,
        },
    }
}

/// Reads each item: key in lower case and decoded value.
pub fn baggage(headers: &Headers) -> Vec<(String, String)> {
    // A list item gives way to a line, and of two of one kind the later counts, at the place of the first. Keys are bytes.
    let mut items: Vec<(Vec<u8>, Vec<u8>, bool)> = Vec::new();
    let mut put = |key: &[u8], value: &[u8], is_line: bool| {
        let key = if is_line { key.to_vec() } else { decoded(key) }.to_ascii_lowercase();
        match items.iter_mut().find(|(known, ..)| *known == key) {
            Some(known) if known.2 == is_line => known.1 = value.to_vec(),
            Some(_) => {}
            None => items.push((key, value.to_vec(), is_line)),
        }
    };
    let (mut bytes, mut count) = (0, 0);
    let lines = headers.iter().filter(|(name, _)| is_line(name));
    for (name, value) in lines.take(64) {
        bytes += name.len() - 8 + trim(value).len();
        if bytes > 8192 || count == 64 {
            bytes = bytes.max(8193);
            break;
        }
        count += 1;
        put(&name.as_bytes()[8..], trim(value), true);
    }
    let list: Vec<_> = values(headers, "jaeger-baggage").into_iter().take(64).collect();
    for raw in list.join(&b',').split(|&b| b == b',') {
        bytes += raw.len();
        let pair = split_once(trim(raw), b'=').map(|(key, value)| (trim(key), trim(value)));
        let legible = pair.filter(|(key, _)| !key.is_empty() && std::str::from_utf8(key).is_ok());
        if bytes > 8192 || (count == 64 && legible.is_some()) {
            break;
        }
        if let Some((key, value)) = legible {
            count += 1;
            put(key, value, false);
        }
        bytes += 1;
    }
    items.into_iter().map(|(key, value, _)| (text(&key), text(&decoded(&value)))).collect()
}

/// Returns whether a name is that of an item's line.
pub fn is_line(name: &str) -> bool {
    name.len() > 8 && name.as_bytes()[..8].eq_ignore_ascii_case(b"uberctx-")
}

/// Decodes a value that is percent-encoded as Jaeger's clients do it, with a plus for a space.
pub fn decoded(wire: &[u8]) -> Vec<u8> {
    let spaces: Vec<u8> = wire.iter().map(|&b| if b == b'+' { b' ' } else { b }).collect();
    match percent(&spaces) {
        (_, true) => wire.to_vec(),
        (bytes, false) => bytes,
    }
}
