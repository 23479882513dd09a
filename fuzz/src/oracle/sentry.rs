//! `sentry-trace`, and Sentry's members of baggage.

use traceprop_core::{RemoteContext, Sampling, SpanId, TraceId};

use super::{Expected, is_sendable, lower_hex, trim};
use crate::input::{Headers, values};

/// Reads a value: the first of those that commas join.
pub fn value(line: &[u8]) -> Option<(Option<(TraceId, SpanId)>, Sampling)> {
    let first = line.split(|&b| b == b',').map(trim).find(|element| !element.is_empty())?;
    let decision = |word: &[u8]| match word {
        b"0" => Some(Sampling::NotSampled),
        b"1" => Some(Sampling::Sampled),
        _ => None,
    };
    if let Some(sampling) = decision(first) {
        return Some((None, sampling));
    }
    let fields: Vec<&[u8]> = first.split(|&b| b == b'-').collect();
    let (trace, span, sampling) = match fields[..] {
        [trace, span] | [trace, span, b""] => (trace, span, Sampling::Deferred),
        [trace, span, word] => (trace, span, decision(word)?),
        _ => return None,
    };
    let trace_id = TraceId::new(lower_hex(trace, |len| len == 32)?)?;
    let span_id = SpanId::new(lower_hex(span, |len| len == 16)? as u64)?;
    Some((Some((trace_id, span_id)), sampling))
}

/// Returns what the format must make of a request, without settings.
pub fn expected(headers: &Headers) -> Expected {
    let lines: Vec<&[u8]> = values(headers, "sentry-trace").into_iter().take(64).collect();
    let is_blank = |line: &&[u8]| line.iter().all(|b| b" \t,".contains(b));
    let Some(line) = lines.iter().copied().find(|line| !is_blank(line)).or(lines.first().copied()) else {
        return Expected::Absent;
    };
    match value(line) {
        None => Expected::Invalid,
        Some((None, sampling)) => Expected::Decision(sampling),
        Some((Some((trace_id, span_id)), sampling)) => {
            Expected::Context(RemoteContext { sampling, ..RemoteContext::new(trace_id, Some(span_id)) })
        }
    }
}

/// Returns what a receiver must find where this request is forwarded. A decision alone only goes on as the received lines.
pub fn forwarded(headers: &Headers) -> Expected {
    match expected(headers) {
        Expected::Decision(_) if !is_sendable(&values(headers, "sentry-trace")) => Expected::Absent,
        expected => expected.usable(),
    }
}

/// Returns the members of the sampling context in a list of baggage that was read: the first of each key, for this trace.
pub fn members(baggage: &[(String, String)], trace_id: TraceId) -> Vec<(String, String)> {
    let mut members: Vec<(String, String)> = Vec::new();
    for (key, value) in baggage {
        if let Some(key) = key.strip_prefix("sentry-").filter(|key| !key.is_empty()) {
            if members.iter().all(|(known, _)| known != key) {
                members.push((key.to_owned(), value.clone()));
            }
        }
    }
    let trace = trace_id.to_string();
    if members.iter().any(|(key, value)| key == "trace_id" && *value != trace) { Vec::new() } else { members }
}
