//! Google's header: the value agrees with its grammar, and written values parse to the same data.
#![cfg_attr(fuzzing, no_main)]

use std::sync::LazyLock;

use traceprop_core::formats::cloudtrace::{CloudTrace, XCloudTraceContext};
use traceprop_core::{InjectOptions, Propagator, RemoteContext, SpanId};
use traceprop_fuzz::oracle::{Expected, cloudtrace};
use traceprop_fuzz::{
    Headers, Input, SPAN, Steps, extract, field_len, target, values, within, written_by_passthrough, written_by_span,
};

target!(run);

static CLOUD_TRACE: LazyLock<Propagator> =
    LazyLock::new(|| Propagator::builder().with_format(CloudTrace::new()).build().expect("one format"));

fn run(data: &[u8]) {
    value(data);
    let headers = Input::new(data).headers();
    for line in values(&headers, "x-cloud-trace-context") {
        value(line);
    }
    request(&headers);
}

fn value(value: &[u8]) {
    let parsed = XCloudTraceContext::parse(value);
    let context = parsed.ok().map(|header| RemoteContext {
        sampling: header.sampling,
        ..RemoteContext::new(header.trace_id, header.span_id)
    });
    assert_eq!(context, cloudtrace::value(value));
    match parsed {
        Ok(header) => assert_eq!(XCloudTraceContext::parse(header.to_string().as_bytes()), Ok(header)),
        Err(reject) => within(reject, value.len()),
    }
}

fn request(headers: &Headers) {
    let carrier = Steps::new(headers);
    let report = CLOUD_TRACE.explain(headers);
    let extraction = extract(&CLOUD_TRACE, &carrier);
    let expected = cloudtrace::expected(headers);
    assert_eq!(Expected::from(report.entries().next().expect("one format").parsed.outcome()), expected);
    for (_, reject) in report.invalid_headers() {
        within(reject, field_len(headers, |name| name.eq_ignore_ascii_case("x-cloud-trace-context")));
    }
    let Expected::Context(context) = expected else { return };
    let everything = InjectOptions::everything();
    let passed = written_by_passthrough(&CLOUD_TRACE, &extraction.passthrough(), &everything).0;
    assert!([expected, Expected::Absent].contains(&cloudtrace::expected(&passed.0)));
    let span = SpanId::new(SPAN).expect("not zero");
    let sent = written_by_span(&CLOUD_TRACE, &extraction.span_with_ids(context.trace_id, span), &everything).0;
    let child = RemoteContext { parent_id: Some(span), ..context };
    assert_eq!(cloudtrace::expected(&sent.0), Expected::Context(child));
}
