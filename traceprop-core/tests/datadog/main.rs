//! Datadog on the wire: what is written for a request, with its headers, its tracestate member, or both.
#![cfg(feature = "std")]

mod allocations;
mod fields;
mod headers;
mod member;
mod properties;

use traceprop_core::formats::datadog::Datadog;
use traceprop_core::formats::tracecontext::W3cTraceContext;
use traceprop_core::{
    Extraction, IdBits, InjectOptions, Pairs, Propagator, PropagatorBuilder, Sampling, SpanContext,
    report::InjectReport,
};

static DATADOG: Datadog = Datadog::new();
static REPORTING: Datadog = Datadog::new().reports_spans();
static TRACE_CONTEXT: W3cTraceContext = W3cTraceContext::new();

/// The new span of every participant here: 255.
const SPAN: &str = "00000000000000ff";

const fn ids() -> IdBits {
    IdBits::random(0xff)
}

fn build(builder: PropagatorBuilder) -> Propagator {
    builder.build().expect("a propagator")
}

/// Creates a propagator of Datadog's headers alone.
fn headers_only() -> Propagator {
    build(Propagator::builder().extract(DATADOG).inject(DATADOG))
}

/// Creates a propagator of W3C alone, which forwards the member.
fn w3c_only() -> Propagator {
    build(Propagator::builder().extract(TRACE_CONTEXT).inject(TRACE_CONTEXT).preserve_in_tracestate())
}

/// Reads and writes both, Datadog first.
fn datadog_first() -> Propagator {
    let builder = Propagator::builder().extract(DATADOG).extract(TRACE_CONTEXT);
    build(builder.inject(DATADOG).inject(TRACE_CONTEXT))
}

/// Reads and writes both, W3C first.
fn w3c_first() -> Propagator {
    let builder = Propagator::builder().extract(TRACE_CONTEXT).extract(DATADOG);
    build(builder.inject(DATADOG).inject(TRACE_CONTEXT))
}

type Lines<'a> = Vec<(&'a str, &'a str)>;

/// Returns what a participant writes for a request, with the caller's decision.
fn inject_span(propagator: &Propagator, request: &Lines<'_>) -> Pairs {
    let extraction = propagator.extract(request);
    inject(propagator, &extraction.new_span(&ids)).0
}

/// Returns what a span with its own sampling decision writes.
fn decided(propagator: &Propagator, request: &Lines<'_>, sampling: Sampling) -> Pairs {
    let extraction = propagator.extract(request);
    inject(propagator, &extraction.new_span_with(&ids, &sampling)).0
}

/// Returns what a service without spans forwards.
fn forwarded(propagator: &Propagator, request: &Lines<'_>) -> Pairs {
    let mut headers = Pairs::new();
    let extraction: Extraction<'_> = propagator.extract(request);
    propagator.inject(extraction.passthrough(), &InjectOptions::new(), &mut headers);
    headers
}

fn inject(propagator: &Propagator, span: &SpanContext<'_>) -> (Pairs, InjectReport<'static>) {
    let mut headers = Pairs::new();
    let omissions = propagator.inject(span, &InjectOptions::new(), &mut headers).without_names();
    (headers, omissions)
}

fn lines(headers: &Pairs) -> Lines<'_> {
    headers.iter().collect()
}

/// Returns a request of a Datadog tracer with a trace id of 128 bits, and more lines.
fn request<'a>(more: &[(&'a str, &'a str)]) -> Lines<'a> {
    let ids = [("x-datadog-trace-id", "8135627190345512087"), ("x-datadog-parent-id", "4611686018427387905")];
    [&ids[..], more].concat()
}

const TRACE_PARENT: (&str, &str) = ("traceparent", "00-66c1f3a00000000070e78dd3418db497-4000000000000001-01");

/// The tag that makes the trace of [`request`] that of [`TRACE_PARENT`].
const TID: (&str, &str) = ("x-datadog-tags", "_dd.p.tid=66c1f3a000000000");
