//! fastrace: `W3CTraceContext`, which holds a `SpanContext` and the tracestate as one unread text. It has no baggage.
//!
//! fastrace knows no `HeaderMap`, so the glue is ours: look-ups by `HeaderName`, the fastest that the map has.

use ::fastrace::collector::{SpanId, W3CTraceContext};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{CHILD, Found, Tracestate};

static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
static TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

pub fn extract(headers: &HeaderMap) -> Found {
    let Some(context) = context(headers) else {
        return Found::default();
    };
    let span = context.span_context;
    Found {
        trace_id: span.trace_id.0,
        span_id: span.span_id.0,
        sampled: span.sampled,
        tracestate: context.tracestate().map_or(Tracestate::Absent, |text| Tracestate::Text(text.len())),
        ..Found::default()
    }
}

/// Returns what [`inject`] writes: a span of our own below that of the caller.
pub fn context_of_child(headers: &HeaderMap) -> Option<W3CTraceContext> {
    let mut context = context(headers)?;
    context.span_context.span_id = SpanId(CHILD);
    Some(context)
}

fn context(headers: &HeaderMap) -> Option<W3CTraceContext> {
    let traceparent = headers.get(&TRACEPARENT)?.to_str().ok()?;
    let tracestate = headers.get(&TRACESTATE).and_then(|value| value.to_str().ok());
    W3CTraceContext::decode(traceparent, tracestate)
}

pub fn inject(context: &W3CTraceContext, headers: &mut HeaderMap) {
    if let Ok(value) = HeaderValue::from_str(&context.encode_traceparent()) {
        headers.insert(&TRACEPARENT, value);
    }
    if let Some(Ok(value)) = context.encode_tracestate().map(HeaderValue::from_str) {
        headers.insert(&TRACESTATE, value);
    }
}

/// Extracts and injects with its own span id.
pub fn child(from: &HeaderMap, span_id: u64, to: &mut HeaderMap) {
    if let Some(mut context) = context(from) {
        context.span_context.span_id = SpanId(span_id);
        inject(&context, to);
    }
}

/// Extracts and injects with the received ids.
pub fn passthrough(from: &HeaderMap, to: &mut HeaderMap) {
    if let Some(context) = context(from) {
        inject(&context, to);
    }
}
