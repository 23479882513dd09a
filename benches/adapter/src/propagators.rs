//! Extractions and injections, by ours and by OpenTelemetry's propagators.

use std::hint::black_box;

use opentelemetry::Context;
use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_propagator_b3::{B3Encoding, Propagator as B3};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use traceprop_core::{Allow, Propagator, presets};
use traceprop_opentelemetry::OtelPropagator;

use crate::input::{PARENT_ID, SPAN_ID, TRACE_ID, request};

/// W3C trace context and baggage.
pub(crate) fn w3c() -> OtelPropagator {
    OtelPropagator::new(presets::W3C).allow_baggage(Allow::All)
}

/// The three formats that OpenTelemetry's crates have too.
pub(crate) fn three() -> OtelPropagator {
    const NAMES: &str = "tracecontext,b3,baggage";
    OtelPropagator::new(Propagator::from_names(NAMES, NAMES).expect("known names")).allow_baggage(Allow::All)
}

/// All formats are read.
pub(crate) fn all() -> OtelPropagator {
    OtelPropagator::new(presets::ALL_TO_W3C).allow_baggage(Allow::All)
}

/// Trace context alone.
pub(crate) fn their_w3c() -> TraceContextPropagator {
    TraceContextPropagator::new()
}

/// The last one that finds a context wins. B3 has no tracestate, so it is first.
pub(crate) fn their_three() -> TextMapCompositePropagator {
    TextMapCompositePropagator::new(vec![
        Box::new(B3::with_encoding(B3Encoding::SingleHeader)),
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),
    ])
}

/// Extracts. The context is dropped in the same call.
pub(crate) fn extract(propagator: &dyn TextMapPropagator, lines: &[(&'static str, &'static str)], calls: usize) {
    let (request, cx) = (request(lines), Context::new());
    let found = propagator.extract_with_context(&cx, &HeaderExtractor(&request));
    let expected = if lines.is_empty() { 0 } else { PARENT_ID };
    assert_eq!(found.span().span_context().span_id(), SpanId::from(expected));
    for _ in 0..calls {
        black_box(propagator.extract_with_context(black_box(&cx), &HeaderExtractor(black_box(&request))));
    }
}

/// Injects a span of this service that is a child of the request's.
pub(crate) fn inject(propagator: &dyn TextMapPropagator, lines: &[(&'static str, &'static str)], calls: usize) {
    let cx = with_span(&propagator.extract_with_context(&Context::new(), &HeaderExtractor(&request(lines))));
    let mut headers = request(&[]);
    propagator.inject_context(&cx, &mut HeaderInjector(&mut headers));
    let traceparent = format!("00-{TRACE_ID:032x}-{SPAN_ID:016x}-01");
    assert_eq!(headers["traceparent"], *traceparent);
    for _ in 0..calls {
        propagator.inject_context(black_box(&cx), &mut HeaderInjector(black_box(&mut headers)));
    }
}

/// Returns a context with a span of this service.
pub(crate) fn with_span(caller: &Context) -> Context {
    let (span, id) = (caller.span().span_context().clone(), SpanId::from(SPAN_ID));
    let (trace_id, flags, state) = (span.trace_id(), span.trace_flags(), span.trace_state().clone());
    caller.with_remote_span_context(SpanContext::new(trace_id, id, flags, false, state))
}
