//! OpenTelemetry as a peer: how it reads equal headers.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt};

use crate::input::Headers;

/// A header map as `opentelemetry-http` shows it: of each name the first value, where it is text.
#[derive(Debug)]
pub struct Seen<'h>(pub &'h HeaderMap);

impl Extractor for Seen<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

/// A header map as `opentelemetry-http` fills it.
#[derive(Debug)]
pub struct Filled<'h>(pub &'h mut HeaderMap);

impl Injector for Filled<'_> {
    fn set(&mut self, name: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value)) {
            self.0.insert(name, value);
        }
    }
}

/// Returns what a propagator reads.
pub fn read(propagator: &impl TextMapPropagator, headers: &HeaderMap) -> Context {
    propagator.extract_with_context(&Context::new(), &Seen(headers))
}

/// Returns the span that a propagator reads, if any.
pub fn span(propagator: &impl TextMapPropagator, headers: &HeaderMap) -> Option<SpanContext> {
    let context = read(propagator, headers);
    let span = context.span().span_context().clone();
    span.is_valid().then_some(span)
}

/// Returns what a propagator writes.
pub fn written(propagator: &impl TextMapPropagator, context: &Context) -> HeaderMap {
    let mut headers = HeaderMap::new();
    propagator.inject_context(context, &mut Filled(&mut headers));
    headers
}

/// Returns the lines as a server has them, without those that are not a header.
pub fn map(lines: &Headers) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let value = HeaderValue::from_bytes(crate::oracle::trim(value));
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), value) {
            headers.append(name, value);
        }
    }
    headers
}

/// A difference that is known: what the lines look like that are read differently, and what we go by.
#[derive(Debug)]
pub struct Difference {
    /// What the difference is.
    pub name: &'static str,
    /// The part of the specification that decides it.
    pub by: &'static str,
    /// Whether lines of the field are such ones.
    pub applies: fn(&[&[u8]]) -> bool,
}

/// Asserts that what two readers make of the lines is the same, or a difference that is known.
///
/// # Panics
/// Where it is neither.
#[track_caller]
pub fn agree<T: PartialEq + std::fmt::Debug>(ours: T, theirs: T, known: &[Difference], lines: &[&[u8]]) {
    if ours != theirs && !known.iter().any(|difference| (difference.applies)(lines)) {
        let lines: Vec<_> = lines.iter().map(|line| line.escape_ascii().to_string()).collect();
        panic!("we read {ours:?} and they {theirs:?} in {lines:?}");
    }
}

/// Returns the values under a name.
pub fn lines<'h>(headers: &'h HeaderMap, name: &str) -> Vec<&'h [u8]> {
    headers.get_all(name).iter().map(HeaderValue::as_bytes).collect()
}

/// Returns the headers with the lines of a field joined, which OpenTelemetry does not do itself.
///
/// # Panics
/// Never: lines of a field are legal in one line.
pub fn joined(headers: &HeaderMap, name: &'static str) -> HeaderMap {
    let mut one = headers.clone();
    let lines = lines(headers, name);
    if lines.len() > 1 {
        one.insert(name, HeaderValue::from_bytes(&lines.join(&b',')).expect("legal in one line, too"));
    }
    one
}
