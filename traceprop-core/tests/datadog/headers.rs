//! `x-datadog-*` in, `x-datadog-*` out.

use traceprop_core::formats::datadog::{Datadog, DatadogParts, PropagationError};
use traceprop_core::{
    Field, InjectOptions, OwnedContext, Pairs, Propagator, Sampling, SpanContext,
    report::{InjectReport, OmitReason},
};

use super::*;

fn priority(priority: &str) -> (&str, &str) {
    ("x-datadog-sampling-priority", priority)
}

fn tags(tags: &str) -> (&str, &str) {
    ("x-datadog-tags", tags)
}

#[test]
fn ok_span_changes_the_parent_and_nothing_else() {
    let received = request(&[
        priority("2"),
        ("x-datadog-origin", "synthetics; a,b=c"),
        tags("_dd.p.tid=66c1f3a000000000,_dd.p.z=1,_dd.p.dm=-4,_dd.p.a=x=y z"),
    ]);
    let mut expected = received.clone();
    expected[1].1 = "255";
    assert_eq!(lines(&inject_span(&headers_only(), &received)), expected);
}

#[test]
fn ok_any_priority_survives_while_the_decision_holds() {
    for number in ["-2147483648", "-2", "-1", "0", "1", "2", "3", "2147483647"] {
        let sent = inject_span(&headers_only(), &request(&[priority(number)]));
        assert_eq!(sent.get("x-datadog-sampling-priority"), Some(number));
    }
}

#[test]
fn ok_our_decision_brings_its_own_number_and_decision_maker() {
    let sent = |received, sampling| {
        let received = request(&[priority(received), tags("_dd.p.dm=-4,_dd.p.x=1")]);
        let sent = decided(&headers_only(), &received, sampling);
        let get = |name| sent.get(name).map(str::to_owned);
        (get("x-datadog-sampling-priority"), get("x-datadog-tags").unwrap_or_default())
    };
    let expected = |priority: &str, tags: &str| (Some(priority.to_owned()), tags.to_owned());
    assert_eq!(sent("2", Sampling::NotSampled), expected("0", "_dd.p.x=1"));
    assert_eq!(sent("-1", Sampling::Sampled), expected("1", "_dd.p.dm=-0,_dd.p.x=1"));
    assert_eq!(sent("0", Sampling::Debug), expected("2", "_dd.p.dm=-0,_dd.p.x=1"));
    assert_eq!(sent("2", Sampling::Sampled), expected("2", "_dd.p.dm=-4,_dd.p.x=1"));
    assert_eq!(sent("2", Sampling::Deferred), (None, "_dd.p.x=1".into()));
}

#[test]
fn ok_decision_that_was_left_open_is_ours() {
    let received = request(&[("x-datadog-origin", "rum"), tags("_dd.p.dm=-4")]);
    let sent = inject_span(&headers_only(), &received);
    assert_eq!(sent.get("x-datadog-sampling-priority"), Some("1"));
    assert_eq!(sent.get("x-datadog-tags"), Some("_dd.p.dm=-0"));
    // A passthrough makes no decision.
    assert_eq!(lines(&forwarded(&headers_only(), &received)), received);
}

#[test]
fn ok_passthrough_forwards_lines_unchanged() {
    let received = vec![
        ("x-datadog-trace-id", " 0077\t"),
        ("x-datadog-parent-id", "78 "),
        ("x-datadog-sampling-priority", "-0"),
        ("x-datadog-origin", " rum"),
        ("x-datadog-origin", "second"),
        ("x-datadog-tags", "team=core, _dd.p.a=1,"),
        ("x-datadog-tags", "_dd.p.a=2"),
    ];
    assert_eq!(lines(&forwarded(&headers_only(), &received)), received);
}

#[test]
fn ok_passthrough_omits_what_is_invalid() {
    let received = request(&[priority("keep"), ("x-datadog-origin", "é"), tags("_dd.p.a=1")]);
    assert_eq!(lines(&forwarded(&headers_only(), &received)), request(&[tags("_dd.p.a=1")]));
    let received = request(&[priority("1"), tags("_dd.p.b=1,_dd.p.usr,_dd.p.a=2,_dd.p.dm=4")]);
    assert_eq!(lines(&forwarded(&headers_only(), &received)), request(&[priority("1"), tags("_dd.p.b=1,_dd.p.a=2")]));
    let long = format!("_dd.p.tid=66c1f3a000000000,_dd.p.a={}", "x".repeat(500));
    let received = request(&[priority("1"), tags(&long)]);
    assert_eq!(lines(&forwarded(&headers_only(), &received)), request(&[priority("1")]));
}

#[test]
fn ok_report_names_what_was_invalid_and_no_byte_of_it() {
    let propagator = headers_only();
    let received = request(&[priority("keep"), tags("_dd.p.tid=SECRET,_dd.p.a=1")]);
    let report = propagator.explain(&received).to_string();
    assert_eq!(
        report,
        "continued trace 000000000000000070e78dd3418db497, parent 4000000000000001, sampling undecided; datadog: used, \
         ignored x-datadog-sampling-priority (bad-decimal at byte 0), x-datadog-tags (bad-length, ends at byte 16)"
    );
    let extraction = propagator.extract(&received);
    let shown = format!("{:?} {:?}", extraction.datadog(), extraction);
    assert!(!shown.contains("SECRET"), "{shown}");
    let error = extraction.datadog().propagation_error().expect("the tid is malformed");
    assert_eq!((error.as_str(), error.tid()), ("malformed_tid", Some("SECRET")));
}

/// Returns what is written for a context that was built from fields.
fn built(format: Datadog, trace_id: &str, fields: &DatadogParts<'_>) -> (Pairs, InjectReport<'static>) {
    let propagator = build(Propagator::builder().extract_none().inject(format));
    let span = SpanContext::new(trace_id.parse().expect("an id"), SPAN.parse().expect("an id"));
    let context = OwnedContext::new(span).with_datadog(fields);
    inject(&propagator, &context.span().expect("it holds one"))
}

const LONG_ID: &str = "66c1f3a00000000070e78dd3418db497";

#[track_caller]
fn omitted(omissions: &InjectReport, field: Field, reason: OmitReason) {
    let all: Vec<_> = omissions.iter().map(|omission| (omission.field, omission.reason)).collect();
    assert_eq!(all, [(field, reason)]);
}

#[test]
fn ok_tags_of_just_the_limit_and_err_one_more() {
    let value = "x".repeat(477);
    // The upper half takes 26 bytes, a comma and the rest of the pair 9.
    let (sent, omissions) = built(DATADOG, LONG_ID, &DatadogParts::new().tags(&[("_dd.p.a", &value)]));
    assert_eq!(sent.get("x-datadog-tags").map(str::len), Some(512));
    assert!(omissions.is_complete());
    let value = "x".repeat(478);
    let (sent, omissions) = built(DATADOG, LONG_ID, &DatadogParts::new().tags(&[("_dd.p.a", &value)]));
    assert_eq!(sent.get("x-datadog-tags"), None);
    omitted(&omissions, Field::DatadogTags, OmitReason::TooLong);
    assert_eq!(PropagationError::from_report(&omissions), Some(PropagationError::InjectMaxSize));
}

#[test]
fn ok_keep_tid_lets_the_id_and_the_decision_maker_go_alone() {
    let value = "x".repeat(500);
    let given = [("_dd.p.a", value.as_str()), ("_dd.p.dm", "-4"), ("_dd.p.b", "1")];
    let fields = DatadogParts::new().tags(&given);
    let (sent, omissions) = built(DATADOG.keep_tid(), LONG_ID, &fields);
    assert_eq!(sent.get("x-datadog-tags"), Some("_dd.p.tid=66c1f3a000000000,_dd.p.dm=-4"));
    omitted(&omissions, Field::DatadogTags, OmitReason::TooLong);
    // Nor if one cannot be spelled, or if even these two are too long.
    let bad = [("_dd.p.a", "1,2"), ("_dd.p.dm", "-4")];
    let fields = DatadogParts::new().tags(&bad);
    let (sent, omissions) = built(DATADOG.keep_tid(), LONG_ID, &fields);
    assert_eq!(sent.get("x-datadog-tags"), Some("_dd.p.tid=66c1f3a000000000,_dd.p.dm=-4"));
    omitted(&omissions, Field::DatadogTags, OmitReason::BadValue);
    let (sent, _) = built(DATADOG.keep_tid().max_tags_len(37), LONG_ID, &fields);
    assert_eq!(sent.get("x-datadog-tags"), None);
}

#[test]
fn ok_shorter_limit_and_none() {
    let fields = DatadogParts::new().tags(&[("_dd.p.dm", "-4")]);
    let (sent, omissions) = built(DATADOG.max_tags_len(38), LONG_ID, &fields);
    assert_eq!(sent.get("x-datadog-tags"), Some("_dd.p.tid=66c1f3a000000000,_dd.p.dm=-4"));
    assert!(omissions.is_complete());
    let (_, omissions) = built(DATADOG.max_tags_len(37), LONG_ID, &fields);
    omitted(&omissions, Field::DatadogTags, OmitReason::TooLong);
    let (sent, omissions) = built(DATADOG.max_tags_len(0).keep_tid(), LONG_ID, &fields);
    assert_eq!(sent.get("x-datadog-tags"), None);
    omitted(&omissions, Field::DatadogTags, OmitReason::Disabled);
    // Nothing is omitted if there is nothing to write.
    let (_, omissions) = built(DATADOG.max_tags_len(0), "000000000000000000000000000004d2", &DatadogParts::new());
    assert!(omissions.is_complete());
    // Readers accept at most the default length.
    let value = "x".repeat(600);
    let (_, omissions) = built(DATADOG.max_tags_len(1000), LONG_ID, &DatadogParts::new().tags(&[("_dd.p.a", &value)]));
    omitted(&omissions, Field::DatadogTags, OmitReason::TooLong);
}

#[test]
fn err_text_that_the_headers_cannot_spell() {
    for (key, value, reason) in [
        ("_dd.p.a", "1,2", OmitReason::BadValue),
        ("_dd.p.a", "", OmitReason::BadValue),
        ("_dd.p.a", " \t", OmitReason::BadValue),
        ("_dd.p.a", "é", OmitReason::BadValue),
        ("_dd.p.a", "1\r\nx-evil: 1", OmitReason::BadValue),
        ("_dd.p.a=b", "1", OmitReason::BadKey),
        ("_dd.p.a b", "1", OmitReason::BadKey),
        ("_dd.p.a,b", "1", OmitReason::BadKey),
        ("_dd.p.", "1", OmitReason::BadKey),
    ] {
        let given = [("_dd.p.ok", "1"), (key, value)];
        let (sent, omissions) = built(DATADOG, LONG_ID, &DatadogParts::new().tags(&given));
        assert_eq!(sent.get("x-datadog-tags"), None, "{key:?} {value:?}");
        omitted(&omissions, Field::DatadogTags, reason);
    }
    for origin in ["rum\r\nx-evil: 1", "a\tb", "é", "\u{7f}"] {
        let (sent, omissions) = built(DATADOG, LONG_ID, &DatadogParts::new().origin(origin));
        assert_eq!(sent.get("x-datadog-origin"), None, "{origin:?}");
        omitted(&omissions, Field::DatadogOrigin, OmitReason::BadValue);
    }
    let (sent, omissions) = built(DATADOG, LONG_ID, &DatadogParts::new().origin(" \t"));
    assert!(sent.get("x-datadog-origin").is_none() && omissions.is_complete());
}

#[test]
fn err_more_tags_than_are_looked_at() {
    let names: Vec<_> = (0..65).map(|i| format!("_dd.p.{i}")).collect();
    let tags: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let (_, omissions) = built(DATADOG, LONG_ID, &DatadogParts::new().tags(&tags));
    omitted(&omissions, Field::DatadogTags, OmitReason::TooLong);
    // Of one name the last counts, and that one may be among those that are not looked at.
    let (sent, omissions) = built(DATADOG, LONG_ID, &DatadogParts::new().tags(&[("_dd.p.a", "1"); 64]));
    assert!(sent.get("x-datadog-tags").is_some() && omissions.is_complete());
    let (_, omissions) = built(DATADOG, LONG_ID, &DatadogParts::new().tags(&[("_dd.p.a", "1"); 65]));
    omitted(&omissions, Field::DatadogTags, OmitReason::TooLong);
    // That holds also where all that are looked at are none to write.
    let ids = [("_dd.p.tid", "00000000000000ff"); 65];
    let (sent, omissions) = built(DATADOG, "000000000000000000000000000004d2", &DatadogParts::new().tags(&ids));
    assert_eq!(sent.get("x-datadog-tags"), None);
    omitted(&omissions, Field::DatadogTags, OmitReason::TooLong);
}

#[test]
fn err_trace_id_without_a_lower_half_cannot_be_written() {
    let (sent, omissions) = built(DATADOG, "66c1f3a0000000000000000000000000", &DatadogParts::new().priority(1));
    assert!(sent.is_empty());
    omitted(&omissions, Field::DatadogTraceId, OmitReason::BadValue);
}

#[test]
fn err_passthrough_without_a_span_writes_no_traceparent() {
    let propagator = headers_only();
    let w3c = build(Propagator::builder().extract(DATADOG).inject(TRACE_CONTEXT));
    // A parent of 0 is a trace without a span: its own headers can say so, W3C cannot.
    let received = vec![("x-datadog-trace-id", "77"), ("x-datadog-parent-id", "0"), priority("1")];
    assert_eq!(lines(&forwarded(&propagator, &received)), received);
    // Who only reads them forwards them as they are.
    assert_eq!(lines(&forwarded(&w3c, &received)), received);
}

#[test]
fn ok_stale_headers_are_replaced_or_removed() {
    let propagator = headers_only();
    let received = vec![("x-datadog-trace-id", "77"), ("x-datadog-parent-id", "78"), priority("1")];
    let extraction = propagator.extract(&received);
    let mut held: Vec<(String, String)> =
        [("X-Datadog-Origin", "rum"), ("x-datadog-tags", "_dd.p.a=1"), ("accept", "*/*")]
            .map(|(name, value)| (name.into(), value.into()))
            .into();
    propagator.inject(&extraction.new_span(&ids), &InjectOptions::new(), &mut held);
    let names: Vec<_> = held.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["accept", "x-datadog-trace-id", "x-datadog-parent-id", "x-datadog-sampling-priority"]);
}
