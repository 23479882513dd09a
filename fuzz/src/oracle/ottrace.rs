//! `ot-tracer-*` and `ot-baggage-*`: OpenTracing's trace context and baggage.

use traceprop_core::{RemoteContext, Sampling, SpanId, TraceId};

use super::{Expected, any_hex, first_value, text, trim};
use crate::input::Headers;

const PREFIX: &str = "ot-baggage-";

/// Returns whether a name is that of a baggage item.
pub fn is_line(name: &str) -> bool {
    name.len() > PREFIX.len() && name.to_ascii_lowercase().starts_with(PREFIX)
}

/// Returns what the format must make of a request.
pub fn expected(headers: &Headers) -> Expected {
    let [trace, span, sampled] =
        ["ot-tracer-traceid", "ot-tracer-spanid", "ot-tracer-sampled"].map(|name| first_value(headers, name));
    if trace.is_none() && span.is_none() && sampled.is_none() {
        return Expected::Absent;
    }
    let ids = trace.zip(span).and_then(|(trace, span)| {
        let trace_id = TraceId::new(any_hex(&trace, |len| (1..=32).contains(&len))?)?;
        Some((trace_id, SpanId::new(any_hex(&span, |len| (1..=16).contains(&len))? as u64)?))
    });
    let Some((trace_id, span_id)) = ids else { return Expected::Invalid };
    let sampling = match text(&sampled.unwrap_or_default()).to_ascii_lowercase().as_str() {
        "true" | "1" => Sampling::Sampled,
        "false" | "0" => Sampling::NotSampled,
        _ => Sampling::Deferred,
    };
    Expected::Context(RemoteContext { sampling, ..RemoteContext::new(trace_id, Some(span_id)) })
}

/// Returns the items: 64 lines of 8192 bytes are read, and of those with one key the last counts.
pub fn baggage(headers: &Headers) -> Vec<(String, Vec<u8>)> {
    let lines = headers.iter().filter(|(name, _)| is_line(name)).take(64);
    let mut items: Vec<(String, Vec<u8>)> = Vec::new();
    let mut bytes = 0;
    for (name, value) in lines {
        let (key, value) = (name[PREFIX.len()..].to_ascii_lowercase(), trim(value).to_vec());
        bytes += key.len() + value.len();
        if bytes > 8192 {
            break;
        }
        items.retain(|(known, _)| *known != key);
        items.push((key, value));
    }
    items
}
