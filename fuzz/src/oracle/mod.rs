//! The rules of each format once more, by splitting and copying: slow, short, and written from the rules and not from
//! the code that they judge.

pub mod b3;
pub mod baggage;
pub mod cloudtrace;
pub mod correlation;
pub mod datadog;
pub mod elastic;
pub mod grpc_trace_bin;
pub mod instana;
pub mod jaeger;
pub mod newrelic;
pub mod ottrace;
pub mod sentry;
pub mod sw8;
pub mod w3c;
pub mod xray;

use crate::input::{Headers, values};
use traceprop_core::{Extraction, Field, RemoteContext, Sampling, format::Outcome};

/// Returns whether a module of this folder has the rules of a field.
const fn is_judged(field: Field) -> bool {
    use Field::*;
    match field {
        TraceParent | TraceState => true,
        B3 | B3TraceId | B3SpanId | B3ParentSpanId | B3Sampled | B3Flags => true,
        DatadogTraceId | DatadogParentId | DatadogSamplingPriority | DatadogOrigin | DatadogTags => true,
        UberTraceId | UberContext | JaegerBaggage | JaegerDebugId => true,
        Sw8 | Sw8Correlation | Sw8Extension => true,
        ElasticTraceParent | GrpcTraceBin | NewRelic => true,
        InstanaTraceId | InstanaSpanId | InstanaLevel | InstanaSynthetic => true,
        OtTracerTraceId | OtTracerSpanId | OtTracerSampled | OtBaggage => true,
        SentryTrace => true,
        XAmznTraceId | XCloudTraceContext => true,
        Baggage => true,
        _ => false,
    }
}

/// Returns the value of a header that has one: all lines, and all parts of a line between commas, are equal copies.
pub fn equal_copies<'v>(lines: &[&'v [u8]]) -> Option<&'v [u8]> {
    let parts: Vec<_> = lines.iter().flat_map(|line| line.split(|&b| b == b',')).map(trim).collect();
    (lines.len() <= 64 && parts.iter().all(|part| *part == parts[0])).then(|| parts[0])
}

// A row of the table of formats needs an oracle: without one, this does not build.
const _: () = {
    let mut place = 0;
    while place < Field::BUILT_IN.len() {
        assert!(is_judged(Field::BUILT_IN[place]), "a field of a format has no oracle");
        place += 1;
    }
};

/// What a format has to make of a request. Of an invalid one only that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Nothing there, or a husk.
    Absent,
    /// A decision without ids.
    Decision(Sampling),
    /// A context.
    Context(RemoteContext),
    /// Something that cannot be used.
    Invalid,
}

impl From<Outcome> for Expected {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Absent => Self::Absent,
            Outcome::SamplingOnly(sampling) => Self::Decision(sampling),
            Outcome::Context(context) => Self::Context(context),
            Outcome::Invalid(_) => Self::Invalid,
        }
    }
}

impl From<&Extraction<'_>> for Expected {
    fn from(extraction: &Extraction<'_>) -> Self {
        match (extraction.context(), extraction.sampling()) {
            (Some(context), _) => Self::Context(context),
            (None, Sampling::Deferred) => Self::Absent,
            (None, sampling) => Self::Decision(sampling),
        }
    }
}

impl Expected {
    /// Returns what a propagator of this format alone must make of it.
    pub const fn usable(self) -> Self {
        match self {
            Self::Invalid => Self::Absent,
            expected => expected,
        }
    }
}

/// Returns the decision of a format that always has one.
pub const fn yes_or_no(sampled: bool) -> Sampling {
    if sampled { Sampling::Sampled } else { Sampling::NotSampled }
}

/// Returns the first value of a header that is not blank, of all lines and of what commas join.
pub fn first_value(headers: &Headers, name: &str) -> Option<Vec<u8>> {
    let lines = values(headers, name);
    let lines = if lines.is_empty() { return None } else { &lines[..lines.len().min(64)] };
    let all = lines.iter().flat_map(|line| line.split(|&b| b == b',')).map(trim);
    Some(all.into_iter().find(|value| !value.is_empty()).unwrap_or_default().to_vec())
}

/// Returns whether lines can be forwarded as they were received: ASCII without control characters, tabs excepted.
pub fn is_sendable(lines: &[&[u8]]) -> bool {
    lines.iter().all(|line| line.iter().all(|&b| b == b'\t' || (b' '..=b'~').contains(&b)))
}

/// Removes spaces and tabs around.
pub fn trim(mut bytes: &[u8]) -> &[u8] {
    while bytes.first().is_some_and(|b| b" \t".contains(b)) {
        bytes = &bytes[1..];
    }
    while bytes.last().is_some_and(|b| b" \t".contains(b)) {
        bytes = &bytes[..bytes.len() - 1];
    }
    bytes
}

/// Returns text, with invalid UTF-8 replaced.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Reads digits of lower-case hex as a number, if their count is allowed.
pub fn lower_hex(text: &[u8], len: impl Fn(usize) -> bool) -> Option<u128> {
    let legal = len(text.len()) && text.iter().all(|b| b"0123456789abcdef".contains(b));
    legal.then(|| u128::from_str_radix(&self::text(text), 16).expect("at most 32 digits"))
}

/// Reads hex digits in any letter case.
pub fn any_hex(text: &[u8], len: impl Fn(usize) -> bool) -> Option<u128> {
    lower_hex(&text.to_ascii_lowercase(), len)
}

/// Returns whether all of it is decimal digits, at least one.
pub fn is_digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// Reads at most 64 decimal digits as a number; if it is too large, as the largest one.
pub fn decimal(text: &[u8]) -> Option<u128> {
    let digits = self::text(text);
    let significant = digits.trim_start_matches('0');
    let legal = is_digits(text) && text.len() <= 64;
    legal.then(|| if significant.is_empty() { 0 } else { significant.parse().unwrap_or(u128::MAX) })
}

/// Returns whether text is a token of RFC 9110.
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b))
}

/// Splits at the first separator.
pub fn split_once(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&b| b == separator)?;
    Some((&text[..at], &text[at + 1..]))
}

/// Decodes percent sequences, and returns whether one is broken. Broken ones are literal.
pub fn percent(wire: &[u8]) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    let mut broken = false;
    let mut at = 0;
    while at < wire.len() {
        let sequence = (wire[at] == b'%').then(|| wire.get(at + 1..at + 3).and_then(|two| any_hex(two, |_| true)));
        match sequence {
            Some(Some(byte)) => {
                bytes.push(byte as u8);
                at += 2;
            }
            Some(None) => {
                broken = true;
                bytes.push(b'%');
            }
            None => bytes.push(wire[at]),
        }
        at += 1;
    }
    (bytes, broken)
}
