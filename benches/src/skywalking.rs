//! SkyWalking's agent. It reads and writes the text of an `sw8` value and knows no headers: the glue is ours and uses the
//! fastest look-up, by `HeaderName`.
//!
//! To write a value it needs its tracing context with a span, which `child` makes. Nothing is reported.

use ::skywalking::trace::propagation::context::PropagationContext;
use ::skywalking::trace::propagation::decoder::decode_propagation;
use ::skywalking::trace::propagation::encoder::encode_propagation;
use ::skywalking::trace::span::Span;
use ::skywalking::trace::trace_context::TracingContext;
use ::skywalking::trace::tracer::Tracer;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{Fields, Found};

static SW8: HeaderName = HeaderName::from_static("sw8");

/// Extracts all fields as owned text. The parent is a segment and a number; it has no span id of other formats.
pub fn extract(headers: &HeaderMap) -> Found {
    let Some(received) = read(headers) else {
        return Found::default();
    };
    let names = [
        &received.parent_service,
        &received.parent_service_instance,
        &received.destination_endpoint,
        &received.destination_address,
    ];
    Found {
        trace_id: u128::from_str_radix(&received.parent_trace_id, 16).unwrap_or(Found::TEXT),
        span_id: Found::SEGMENT,
        sampled: received.do_sample,
        fields: Fields { bytes: names.iter().map(|name| name.len()).sum() },
        ..Found::default()
    }
}

/// A tracing context, its spans, and whom the call is for. The spans go first.
pub struct Call {
    _exit: Span,
    _entry: Span,
    context: TracingContext,
    endpoint: &'static str,
    peer: &'static str,
}

impl Call {
    pub fn new(tracer: &Tracer, headers: &HeaderMap, endpoint: &'static str, peer: &'static str) -> Option<Self> {
        let received = read(headers)?;
        let mut context = tracer.create_trace_context();
        let entry = context.create_entry_span_with_propagation(endpoint, &received);
        let exit = context.create_exit_span(endpoint, peer);
        Some(Self { _exit: exit, _entry: entry, context, endpoint, peer })
    }

    pub fn inject(&self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::from_str(&encode_propagation(&self.context, self.endpoint, self.peer)) {
            headers.insert(&SW8, value);
        }
    }
}

fn read(headers: &HeaderMap) -> Option<PropagationContext> {
    decode_propagation(headers.get(&SW8)?.to_str().ok()?).ok()
}
