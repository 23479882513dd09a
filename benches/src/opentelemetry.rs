//! OpenTelemetry: the propagators of `opentelemetry_sdk` and of the B3 crate, on a `HeaderMap` through
//! `opentelemetry-http`.
//!
//! They are called directly. Most services call them through the global propagator, with a lock and a `dyn` call, which
//! is slower.

use std::sync::LazyLock;

use ::opentelemetry::Context;
use ::opentelemetry::baggage::BaggageExt;
use ::opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use ::opentelemetry::trace::{SpanContext, SpanId, TraceContextExt};
use http::HeaderMap;
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_propagator_b3::{B3Encoding, Propagator as B3};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};

use crate::{Baggage, CHILD, Found, Tracestate};

/// Trace context and baggage: the default of the OpenTelemetry SDKs.
pub static DEFAULT: LazyLock<TextMapCompositePropagator> = LazyLock::new(|| {
    TextMapCompositePropagator::new(vec![Box::new(TraceContextPropagator::new()), Box::new(BaggagePropagator::new())])
});

/// B3 comes first: the last of them that finds a context wins, and B3 knows no tracestate.
pub static THREE: LazyLock<TextMapCompositePropagator> = LazyLock::new(|| {
    TextMapCompositePropagator::new(vec![
        Box::new(b3_single()),
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),
    ])
});

/// Reads both encodings, writes one header.
pub fn b3_single() -> B3 {
    B3::with_encoding(B3Encoding::SingleHeader)
}

/// Reads both encodings, writes several headers.
pub fn b3_multi() -> B3 {
    B3::with_encoding(B3Encoding::MultipleHeader)
}

/// Extracts ids and decision, tracestate.
pub fn extract(headers: &HeaderMap) -> Found {
    trace_context(&read(&TraceContextPropagator::new(), headers))
}

pub fn extract_baggage(headers: &HeaderMap) -> Found {
    extract_with(&BaggagePropagator::new(), headers)
}

pub fn extract_default(headers: &HeaderMap) -> Found {
    extract_with(&*DEFAULT, headers)
}

/// Extracts ids and decision, tracestate and baggage.
pub fn extract_with(propagator: &impl TextMapPropagator, headers: &HeaderMap) -> Found {
    found(&read(propagator, headers))
}

/// Extracts ids and decision.
pub fn extract_ids(propagator: &impl TextMapPropagator, headers: &HeaderMap) -> Found {
    ids(&read(propagator, headers))
}

/// Returns what [`inject`] writes.
pub fn context(headers: &HeaderMap) -> Context {
    context_with(&TraceContextPropagator::new(), headers)
}

/// Returns what [`inject_default`] writes.
pub fn context_default(headers: &HeaderMap) -> Context {
    context_with(&*DEFAULT, headers)
}

/// Returns what [`inject_with`] writes: a span of our own below that of the caller.
pub fn context_with(propagator: &impl TextMapPropagator, headers: &HeaderMap) -> Context {
    below(&read(propagator, headers), CHILD).expect("the input has a context")
}

fn read(propagator: &impl TextMapPropagator, headers: &HeaderMap) -> Context {
    propagator.extract(&HeaderExtractor(headers))
}

/// Returns a span of our own below that of the caller. A tracer does this with a new id, and more.
fn below(parent: &Context, span_id: u64) -> Option<Context> {
    let span = parent.span();
    let received = span.span_context();
    // The state cannot be taken out of the parent, so it is cloned.
    let state = || received.trace_state().clone();
    let ours = || SpanContext::new(received.trace_id(), SpanId::from(span_id), received.trace_flags(), false, state());
    received.is_valid().then(|| parent.with_remote_span_context(ours()))
}

pub fn inject(context: &Context, headers: &mut HeaderMap) {
    inject_with(&TraceContextPropagator::new(), context, headers);
}

pub fn inject_default(context: &Context, headers: &mut HeaderMap) {
    inject_with(&*DEFAULT, context, headers);
}

pub fn inject_with(propagator: &impl TextMapPropagator, context: &Context, headers: &mut HeaderMap) {
    propagator.inject_context(context, &mut HeaderInjector(headers));
}

/// Extracts and injects with its own span id.
pub fn child(from: &HeaderMap, span_id: u64, to: &mut HeaderMap) {
    child_with(&TraceContextPropagator::new(), from, span_id, to);
}

pub fn child_with(propagator: &impl TextMapPropagator, from: &HeaderMap, span_id: u64, to: &mut HeaderMap) {
    if let Some(context) = below(&read(propagator, from), span_id) {
        inject_with(propagator, &context, to);
    }
}

/// Extracts and injects with the received ids.
pub fn passthrough(from: &HeaderMap, to: &mut HeaderMap) {
    passthrough_with(&TraceContextPropagator::new(), from, to);
}

pub fn passthrough_baggage(from: &HeaderMap, to: &mut HeaderMap) {
    passthrough_with(&BaggagePropagator::new(), from, to);
}

pub fn passthrough_with(propagator: &impl TextMapPropagator, from: &HeaderMap, to: &mut HeaderMap) {
    inject_with(propagator, &read(propagator, from), to);
}

fn ids(context: &Context) -> Found {
    let span = context.span();
    let span = span.span_context();
    Found {
        trace_id: u128::from_be_bytes(span.trace_id().to_bytes()),
        span_id: u64::from_be_bytes(span.span_id().to_bytes()),
        sampled: span.is_sampled(),
        ..Found::default()
    }
}

/// Returns ids and decision, tracestate.
fn trace_context(context: &Context) -> Found {
    let span = context.span();
    let tracestate = match span.span_context().trace_state().into_iter().len() {
        0 => Tracestate::Absent,
        members => Tracestate::Members(members),
    };
    Found { tracestate, ..ids(context) }
}

fn found(context: &Context) -> Found {
    let mut baggage = Baggage::default();
    for (key, (value, _)) in context.baggage() {
        baggage.members += 1;
        baggage.bytes += key.as_str().len() + value.as_str().len();
    }
    Found { baggage, ..trace_context(context) }
}
