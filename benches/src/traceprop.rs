//! Ours: a propagator on a `HeaderMap` through `traceprop-http`, as a service would keep one.

use std::sync::LazyLock;

use ::traceprop_core::{Extraction, InjectOptions, OwnedContext, Propagator, SpanId, presets};
use ::traceprop_http::{HeaderCarrier, HeaderCarrierMut};
use http::HeaderMap;

use crate::{Baggage, CHILD, Fields, Found, Tracestate};

/// Trace context alone.
static TRACE_CONTEXT: LazyLock<Propagator> = LazyLock::new(|| by_names("tracecontext"));
/// Baggage alone.
static BAGGAGE: LazyLock<Propagator> = LazyLock::new(|| by_names("baggage"));
/// Reads and writes W3C.
static DEFAULT: LazyLock<Propagator> = LazyLock::new(|| presets::W3C.propagator());

fn by_names(list: &str) -> Propagator {
    Propagator::from_names(list, list).expect("these names are known")
}

/// Returns a propagator for the rest of the process that reads and writes these formats.
pub fn named(list: &str) -> &'static Propagator {
    forever(by_names(list))
}

/// Returns a built propagator for the rest of the process.
pub fn forever(propagator: Propagator) -> &'static Propagator {
    Box::leak(Box::new(propagator))
}

/// Extracts ids and decision, tracestate.
pub fn extract(headers: &HeaderMap) -> Found {
    trace_context(&TRACE_CONTEXT.extract(&HeaderCarrier::new(headers)))
}

pub fn extract_baggage(headers: &HeaderMap) -> Found {
    extract_with(&BAGGAGE, headers)
}

pub fn extract_default(headers: &HeaderMap) -> Found {
    extract_with(&DEFAULT, headers)
}

/// Extracts ids and decision, tracestate and baggage.
pub fn extract_with(propagator: &Propagator, headers: &HeaderMap) -> Found {
    found(&propagator.extract(&HeaderCarrier::new(headers)))
}

/// Extracts ids and decision.
pub fn extract_ids(propagator: &Propagator, headers: &HeaderMap) -> Found {
    ids(&propagator.extract(&HeaderCarrier::new(headers)))
}

/// Extracts the ids, and what `fields` makes of the rest.
pub fn extract_fields(
    propagator: &Propagator,
    headers: &HeaderMap,
    fields: impl FnOnce(&Extraction<'_>) -> Fields,
) -> Found {
    let carrier = HeaderCarrier::new(headers);
    let extraction = propagator.extract(&carrier);
    Found { fields: fields(&extraction), ..ids(&extraction) }
}

/// Returns what [`inject`] writes: owned, as request extensions hold it.
pub fn context(headers: &HeaderMap) -> OwnedContext {
    context_with(&TRACE_CONTEXT, headers)
}

/// Returns what [`inject_default`] writes.
pub fn context_default(headers: &HeaderMap) -> OwnedContext {
    context_with(&DEFAULT, headers)
}

/// Returns what [`inject_with`] writes.
pub fn context_with(propagator: &Propagator, headers: &HeaderMap) -> OwnedContext {
    owned(&propagator.extract(&HeaderCarrier::new(headers)))
}

pub fn inject(context: &OwnedContext, headers: &mut HeaderMap) {
    inject_with(&TRACE_CONTEXT, &InjectOptions::everything(), context, headers);
}

pub fn inject_default(context: &OwnedContext, headers: &mut HeaderMap) {
    inject_with(&DEFAULT, &InjectOptions::everything(), context, headers);
}

pub fn inject_with(propagator: &Propagator, call: &InjectOptions<'_>, context: &OwnedContext, headers: &mut HeaderMap) {
    let span = context.span().expect("it holds a span");
    propagator.inject(&span, call, &mut HeaderCarrierMut::new(headers));
}

/// Extracts and injects with its own span id.
pub fn child(from: &HeaderMap, span_id: u64, to: &mut HeaderMap) {
    child_with(&TRACE_CONTEXT, &InjectOptions::everything(), from, span_id, to);
}

pub fn child_with(
    propagator: &Propagator,
    call: &InjectOptions<'_>,
    from: &HeaderMap,
    span_id: u64,
    to: &mut HeaderMap,
) {
    let carrier = HeaderCarrier::new(from);
    let extraction = propagator.extract(&carrier);
    if let (Some(context), Some(span_id)) = (extraction.context(), SpanId::new(span_id)) {
        let span = extraction.span_with_ids(context.trace_id, span_id);
        propagator.inject(&span, call, &mut HeaderCarrierMut::new(to));
    }
}

/// Extracts and injects with the received ids.
pub fn passthrough(from: &HeaderMap, to: &mut HeaderMap) {
    passthrough_with(&TRACE_CONTEXT, from, to);
}

pub fn passthrough_baggage(from: &HeaderMap, to: &mut HeaderMap) {
    passthrough_with(&BAGGAGE, from, to);
}

pub fn passthrough_with(propagator: &Propagator, from: &HeaderMap, to: &mut HeaderMap) {
    let carrier = HeaderCarrier::new(from);
    let passthrough = propagator.extract(&carrier).passthrough();
    propagator.inject(passthrough, &InjectOptions::everything(), &mut HeaderCarrierMut::new(to));
}

/// Returns a span of our own below that of the caller.
fn owned(extraction: &Extraction<'_>) -> OwnedContext {
    let context = extraction.context().expect("the input has a context");
    let span_id = SpanId::new(CHILD).expect("not zero");
    OwnedContext::from_span(extraction, &extraction.span_with_ids(context.trace_id, span_id))
}

/// Returns ids and decision.
pub fn ids(extraction: &Extraction<'_>) -> Found {
    let context = extraction.context();
    Found {
        trace_id: context.map_or(0, |context| context.trace_id.get()),
        span_id: context.and_then(|context| context.parent_id).map_or(0, SpanId::get),
        sampled: context.is_some_and(|context| context.sampling.is_sampled()),
        ..Found::default()
    }
}

/// Returns ids and decision, tracestate.
fn trace_context(extraction: &Extraction<'_>) -> Found {
    let tracestate = match extraction.tracestate().len() {
        0 => Tracestate::Absent,
        members => Tracestate::Members(members),
    };
    Found { tracestate, ..ids(extraction) }
}

/// Returns ids and decision, tracestate and baggage.
pub fn found(extraction: &Extraction<'_>) -> Found {
    let mut baggage = Baggage::default();
    for member in extraction.baggage() {
        baggage.members += 1;
        baggage.bytes += member.key().len() + member.value().len();
    }
    Found { baggage, ..trace_context(extraction) }
}

/// Returns origin and tags of Datadog.
pub fn datadog_fields(extraction: &Extraction<'_>) -> Fields {
    let fields = extraction.datadog();
    let origin = fields.origin().map_or(0, |origin| origin.len());
    Fields { bytes: fields.tags().iter().fold(origin, |bytes, tag| bytes + tag.name.len() + tag.value.len()) }
}
