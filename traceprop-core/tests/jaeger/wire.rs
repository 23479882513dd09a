//! Requests in, headers out.

use traceprop_core::formats::jaeger::Jaeger;
use traceprop_core::{Extraction, InjectOptions, Pairs, Propagator, Sampling, SpanContext, SpanId, TraceId};

pub(crate) const TRACE: &str = "4ca67353d824b44b41c156cf264ca243";
pub(crate) const OWN_SPAN: &str = "b7ad6b7169203331";

/// Creates a propagator that reads and writes Jaeger.
pub(crate) fn jaeger() -> Propagator {
    Propagator::builder().with_format(Jaeger::new()).build().expect("one format")
}

pub(crate) fn trace() -> TraceId {
    TRACE.parse().expect("an id")
}

pub(crate) fn own_span_id() -> SpanId {
    OWN_SPAN.parse().expect("an id")
}

pub(crate) fn header(flags: &str) -> String {
    format!("{TRACE}:5688d53247ceefc7:0:{flags}")
}

pub(crate) fn inject(propagator: &Propagator, span: &SpanContext<'_>, outgoing: &InjectOptions<'_>) -> Pairs {
    let mut headers = Pairs::new();
    propagator.inject(span, outgoing, &mut headers);
    headers
}

/// Returns what a span that continues `request` writes.
pub(crate) fn inject_span(propagator: &Propagator, request: &[(&str, &str)], outgoing: &InjectOptions<'_>) -> Pairs {
    let extraction = propagator.extract(&request);
    let trace_id = extraction.context().map_or(trace(), |context| context.trace_id);
    inject(propagator, &extraction.span_with_ids(trace_id, own_span_id()), outgoing)
}

pub(crate) fn forward(propagator: &Propagator, request: &[(&str, &str)], outgoing: &InjectOptions<'_>) -> Pairs {
    let mut headers = Pairs::new();
    propagator.inject(propagator.extract(&request).passthrough(), outgoing, &mut headers);
    headers
}

pub(crate) fn lines(headers: &Pairs) -> Vec<(&str, &str)> {
    headers.iter().collect()
}

/// Returns the flags that a span writes with its own decision, or with the received one.
pub(crate) fn span_flags(extraction: &Extraction<'_>, propagator: &Propagator, decision: Option<Sampling>) -> String {
    let span = extraction.span_with_ids(trace(), own_span_id());
    let span = decision.map_or(span, |decision| span.with_sampling(decision));
    let headers = inject(propagator, &span, &InjectOptions::new());
    let prefix = format!("{TRACE}:{OWN_SPAN}:0:");
    let value = headers.get("uber-trace-id").expect("a header");
    value.strip_prefix(prefix.as_str()).expect("the ids of the span").to_owned()
}
