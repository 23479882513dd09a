//! Correlation ids: every spelling agrees with its grammar, and the text is forwarded verbatim if it is allowed.
#![cfg_attr(fuzzing, no_main)]

use traceprop_core::formats::correlation::Correlation;
use traceprop_core::{
    Allow, InjectOptions, OwnedContext, Propagator, SpanContext, SpanId, TraceId, formats::correlation::CorrelationId,
};
use traceprop_fuzz::oracle::Expected;
use traceprop_fuzz::oracle::correlation::{self, Meaning, Rules};
use traceprop_fuzz::{
    Headers, Input, SPAN, extract, field_len, ids, target, within, written_by_passthrough, written_by_span,
};

target!(run);

const NAME: &str = "x-request-id";

fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let settings = input.byte();
    let rules = Rules { opaque: settings & 1 != 0, envoy_mask: settings & 2 != 0 };
    let mut format = Correlation::from_static("X-Request-Id");
    if rules.opaque {
        format = format.opaque();
    }
    if !rules.envoy_mask {
        format = format.exact();
    }
    let headers: Headers = input.lines().into_iter().map(|line| ("X-REQUEST-ID".to_owned(), line.to_vec())).collect();
    request(&headers, rules, format);
    given(input.text(), rules, format);
}

fn request(headers: &Headers, rules: Rules, format: Correlation) {
    let propagator = Propagator::builder().with_format(format).build().expect("one format");
    let report = propagator.explain(headers);
    let expected = correlation::expected(headers, NAME, rules);
    assert_eq!(Expected::from(report.entries().next().expect("one format").parsed.outcome()), expected);
    report.invalid_headers().for_each(|(_, reject)| within(reject, field_len(headers, |_| true)));

    let extraction = extract(&propagator, headers);
    let received = correlation::line(headers, NAME);
    let counts = received.filter(|line| correlation::is_sent(line, rules));
    let text = counts.map(|line| String::from_utf8_lossy(line).into_owned());
    let read = extraction.correlation(&format);
    assert_eq!(read.map(|id| id.as_str().to_owned()), text);

    let span = extraction.new_span(&ids);
    let owned = OwnedContext::from_span(&extraction, &span);
    assert_eq!(owned.correlation(&format).map(|id| id.to_string()), text);
    let (sent, omitted) = written_by_span(&propagator, &span, &InjectOptions::everything());
    match (&text, received) {
        (Some(text), _) => assert_eq!(sent.value(NAME), Some(text.as_str())),
        (None, Some(_)) => assert!(sent.0.is_empty() && !omitted.is_complete(), "nothing is sent in its place"),
        (None, None) => made(sent.value(NAME).expect("a span makes one"), span.trace_id(), rules),
    }
    let (passed, _) = written_by_passthrough(&propagator, &extraction.passthrough(), &InjectOptions::everything());
    assert_eq!(passed.value(NAME), text.as_deref(), "a passthrough makes none");
    for outgoing in [InjectOptions::new(), InjectOptions::new().allow_correlation(Allow::Only(&["x-other"]))] {
        let (sent, omitted) = written_by_span(&propagator, &span, &outgoing);
        assert!(sent.0.is_empty() && !omitted.is_complete());
        assert!(written_by_passthrough(&propagator, &extraction.passthrough(), &outgoing).0.0.is_empty());
    }
    let only = InjectOptions::new().allow_correlation(Allow::Only(&["X-Request-ID"]));
    assert_eq!(written_by_span(&propagator, &span, &only).0, sent);
}

/// Checks an id that a span makes: the trace id, or a UUID of version 4.
fn made(id: &str, trace_id: TraceId, rules: Rules) {
    let is_version_4 = id.as_bytes()[14] == b'4' && b"89ab".contains(&id.as_bytes()[19]);
    let canonical = CorrelationId::from_trace_id(trace_id).to_string();
    match (rules.opaque, rules.envoy_mask) {
        (true, _) => assert!(is_version_4 && id != canonical, "{id}"),
        (false, true) => assert_eq!(id, format!("{}4{}", &canonical[..14], &canonical[15..])),
        (false, false) => assert_eq!(id, canonical),
    }
}

/// Checks that text put into a context is accepted if a reader accepts it.
fn given(text: String, rules: Rules, format: Correlation) {
    let context = OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::new(SPAN).expect("not zero")));
    let given = context.with_correlation(&format, &text);
    assert_eq!(given.is_ok(), correlation::meaning(text.as_bytes(), rules) != Meaning::Nothing);
    match given {
        Ok(context) => assert_eq!(context.correlation(&format).map(|id| id.to_string()), Some(text)),
        Err(reject) => within(reject, text.len()),
    }
}
