//! Elastic's `elastic-apm-traceparent`: read as a traceparent is, without a tracestate, and forwarded verbatim.
#![cfg_attr(fuzzing, no_main)]

use std::sync::LazyLock;

use traceprop_core::formats::elastic::Elastic;
use traceprop_core::formats::tracecontext::{TraceFlags, TraceParent};
use traceprop_core::{Field, InjectOptions, Propagator, SpanId};
use traceprop_fuzz::oracle::{Expected, elastic, is_sendable};
use traceprop_fuzz::{
    Input, SPAN, extract, field_len, target, values, within, written_by_passthrough, written_by_span,
};

target!(run);

const NAME: &str = "elastic-apm-traceparent";

static ELASTIC: LazyLock<Propagator> =
    LazyLock::new(|| Propagator::builder().with_format(Elastic::new()).build().expect("one format"));

fn run(data: &[u8]) {
    let headers = Input::new(data).headers();
    let report = ELASTIC.explain(&headers);
    let expected = elastic::expected(&headers);
    assert_eq!(Expected::from(report.entries().next().expect("one format").parsed.outcome()), expected);
    for (_, reject) in report.invalid_headers() {
        assert_eq!(reject.field(), Field::ElasticTraceParent);
        within(reject, field_len(&headers, |name| name.eq_ignore_ascii_case(NAME)));
    }
    let extraction = extract(&ELASTIC, &headers);
    assert!(extraction.tracestate().is_empty());
    let passed = written_by_passthrough(&ELASTIC, &extraction.passthrough(), &InjectOptions::new()).0;
    let Some(received) = extraction.context() else {
        return assert!(passed.0.is_empty());
    };
    let lines = values(&headers, NAME);
    let flags = TraceFlags::new(received.sampling.is_sampled(), received.random);
    let parent = TraceParent::new(received.trace_id, received.parent_id.expect("it has one"), flags);
    match is_sendable(&lines) {
        true => assert_eq!(values(&passed.0, NAME), lines),
        false => assert_eq!(passed.value(NAME), Some(parent.to_string().as_str())),
    }
    let span = SpanId::new(SPAN).expect("not zero");
    let own_span = extraction.span_with_ids(received.trace_id, span);
    let injected = written_by_span(&ELASTIC, &own_span, &InjectOptions::new()).0;
    let written = TraceParent { parent_id: span, ..parent };
    assert_eq!(injected.0, [(NAME.to_owned(), written.to_string().into_bytes())]);
}
