//! Sentry's SDK: `TracePropagationContext` of `sentry-core`, which has no accessors for its ids.

use ::sentry_core::protocol::{SpanId, TraceId};
use ::sentry_core::{TracePropagationContext, TransactionContext};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{CHILD, Found};

const SENTRY_TRACE: HeaderName = HeaderName::from_static("sentry-trace");

/// The context that a request has to have, and what is found then.
pub struct Sentry {
    context: Option<TracePropagationContext>,
    found: Found,
}

impl Sentry {
    /// Creates a reader that compares the whole context with this one.
    pub fn expecting(found: Found) -> Self {
        let context = (found.trace_id != 0).then(|| with_ids(found.trace_id, found.span_id, found.sampled));
        Self { context, found }
    }

    /// Extracts ids and decision.
    pub fn extract(&self, headers: &HeaderMap) -> Found {
        if read(headers) == self.context { self.found } else { Found { trace_id: 1, ..Found::default() } }
    }
}

/// Returns what [`inject`] writes: a span of our own below that of the caller.
pub fn context(headers: &HeaderMap) -> TracePropagationContext {
    below(headers, CHILD).expect("the input has a context")
}

pub fn inject(context: &TracePropagationContext, headers: &mut HeaderMap) {
    let value = HeaderValue::try_from(context.sentry_trace_header()).expect("visible ASCII");
    headers.insert(SENTRY_TRACE, value);
}

/// Extracts and injects with its own span id.
pub fn child(from: &HeaderMap, span_id: u64, to: &mut HeaderMap) {
    if let Some(context) = below(from, span_id) {
        inject(&context, to);
    }
}

fn with_ids(trace_id: u128, span_id: u64, sampled: bool) -> TracePropagationContext {
    let (trace_id, span_id) = (TraceId::from(trace_id.to_be_bytes()), SpanId::from(span_id.to_be_bytes()));
    TracePropagationContext::new(trace_id, span_id).with_sampled(sampled)
}

/// Reads the headers as the middleware of `sentry-tower` hands them over.
fn read(headers: &HeaderMap) -> Option<TracePropagationContext> {
    let headers = headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    TracePropagationContext::try_from_headers(headers).ok()
}

/// Returns a span of our own below that of the caller. Only a transaction tells the trace id.
fn below(headers: &HeaderMap, span_id: u64) -> Option<TracePropagationContext> {
    let span_id = SpanId::from(span_id.to_be_bytes());
    let received = read(headers)?;
    let ours = TransactionContext::continue_from_trace_propagation_context("", "", &received, Some(span_id));
    let context = TracePropagationContext::new(ours.trace_id(), ours.span_id());
    Some(match ours.sampled() {
        Some(sampled) => context.with_sampled(sampled),
        None => context,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::w3c::IDS;

    #[test]
    fn err_extract_one_fact_of_another() {
        let headers = |value| HeaderMap::from_iter([(SENTRY_TRACE, HeaderValue::from_static(value))]);
        let theirs = Sentry::expecting(IDS);
        let found = |value| theirs.extract(&headers(value)) == IDS;
        assert!(found("4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1"));
        assert!(!found("4bf92f3577b34da6a3ce929d0e0e4737-00f067aa0ba902b7-1"));
        assert!(!found("4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b8-1"));
        assert!(!found("4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0"));
    }
}
