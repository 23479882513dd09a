//! Jaeger's baggage on its way out.

use traceprop_core::formats::baggage::W3cBaggage;
use traceprop_core::formats::jaeger::Jaeger;
use traceprop_core::{
    Allow, IdBits, InjectOptions, OwnedBaggage, OwnedContext, Pairs, Propagator, Sampling, SpanContext, Trust,
    formats::jaeger::{JaegerBaggage, JaegerFlags},
    report::OmitReason,
};

use crate::wire::{OWN_SPAN, TRACE, forward, header, inject, inject_span, jaeger, lines, own_span_id, trace};

const BAGGAGE: [(&str, &str); 4] = [
    ("uberctx-Tenant", "acme+inc"),
    ("jaeger-baggage", "user=a%2Fb,no key=1"),
    ("uberctx-load", "100%"),
    ("uberctx-e", ""),
];

#[test]
fn ok_span_writes_baggage_in_the_canonical_form() {
    let headers = inject_span(&jaeger(), &BAGGAGE, &InjectOptions::everything());
    let expected = [("uberctx-tenant", "acme%20inc"), ("uberctx-load", "100%25"), ("uberctx-user", "a%2Fb")];
    assert_eq!(lines(&headers)[1..], expected);
}

#[test]
fn ok_passthrough_writes_baggage_unchanged() {
    let headers = forward(&jaeger(), &BAGGAGE, &InjectOptions::everything());
    let expected =
        [("uberctx-tenant", "acme+inc"), ("uberctx-load", "100%"), ("jaeger-baggage", "user=a%2Fb,no key=1")];
    assert_eq!(lines(&headers), expected);
}

#[test]
fn ok_passthrough_of_a_list_with_a_bad_member_writes_the_good_ones() {
    let headers = forward(&jaeger(), &[("jaeger-baggage", "a=1+2,broken")], &InjectOptions::everything());
    assert_eq!(lines(&headers), [("uberctx-a", "1%202")]);
    // A value with bytes that no header may hold cannot be forwarded verbatim either.
    let headers = forward(&jaeger(), &[("uberctx-a", "é+")], &InjectOptions::everything());
    assert_eq!(lines(&headers), [("uberctx-a", "%C3%A9%20")]);
}

#[test]
fn regression_passthrough_of_a_list_member_that_gave_way_does_not_bring_it_back() {
    // The line says nothing, so it cannot be forwarded, and the member after it does not count.
    let request = [("uberctx-a", ""), ("jaeger-baggage", "a=1,b=2")];
    let headers = forward(&jaeger(), &request, &InjectOptions::everything());
    assert_eq!(lines(&headers), [("uberctx-b", "2")]);
}

#[test]
fn regression_key_of_a_list_member_is_written_decoded() {
    // Receivers do not decode the key of a line.
    let request = [("jaeger-baggage", "Ten%61nt=acme,my+key=1,a%20b=2,a%3Ab=3,%c3%a9=4,100%=5")];
    let headers = inject_span(&jaeger(), &request, &InjectOptions::everything());
    assert_eq!(lines(&headers)[1..], [("uberctx-tenant", "acme"), ("uberctx-100%", "5")]);
}

#[test]
fn ok_baggage_leaves_only_where_it_may() {
    let propagator = jaeger();
    assert_eq!(inject_span(&propagator, &BAGGAGE, &InjectOptions::new()).len(), 1);
    // A key is part of a header name, so its letter case does not count.
    let some = InjectOptions::new().allow_baggage(Allow::Only(&["tenant", "USER"]));
    let headers = forward(&propagator, &BAGGAGE, &some);
    assert_eq!(lines(&headers), [("uberctx-tenant", "acme+inc"), ("uberctx-user", "a%2Fb")]);
    let mut headers = Pairs::new();
    let omissions = propagator.inject(propagator.extract(&BAGGAGE).passthrough(), &some, &mut headers);
    assert_eq!(omissions.to_string(), "uberctx-: 3 members omitted (not-allowed)");
}

#[test]
fn ok_baggage_that_cannot_be_written_is_named() {
    let propagator = jaeger();
    let long = "k".repeat(121);
    let list = format!("a b=1,é=1,empty=,{long}=1,{}=1", &long[1..]);
    let request = [("jaeger-baggage", list)];
    let mut headers = Pairs::new();
    let span = propagator.extract(&request).span_with_ids(trace(), own_span_id());
    let omissions = propagator.inject(&span, &InjectOptions::everything(), &mut headers);
    let omitted: Vec<_> = omissions.iter().map(|omission| (omission.reason, omission.count)).collect();
    assert_eq!(omitted, [(OmitReason::BadKey, 2), (OmitReason::BadValue, 1), (OmitReason::TooLong, 1)]);
    assert_eq!((headers.len(), headers.get(&format!("uberctx-{}", &long[1..]))), (2, Some("1")));
}

#[test]
fn ok_baggage_that_grows_beyond_the_limit_is_cut_at_a_whole_item() {
    let propagator = jaeger();
    // Each blank becomes three characters.
    let blanks = "+".repeat(2000);
    let request = [("uberctx-a", blanks.as_str()), ("uberctx-b", &blanks), ("uberctx-c", "1")];
    let mut headers = Pairs::new();
    let span = propagator.extract(&request).span_with_ids(trace(), own_span_id());
    let omissions = propagator.inject(&span, &InjectOptions::everything(), &mut headers);
    assert_eq!(omissions.to_string(), "uberctx-: 2 members omitted (too-long)");
    assert_eq!(headers.get("uberctx-a").map(str::len), Some(6000));
    assert_eq!(lines(&forward(&propagator, &request, &InjectOptions::everything())), request);
}

#[test]
fn ok_ignore_forgets_the_baggage_and_restart_keeps_it() {
    for (behavior, count) in [(Trust::Restart, 1), (Trust::Ignore, 0)] {
        let propagator = Propagator::builder().with_format(Jaeger::new()).trust(behavior).build().expect("one format");
        let value = header("b");
        let request = [("uber-trace-id", value.as_str()), ("uberctx-k", "v")];
        let extraction = propagator.extract(&request);
        assert_eq!((extraction.jaeger().baggage().len(), extraction.jaeger().uber_trace_id()), (count, None));
        let span = extraction.new_span(&|| IdBits::random(7));
        let headers = inject(&propagator, &span, &InjectOptions::everything());
        assert_eq!(headers.len(), 1 + count);
        assert!(headers.get("uber-trace-id").is_some_and(|value| value.ends_with(":0:1")));
    }
}

#[test]
fn ok_w3c_baggage_becomes_uberctx_only_where_that_was_asked_for() {
    let value = header("1");
    let request = [
        ("uber-trace-id", value.as_str()),
        ("uberctx-tenant", "own"),
        ("baggage", "Tenant=w3c,userId=a+b%20c;secure,userid=d,x=%"),
    ];
    let builder = || Propagator::builder().extract(W3cBaggage::new());
    let without = builder().with_format(Jaeger::new()).build().expect("formats");
    let headers = inject_span(&without, &request, &InjectOptions::everything());
    assert_eq!(lines(&headers)[1..], [("uberctx-tenant", "own")]);
    let with = builder().with_format(Jaeger::new().with_w3c_baggage()).build().expect("formats");
    let headers = inject_span(&with, &request, &InjectOptions::everything());
    assert_eq!(lines(&headers)[1..], [("uberctx-tenant", "own"), ("uberctx-userid", "d"), ("uberctx-x", "%25")]);
    // As W3C baggage its key has the letter case that it was allowed with.
    let headers = inject_span(&with, &request, &InjectOptions::new().allow_baggage(Allow::Only(&["X"])));
    assert_eq!(headers.len(), 1);
}

#[test]
fn ok_w3c_baggage_beyond_64_items_is_omitted_and_counted() {
    let value = header("1");
    let members: Vec<_> = (0..64).map(|i| format!("k{i}=v")).collect();
    let list = members.join(",");
    let builder = Propagator::builder().extract(W3cBaggage::new()).with_format(Jaeger::new().with_w3c_baggage());
    let propagator = builder.build().expect("formats");
    let written = |request: &[(&'static str, &str)]| {
        let mut headers = Pairs::new();
        let extraction = propagator.extract(&request);
        let span = extraction.span_with_ids(trace(), own_span_id());
        let omissions = propagator.inject(&span, &InjectOptions::everything(), &mut headers);
        (headers.len() - 1, omissions.to_string())
    };
    let request = [("uber-trace-id", value.as_str()), ("baggage", &list), ("uberctx-a", "1"), ("uberctx-b", "2")];
    assert_eq!(written(&request[..2]), (64, String::from("nothing omitted")));
    assert_eq!(written(&request), (64, String::from("uberctx-: 2 members omitted (too-many-members)")));
}

#[test]
fn ok_8192_bytes_of_keys_and_values_are_written() {
    let value = header("1");
    let written = |brackets: &str| {
        let long = "x".repeat(8180);
        let request = [("uber-trace-id", value.as_str()), ("uberctx-k", long.as_str()), ("uberctx-a", brackets)];
        inject_span(&jaeger(), &request, &InjectOptions::everything()).len()
    };
    // Of the 11 bytes after the first item, the key takes one, and each bracket three.
    assert_eq!((written("((("), written("((((")), (3, 2));
}

#[test]
fn ok_context_from_fields_is_written_and_read_again() {
    let span = SpanContext::new(trace(), own_span_id()).with_sampling(Sampling::Sampled);
    let items = [("Tenant", "acme inc"), ("list", "a,b=c"), ("tenant", "é")];
    let owned = OwnedContext::new(span).with_jaeger_flags(JaegerFlags::from_byte(0x19));
    let owned = owned.with_jaeger_baggage(items).expect("legal keys");
    assert_eq!(owned.jaeger().uber_trace_id().map(|header| header.flags.to_byte()), Some(0x19));
    assert_eq!(owned.jaeger().baggage().get("list").map(|item| item.value().into_owned()).as_deref(), Some("a,b=c"));
    let headers = inject(&jaeger(), &owned.span().expect("a span"), &InjectOptions::everything());
    let expected = format!("{TRACE}:{OWN_SPAN}:0:19");
    assert_eq!(
        lines(&headers),
        [("uber-trace-id", expected.as_str()), ("uberctx-tenant", "%C3%A9"), ("uberctx-list", "a%2Cb%3Dc")]
    );
    // Other baggage replaces it.
    let owned = owned.with_jaeger_baggage([]).expect("no keys");
    assert!(owned.jaeger().baggage().is_empty() && owned.jaeger().uber_trace_id().is_some());
}

#[test]
fn err_context_from_fields_with_baggage_that_cannot_be_written() {
    let context = || OwnedContext::new(SpanContext::new(trace(), own_span_id()));
    let reason = |key: &str, value: &str| {
        context().with_jaeger_baggage([(key, value)]).map_err(|reject| reject.reason().as_str()).err()
    };
    assert_eq!(reason("a b", ""), Some("bad-key"));
    assert_eq!(reason("", ""), Some("bad-key"));
    assert_eq!((reason(&"k".repeat(120), ""), reason(&"k".repeat(121), "")), (None, Some("too-long")));
    assert_eq!((reason("k", &"x".repeat(8191)), reason("k", &"x".repeat(8192))), (None, Some("too-long")));
    assert_eq!(reason("k", &" ".repeat(2731)), Some("too-long"));
    let many = |count| context().with_jaeger_baggage(std::iter::repeat_n(("k", "v"), count));
    assert!(many(JaegerBaggage::MAX_ITEMS).is_ok());
    assert_eq!(many(65).map_err(|reject| reject.reason().as_str()).err(), Some("too-many-members"));
}

#[test]
fn ok_owned_context_keeps_flags_and_baggage_across_an_await() {
    let propagator = jaeger();
    let owned = {
        let value = header("d");
        let request = [("uber-trace-id", value.as_str()), ("uberctx-a", "1"), ("jaeger-baggage", "b=2")];
        let extraction = propagator.extract(&request);
        assert_eq!(OwnedBaggage::from(&extraction.jaeger().baggage()).to_string(), "a=1,b=2");
        OwnedContext::from_span(&extraction, &extraction.span_with_ids(trace(), own_span_id()))
    };
    assert_eq!(owned.jaeger().baggage().len(), 2);
    let headers = inject(&propagator, &owned.span().expect("a span"), &InjectOptions::everything());
    let expected = format!("{TRACE}:{OWN_SPAN}:0:d");
    assert_eq!(lines(&headers), [("uber-trace-id", expected.as_str()), ("uberctx-a", "1"), ("uberctx-b", "2")]);
}
