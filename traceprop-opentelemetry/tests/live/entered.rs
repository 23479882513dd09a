//! A context that was entered, and OpenTelemetry's active span.

use opentelemetry::Context;
use opentelemetry::trace::{TraceContextExt, Tracer};
use traceprop_core::{OwnedContext, SpanContext, SpanId, TraceId, presets};
use traceprop_opentelemetry::OtelContextExt;

use crate::common::TRACEPARENT;
use crate::world::Turn;

fn ids(context: &OwnedContext) -> (String, String) {
    (context.trace_id().unwrap().to_string(), context.span_id().unwrap().to_string())
}

#[tokio::test]
async fn ok_a_context_entered_for_another_trace_is_kept() {
    let turn = Turn::new().await;
    // The span of a consumer's loop, and the context of a message inside of it.
    let _active = Context::current_with_span(turn.tracer().start("loop")).attach();
    let message = OwnedContext::from_passthrough(&presets::W3C.propagator().extract(&[TRACEPARENT]));
    let _entered = message.clone().enter();
    assert_eq!(ids(&OwnedContext::current().unwrap()), ids(&message));
    // A span that continues the message's trace is active, with the data of the message.
    let cx = Context::new().with_extraction(&presets::W3C.propagator().extract(&[TRACEPARENT]));
    let span = turn.tracer().build_with_context(turn.tracer().span_builder("message"), &cx);
    let active = cx.with_span(span);
    let id = active.span().span_context().span_id().to_string();
    let _active = active.attach();
    let current = OwnedContext::current().unwrap();
    assert_eq!((ids(&current).1, current.is_reported()), (id, true));
}

#[tokio::test]
async fn ok_the_active_span_is_current_without_any_layer() {
    let turn = Turn::new().await;
    assert!(OwnedContext::current().is_none());
    let span = tracing::info_span!(target: "live", "work").entered();
    let current = OwnedContext::current().unwrap();
    drop(span);
    assert_eq!(ids(&current).1, turn.spans(1).await[0].span_context.span_id().to_string());
}

#[tokio::test]
async fn ok_a_span_entered_in_the_trace_of_the_active_one_lends_its_data() {
    let turn = Turn::new().await;
    let active = Context::current_with_span(turn.tracer().start("work"));
    let span = active.span().span_context().clone();
    let _active = active.attach();
    let trace_id = TraceId::from_bytes(span.trace_id().to_bytes()).unwrap();
    let other = OwnedContext::new(SpanContext::new(trace_id, SpanId::MIN));
    let _entered = other.with_tracestate([("rojo", "1")]).unwrap().with_endpoint("/cart").enter();
    let current = OwnedContext::current().unwrap();
    assert_eq!(ids(&current).1, span.span_id().to_string());
    assert_eq!((current.tracestate().to_string(), current.endpoint()), ("rojo=1".to_owned(), Some("/cart")));
}
