//! OpenTelemetry's Jaeger propagator, whose last release is for OpenTelemetry 0.32: built in addition to the newer one.
//!
//! It keeps `uberctx-*` as members of the tracestate, under the names of the headers.

#![allow(deprecated, reason = "the whole crate is deprecated, without a replacement")]

use ::opentelemetry_0_32::Context;
use ::opentelemetry_0_32::propagation::TextMapPropagator;
use ::opentelemetry_0_32::trace::{SpanContext, SpanId, TraceContextExt};
use http::HeaderMap;
use opentelemetry_http_0_32::{HeaderExtractor, HeaderInjector};
use opentelemetry_jaeger_propagator::Propagator;

use crate::{Baggage, CHILD, Found};

pub struct Jaeger(Propagator);

impl Jaeger {
    pub fn new() -> Self {
        Self(Propagator::new())
    }

    pub fn extract(&self, headers: &HeaderMap) -> Found {
        let context = self.read(headers);
        let span = context.span();
        let span = span.span_context();
        let mut baggage = Baggage::default();
        for (name, value) in span.trace_state() {
            baggage.members += 1;
            baggage.bytes += name.len() - "uberctx-".len() + value.len();
        }
        Found {
            trace_id: u128::from_be_bytes(span.trace_id().to_bytes()),
            span_id: u64::from_be_bytes(span.span_id().to_bytes()),
            sampled: span.is_sampled(),
            baggage,
            ..Found::default()
        }
    }

    /// Returns what [`Jaeger::inject`] writes: a span of our own below that of the caller.
    pub fn context(&self, headers: &HeaderMap) -> Context {
        below(&self.read(headers), CHILD).expect("the input has a context")
    }

    pub fn inject(&self, context: &Context, headers: &mut HeaderMap) {
        self.0.inject_context(context, &mut HeaderInjector(headers));
    }

    /// Extracts and injects with its own span id.
    pub fn child(&self, from: &HeaderMap, span_id: u64, to: &mut HeaderMap) {
        if let Some(context) = below(&self.read(from), span_id) {
            self.inject(&context, to);
        }
    }

    fn read(&self, headers: &HeaderMap) -> Context {
        self.0.extract(&HeaderExtractor(headers))
    }
}

/// Returns a span of our own below that of the caller, as with the newer OpenTelemetry.
pub(crate) fn below(parent: &Context, span_id: u64) -> Option<Context> {
    let span = parent.span();
    let received = span.span_context();
    let state = || received.trace_state().clone();
    let ours = || SpanContext::new(received.trace_id(), SpanId::from(span_id), received.trace_flags(), false, state());
    received.is_valid().then(|| parent.with_remote_span_context(ours()))
}

impl Default for Jaeger {
    fn default() -> Self {
        Self::new()
    }
}
