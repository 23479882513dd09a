//! The `x-datadog-*` headers, their tags and the `dd` member: each agrees with its grammar, and what is written of them
//! is read again as equal fields.
#![cfg_attr(fuzzing, no_main)]

use std::sync::LazyLock;

use traceprop_core::formats::datadog::{
    Datadog, DatadogTags, DatadogTraceState, DatadogView, MAX_TAGS_LEN, PropagationError,
};
use traceprop_core::formats::tracecontext::W3cTraceContext;
use traceprop_core::{InjectOptions, Propagator, Sampling, SpanId};
use traceprop_fuzz::oracle::{Expected, datadog, trim, w3c};
use traceprop_fuzz::{
    Headers, Input, SPAN, extract, field_len, target, values, within, written_by_passthrough, written_by_span,
};

target!(run);

static DATADOG: LazyLock<Propagator> =
    LazyLock::new(|| Propagator::builder().with_format(Datadog::new()).build().expect("one format"));

static FROM_W3C: LazyLock<Propagator> = LazyLock::new(|| {
    let builder = Propagator::builder().extract(W3cTraceContext::new()).inject(Datadog::new());
    builder.build().expect("two formats")
});

fn run(data: &[u8]) {
    tags(data);
    if let Ok(text) = std::str::from_utf8(data) {
        member(text);
        out_of_member(text);
    }
    let headers = Input::new(data).headers();
    for line in values(&headers, "x-datadog-tags") {
        tags(line);
    }
    request(&headers);
}

/// Checks one line of tags.
fn tags(line: &[u8]) {
    let tags = DatadogTags::parse(line);
    let expected = datadog::tags(&[line]);
    assert_eq!(pairs(tags), expected.tags);
    assert_eq!(tags.trace_id_high().unwrap_or(0), expected.high);
    assert_eq!(tags.propagation_error().is_none(), expected.is_clean);
    assert_eq!(tags.propagation_error() == Some(PropagationError::ExtractMaxSize), trim(line).len() > MAX_TAGS_LEN);
    for (name, value) in &expected.tags {
        assert!(tags.get(name).is_some_and(|found| found == value.as_str() && found.len() == value.len()));
    }
    let trace_id = traceprop_core::TraceId::from_halves(expected.high, 1).expect("not zero");
    let mut buffer = [0; MAX_TAGS_LEN];
    let written = tags.write(trace_id, &mut buffer).expect("what was read fits, and is legal");
    let again = datadog::tags(&[written.as_bytes()]);
    assert_eq!(again, datadog::Tags { is_clean: true, ..expected });
}

fn pairs(tags: DatadogTags<'_>) -> Vec<(String, String)> {
    tags.iter().map(|tag| (tag.name.to_owned(), tag.value.to_string())).collect()
}

/// Checks the value of a `dd` member.
fn member(text: &str) {
    let member = DatadogTraceState::parse(text);
    let legal =
        text.len() <= DatadogTraceState::MAX_LEN && text.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b',');
    let items = if legal { datadog::items(text) } else { Vec::new() };
    // An item without a meaning as a header is not a tag, and takes no other's place.
    let counts = |(key, value): &(&str, &str)| !key.starts_with("t.") || !value.trim_matches(' ').is_empty();
    let last =
        |key: &str| items.iter().filter(|item| counts(item)).rfind(|(known, _)| *known == key).map(|item| item.1);
    let plain = |text: &str| text.replace('~', "=");
    assert_eq!(member.origin().map(|origin| origin.to_string()), last("o").map(plain));
    assert_eq!(member.last_span().map(|span| span.to_string()).as_deref(), last("p"));
    let number = last("s").and_then(|text| {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let legal = !digits.is_empty() && digits.len() <= 64 && digits.bytes().all(|b| b.is_ascii_digit());
        legal.then(|| text.parse().ok()).flatten()
    });
    assert_eq!(member.priority(), number);
    for (name, value) in pairs(member.tags()) {
        assert_eq!(last(&format!("t.{name}")).map(plain), Some(value));
        assert!(!["", "tid", "upstream_services"].contains(&name.as_str()));
    }
}

/// Checks a member that is received with a traceparent and written as headers: the fields are equal and all valid.
fn out_of_member(text: &str) {
    if !w3c::is_value(text.as_bytes()) {
        return;
    }
    let member = DatadogTraceState::parse(text);
    let flag = member.priority().unwrap_or(0).clamp(0, 1);
    let parent = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0{flag}");
    let request = [("traceparent", parent), ("tracestate", format!("dd={text}"))];
    let extraction = FROM_W3C.extract(&request);
    let received = extraction.context().expect("the traceparent is valid");
    let own_span = extraction.span_with_ids(received.trace_id, SpanId::new(SPAN).expect("not zero"));
    let (sent, omitted) = written_by_span(&FROM_W3C, &own_span, &InjectOptions::new());
    assert!(omitted.is_complete(), "{omitted}");
    let fields = datadog::read(&sent.0).expect("the trace continues").expect("what is written is legal");
    assert!(fields.is_clean, "{fields:?}");
    assert_eq!((fields.trace_id, fields.priority), (received.trace_id, member.priority().or(Some(0))));
    let origin = member.origin().map(|origin| origin.to_string().trim_matches(' ').to_owned());
    assert_eq!(fields.origin, origin.filter(|origin| !origin.is_empty()));
    // Blanks after a value get lost.
    let trimmed = |tags: Vec<(String, String)>| {
        let tags = tags.into_iter().map(|(name, value)| (name, value.trim_end_matches(' ').to_owned()));
        tags.collect::<Vec<_>>()
    };
    assert_eq!(trimmed(fields.tags), trimmed(pairs(member.tags())));
}

fn request(headers: &Headers) {
    let report = DATADOG.explain(headers);
    let extraction = extract(&DATADOG, headers);
    let expected = datadog::expected(headers);
    let entry = report.entries().next().expect("one format");
    assert_eq!(Expected::from(entry.parsed.outcome()), expected);
    for (_, reject) in report.invalid_headers() {
        let name = reject.field().name().expect("a built-in field");
        within(reject, field_len(headers, |known| known.eq_ignore_ascii_case(name)));
    }
    let (passed, _) = written_by_passthrough(&DATADOG, &extraction.passthrough(), &InjectOptions::new());
    let Some(Some(fields)) = datadog::read(headers) else {
        assert_eq!((extraction.context(), extraction.sampling()), (None, Sampling::Deferred));
        return assert!(passed.0.is_empty());
    };
    assert_eq!(report.invalid_headers().next().is_none(), fields.is_clean);
    assert_eq!(said(&extraction.datadog()), (fields.priority, fields.origin.clone(), fields.tags.clone()));

    // Without a parent there is no span to name, so nothing is written.
    let clean = datadog::Fields { is_clean: true, ..fields.clone() };
    match fields.parent_id {
        Some(_) => {
            assert_eq!(datadog::read(&passed.0), Some(Some(clean.clone())), "a passthrough says what was received")
        }
        None => assert!(datadog::read(&passed.0).is_none_or(|read| read == Some(clean.clone()))),
    }
    let span = SpanId::new(SPAN).expect("not zero");
    let own_span = extraction.span_with_ids(fields.trace_id, span);
    let (sent, omitted) = written_by_span(&DATADOG, &own_span, &InjectOptions::new());
    assert!(omitted.is_complete(), "{omitted}");
    assert_eq!(datadog::read(&sent.0), Some(Some(datadog::Fields { parent_id: Some(span), ..clean })));
    assert!(sent.value("x-datadog-tags").is_none_or(|tags| tags.len() <= MAX_TAGS_LEN));
}

fn said(datadog: &DatadogView<'_>) -> (Option<i32>, Option<String>, Vec<(String, String)>) {
    (datadog.priority(), datadog.origin().map(|origin| origin.to_string()), pairs(datadog.tags()))
}
