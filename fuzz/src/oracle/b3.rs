//! B3 in both encodings.

use traceprop_core::{RemoteContext, Sampling, SpanId, TraceId};

use super::{Expected, lower_hex, trim};
use crate::input::{Headers, values};

/// What the headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct B3 {
    /// Trace and span, if there are any.
    pub ids: Option<(TraceId, SpanId)>,
    /// The parent of the span.
    pub parent: Option<SpanId>,
    /// Whether the trace id has 16 digits, or fewer.
    pub is_64_bit: bool,
    /// The decision.
    pub sampling: Sampling,
}

/// Returns the first of several values joined by commas.
fn first(value: &[u8]) -> &[u8] {
    trim(value.split(|&b| b == b',').next().unwrap_or_default())
}

/// Reads the single header.
pub fn single(value: &[u8]) -> Option<B3> {
    let fields: Vec<_> = first(value).split(|&b| b == b'-').collect();
    let trace = |digits| TraceId::new(lower_hex(digits, |len| len == 16 || len == 32)?);
    let parent = |digits| lower_hex(digits, |len| len == 16).map(|id| SpanId::new(id as u64));
    let decision = |text: &[u8]| match text {
        b"0" => Some(Sampling::NotSampled),
        b"1" => Some(Sampling::Sampled),
        b"d" => Some(Sampling::Debug),
        _ => None,
    };
    let [head, ..] = fields[..] else { return None };
    let is_64_bit = head.len() == 16;
    let ids = |trace_id, span_id| Some((trace(trace_id)?, parent(span_id)??));
    let b3 = |ids, sampling, parent| B3 { ids: Some(ids), parent, is_64_bit, sampling };
    match fields[..] {
        [one] => Some(B3 { ids: None, parent: None, is_64_bit: false, sampling: decision(one)? }),
        [t, s] => Some(b3(ids(t, s)?, Sampling::Deferred, None)),
        [t, s, x] if x.len() == 16 => Some(b3(ids(t, s)?, Sampling::Deferred, parent(x)?)),
        [t, s, x] => Some(b3(ids(t, s)?, decision(x)?, None)),
        [t, s, x, p] => Some(b3(ids(t, s)?, decision(x)?, parent(p)?)),
        _ => None,
    }
}

/// Reads the separate headers: nothing, something invalid, or what they say.
pub fn multi(headers: &Headers) -> Option<Option<B3>> {
    let value = |name| values(headers, name).first().map(|value| first(value));
    let sampled = value("x-b3-sampled").map(|word| match word.to_ascii_lowercase().as_slice() {
        b"0" | b"false" => Some(Sampling::NotSampled),
        b"1" | b"true" => Some(Sampling::Sampled),
        _ => None,
    });
    let sampling = match value("x-b3-flags") {
        Some(b"1") => Sampling::Debug,
        _ => sampled.flatten().unwrap_or(Sampling::Deferred),
    };
    let span = |digits| lower_hex(digits, |len| (8..=16).contains(&len)).and_then(|id| SpanId::new(id as u64));
    let parent = value("x-b3-parentspanid");
    match (value("x-b3-traceid"), value("x-b3-spanid")) {
        (Some(trace_id), Some(span_id)) => {
            let read = || {
                let trace = TraceId::new(lower_hex(trace_id, |len| (8..=32).contains(&len))?)?;
                let is_64_bit = trace_id.len() <= 16;
                Some(B3 { ids: Some((trace, span(span_id)?)), parent: parent.and_then(span), is_64_bit, sampling })
            };
            Some(read())
        }
        (None, None) if sampling != Sampling::Deferred => {
            Some(Some(B3 { ids: None, parent: None, is_64_bit: false, sampling }))
        }
        // Something is there, and it does not suffice.
        (None, None) if sampled.is_none() && parent.is_none() => None,
        _ => Some(None),
    }
}

/// Reads the encoding that counts: the single header, if it is valid.
pub fn read(headers: &Headers) -> Option<Option<B3>> {
    let one = values(headers, "b3").first().map(|value| single(value));
    match (one, multi(headers)) {
        // A decision alone belongs to the ids of the separate headers.
        (Some(Some(one)), Some(Some(multi))) if one.ids.is_none() && multi.ids.is_some() => {
            Some(Some(B3 { sampling: one.sampling, ..multi }))
        }
        (Some(Some(one)), _) => Some(Some(one)),
        (Some(None), None) => Some(None),
        (_, multi) => multi,
    }
}

/// Returns what the format must make of a request.
pub fn expected(headers: &Headers) -> Expected {
    match read(headers) {
        None => Expected::Absent,
        Some(None) => Expected::Invalid,
        Some(Some(B3 { ids: None, sampling, .. })) => Expected::Decision(sampling),
        Some(Some(B3 { ids: Some((trace_id, span_id)), sampling, .. })) => {
            Expected::Context(RemoteContext { sampling, ..RemoteContext::new(trace_id, Some(span_id)) })
        }
    }
}
