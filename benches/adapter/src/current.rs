//! The current context, as each call of a client asks for it.

use std::hint::black_box;

use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_http::HeaderExtractor;
use traceprop_core::OwnedContext;
use traceprop_opentelemetry::{OtelContextExt, install};

use crate::input::{SPAN_ID, W3C, request};
use crate::propagators::{w3c, with_span};

/// Returns OpenTelemetry's context of a request, with a span.
fn span_of_a_request() -> Context {
    with_span(&w3c().extract_with_context(&Context::new(), &HeaderExtractor(&request(W3C))))
}

fn ask(calls: usize) {
    let current = OwnedContext::current().expect("a context");
    assert_eq!(current.span_id().map(|id| id.get()), Some(SPAN_ID));
    for _ in 0..calls {
        black_box(OwnedContext::current());
    }
}

/// Without OpenTelemetry.
pub(crate) fn entered(calls: usize) {
    let context = span_of_a_request().to_owned_context().expect("a span");
    let _entered = context.enter();
    ask(calls);
}

/// OpenTelemetry's active span, in a service that uses its layers.
pub(crate) fn span(calls: usize) {
    install();
    let _active = span_of_a_request().attach();
    ask(calls);
}

/// OpenTelemetry's active span in the context that a layer of traceprop-tower entered.
pub(crate) fn span_and_entered(calls: usize) {
    let cx = span_of_a_request();
    let context = cx.to_owned_context().expect("a span");
    install();
    let (_active, _entered) = (cx.attach(), context.enter());
    ask(calls);
}
