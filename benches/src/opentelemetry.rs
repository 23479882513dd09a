//! OpenTelemetry: the propagators of `opentelemetry_sdk`, on a `HeaderMap` through `opentelemetry-http`.
//!
//! They are called directly. Most services reach them through the global propagator, behind a lock and a `dyn` call, which
//! is slower.

use std::sync::LazyLock;

use ::opentelemetry::Context;
use ::opentelemetry::baggage::BaggageExt;
use ::opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use ::opentelemetry::trace::{SpanContext, SpanId, TraceContextExt};
use http::HeaderMap;
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};

use crate::{Baggage, Found, Tracestate};

/// Trace context and baggage: what the SDKs of OpenTelemetry configure where nobody says otherwise.
static DEFAULT: LazyLock<TextMapCompositePropagator> = LazyLock::new(|| {
    TextMapCompositePropagator::new(vec![Box::new(TraceContextPropagator::new()), Box::new(BaggagePropagator::new())])
});

pub fn extract(headers: &HeaderMap) -> Found {
    found(&context(headers))
}

pub fn extract_baggage(headers: &HeaderMap) -> Found {
    found(&BaggagePropagator::new().extract(&HeaderExtractor(headers)))
}

pub fn extract_default(headers: &HeaderMap) -> Found {
    found(&context_default(headers))
}

/// What [`inject`] writes.
pub fn context(headers: &HeaderMap) -> Context {
    TraceContextPropagator::new().extract(&HeaderExtractor(headers))
}

/// What [`inject_default`] writes.
pub fn context_default(headers: &HeaderMap) -> Context {
    DEFAULT.extract(&HeaderExtractor(headers))
}

pub fn inject(context: &Context, headers: &mut HeaderMap) {
    TraceContextPropagator::new().inject_context(context, &mut HeaderInjector(headers));
}

pub fn inject_default(context: &Context, headers: &mut HeaderMap) {
    DEFAULT.inject_context(context, &mut HeaderInjector(headers));
}

/// In and out with a span id of our own. A tracer does the same with a new id, and more.
pub fn child(from: &HeaderMap, span_id: u64, to: &mut HeaderMap) {
    let parent = context(from);
    let span = parent.span();
    let came = span.span_context();
    if came.is_valid() {
        // There is no way to take the state out of the parent, so it is cloned.
        let state = came.trace_state().clone();
        let ours = SpanContext::new(came.trace_id(), SpanId::from(span_id), came.trace_flags(), false, state);
        inject(&parent.with_remote_span_context(ours), to);
    }
}

/// In and out with the ids that came.
pub fn relay(from: &HeaderMap, to: &mut HeaderMap) {
    inject(&context(from), to);
}

fn found(context: &Context) -> Found {
    let span = context.span();
    let span = span.span_context();
    let tracestate = match span.trace_state().into_iter().len() {
        0 => Tracestate::Absent,
        members => Tracestate::Members(members),
    };
    let mut baggage = Baggage::default();
    for (key, (value, _)) in context.baggage() {
        baggage.members += 1;
        baggage.bytes += key.as_str().len() + value.as_str().len();
    }
    Found {
        trace_id: u128::from_be_bytes(span.trace_id().to_bytes()),
        span_id: u64::from_be_bytes(span.span_id().to_bytes()),
        sampled: span.is_sampled(),
        tracestate,
        baggage,
    }
}
