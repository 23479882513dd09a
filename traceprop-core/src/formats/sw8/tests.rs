//! Contexts read from sw8 and written to sw8 and other formats.

use super::*;
use crate::context::{Allow, InjectOptions, OmitReason, SpanContext, Trust};
use crate::field::InvalidHeader;
use crate::formats::b3::B3;
use crate::formats::tracecontext::W3cTraceContext;
use crate::id::Sampling;
use crate::propagator::{ConfigError, Extraction, Propagator};
use crate::wire::InvalidReason;
use crate::wire::base64::Encoded;
use proptest::prelude::*;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

static SW8: Sw8 = Sw8::new("cart", "cart-1");
static W3C: W3cTraceContext = W3cTraceContext::new();
static B3: B3 = B3::single();

type Headers = Vec<(String, String)>;

const AGENT: &str = "4afaa8a6341c4ac086962a353a63290e.87.17422198108383774";

/// The value that an agent sends.
fn value(sample: u8, trace_id: &str) -> String {
    let names =
        ["segment-1", "shop", "shop-1", "/checkout", "cart:80"].map(|text| Encoded(text.as_bytes()).to_string());
    let [segment, service, instance, endpoint, peer] = names;
    format!("{sample}-{}-{segment}-3-{service}-{instance}-{endpoint}-{peer}", Encoded(trace_id.as_bytes()))
}

fn sw8_only() -> Propagator {
    Propagator::builder().extract(&SW8).inject(&SW8).build().unwrap()
}

/// Reads and writes W3C and sw8.
fn both() -> Propagator {
    let builder = Propagator::builder().extract(W3C).inject(W3C);
    builder.extract(&SW8).inject(&SW8).build().unwrap()
}

const SPAN: u64 = 0xb7ad_6b71_6920_3331;

fn child<'c>(extraction: &Extraction<'c>) -> SpanContext<'c> {
    extraction.span_with_ids(extraction.context().unwrap().trace_id, SpanId::new(SPAN).unwrap())
}

fn sent(propagator: &Propagator, headers: &Headers, options: &InjectOptions<'_>) -> Headers {
    let mut out = Headers::new();
    propagator.inject(&child(&propagator.extract(headers)), options, &mut out);
    out
}

fn passed_through(propagator: &Propagator, headers: &Headers, options: &InjectOptions<'_>) -> Headers {
    let mut out = Headers::new();
    propagator.inject(propagator.extract(headers).passthrough(), options, &mut out);
    out
}

fn headers<const N: usize>(pairs: [(&str, &str); N]) -> Headers {
    pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
}

#[track_caller]
fn get<'h>(headers: &'h Headers, name: &str) -> Option<&'h str> {
    let mut lines = headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let first = lines.next();
    assert_eq!(lines.next(), None, "{name} twice");
    first
}

#[track_caller]
fn parsed(headers: &Headers) -> Sw8Header<'_> {
    Sw8Header::parse(get(headers, "sw8").unwrap().as_bytes()).unwrap()
}

#[test]
fn ok_child_keeps_the_trace_id_and_writes_its_own_names() {
    let received = headers([("sw8", &value(1, AGENT))]);
    let out = sent(&sw8_only(), &received, &InjectOptions::new().endpoint("/cart").peer("stock:8080"));
    let header = parsed(&out);
    assert_eq!(header.trace_id(), AGENT);
    assert_eq!(header.segment_id(), "b7ad6b71692033310000000000000000");
    assert_eq!((header.span_number(), header.context().parent_id.unwrap().get()), (0, SPAN));
    assert_eq!([header.service(), header.instance()].map(|text| text.to_string()), ["cart", "cart-1"]);
    assert_eq!([header.endpoint(), header.peer()].map(|text| text.to_string()), ["/cart", "stock:8080"]);
    assert_eq!(out.len(), 1);
}

#[test]
fn ok_child_has_no_empty_field_and_endpoints_are_cut() {
    let received = headers([("sw8", &value(1, AGENT))]);
    let out = sent(&sw8_only(), &received, &InjectOptions::new().endpoint("").peer(""));
    assert_eq!([parsed(&out).endpoint(), parsed(&out).peer()].map(|text| text.to_string()), ["/", "unknown"]);
    for (chars, kept) in [(150, 150), (151, 150)] {
        let endpoint = "é".repeat(chars);
        let out = sent(&sw8_only(), &received, &InjectOptions::new().endpoint(&endpoint));
        assert_eq!(parsed(&out).endpoint().to_string().chars().count(), kept);
    }
}

#[test]
fn ok_child_writes_padded_base64() {
    let received = headers([("sw8", "1-Zh-Yg-0----")]);
    let out = sent(&sw8_only(), &received, &InjectOptions::new());
    assert!(get(&out, "sw8").unwrap().starts_with("1-Zg==-"), "{out:?}");
}

#[test]
fn ok_only_not_sampled_is_written_as_0() {
    let ids = (TraceId::MIN, SpanId::MIN);
    let sample = |sampling| {
        let mut out = Headers::new();
        let span = SpanContext::new(ids.0, ids.1).with_sampling(sampling);
        sw8_only().inject(&span, &InjectOptions::new(), &mut out);
        parsed(&out).is_sampled()
    };
    assert!(sample(Sampling::Sampled) && sample(Sampling::Debug) && sample(Sampling::Deferred));
    assert!(!sample(Sampling::NotSampled));
}

#[test]
fn ok_sample_0_fills_in_a_deferred_decision_and_1_does_not() {
    let propagator = Propagator::builder().extract(B3).extract(&SW8).inject_none().build().unwrap();
    let hex = "4bf92f3577b34da6a3ce929d0e0e4736";
    let b3 = format!("{hex}-00f067aa0ba902b7");
    let filled = |sample| {
        let received = headers([("b3", &b3), ("sw8", &value(sample, hex))]);
        propagator.extract(&received).context().unwrap().sampling
    };
    assert_eq!((filled(1), filled(0)), (Sampling::Deferred, Sampling::NotSampled));
}

#[test]
fn ok_passthrough_forwards_received_lines() {
    let joined = format!("{}, {}", value(1, "a"), value(0, "b").trim_end_matches('='));
    let received = headers([("sw8", &joined), ("sw8-x", "1-7-later"), ("sw8-correlation", "YQ:MQ, Yg:Mg")]);
    let out = passed_through(&sw8_only(), &received, &InjectOptions::everything());
    assert_eq!(out, received);
    let out = passed_through(&sw8_only(), &received, &InjectOptions::new().allow_baggage(Allow::Only(&["b"])));
    assert_eq!(get(&out, "sw8-correlation"), Some("Yg==:Mg=="));
    for husk in ["", "1-------", "1-x"] {
        assert!(passed_through(&sw8_only(), &headers([("sw8", husk)]), &InjectOptions::everything()).is_empty());
    }
}

#[test]
fn ok_passthrough_of_another_format_writes_the_identity() {
    let received = headers([("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]);
    let out = passed_through(&both(), &received, &InjectOptions::new());
    let header = parsed(&out);
    assert_eq!(
        (header.trace_id().to_string(), header.service().to_string()),
        (received[0].1[3..35].into(), "cart".into())
    );
    assert_eq!(header.context().parent_id.unwrap().to_string(), "00f067aa0ba902b7");
}

#[test]
fn ok_trace_id_text_survives_w3c_hops() {
    for text in
        [AGENT, "a92938ef-1d19-40ed-b058-a6c6a76a46a0", "328184291030819378811539062623745250102", "Bestellung 7 é"]
    {
        let out = sent(&both(), &headers([("sw8", &value(1, text))]), &InjectOptions::new());
        let hop = headers([
            ("traceparent", get(&out, "traceparent").unwrap()),
            ("tracestate", get(&out, "tracestate").unwrap()),
        ]);
        // A service that writes W3C and preserves sw8, then one that writes both.
        let preserving = Propagator::builder().extract(W3C).inject(W3C).preserve_in_tracestate();
        let preserving = preserving.build().unwrap();
        let hop = sent(&preserving, &hop, &InjectOptions::new());
        let back = sent(&both(), &hop, &InjectOptions::new());
        assert_eq!(parsed(&back).trace_id(), text);
        let mut out = Headers::new();
        let propagator = both();
        propagator.inject(propagator.extract(&hop).passthrough(), &InjectOptions::new(), &mut out);
        assert_eq!(parsed(&out).trace_id(), text);
    }
}

#[test]
fn ok_tracestate_item_of_a_trace_id() {
    let state = |text: &str| {
        let out = sent(&both(), &headers([("sw8", &value(1, text))]), &InjectOptions::new());
        get(&out, "tracestate").map(String::from)
    };
    assert_eq!(state(AGENT).as_deref(), Some("tp=1;5f86140e;s87.17422198108383774"));
    assert_eq!(state("4bf92f3577b34da6a3ce929d0e0e4736"), None);
    assert_eq!(state(&"x".repeat(300)), None);
}

#[test]
fn ok_item_of_another_trace_is_ignored() {
    let hop = |state: &str| {
        let received = headers([
            ("traceparent", "00-4afaa8a6631c4ac0987c5eac5f86140e-00f067aa0ba902b7-01"),
            ("tracestate", state),
        ]);
        parsed(&sent(&both(), &received, &InjectOptions::new())).trace_id().to_string()
    };
    assert_eq!(hop("tp=1;5f86140e;s87.17422198108383774"), AGENT);
    let hex = "4afaa8a6631c4ac0987c5eac5f86140e";
    assert_eq!(hop("tp=1;5f86140f;s87.17422198108383774"), hex);
    assert_eq!(hop("tp=1;5f86140e;slother"), hex);
}

#[test]
fn ok_sw8_x_keeps_the_mode_and_gets_the_time_of_the_call() {
    let extension = |received: Option<&str>, call: InjectOptions<'_>| {
        let mut headers = headers([("sw8", &value(1, AGENT))]);
        headers.extend(received.map(|line| ("sw8-x".into(), line.into())));
        get(&sent(&sw8_only(), &headers, &call), "sw8-x").map(String::from)
    };
    assert_eq!(extension(None, InjectOptions::new()), None);
    assert_eq!(extension(None, InjectOptions::new().sent_at_ms(7)).as_deref(), Some("0-7"));
    assert_eq!(extension(Some("1-5"), InjectOptions::new()).as_deref(), Some("1-"));
    assert_eq!(extension(Some("1-5"), InjectOptions::new().sent_at_ms(7)).as_deref(), Some("1-7"));
    assert_eq!(extension(Some("0- "), InjectOptions::new()).as_deref(), Some("0-"));
    assert_eq!(extension(Some("1-test"), InjectOptions::new()).as_deref(), Some("1-"));
    assert_eq!(extension(Some(&"1".repeat(65)), InjectOptions::new()), None);
    let received =
        headers([("sw8", &value(1, AGENT)), ("sw8-x", "1-test"), ("sw8-correlation", "YQ==:MQ==,YQ==:Mg==")]);
    let out = passed_through(&sw8_only(), &received, &InjectOptions::everything());
    assert_eq!((get(&out, "sw8-x"), get(&out, "sw8-correlation")), (Some("1-test"), Some("YQ==:Mg==")));
    // The received span, written again.
    let received = headers([("sw8", &value(1, AGENT)), ("sw8-x", "1-5")]);
    let repeated = |call: InjectOptions<'_>| {
        let (propagator, mut out) = (sw8_only(), Headers::new());
        let extraction = propagator.extract(&received);
        let context = extraction.context().unwrap();
        propagator.inject(&extraction.span_with_ids(context.trace_id, context.parent_id.unwrap()), &call, &mut out);
        get(&out, "sw8-x").map(String::from)
    };
    assert_eq!(repeated(InjectOptions::new()).as_deref(), Some("1-5"));
    assert_eq!(repeated(InjectOptions::new().sent_at_ms(7)).as_deref(), Some("1-7"));
}

#[test]
fn ok_correlation_is_written_where_allowed_and_only_with_sw8() {
    let received = headers([("sw8", &value(1, AGENT)), ("sw8-correlation", "YQ==:MQ==,Yg==:Mg==")]);
    let correlation = |call| get(&sent(&sw8_only(), &received, &call), "sw8-correlation").map(String::from);
    assert_eq!(correlation(InjectOptions::new()), None);
    assert_eq!(correlation(InjectOptions::everything()).as_deref(), Some("YQ==:MQ==,Yg==:Mg=="));
    assert_eq!(correlation(InjectOptions::new().allow_baggage(Allow::Only(&["b", "c"]))).as_deref(), Some("Yg==:Mg=="));
    let mut out = Headers::new();
    let propagator = sw8_only();
    let extraction = propagator.extract(&received);
    let omitted = propagator.inject(&child(&extraction), &InjectOptions::new(), &mut out);
    assert_eq!(omitted.to_string(), "sw8-correlation: 2 members omitted (not-allowed)");
    let omitted = propagator.inject(&child(&extraction), &InjectOptions::everything(), &mut out);
    assert!(omitted.is_complete());
    // A pair that is not allowed, and one that is too long.
    let long = format!("YQ==:MQ==,Yg==:Mg==,Yw==:{}", Encoded("x".repeat(129).as_bytes()));
    let received = headers([("sw8", &value(1, AGENT)), ("sw8-correlation", &long)]);
    let extraction = propagator.extract(&received);
    let some = InjectOptions::new().allow_baggage(Allow::Only(&["b", "c"]));
    let omitted = propagator.inject(&child(&extraction), &some, &mut out);
    let messages = "sw8-correlation: 1 member omitted (not-allowed); sw8-correlation: 1 member omitted (too-long)";
    assert_eq!(omitted.to_string(), messages);
}

#[test]
fn err_correlation_without_sw8_is_reported_and_not_written() {
    for (sw8, outcome) in [("1-------", "absent"), ("1-x", "invalid")] {
        let received = headers([("sw8", sw8), ("sw8-correlation", "YQ==:MQ==")]);
        let propagator = sw8_only();
        let report = propagator.explain(&received);
        let parsed = report.entries().next().unwrap().parsed;
        assert_eq!(parsed.outcome().as_str(), outcome);
        let ignored = InvalidHeader::new(Field::Sw8Correlation, InvalidReason::MissingTraceId, 0);
        assert!(parsed.ignored().eq([ignored]));
        let mut out = Headers::new();
        let span = report.extraction().new_span(&|| crate::id::generator::IdBits::random(7));
        propagator.inject(&span, &InjectOptions::everything(), &mut out);
        assert_eq!((get(&out, "sw8-correlation"), out.len()), (None, 1));
    }
    let idle = headers([("sw8", ""), ("sw8-correlation", ""), ("sw8-x", "0- ")]);
    assert_eq!(sw8_only().explain(&idle).invalid_headers().count(), 0);
}

#[test]
fn ok_invalid_optional_headers_are_ignored_alone() {
    let received = headers([("sw8", &value(1, AGENT)), ("sw8-x", &"1".repeat(65)), ("sw8-correlation", "x,YQ==:MQ==")]);
    let propagator = sw8_only();
    let report = propagator.explain(&received);
    let parsed = report.entries().next().unwrap().parsed;
    assert_eq!(parsed.outcome().as_str(), "context");
    assert_eq!(parsed.ignored_fields(), crate::field::FieldSet::of(&[Field::Sw8Extension]));
    let messages: Vec<_> = report.invalid_headers().map(|(_, error)| error.to_string()).collect();
    assert_eq!(messages, ["invalid sw8-correlation: bad-member at byte 0", "invalid sw8-x: too-long at byte 64"]);
    let out = passed_through(&propagator, &received, &InjectOptions::everything());
    assert_eq!((get(&out, "sw8-x"), get(&out, "sw8-correlation")), (None, Some("YQ==:MQ==")));
}

#[test]
fn ok_restart_keeps_the_pairs_and_not_the_trace() {
    let builder = Propagator::builder().extract(&SW8).inject(&SW8);
    let propagator = builder.trust(Trust::Restart).build().unwrap();
    let received = headers([("sw8", &value(1, AGENT)), ("sw8-x", "1-"), ("sw8-correlation", "YQ==:MQ==")]);
    let extraction = propagator.extract(&received);
    assert!(extraction.sw8().is_none());
    let span = extraction.new_span(&|| crate::id::generator::IdBits::random(7));
    let mut out = Headers::new();
    propagator.inject(&span, &InjectOptions::everything(), &mut out);
    assert_eq!(parsed(&out).trace_id(), span.trace_id().to_string().as_str());
    assert_eq!((get(&out, "sw8-x"), get(&out, "sw8-correlation")), (None, Some("YQ==:MQ==")));
}

#[test]
fn err_value_that_is_too_long_is_omitted() {
    let long = format!("1-{}-Yg==-0----", Encoded("x".repeat(1400).as_bytes()));
    let received = headers([("sw8", &long), ("sw8-correlation", "YQ==:MQ==")]);
    let propagator = sw8_only();
    let extraction = propagator.extract(&received);
    let mut out = Headers::new();
    let omitted = propagator.inject(&child(&extraction), &InjectOptions::new(), &mut out);
    assert_eq!(parsed(&out).trace_id().len(), 1400);
    assert!(omitted.iter().all(|omission| omission.field == Field::Sw8Correlation));
    let mut out = Headers::new();
    let peer = "p".repeat(200);
    let omitted = propagator.inject(&child(&extraction), &InjectOptions::everything().peer(&peer), &mut out);
    let omission = *omitted.iter().next().unwrap();
    assert_eq!((omission.field, omission.reason), (Field::Sw8, OmitReason::TooLong));
    assert!(out.is_empty());
    // The longest value is written again.
    let longest = format!("1-YQ==-Yg==-1234-Yw==-Yw==-Yw==-{}", "A".repeat(2016));
    let received = headers([("sw8", &longest)]);
    let extraction = propagator.extract(&received);
    let context = extraction.context().unwrap();
    let mut out = Headers::new();
    propagator.inject(
        &extraction.span_with_ids(context.trace_id, context.parent_id.unwrap()),
        &InjectOptions::new(),
        &mut out,
    );
    assert_eq!((longest.len(), get(&out, "sw8")), (2048, Some(longest.as_str())));
}

#[test]
fn ok_namespace_prefixes_all_names() {
    let sw8 = Sw8::new("cart", "cart-1").with_namespace("Acme").unwrap();
    let propagator = Propagator::builder().with_format(sw8.clone()).build().unwrap();
    let value = value(1, AGENT);
    let received = headers([("ACME-sw8", &value), ("acme-sw8-x", "1-"), ("acme-sw8-correlation", "YQ==:MQ==,Yg:Mg")]);
    let extraction = propagator.extract(&received);
    let view = sw8.received(extraction.headers()).unwrap();
    assert_eq!((view.correlation.len(), view.header.service().to_string()), (2, "shop".into()));
    let out = sent(&propagator, &received, &InjectOptions::everything());
    let header = Sw8Header::parse(get(&out, "acme-sw8").unwrap().as_bytes()).unwrap();
    assert_eq!(header.trace_id(), AGENT);
    assert_eq!(get(&out, "acme-sw8-x"), Some("1-"));
    assert_eq!(get(&out, "acme-sw8-correlation"), Some("YQ==:MQ==,Yg==:Mg=="));
    let out = passed_through(&propagator, &received, &InjectOptions::new().allow_baggage(Allow::Only(&["b"])));
    assert_eq!(get(&out, "acme-sw8"), Some(value.as_str()));
    assert_eq!(get(&out, "acme-sw8-correlation"), Some("Yg==:Mg=="));
    assert!(propagator.extract(&headers([("sw8", &value)])).context().is_none());
    let error = propagator.explain(&headers([("acme-sw8", "x")])).invalid_headers().next().unwrap().1;
    assert_eq!(error.to_string(), "invalid custom header 1: field-count at byte 1");
}

#[test]
fn ok_value_under_another_name_is_not_used() {
    let plain = sw8_only();
    let acme =
        Propagator::builder().with_format(Sw8::new("cart", "cart-1").with_namespace("acme").unwrap()).build().unwrap();
    let received = headers([("sw8", &value(1, AGENT)), ("acme-sw8", &value(1, "other"))]);
    let mut out = Headers::new();
    acme.inject(&child(&plain.extract(&received)), &InjectOptions::new(), &mut out);
    let header = Sw8Header::parse(get(&out, "acme-sw8").unwrap().as_bytes()).unwrap();
    assert_eq!(header.trace_id(), "4afaa8a6631c4ac0987c5eac5f86140e");
}

#[test]
fn err_namespace_that_makes_no_header_names() {
    assert!(Sw8::read_only().with_namespace(&"n".repeat(46)).is_ok());
    assert_eq!(Sw8::read_only().with_namespace(&"n".repeat(47)).unwrap_err(), InvalidHeaderName::BadLength);
    assert_eq!(Sw8::read_only().with_namespace("").unwrap_err(), InvalidHeaderName::BadLength);
    assert_eq!(Sw8::read_only().with_namespace("a b").unwrap_err(), InvalidHeaderName::BadByte(1));
}

#[test]
fn err_inject_without_a_valid_identity() {
    let build = |sw8: Sw8| Propagator::builder().extract_none().inject(sw8).build().map(|_| ());
    let err = |sw8: Sw8| match build(sw8) {
        Err(ConfigError::CannotInject { name, reason }) if name.as_str() == "sw8" => Some(reason),
        _ => None,
    };
    assert_eq!(err(Sw8::read_only()), Some(Sw8IdentityError::Missing.as_str()));
    assert_eq!(err(Sw8::new("", "i")), Some(Sw8IdentityError::BadService.as_str()));
    assert_eq!(err(Sw8::new("s", "")), Some(Sw8IdentityError::BadInstance.as_str()));
    assert_eq!(build(Sw8::new("s", "i")), Ok(()));
    assert!(Propagator::builder().extract(Sw8::read_only()).inject_none().build().is_ok());
}

proptest! {
    #[test]
    fn ok_roundtrip_w3c_ids(trace in 1u128.., span in 1u64.., sampled: bool) {
        let received = headers([("traceparent", &format!("00-{trace:032x}-{span:016x}-0{}", u8::from(sampled)))]);
        // Forwarded in sw8 alone, then in traceparent alone.
        let to_sw8 = Propagator::builder().extract(W3C).inject(&SW8).build().unwrap();
        let to_w3c = Propagator::builder().extract(&SW8).inject(W3C).build().unwrap();
        let hop = passed_through(&to_sw8, &received, &InjectOptions::new());
        let back = passed_through(&to_w3c, &hop, &InjectOptions::new());
        prop_assert_eq!(get(&back, "traceparent"), get(&received, "traceparent"));
        prop_assert_eq!(get(&back, "tracestate"), None);
    }

    #[test]
    fn ok_roundtrip_any_short_trace_id_text_over_w3c(text in "[ -~é😀]{1,40}") {
        prop_assume!(trace_id_from_text(&text).is_some());
        let out = sent(&both(), &headers([("sw8", &value(1, &text))]), &InjectOptions::new());
        let hop = headers([("traceparent", get(&out, "traceparent").unwrap()), ("tracestate", get(&out, "tracestate").unwrap_or_default())]);
        let back = sent(&both(), &hop, &InjectOptions::new());
        prop_assert_eq!(parsed(&back).trace_id(), text.as_str());
    }

    #[test]
    fn ok_any_request_is_read_and_only_valid_headers_are_written(lines in proptest::collection::vec(("sw8(-x|-correlation)?", "[01]?-?[A-Za-z0-9+/=:, -]{0,40}"), 0..6)) {
        let propagator = both();
        let extraction = propagator.extract(&lines);
        let span = extraction.new_span(&|| crate::id::generator::IdBits::random(7));
        let mut out = Headers::new();
        propagator.inject(&span, &InjectOptions::everything(), &mut out);
        if extraction.passthrough().context().is_some() {
            propagator.inject(extraction.passthrough(), &InjectOptions::everything(), &mut out);
        }
        for (name, value) in &out {
            prop_assert!(!value.trim().is_empty() && value.bytes().all(|b| matches!(b, b' '..=b'~')), "{}: {}", name, value);
        }
    }
}
