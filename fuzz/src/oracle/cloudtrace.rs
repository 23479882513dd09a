//! `X-Cloud-Trace-Context`.

use traceprop_core::{RemoteContext, Sampling, SpanId, TraceId};

use super::{Expected, any_hex, is_digits, split_once, text, trim};
use crate::input::{Headers, values};

/// Reads a value: the first of those that commas join.
pub fn value(line: &[u8]) -> Option<RemoteContext> {
    let first = line.split(|&b| b == b',').map(trim).find(|element| !element.is_empty())?;
    let (ids, option) = split_once(first, b';').map_or((first, None), |(ids, option)| (ids, Some(option)));
    let (trace, span) = split_once(ids, b'/').map_or((ids, None), |(trace, span)| (trace, Some(span)));
    let trace_id = TraceId::new(any_hex(trace, |len| len == 32)?)?;
    let number = |digits: &[u8], most: usize| -> Option<u64> {
        if is_digits(digits) && digits.len() <= most { text(digits).parse().ok() } else { None }
    };
    let span_id = match span {
        Some(span) => SpanId::new(number(span, 20)?),
        None => None,
    };
    let sampling = match option {
        None => Sampling::Deferred,
        Some(option) => match number(option.strip_prefix(b"o=")?, 3)? {
            number if number > 255 => return None,
            number if number % 2 == 1 => Sampling::Sampled,
            _ => Sampling::NotSampled,
        },
    };
    Some(RemoteContext { sampling, ..RemoteContext::new(trace_id, span_id) })
}

/// Returns what the format must make of a request.
pub fn expected(headers: &Headers) -> Expected {
    let lines: Vec<&[u8]> = values(headers, "x-cloud-trace-context").into_iter().take(64).collect();
    let is_blank = |line: &&[u8]| line.iter().all(|b| b" \t,".contains(b));
    match lines.iter().copied().find(|line| !is_blank(line)).or(lines.first().copied()) {
        None => Expected::Absent,
        Some(line) => value(line).map_or(Expected::Invalid, Expected::Context),
    }
}
