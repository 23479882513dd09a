//! OpenTelemetry's propagator for Google Cloud, whose last release is for OpenTelemetry 0.32.

#![allow(deprecated, reason = "the whole crate is deprecated in favour of OTLP, which is no propagator")]

use ::opentelemetry_0_32::Context;
use ::opentelemetry_0_32::propagation::TextMapPropagator;
use ::opentelemetry_0_32::trace::TraceContextExt;
use http::HeaderMap;
use opentelemetry_http_0_32::{HeaderExtractor, HeaderInjector};
use opentelemetry_stackdriver::google_trace_context_propagator::GoogleTraceContextPropagator;

use crate::opentelemetry_jaeger::below;
use crate::{CHILD, Found};

#[derive(Default)]
pub struct CloudTrace(GoogleTraceContextPropagator);

impl CloudTrace {
    pub fn new() -> Self {
        Self::default()
    }

    /// Extracts ids and decision.
    pub fn extract(&self, headers: &HeaderMap) -> Found {
        let context = self.read(headers);
        let span = context.span();
        let span = span.span_context();
        Found {
            trace_id: u128::from_be_bytes(span.trace_id().to_bytes()),
            span_id: u64::from_be_bytes(span.span_id().to_bytes()),
            sampled: span.is_sampled(),
            ..Found::default()
        }
    }

    /// Returns what [`CloudTrace::inject`] writes: a span of our own below that of the caller.
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
