//! `grpc-trace-bin`: bytes and their base64 agree with the grammar, and what is written has all fields.
#![cfg_attr(fuzzing, no_main)]

use std::sync::LazyLock;

use traceprop_core::formats::grpc_trace_bin::{GrpcTraceBin, GrpcTraceContext};
use traceprop_core::{Field, InjectOptions, Propagator, RemoteContext, Sampling, SpanId};
use traceprop_fuzz::oracle::{Expected, grpc_trace_bin, yes_or_no};
use traceprop_fuzz::{Input, SPAN, extract, field_len, target, within, written_by_passthrough, written_by_span};

target!(run);

static GRPC: LazyLock<Propagator> =
    LazyLock::new(|| Propagator::builder().with_format(GrpcTraceBin::new()).build().expect("one format"));

fn run(data: &[u8]) {
    bytes(data);
    let headers = Input::new(data).headers();
    let report = GRPC.explain(&headers);
    let expected = grpc_trace_bin::expected(&headers);
    assert_eq!(Expected::from(report.entries().next().expect("one format").parsed.outcome()), expected);
    for (_, reject) in report.invalid_headers() {
        within(reject, field_len(&headers, |name| Field::from_name(name) == Some(Field::GrpcTraceBin)));
    }
    let extraction = extract(&GRPC, &headers);
    let read = extraction.grpc_trace_context().map(|context| (context.trace_id, context.span_id, context.options));
    assert_eq!(read, grpc_trace_bin::read(&headers).flatten());
    let (passed, _) = written_by_passthrough(&GRPC, &extraction.passthrough(), &InjectOptions::new());
    let Some(received) = extraction.context() else {
        return assert!(passed.0.is_empty());
    };
    if let Expected::Context(forwarded) = grpc_trace_bin::expected(&passed.0) {
        assert_eq!((forwarded.trace_id, forwarded.parent_id), (received.trace_id, received.parent_id));
    }
    let span = SpanId::new(SPAN).expect("not zero");
    let own_span = extraction.span_with_ids(received.trace_id, span);
    let (sent, _) = written_by_span(&GRPC, &own_span, &InjectOptions::new());
    let sampling = yes_or_no(received.sampling == Sampling::Sampled);
    let context = RemoteContext { sampling, ..RemoteContext::new(received.trace_id, Some(span)) };
    assert_eq!(grpc_trace_bin::expected(&sent.0), Expected::Context(context));
    assert_eq!(sent.value("grpc-trace-bin").map(str::len), Some(39));
}

fn bytes(bytes: &[u8]) {
    let parsed = GrpcTraceContext::parse(bytes);
    let fields = parsed.ok().map(|context| (context.trace_id, context.span_id, context.options));
    assert_eq!(fields, grpc_trace_bin::fields(bytes));
    match parsed {
        Ok(context) => {
            let written = GrpcTraceContext { options: Some(context.options.unwrap_or(0)), ..context };
            assert_eq!(GrpcTraceContext::parse(&context.to_bytes()), Ok(written));
            assert_eq!(GrpcTraceContext::parse_base64(context.to_base64().as_bytes()), Ok(written));
        }
        Err(reject) => within(reject, bytes.len()),
    }
}
