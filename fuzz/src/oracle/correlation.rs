//! Correlation ids.

use traceprop_core::{RemoteContext, TraceId};

use super::{Expected, any_hex, sw8::uuid, trim};
use crate::input::{Headers, values};

/// What a correlation format is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Whether text that is not an id is forwarded.
    pub opaque: bool,
    /// Envoy's mark is taken off.
    pub envoy_mask: bool,
}

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The id of a trace.
    Trace(TraceId),
    /// Text that goes along.
    Opaque,
    /// Nothing that may go on.
    Nothing,
}

/// Returns the value that counts: the first line that is not blank, without equal copies after commas.
pub fn line<'h>(headers: &'h Headers, name: &str) -> Option<&'h [u8]> {
    values(headers, name).into_iter().take(64).map(single).find(|value| !value.is_empty())
}

fn single(line: &[u8]) -> &[u8] {
    let parts: Vec<_> = line.split(|&b| b == b',').map(trim).collect();
    if parts.iter().all(|part| *part == parts[0]) { parts[0] } else { trim(line) }
}

/// Returns whether a text goes to calls.
pub fn is_sent(text: &[u8], rules: Rules) -> bool {
    meaning(text, rules) != Meaning::Nothing || is_opaque(text)
}

fn is_opaque(text: &[u8]) -> bool {
    let legal = |b: &u8| b.is_ascii_alphanumeric() || b"-_.:+/=|#{}".contains(b);
    (1..=128).contains(&text.len()) && text.iter().all(legal)
}

/// Returns what a text means.
pub fn meaning(text: &[u8], rules: Rules) -> Meaning {
    let id = match text {
        [b'|', rest @ ..] => {
            let legal = |b: &u8| b.is_ascii_alphanumeric() || b"+/=-|._#".contains(b);
            let root = rest.split(|&b| b == b'.').next().unwrap_or_default();
            (text.len() <= 1024 && text.iter().all(legal)).then(|| spelling(root)).flatten()
        }
        text => spelling(text),
    };
    match id {
        Some(id) => {
            let digits = format!("{id:032x}");
            let marks = rules.envoy_mask && text.len() == 36 && !text.starts_with(b"|");
            let marked = marks && ["9", "a", "b"].contains(&&digits[12..13]);
            let digits = if marked { format!("{}4{}", &digits[..12], &digits[13..]) } else { digits };
            digits.parse().map_or(Meaning::Nothing, Meaning::Trace)
        }
        None => {
            if rules.opaque && is_opaque(text) {
                Meaning::Opaque
            } else {
                Meaning::Nothing
            }
        }
    }
}

/// Reads the 128 bits of a UUID in any spelling.
fn spelling(text: &[u8]) -> Option<u128> {
    let lower = text.to_ascii_lowercase();
    let braces = lower.strip_prefix(b"{").and_then(|text| text.strip_suffix(b"}"));
    let hyphenated = lower.strip_prefix(b"urn:uuid:").or(braces).unwrap_or(&lower);
    any_hex(text, |len| len == 32).or_else(|| uuid(hyphenated))
}

/// Returns what the format must make of a request.
pub fn expected(headers: &Headers, name: &str, rules: Rules) -> Expected {
    match line(headers, name).map(|line| meaning(line, rules)) {
        Some(Meaning::Trace(trace_id)) => Expected::Context(RemoteContext::new(trace_id, None)),
        Some(Meaning::Opaque) => Expected::Absent,
        Some(Meaning::Nothing) => Expected::Invalid,
        None if values(headers, name).len() > 64 => Expected::Invalid,
        None => Expected::Absent,
    }
}
