//! Sentry's headers: the value agrees with its grammar, written values parse to the same data, and the sampling context
//! goes whole, for its own trace, or not at all.
#![cfg_attr(fuzzing, no_main)]

use std::sync::LazyLock;

use traceprop_core::baggage::BaggageMember;
use traceprop_core::formats::sentry::{Sentry, SentryTrace};
use traceprop_core::{Baggage, InjectOptions, Propagator, RemoteContext, Sampling, SpanId, Trust};
use traceprop_fuzz::oracle::{Expected, sentry};
use traceprop_fuzz::{
    Headers, Input, SPAN, Sink, Steps, WRITING, extract, field_len, target, values, within, written_by_passthrough,
    written_by_span,
};

target!(run);

static SENTRY: LazyLock<Propagator> =
    LazyLock::new(|| Propagator::builder().with_format(Sentry::new()).build().expect("one format"));

static WITH_BAGGAGE: LazyLock<Propagator> =
    LazyLock::new(|| Propagator::from_names("sentry,baggage", "sentry,baggage").expect("known names"));

fn run(data: &[u8]) {
    value(data);
    let headers = Input::new(data).headers();
    for line in values(&headers, "sentry-trace") {
        value(line);
    }
    for propagator in [&SENTRY, &WITH_BAGGAGE] {
        request(propagator, &headers);
    }
}

fn value(value: &[u8]) {
    let parsed = SentryTrace::parse(value);
    assert_eq!(parsed.ok().map(|header| (header.ids(), header.sampling())), sentry::value(value));
    match parsed {
        Ok(header) => assert_eq!(SentryTrace::parse(header.to_string().as_bytes()), Ok(header)),
        Err(reject) => within(reject, value.len()),
    }
}

fn raw(member: BaggageMember<'_>) -> (String, String) {
    (member.key().to_owned(), member.value().into_owned())
}

/// Returns what a receiver reads as the sampling context.
fn members(headers: &Headers, context: RemoteContext) -> Vec<(String, String)> {
    let carrier = Steps::new(headers);
    let read = Propagator::from_names("baggage", "none").expect("a known name");
    let baggage: Vec<_> = read.extract(&carrier).baggage().iter().map(raw).collect();
    sentry::members(&baggage, context.trace_id)
}

fn request(propagator: &Propagator, headers: &Headers) {
    let carrier = Steps::new(headers);
    let report = propagator.explain(headers);
    let extraction = extract(propagator, &carrier);
    let expected = sentry::expected(headers);
    assert_eq!(Expected::from(report.entries().next().expect("one format").parsed.outcome()), expected);
    for (_, reject) in report.invalid_headers() {
        within(reject, field_len(headers, |name| Some(reject.field()) == traceprop_core::Field::from_name(name)));
    }
    let everything = InjectOptions::everything();
    let passed = written_by_passthrough(propagator, &extraction.passthrough(), &everything).0;
    assert_eq!(sentry::expected(&passed.0), sentry::forwarded(headers));
    let Expected::Context(context) = expected else { return };
    let received = members(headers, context);
    let view = extraction.sentry().expect("it is valid").sampling_context();
    let found: Vec<_> = view.iter().map(|m| (m.key().to_owned(), m.value().into_owned())).collect();
    assert_eq!(found, received);
    let span = SpanId::new(SPAN).expect("not zero");
    let call = extraction.span_with_ids(context.trace_id, span);
    let sent = carrier.at_most(2 * WRITING, || written_by_span(propagator, &call, &everything).0);
    let child = RemoteContext { parent_id: Some(span), ..context };
    assert_eq!(sentry::expected(&sent.0), Expected::Context(child));
    whole(&received, &sent, context);
    whole(&received, &passed, context);
    let private = written_by_span(propagator, &call, &InjectOptions::new()).0;
    assert!(!private.has("baggage"));
    // Nothing of it goes on where the caller does not decide.
    for trust in [Trust::Resample, Trust::Restart, Trust::Ignore] {
        let extraction = propagator.extract_with_trust(headers, trust);
        let span = extraction.new_span_with(&traceprop_fuzz::ids, &Sampling::Sampled);
        let sent = written_by_span(propagator, &span, &everything).0;
        assert!(!sent.value("baggage").is_some_and(|line| line.contains("sentry-") && has_member(line)), "{sent:?}");
    }
}

fn has_member(line: &str) -> bool {
    Baggage::parse(line.as_bytes()).is_ok_and(|list| list.iter().any(|member| member.key().starts_with("sentry-")))
}

/// Checks that the sampling context goes on as it was received, or not at all.
fn whole(received: &[(String, String)], sent: &Sink, context: RemoteContext) {
    let sent = members(&sent.0, context);
    assert!(sent.is_empty() || sent == received, "{sent:?} of {received:?}");
}
