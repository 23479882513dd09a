//! Ours: a propagator on a `HeaderMap` through `traceprop-http`, as a service would keep one.

use std::sync::LazyLock;

use ::traceprop_core::{Extraction, Outgoing, OwnedContext, Propagator, SpanId, presets};
use ::traceprop_http::{HeaderCarrier, HeaderCarrierMut};
use http::HeaderMap;

use crate::{Baggage, Found, Tracestate};

/// Trace context alone.
static TRACE_CONTEXT: LazyLock<Propagator> = LazyLock::new(|| names("tracecontext"));
/// Baggage alone.
static BAGGAGE: LazyLock<Propagator> = LazyLock::new(|| names("baggage"));
/// Both.
static DEFAULT: LazyLock<Propagator> = LazyLock::new(|| presets::W3C.propagator());

fn names(list: &str) -> Propagator {
    Propagator::from_names(list, list).expect("these names are known")
}

pub fn extract(headers: &HeaderMap) -> Found {
    found(&TRACE_CONTEXT.extract(&HeaderCarrier::new(headers)))
}

pub fn extract_baggage(headers: &HeaderMap) -> Found {
    found(&BAGGAGE.extract(&HeaderCarrier::new(headers)))
}

pub fn extract_default(headers: &HeaderMap) -> Found {
    found(&DEFAULT.extract(&HeaderCarrier::new(headers)))
}

/// What [`inject`] writes: owned, as request extensions hold it.
pub fn context(headers: &HeaderMap) -> OwnedContext {
    owned(&TRACE_CONTEXT.extract(&HeaderCarrier::new(headers)))
}

/// What [`inject_default`] writes.
pub fn context_default(headers: &HeaderMap) -> OwnedContext {
    owned(&DEFAULT.extract(&HeaderCarrier::new(headers)))
}

pub fn inject(context: &OwnedContext, headers: &mut HeaderMap) {
    write(&TRACE_CONTEXT, context, headers);
}

pub fn inject_default(context: &OwnedContext, headers: &mut HeaderMap) {
    write(&DEFAULT, context, headers);
}

/// In and out with a span id of our own.
pub fn child(from: &HeaderMap, span_id: u64, to: &mut HeaderMap) {
    let carrier = HeaderCarrier::new(from);
    let extraction = TRACE_CONTEXT.extract(&carrier);
    if let (Some(context), Some(span_id)) = (extraction.context(), SpanId::new(span_id)) {
        let span = extraction.child(context.trace_id, span_id);
        let _ = TRACE_CONTEXT.inject(&span, &Outgoing::trusted(), &mut HeaderCarrierMut::new(to));
    }
}

/// In and out with the ids that came.
pub fn relay(from: &HeaderMap, to: &mut HeaderMap) {
    let carrier = HeaderCarrier::new(from);
    let relay = TRACE_CONTEXT.extract(&carrier).relay();
    let _ = TRACE_CONTEXT.relay(&relay, &Outgoing::trusted(), &mut HeaderCarrierMut::new(to));
}

/// The span of the caller again, so that every contender writes the same ids.
fn owned(extraction: &Extraction<'_>) -> OwnedContext {
    let context = extraction.context().expect("the input has a context");
    let parent = context.parent_id.expect("the input has a parent");
    OwnedContext::from_span(extraction, &extraction.child(context.trace_id, parent))
}

fn write(propagator: &Propagator, context: &OwnedContext, headers: &mut HeaderMap) {
    let span = context.span().expect("it holds a span");
    let _ = propagator.inject(&span, &Outgoing::trusted(), &mut HeaderCarrierMut::new(headers));
}

fn found(extraction: &Extraction<'_>) -> Found {
    let tracestate = match extraction.tracestate().iter().count() {
        0 => Tracestate::Absent,
        members => Tracestate::Members(members),
    };
    let mut baggage = Baggage::default();
    for member in extraction.baggage() {
        baggage.members += 1;
        baggage.bytes += member.key().len() + member.value().len();
    }
    let context = extraction.context();
    Found {
        trace_id: context.map_or(0, |context| context.trace_id.get()),
        span_id: context.and_then(|context| context.parent_id).map_or(0, SpanId::get),
        sampled: context.is_some_and(|context| context.sampling.is_sampled()),
        tracestate,
        baggage,
    }
}
