//! `X-INSTANA-T`, `-S` and `-L`.

use traceprop_core::{RemoteContext, Sampling, SpanId, TraceId};

use super::{Expected, any_hex, first_value, text, trim, yes_or_no};
use crate::input::{Headers, values};

/// Returns the type and the id of a correlation, of the line in which the level is.
pub fn correlation(headers: &Headers) -> Option<(String, String)> {
    let lines = values(headers, "x-instana-l");
    let is_blank = |line: &&&[u8]| line.split(|&b| b == b',').all(|part| trim(part).is_empty());
    let line = lines.iter().take(64).find(|line| !is_blank(line))?;
    let mut parts = line.split(|&b| b == b',').skip_while(|part| trim(part).is_empty());
    if trim(parts.next()?) != b"1" {
        return None;
    }
    let pairs: Vec<_> =
        parts.flat_map(|part| part.split(|&b| b == b';')).filter_map(|part| super::split_once(part, b'=')).collect();
    let part = |wanted: &str| {
        let (_, value) = pairs.iter().find(|(key, _)| text(trim(key)).eq_ignore_ascii_case(wanted))?;
        let value = std::str::from_utf8(trim(value)).ok()?;
        (!value.is_empty()).then(|| value.to_owned())
    };
    part("correlationType").zip(part("correlationId"))
}

/// Returns what the format must make of a request.
pub fn expected(headers: &Headers) -> Expected {
    if correlation(headers).is_some() {
        return Expected::Absent;
    }
    let [trace, span, level] = ["x-instana-t", "x-instana-s", "x-instana-l"].map(|name| first_value(headers, name));
    if trace.is_none() && span.is_none() {
        return match level.as_deref() {
            None | Some(b"1") => Expected::Absent,
            Some(b"0") => Expected::Decision(Sampling::NotSampled),
            Some(_) => Expected::Invalid,
        };
    }
    let ids = trace.zip(span).and_then(|(trace, span)| {
        let trace_id = TraceId::new(any_hex(&trace, |len| (1..=32).contains(&len))?)?;
        Some((trace_id, SpanId::new(any_hex(&span, |len| (1..=16).contains(&len))? as u64)?))
    });
    let Some((trace_id, span_id)) = ids else { return Expected::Invalid };
    let sampling = yes_or_no(level.as_deref() != Some(b"0"));
    Expected::Context(RemoteContext { sampling, ..RemoteContext::new(trace_id, Some(span_id)) })
}
