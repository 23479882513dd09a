//! B3 through a propagator: both encodings, and the properties they share.
#![cfg(feature = "alloc")]

use proptest::prelude::*;
use traceprop_core::formats::b3::B3;
use traceprop_core::formats::tracecontext::W3cTraceContext;
use traceprop_core::{
    CarrierMut, Field, IdBits, InjectOptions, InvalidHeader, InvalidReason, OwnedContext, Pairs, Propagator,
    PropagatorBuilder, RemoteContext, Sampling, SpanContext, SpanId, TraceId,
    carrier::{FieldName, FieldValue},
    format::Passthrough,
    formats::b3::{B3Ids, B3Multi, B3Single},
};

const TRACE: &str = "bd8ec9a1f80385ed3d7c9ec7081ab44d";
const SINGLE_LINE: (&str, &str) = ("b3", "bd8ec9a1f80385ed3d7c9ec7081ab44d-17857e0831e5554e-1-90f26b82fe915329");

const MULTI_LINES: [(&str, &str); 4] = [
    ("x-b3-traceid", TRACE),
    ("x-b3-spanid", "17857e0831e5554e"),
    ("x-b3-parentspanid", "90f26b82fe915329"),
    ("x-b3-sampled", "1"),
];

fn reads() -> PropagatorBuilder {
    Propagator::builder().extract(B3::single())
}

fn writes(format: B3) -> Propagator {
    reads().inject(format).build().expect("a reader and a writer")
}

fn lines(headers: &Pairs) -> Vec<(&str, &str)> {
    headers.iter().collect()
}

/// Returns what a service without spans forwards.
#[track_caller]
fn forwarded(propagator: &Propagator, request: &[(&'static str, &'static str)]) -> Vec<(String, String)> {
    let request = request.to_vec();
    let extraction = propagator.extract(&request);
    let (mut direct, mut owned) = (Pairs::new(), Pairs::new());
    assert!(propagator.inject(extraction.passthrough(), &InjectOptions::new(), &mut direct).is_complete());
    let context = OwnedContext::from_passthrough(&extraction);
    assert!(propagator.inject(&context, &InjectOptions::new(), &mut owned).is_complete());
    assert_eq!(direct, owned);
    direct.into_iter().collect()
}

/// Returns what the span of a service sends.
#[track_caller]
fn sent(propagator: &Propagator, request: &[(&'static str, &'static str)]) -> Vec<(String, String)> {
    let request = request.to_vec();
    let span = propagator.extract(&request).new_span(&|| IdBits::non_random(0xabc));
    let mut headers = Pairs::new();
    assert!(propagator.inject(&span, &InjectOptions::new(), &mut headers).is_complete());
    headers.into_iter().collect()
}

fn owned(lines: &[(&str, &str)]) -> Vec<(String, String)> {
    lines.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

#[test]
fn ok_source_format_is_the_encoding_that_was_read() {
    let propagator = writes(B3::single());
    assert_eq!(propagator.extract(&[SINGLE_LINE]).source_format(), Some("b3"));
    assert_eq!(propagator.extract(&MULTI_LINES).source_format(), Some("b3multi"));
    let nothing = [("accept", "*/*")];
    assert_eq!(propagator.explain(&nothing).to_string(), "new trace; absent: b3");
}

#[test]
fn ok_invalid_single_with_valid_multi_is_reported() {
    let propagator = writes(B3::single());
    let request = [&[("b3", "-")], &MULTI_LINES[..]].concat();
    let report = propagator.explain(&request);
    assert_eq!(report.source_format(), Some("b3multi"));
    assert!(report.invalid_headers().map(|(_, invalid)| invalid).eq([InvalidHeader::new(
        Field::B3,
        InvalidReason::EmptyField,
        0
    )]));
    let decision = [("b3", ""), ("x-b3-sampled", "0")];
    let extraction = propagator.extract(&decision);
    assert_eq!((extraction.context(), extraction.sampling()), (None, Sampling::NotSampled));
}

#[test]
fn err_both_bad_are_both_reported() {
    let propagator = writes(B3::single());
    let request = [("b3", ""), ("x-b3-traceid", TRACE)];
    let report = propagator.explain(&request);
    let expected = [(Field::B3, InvalidReason::Empty), (Field::B3SpanId, InvalidReason::MissingSpanId)];
    assert!(
        report
            .invalid_headers()
            .map(|(_, invalid)| invalid)
            .eq(expected.map(|(field, reason)| InvalidHeader::new(field, reason, 0)))
    );
    assert_eq!(report.entries().next().unwrap().format, "b3");
    let multi = propagator.explain(&[request[1]]).to_string();
    assert_eq!(multi, "new trace; b3multi: invalid x-b3-spanid (missing-span-id at byte 0)");
}

#[test]
fn ok_a_bare_decision_is_that_of_the_ids_in_the_several_headers() {
    let propagator = writes(B3::single());
    for (decision, sampling) in [("0", Sampling::NotSampled), ("1", Sampling::Sampled), ("d", Sampling::Debug)] {
        let request = [&[("b3", decision)], &MULTI_LINES[..]].concat();
        let report = propagator.explain(&request);
        let context = report.extraction().context().expect("ids in the several headers");
        assert_eq!((context.trace_id.to_string().as_str(), context.sampling), (TRACE, sampling));
        assert_eq!(report.source_format(), Some("b3multi"));
        // Together they are what is forwarded, so both are.
        assert_eq!(forwarded(&propagator, &request), owned(&request));
    }
    // Copies and blanks around do not change what the single header says.
    for copies in [&[("b3", " 0")][..], &[("b3", "0,0")], &[("b3", " 0"), ("b3", "0")]] {
        let extraction = propagator.extract(&[copies, &MULTI_LINES].concat()).context();
        assert_eq!(extraction.map(|context| context.sampling), Some(Sampling::NotSampled), "{copies:?}");
    }
    // Without ids, or with invalid ones, the decision is alone.
    for multi in [&[][..], &[MULTI_LINES[0]], &[("x-b3-sampled", "1")]] {
        let request = [&[("b3", "0")], multi].concat();
        let extraction = propagator.extract(&request);
        assert_eq!((extraction.context(), extraction.sampling()), (None, Sampling::NotSampled));
    }
}

#[test]
fn ok_both_names_in_one_list_are_one_reader() {
    let builder = Propagator::builder().extract(W3cTraceContext::new()).extract(B3::multi()).extract(B3::single());
    let propagator = builder.inject_none().build().unwrap();
    assert!(propagator.extract_names().eq(["tracecontext", "b3multi"]));
    let other = ("traceparent", "00-000000000000000080e6b5d0a9d93650-8a0ac984f71ab247-01");
    let request = [SINGLE_LINE, other];
    let extraction = propagator.extract(&request);
    assert!(extraction.links().map(|link| link.format).eq(["b3"]));
}

#[test]
fn ok_span_writes_no_parent() {
    let of_span = "bd8ec9a1f80385ed3d7c9ec7081ab44d-0000000000000abc-1";
    for request in [&[SINGLE_LINE][..], &MULTI_LINES] {
        assert_eq!(sent(&writes(B3::single()), request), owned(&[("b3", of_span)]));
        let multi = [("x-b3-traceid", TRACE), ("x-b3-spanid", "0000000000000abc"), ("x-b3-sampled", "1")];
        assert_eq!(sent(&writes(B3::multi()), request), owned(&multi));
        assert_eq!(sent(&writes(B3::both()), request), owned(&[&[("b3", of_span)], &multi[..]].concat()));
    }
}

#[test]
fn ok_span_keeps_16_digits_only_if_b3_had_them() {
    let propagator = reads().extract(W3cTraceContext::new()).inject(B3::single()).build().unwrap();
    let short = owned(&[("b3", "80e6b5d0a9d93650-0000000000000abc-1")]);
    let long = owned(&[("b3", "000000000000000080e6b5d0a9d93650-0000000000000abc-1")]);
    let w3c = ("traceparent", "00-000000000000000080e6b5d0a9d93650-8a0ac984f71ab247-01");
    assert_eq!(sent(&propagator, &[("b3", "80e6b5d0a9d93650-8a0ac984f71ab247-1")]), short);
    assert_eq!(sent(&propagator, &[("b3", "80e6b5d0a9d93650-8a0ac984f71ab247"), w3c]), short);
    assert_eq!(sent(&propagator, &[("b3", "000000000000000080e6b5d0a9d93650-8a0ac984f71ab247-1")]), long);
    assert_eq!(sent(&propagator, &[w3c]), long);
    let other = ("b3", "f5d0a9d93650a9d9-8a0ac984f71ab247-1");
    let w3c_first = Propagator::builder().extract(W3cTraceContext::new()).extract(B3::single()).inject(B3::single());
    assert_eq!(sent(&w3c_first.build().unwrap(), &[other, w3c]), long);
    let stripped = [("x-b3-traceid", "b5d0a9d93650"), ("x-b3-spanid", "c984f71ab247"), ("x-b3-sampled", "1")];
    assert_eq!(sent(&propagator, &stripped), owned(&[("b3", "0000b5d0a9d93650-0000000000000abc-1")]));
}

#[test]
fn ok_passthrough_forwards_each_encoding_unchanged() {
    let odd = [("x-b3-traceid", "b5d0a9d93650"), ("x-b3-spanid", "c984f71ab247"), ("x-b3-sampled", " True")];
    assert_eq!(forwarded(&writes(B3::multi()), &odd), owned(&odd));
    let debug = [MULTI_LINES[0], MULTI_LINES[1], ("x-b3-sampled", "0"), ("x-b3-flags", "1")];
    assert_eq!(forwarded(&writes(B3::multi()), &debug), owned(&debug));
    let parent_alone = [("b3", "bd8ec9a1f80385ed3d7c9ec7081ab44d-17857e0831e5554e-90f26b82fe915329")];
    assert_eq!(forwarded(&writes(B3::single()), &parent_alone), owned(&parent_alone));
    let both = [&[SINGLE_LINE], &MULTI_LINES[..]].concat();
    assert_eq!(forwarded(&writes(B3::both()), &both), owned(&both));
    assert_eq!(forwarded(&writes(B3::multi()), &both), owned(&both));
}

#[test]
fn ok_passthrough_into_the_other_encoding_keeps_the_parent_and_the_received_one() {
    assert_eq!(forwarded(&writes(B3::multi()), &[SINGLE_LINE]), owned(&[&[SINGLE_LINE], &MULTI_LINES[..]].concat()));
    assert_eq!(forwarded(&writes(B3::single()), &MULTI_LINES), owned(&[&[SINGLE_LINE], &MULTI_LINES[..]].concat()));
    let both = owned(&[&[SINGLE_LINE], &MULTI_LINES[..]].concat());
    assert_eq!(forwarded(&writes(B3::both()), &[SINGLE_LINE]), both);
    assert_eq!(forwarded(&writes(B3::both()), &MULTI_LINES), both);
}

#[test]
fn ok_passthrough_omits_what_is_invalid_or_contradicts() {
    let bad = [MULTI_LINES[0], MULTI_LINES[1], ("x-b3-parentspanid", "-"), ("x-b3-sampled", "")];
    assert_eq!(forwarded(&writes(B3::multi()), &bad), owned(&MULTI_LINES[..2]));
    let bad_single = [&[("b3", "nonsense")], &MULTI_LINES[..]].concat();
    assert_eq!(forwarded(&writes(B3::both()), &bad_single), owned(&[&[SINGLE_LINE], &MULTI_LINES[..]].concat()));
    let denied = [&[("b3", "0")], &MULTI_LINES[..]].concat();
    assert_eq!(forwarded(&writes(B3::both()), &denied), owned(&denied));
    // The several headers contradict the single one, which names the trace.
    let other = [&[("b3", "bd8ec9a1f80385ed3d7c9ec7081ab44d-17857e0831e5554e-0")], &MULTI_LINES[..]].concat();
    assert_eq!(forwarded(&writes(B3::single()), &other), owned(&other[..1]));
}

#[test]
fn ok_passthrough_of_another_span_leaves_the_one_in_b3() {
    let propagator = Propagator::builder().extract(W3cTraceContext::new()).extract(B3::single()).inject(B3::single());
    let w3c = ("traceparent", "00-bd8ec9a1f80385ed3d7c9ec7081ab44d-00000000000000ff-01");
    let propagator = propagator.build().unwrap();
    // In a mesh each proxy updates its own format.
    assert_eq!(forwarded(&propagator, &[w3c, SINGLE_LINE]), owned(&[SINGLE_LINE, w3c]));
    // What is written anew has no parent of another span.
    let open = ("b3", "bd8ec9a1f80385ed3d7c9ec7081ab44d-17857e0831e5554e-90f26b82fe915329");
    let anew = ("b3", "bd8ec9a1f80385ed3d7c9ec7081ab44d-00000000000000ff-1");
    assert_eq!(forwarded(&propagator, &[w3c, open]), owned(&[anew, w3c]));
}

#[test]
fn ok_passthrough_of_a_bare_decision_and_of_none() {
    for (single, multi) in [("0", ("x-b3-sampled", "0")), ("1", ("x-b3-sampled", "1")), ("d", ("x-b3-flags", "1"))] {
        for request in [("b3", single), multi] {
            // An encoding that was received is forwarded, and the one to write is written.
            let both = owned(&[("b3", single), multi]);
            let alone = owned(&[request]);
            let expected = |written: &str| if request.0.starts_with(written) { &alone } else { &both };
            assert_eq!(&forwarded(&writes(B3::single()), &[request]), expected("b3"));
            assert_eq!(&forwarded(&writes(B3::multi()), &[request]), expected("x-b3"));
        }
    }
    assert_eq!(forwarded(&writes(B3::both()), &[("b3", "nonsense")]), []);
    assert_eq!(forwarded(&writes(B3::both()), &[("x-b3-flags", "0")]), []);
}

#[test]
fn ok_passthrough_with_a_decision_filled_in_is_written_anew() {
    let propagator = reads().extract(W3cTraceContext::new()).inject(B3::both()).build().unwrap();
    let request = [
        ("b3", "80e6b5d0a9d93650-8a0ac984f71ab247-90f26b82fe915329"),
        ("traceparent", "00-000000000000000080e6b5d0a9d93650-8a0ac984f71ab247-01"),
    ];
    let expected = [
        ("b3", "80e6b5d0a9d93650-8a0ac984f71ab247-1-90f26b82fe915329"),
        ("x-b3-traceid", "80e6b5d0a9d93650"),
        ("x-b3-spanid", "8a0ac984f71ab247"),
        ("x-b3-parentspanid", "90f26b82fe915329"),
        ("x-b3-sampled", "1"),
        request[1],
    ];
    assert_eq!(forwarded(&propagator, &request), owned(&expected));
}

#[test]
fn ok_stale_headers_of_either_encoding_go_and_nothing_is_written_twice() {
    let span = SpanContext::new(TRACE.parse().unwrap(), SpanId::MIN).with_sampling(Sampling::NotSampled);
    let single = ("b3", "bd8ec9a1f80385ed3d7c9ec7081ab44d-0000000000000001-0");
    let multi = [("x-b3-traceid", TRACE), ("x-b3-spanid", "0000000000000001"), ("x-b3-sampled", "0")];
    let both = [&[single], &multi[..]].concat();
    let check = |builder: PropagatorBuilder, expected: &[(&str, &str)]| {
        let mut headers = owned(&[("X-B3-Flags", "1"), ("accept", "*/*"), ("B3", "1"), ("x-b3-flags", "1")]);
        builder.build().unwrap().inject(&span, &InjectOptions::new(), &mut headers);
        assert_eq!(headers, owned(&[&[("accept", "*/*")], expected].concat()));
    };
    check(reads().inject(B3::single()), &[single]);
    check(reads().inject(B3::multi()), &multi);
    check(reads().inject(B3::both()), &both);
    check(reads().inject(B3::single()).inject(B3::multi()), &both);
    check(reads().inject(B3::multi()).inject(B3::single()), &[&multi[..], &[single]].concat());
    check(reads().inject(B3::multi()).inject(B3::both()), &[&multi[..], &[single]].concat());
}

#[test]
fn ok_fields_are_listed_once() {
    let propagator = reads().inject(B3::single()).inject(B3::multi()).build().unwrap();
    let expected = ["b3", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags"];
    assert!(propagator.inject_fields().eq(expected));
}

#[test]
fn ok_no_context_and_no_span_id_write_nothing() {
    let propagator = writes(B3::both());
    let context = RemoteContext::new(TRACE.parse().unwrap(), None);
    let no_span = Passthrough::from_remote(RemoteContext { sampling: Sampling::Sampled, ..context });
    let nothing = Passthrough::sampling_only(Sampling::Deferred);
    // Without a context the carrier is left alone. A trace that cannot be written leaves nothing older either.
    for (passthrough, left_out, left) in [(nothing, 0, owned(&[("b3", "1")])), (no_span, 2, owned(&[]))] {
        let mut headers = owned(&[("b3", "1")]);
        let omissions = propagator.inject(passthrough, &InjectOptions::new(), &mut headers);
        assert_eq!((omissions.iter().count(), headers), (left_out, left));
    }
}

fn w3c_hop() -> Propagator {
    reads().extract(W3cTraceContext::new()).inject(W3cTraceContext::new()).build().expect("readers and a writer")
}

#[test]
fn ok_debug_and_deferred_return_from_a_w3c_hop() {
    let head = "bd8ec9a1f80385ed3d7c9ec7081ab44d-17857e0831e5554e";
    for (letter, line) in [("d", format!("{head}-d")), ("f", head.to_string())] {
        let request = [("b3", line.as_str())];
        let into = w3c_hop();
        let mut between = Pairs::new();
        into.inject(into.extract(&request).passthrough(), &InjectOptions::new(), &mut between);
        // B3 is only read, so it is forwarded too. A hop that knows W3C alone loses it.
        assert_eq!(lines(&between)[2], request[0]);
        let between: Vec<_> = lines(&between)[..2].to_vec();
        assert_eq!(between[1].1, format!("tp=1;081ab44d;{letter}"));

        // A second W3C hop keeps it, without having seen b3.
        let mut further = Pairs::new();
        into.inject(into.extract(&between).passthrough(), &InjectOptions::new(), &mut further);
        assert_eq!(lines(&further), between);

        let out_of = Propagator::builder().extract(W3cTraceContext::new()).inject(B3::single()).build().unwrap();
        let mut back = Pairs::new();
        out_of.inject(out_of.extract(&further).passthrough(), &InjectOptions::new(), &mut back);
        assert_eq!(lines(&back)[..1], request);
        // W3C is only read there, so its lines are forwarded as they are.
        assert_eq!(lines(&back)[1..], lines(&further));
    }
}

#[test]
fn ok_debug_crosses_a_service_with_spans_and_goes_with_the_decision() {
    let parent = ("traceparent", "00-bd8ec9a1f80385ed3d7c9ec7081ab44d-17857e0831e5554e-01");
    let request = [parent, ("tracestate", "rojo=1,tp=1;081ab44d;d")];
    let of_span = ("traceparent", "00-bd8ec9a1f80385ed3d7c9ec7081ab44d-0000000000000abc-01");
    assert_eq!(sent(&w3c_hop(), &request), owned(&[of_span, ("tracestate", "rojo=1,tp=1;081ab44d;d")]));
    let extraction_of = w3c_hop();
    let span = extraction_of.extract(&request).new_span_with(&|| IdBits::non_random(0xabc), &Sampling::Sampled);
    let mut headers = Pairs::new();
    w3c_hop().inject(&span, &InjectOptions::new(), &mut headers);
    assert_eq!(lines(&headers), [of_span, ("tracestate", "rojo=1")]);
}

#[test]
fn ok_no_bridge_for_what_w3c_can_say_or_did_not_come_in_b3() {
    let decided = sent(&w3c_hop(), &[("b3", "bd8ec9a1f80385ed3d7c9ec7081ab44d-17857e0831e5554e")]);
    assert_eq!(decided, owned(&[("traceparent", "00-bd8ec9a1f80385ed3d7c9ec7081ab44d-0000000000000abc-01")]));
    let new_root = sent(&w3c_hop(), &[("b3", "d")]);
    assert_eq!(new_root.len(), 1);
    let made_here =
        OwnedContext::from(B3Single::parse(b"bd8ec9a1f80385ed3d7c9ec7081ab44d-17857e0831e5554e-d").unwrap());
    let mut headers = Pairs::new();
    w3c_hop().inject(&made_here, &InjectOptions::new(), &mut headers);
    assert_eq!(headers.get("tracestate"), None);
}

#[test]
fn ok_extract_and_inject_allocate_nothing() {
    struct Sink;
    impl CarrierMut for Sink {
        fn append(&mut self, _: FieldName<'_>, _: FieldValue<'_>) {}
        fn remove_if(&mut self, _: &mut dyn FnMut(&str) -> bool) {}
    }
    let propagator = writes(B3::both());
    let requests = [&[SINGLE_LINE][..], &MULTI_LINES, &[("b3", " -"), ("x-b3-sampled", "x")]].map(<[_]>::to_vec);
    let count = allocation_counter::measure(|| {
        for request in &requests {
            let extraction = propagator.extract(request);
            let span = extraction.new_span(&|| IdBits::non_random(7));
            propagator.inject(&span, &InjectOptions::new(), &mut Sink);
            propagator.inject(extraction.passthrough(), &InjectOptions::new(), &mut Sink);
        }
    });
    assert_eq!(count.count_total, 0);
}

fn any_sampling() -> impl Strategy<Value = Sampling> {
    prop::sample::select(&[Sampling::Deferred, Sampling::NotSampled, Sampling::Sampled, Sampling::Debug][..])
}

fn any_ids() -> impl Strategy<Value = B3Ids> {
    let trace = prop_oneof![1..=u128::MAX, (1..=u64::MAX).prop_map(u128::from)];
    let parent = any::<Option<u64>>().prop_map(|parent| parent.and_then(SpanId::new));
    (trace, 1..=u64::MAX, parent, any::<bool>()).prop_map(|(trace, span, parent, short)| {
        let ids = B3Ids::new(TraceId::new(trace).expect("not zero"), SpanId::new(span).expect("not zero"))
            .with_parent_span_id(parent);
        if short { ids.with_64_bit_trace_id() } else { ids }
    })
}

fn read_back(multi: &B3Multi) -> Result<Option<B3Multi>, InvalidHeader> {
    let mut written = Vec::new();
    multi.write(|field, value| written.push((field, value.to_string())));
    B3Multi::parse(|field| written.iter().find(|(name, _)| *name == field).map(|(_, value)| value.as_bytes()))
}

proptest! {
    #[test]
    fn ok_single_roundtrip(ids in any_ids(), sampling in any_sampling()) {
        let single = B3Single::new(ids, sampling);
        let without_parent = B3Single::new(ids.with_parent_span_id(None), sampling);
        let expected = if sampling == Sampling::Deferred { without_parent } else { single };
        prop_assert_eq!(B3Single::parse(single.to_string().as_bytes()), Ok(expected));
    }

    #[test]
    fn ok_multi_roundtrip(ids in any_ids(), sampling in any_sampling()) {
        let multi = B3Multi::new(ids, sampling);
        prop_assert_eq!(read_back(&multi), Ok(Some(multi)));
    }

    #[test]
    fn ok_passthrough_from_fields_roundtrip(ids in any_ids(), sampling in any_sampling()) {
        let context = OwnedContext::from(B3Single::new(ids, sampling));
        let propagator = writes(B3::both());
        let mut headers = Pairs::new();
        propagator.inject(&context, &InjectOptions::new(), &mut headers);
        let single = B3Single::new(ids, sampling).to_string();
        prop_assert_eq!(headers.get("b3"), Some(single.as_str()));
        let multi = B3Multi::parse(|field| headers.get(field.name().unwrap()).map(str::as_bytes));
        prop_assert_eq!(multi, Ok(Some(B3Multi::new(ids, sampling))));
    }

    /// A passthrough says what was received, even if the two encodings contradict each other.
    #[test]
    fn ok_passthrough_of_anything_says_what_is_received(
        single in prop::option::of(any_single()),
        multi in prop::collection::vec(prop::option::of(any_piece()), 5),
        format in prop::sample::select(vec![B3::single(), B3::multi(), B3::both()]),
    ) {
        let names = ["x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags"];
        let multi = names.into_iter().zip(multi).filter_map(|(name, value)| Some((name, value?)));
        let request: Vec<(&str, String)> = single.map(|value| ("b3", value)).into_iter().chain(multi).collect();
        let propagator = writes(format);
        let extraction = propagator.extract(&request);
        let mut headers = Pairs::new();
        propagator.inject(extraction.passthrough(), &InjectOptions::new(), &mut headers);
        let again = propagator.extract(&headers);
        prop_assert_eq!((again.context(), again.sampling()), (extraction.context(), extraction.sampling()));
        prop_assert!(propagator.explain(&headers).invalid_headers().next().is_none());
    }
}

fn any_single() -> impl Strategy<Value = String> {
    prop_oneof!["[01d]", "([0-9a-f]{16}){1,2}-[0-9a-f]{16}(-[01d])?(-[0-9a-f]{16})?", any_piece()]
}

fn any_piece() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[0-9a-f]{16}", 2 => "[0-9a-f]{32}", 4 => "[01]", 1 => " ?[0-9a-fA-F]{0,20}(,1)?", 1 => "\\PC{0,9}"]
}

#[test]
fn ok_decision_roundtrip() {
    for sampling in [Sampling::NotSampled, Sampling::Sampled, Sampling::Debug] {
        let single = B3Single::from_sampling(sampling).unwrap();
        assert_eq!(B3Single::parse(single.to_string().as_bytes()), Ok(single));
        let multi = B3Multi::from(single);
        assert_eq!(read_back(&multi), Ok(Some(multi)));
    }
}

#[test]
fn regression_passthrough_drops_flags_that_count_for_nothing() {
    let propagator = writes(B3::multi());
    let ids = [("x-b3-traceid", "80f198ee56343ba864fe8b2a57d3eff7"), ("x-b3-spanid", "e457b5a2e4d86bd1")];
    let request = [ids[0], ids[1], ("x-b3-flags", ""), ("x-b3-flags", "1")];
    let extraction = propagator.extract(&request);
    assert_eq!(extraction.sampling(), Sampling::Deferred);
    let mut headers = Pairs::new();
    propagator.inject(extraction.passthrough(), &InjectOptions::new(), &mut headers);
    assert!(headers.iter().eq(ids));
}

#[test]
fn regression_an_owned_passthrough_forwards_the_encoding_that_agrees() {
    let propagator =
        Propagator::builder().extract(W3cTraceContext::new()).with_format(B3::both()).build().expect("two formats");
    let request = [
        ("traceparent", "00-80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-01"),
        ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-e457b5a2e4d86bd1-1"),
        ("x-b3-traceid", "80f198ee56343ba864fe8b2a57d3eff7"),
        ("x-b3-spanid", "e457b5a2e4d86bd1"),
        ("x-b3-sampled", "true"),
    ];
    let single = ("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1");
    assert_eq!(forwarded(&propagator, &request), owned(&[&[single], &request[2..], &request[..1]].concat()));
}
