//! `X-Amzn-Trace-Id`.

use traceprop_core::{RemoteContext, Sampling, SpanId, TraceId};

use super::{Expected, any_hex, is_sendable, split_once, text, trim};
use crate::input::{Headers, values};

/// What a value says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    /// The trace, if it is not only a decision.
    pub trace_id: Option<TraceId>,
    /// The caller's span.
    pub parent_id: Option<SpanId>,
    /// The decision.
    pub sampling: Sampling,
    /// The caller wants the decision in the response.
    pub asks: bool,
    /// Lineage and the fields of an application.
    pub more: Vec<(String, String)>,
}

/// Returns the values that commas join in a line.
fn joined(line: &[u8]) -> Vec<Vec<u8>> {
    let mut values: Vec<Vec<u8>> = vec![vec![]];
    for (place, piece) in line.split(|&b| b == b',').enumerate() {
        let starts = ["Root=", "Parent=", "Sampled=", "Self="].iter().any(|key| {
            let leading = piece.iter().take_while(|b| b" \t".contains(b)).count();
            piece[leading..].starts_with(key.as_bytes())
        });
        let last = values.last_mut().expect("one value");
        match (place, starts) {
            (0, _) => last.extend(piece),
            (_, true) => values.push(piece.to_vec()),
            (_, false) => last.extend([b",", piece].concat()),
        }
    }
    values
}

/// Returns the value that counts in a line: the first that is not blank.
fn first(line: &[u8]) -> Vec<u8> {
    joined(line).into_iter().find(|value| !trim(value).is_empty()).unwrap_or_default()
}

/// Reads a line.
pub fn value(line: &[u8]) -> Option<Fields> {
    if trim(line).len() > 2048 {
        return None;
    }
    let line = first(line);
    let mut known: [Vec<&[u8]>; 3] = Default::default();
    let mut more = Vec::new();
    let (mut left, mut has_lineage) = (256, false);
    for field in line.split(|&b| b == b';') {
        let Some((key, value)) = split_once(field, b'=') else { continue };
        let (key, value) = (trim(key), trim(value));
        if key.is_empty() || value.is_empty() {
            continue;
        }
        let legal = [key, value].concat().iter().all(|b| matches!(b, b' '..=b'~'));
        match key {
            b"Root" => known[0].push(value),
            b"Parent" => known[1].push(value),
            b"Sampled" => known[2].push(value),
            b"Self" => {}
            _ if !legal => {}
            b"Lineage" => {
                if !has_lineage && value.len() <= 64 {
                    has_lineage = true;
                    more.push((text(key), text(value)));
                }
            }
            _ => {
                if key.len() + value.len() <= left {
                    left -= key.len() + value.len();
                    more.push((text(key), text(value)));
                }
            }
        }
    }
    if known.iter().any(|values| values.len() > 1) {
        return None;
    }
    let [root, parent, sampled] = known.map(|values| values.first().copied());
    // Nothing, zeros, or digits.
    let root = match root {
        None => None,
        Some(root) => {
            let digits = root.strip_prefix(b"1-")?;
            let (time, rest) = split_once(digits, b'-')?;
            any_hex(time, |len| len == 8)?;
            any_hex(rest, |len| len == 24)?;
            Some(any_hex(&[time, rest].concat(), |len| len == 32)?)
        }
    };
    let has_parent = parent.is_some_and(|parent| any_hex(parent, |len| len == 16) != Some(0));
    let parent_id = parent.and_then(|parent| SpanId::new(any_hex(parent, |len| len == 16)? as u64));
    let trace_id = root.and_then(TraceId::new);
    let sampling = match sampled {
        Some(b"0") => Sampling::NotSampled,
        Some(b"1") => Sampling::Sampled,
        _ => Sampling::Deferred,
    };
    if trace_id.is_none() && (has_parent || sampling == Sampling::Deferred) {
        return None;
    }
    Some(Fields { trace_id, parent_id, sampling, asks: sampled == Some(b"?"), more })
}

/// Returns the line that counts.
pub fn line(headers: &Headers) -> Option<&[u8]> {
    values(headers, "x-amzn-trace-id").into_iter().take(64).find(|line| !trim(line).is_empty())
}

/// Returns what a receiver must find where this request is forwarded, and all of it is allowed.
///
/// A context has a canonical form. A decision alone has none, so it only goes on as the received line. That line must be the
/// only one and hold one value, and what it holds besides the decision must be text that a reader keeps.
pub fn forwarded(headers: &Headers) -> Expected {
    let lines = values(headers, "x-amzn-trace-id");
    let is_short =
        |field: &[u8]| split_once(field, b'=').is_none_or(|(k, v)| trim(k) != b"Lineage" || trim(v).len() <= 64);
    let goes_on = || lines.len() == 1 && joined(lines[0]).len() == 1 && lines[0].split(|&b| b == b';').all(is_short);
    match expected(headers) {
        Expected::Decision(_) if !(goes_on() && is_sendable(&lines)) => Expected::Absent,
        expected => expected.usable(),
    }
}

/// Returns what the format must make of a request.
pub fn expected(headers: &Headers) -> Expected {
    let Some(line) = line(headers) else { return Expected::Absent };
    match value(line) {
        None => Expected::Invalid,
        Some(Fields { trace_id: None, sampling, .. }) => Expected::Decision(sampling),
        Some(Fields { trace_id: Some(trace_id), parent_id, sampling, .. }) => {
            Expected::Context(RemoteContext { sampling, ..RemoteContext::new(trace_id, parent_id) })
        }
    }
}
