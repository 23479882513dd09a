//! Samplers at work in a propagator: who decides, and what goes out with the decision.
#![cfg(feature = "std")]

use traceprop_core::sampler::{
    AlwaysOff, AlwaysOn, FollowParent, ParentBased, Probability, Sampler, SamplingParameters, SessionRatioBased,
    TraceIdRatioBased,
};
use traceprop_core::{
    IdBits, InjectOptions, OwnedContext, Pairs, PropagatorBuilder, Sampling, SpanContext, TraceState, Trust, presets,
    tracestate::TraceStateEdit,
};

const HALF: Probability = Probability::new(0.5).unwrap();

/// Returns a traceparent of a trace whose low 56 bits are these.
fn parent(low: u64, flags: &str) -> String {
    format!("00-4bf92f3577b34da600{low:014x}-00f067aa0ba902b7-{flags}")
}

const KEPT: u64 = 1 << 55;
const LOST: u64 = KEPT - 1;

fn started(request: &[(&str, &str)], sampler: &dyn Sampler) -> (Sampling, Option<String>) {
    let propagator = presets::W3C.propagator();
    let request = request.to_vec();
    let extraction = propagator.extract(&request);
    let span = extraction.new_span_with(&|| IdBits::random(KEPT), sampler);
    // An owned context says the same.
    let owned = OwnedContext::from_span(&extraction, &span);
    let sent = tracestate(&span, &InjectOptions::new());
    let call = owned.span().expect("it was made of a span").child("b7ad6b7169203331".parse().expect("an id"));
    assert_eq!(sent, tracestate(&call, &InjectOptions::new()));
    (span.sampling(), sent)
}

fn tracestate(span: &SpanContext<'_>, call: &InjectOptions<'_>) -> Option<String> {
    let mut headers = Pairs::new();
    presets::W3C.propagator().inject(span, call, &mut headers);
    headers.get("tracestate").map(Into::into)
}

#[track_caller]
fn is(got: &(Sampling, Option<String>), sampling: Sampling, state: Option<&str>) {
    assert_eq!((got.0, got.1.as_deref()), (sampling, state));
}

#[test]
fn ok_a_root_names_its_threshold() {
    is(&started(&[], &HALF), Sampling::Sampled, Some("ot=th:8;rv:80000000000000"));
    is(&started(&[], &Probability::new(0.25).unwrap()), Sampling::NotSampled, Some("ot=rv:80000000000000"));
    is(&started(&[], &TraceIdRatioBased::new(0.5).unwrap()), Sampling::Sampled, None);
    is(&started(&[], &AlwaysOn), Sampling::Sampled, None);
}

#[test]
fn ok_a_threshold_replaces_the_received_one_and_comes_first() {
    let parent = parent(KEPT, "00");
    let request = [("traceparent", parent.as_str()), ("tracestate", "rojo=1,ot=th:c;rv:ffffffffffffff;x:y")];
    is(&started(&request, &HALF), Sampling::Sampled, Some("ot=th:8;rv:ffffffffffffff;x:y,rojo=1"));
    is(
        &started(&request, &Probability::new(0.0).unwrap()),
        Sampling::NotSampled,
        Some("ot=rv:ffffffffffffff;x:y,rojo=1"),
    );
}

#[test]
fn ok_who_follows_hands_the_member_on_as_it_is() {
    let consistent = "rojo=1,ot=rv:ffffffffffffff;th:c";
    for (flags, sampling, state) in [
        ("01", Sampling::Sampled, consistent),
        // The threshold does not make this decision.
        ("00", Sampling::NotSampled, "ot=rv:ffffffffffffff,rojo=1"),
    ] {
        let parent = parent(0, flags);
        let request = [("traceparent", parent.as_str()), ("tracestate", consistent)];
        for sampler in [&FollowParent as &dyn Sampler, &ParentBased::new(HALF)] {
            is(&started(&request, sampler), sampling, Some(state));
        }
    }
    // Who does not sample judges nothing.
    let parent = parent(0, "00");
    let request = [("traceparent", parent.as_str()), ("tracestate", consistent)];
    let propagator = presets::W3C.propagator();
    let span = propagator.extract(&request).new_span(&|| IdBits::random(7));
    assert_eq!(tracestate(&span, &InjectOptions::new()).as_deref(), Some(consistent));
}

#[test]
fn ok_who_decides_by_something_else_drops_the_threshold() {
    let parent = parent(KEPT, "01");
    let request = [
        ("traceparent", parent.as_str()),
        ("tracestate", "ot=th:8"),
        ("baggage", "session.id=29a4b5e3-9859-4290-99fa-4bc4a1a348b9"),
    ];
    for sampler in [&TraceIdRatioBased::new(0.5).unwrap() as &dyn Sampler, &SessionRatioBased::new(0.5).unwrap()] {
        is(&started(&request, sampler), Sampling::Sampled, None);
    }
}

#[test]
fn ok_who_flips_the_decision_drops_the_threshold() {
    let parent = parent(LOST, "00");
    let request = [("traceparent", parent.as_str()), ("tracestate", "rojo=1,ot=th:8;rv:00000000000000")];
    let dropped = Some("ot=rv:00000000000000,rojo=1");
    is(&started(&request, &AlwaysOn), Sampling::Sampled, dropped);
    let keep = |_: &SamplingParameters<'_>| Sampling::Sampled;
    is(&started(&request, &keep), Sampling::Sampled, dropped);
    is(&started(&request, &AlwaysOff), Sampling::NotSampled, Some(request[1].1));
    let propagator = presets::W3C.propagator();
    let extraction = propagator.extract(&request);
    let ids = || IdBits::random(7);
    assert_eq!(
        tracestate(&extraction.new_span_with(&ids, &Sampling::Sampled), &InjectOptions::new()).as_deref(),
        dropped
    );
    let forced = extraction.new_span(&ids).with_sampling(Sampling::Debug);
    assert_eq!(tracestate(&forced, &InjectOptions::new()).as_deref(), dropped);
    // Of a new trace as well.
    let root =
        propagator.extract(&request[..0].to_vec()).new_span_with(&|| IdBits::random(KEPT), &HALF).without_headers();
    let state = |span: &SpanContext<'_>| tracestate(span, &InjectOptions::new());
    assert_eq!(state(&root).as_deref(), Some("ot=th:8;rv:80000000000000"));
    assert_eq!(state(&root.with_sampling(Sampling::NotSampled)).as_deref(), Some("ot=rv:80000000000000"));
}

#[test]
fn ok_a_member_made_of_fields_is_the_users() {
    let span = SpanContext::root(&|| IdBits::random(7)).with_sampling(Sampling::Sampled);
    let owned = OwnedContext::new(span).with_tracestate([("ot", "th:8")]).unwrap();
    assert_eq!(tracestate(&owned.span().unwrap(), &InjectOptions::new()).as_deref(), Some("ot=th:8"));
    // So is one of the call.
    let edits = [TraceStateEdit::set("ot", "th:c").unwrap()];
    let propagator = presets::W3C.propagator();
    let nothing: [(&str, &str); 0] = [];
    let span = propagator.extract(&nothing).new_span_with(&|| IdBits::random(KEPT), &HALF);
    assert_eq!(tracestate(&span, &InjectOptions::new().edit_tracestate(&edits)).as_deref(), Some("ot=th:c"));
}

#[test]
fn ok_a_restart_is_a_root() {
    let parent = parent(LOST, "01");
    let request = [("traceparent", parent.as_str()), ("tracestate", "ot=rv:00000000000000;th:0")];
    let propagator = presets::W3C.builder().trust(Trust::Restart).build().unwrap();
    let span = propagator.extract(&request).new_span_with(&|| IdBits::random(KEPT), &ParentBased::new(HALF));
    assert_eq!(
        (span.sampling(), tracestate(&span, &InjectOptions::new()).as_deref()),
        (Sampling::Sampled, Some("ot=th:8;rv:80000000000000"))
    );
}

#[test]
fn ok_a_decision_by_the_id_has_the_flag_or_the_randomness() {
    let written = |builder: PropagatorBuilder, request: &[(&str, &str)], sampler: &dyn Sampler, ids: IdBits| {
        let propagator = builder.build().unwrap();
        let request = request.to_vec();
        let extraction = propagator.extract(&request);
        let span = extraction.new_span_with(&|| ids, sampler);
        let (mut headers, mut of_owned) = (Pairs::new(), Pairs::new());
        propagator.inject(&span, &InjectOptions::new(), &mut headers);
        propagator.inject(&OwnedContext::from_span(&extraction, &span), &InjectOptions::new(), &mut of_owned);
        assert_eq!(headers, of_owned);
        let flags = headers.get("traceparent").map(|value| value[53..].to_owned());
        (flags.unwrap(), headers.get("tracestate").map(String::from))
    };
    let random = IdBits::random(KEPT);
    let (plain, marked) = (|| presets::W3C.builder(), || presets::W3C.builder().mark_random());
    let is = |(flags, state): (String, Option<String>), expected: (&str, Option<&str>)| {
        assert_eq!((flags.as_str(), state.as_deref()), expected);
    };
    is(written(plain(), &[], &HALF, random), ("01", Some("ot=th:8;rv:80000000000000")));
    is(written(marked(), &[], &HALF, random), ("03", Some("ot=th:8")));
    // Not sampled, and by a sampler that makes no promise to others.
    is(written(plain(), &[], &Sampling::NotSampled, random), ("00", None));
    is(written(marked(), &[], &Sampling::NotSampled, random), ("02", None));
    is(written(plain(), &[], &TraceIdRatioBased::new(0.5).unwrap(), random), ("01", None));
    // Ids that are not random are never marked as such.
    is(written(marked(), &[], &AlwaysOn, IdBits::non_random(7)), ("01", None));
    // A received flag is forwarded as it is, and the caller wrote what the samplers need.
    for (sent, expected) in [("03", "03"), ("01", "01")] {
        let parent = parent(KEPT, sent);
        let request = [("traceparent", parent.as_str())];
        for builder in [plain(), marked()] {
            is(written(builder.clone(), &request, &FollowParent, random), (expected, None));
            is(written(builder, &request, &HALF, random), (expected, Some("ot=th:8")));
        }
    }
    // Under a restart the trace is a new one.
    let parent = parent(KEPT, "03");
    is(written(plain().trust(Trust::Restart), &[("traceparent", &parent)], &AlwaysOn, random), ("01", None));
}

#[test]
fn ok_a_flag_that_code_sets_is_written() {
    let ids = ("4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap(), "00f067aa0ba902b7".parse().unwrap());
    let flags = |span: SpanContext<'_>| {
        let mut headers = Pairs::new();
        presets::W3C.propagator().inject(&span, &InjectOptions::new(), &mut headers);
        headers.get("traceparent").unwrap()[53..].to_owned()
    };
    let span = SpanContext::new(ids.0, ids.1).with_sampling(Sampling::Sampled);
    assert_eq!((flags(span).as_str(), flags(span.with_random(true)).as_str()), ("01", "03"));
    let root = SpanContext::root(&|| IdBits::random(7));
    assert_eq!((flags(root).as_str(), root.is_random()), ("01", true));
    assert_eq!((flags(root.child(ids.1)).as_str(), flags(root.with_random(true)).as_str()), ("01", "03"));
}

#[test]
fn ok_a_trace_without_randomness_gets_some() {
    let propagator = presets::W3C.propagator();
    let nothing: [(&str, &str); 0] = [];
    let span = propagator.extract(&nothing).new_span_with(&|| IdBits::non_random(7), &Probability::new(1.0).unwrap());
    let state = tracestate(&span, &InjectOptions::new()).unwrap();
    assert!(state.starts_with("ot=th:0;rv:") && state.len() == 25, "{state}");
    // All later services decide by it.
    let parent = format!("00-{}-00f067aa0ba902b7-01", span.trace_id());
    let request = [("traceparent", parent.as_str()), ("tracestate", state.as_str())];
    for ratio in [0.9, 0.5, 0.1] {
        let sampler = Probability::new(ratio).unwrap();
        let rv = u64::from_str_radix(&state[11..], 16).unwrap();
        let expected = rv as f64 / (1_u64 << 56) as f64 >= 1.0 - ratio;
        assert_eq!(started(&request, &sampler).0.is_sampled(), expected, "{ratio}");
    }
}

#[test]
fn ok_a_session_of_the_baggage_decides() {
    let sampler = SessionRatioBased::new(0.001).unwrap();
    let low = ("baggage", "session.id=29a4b5e3-9859-4290-99fa-4bc4a1a348b9,user.id=7");
    let high = ("baggage", "session.id=5321b54a-d6ec-4b24-996d-dd70c617e09a");
    is(&started(&[low], &sampler), Sampling::Sampled, None);
    is(&started(&[high], &sampler), Sampling::NotSampled, None);
    // Not where baggage is not read, or forgotten.
    let ignoring = presets::W3C.builder().trust(Trust::Ignore).build().unwrap();
    let request = [low];
    let span = ignoring.extract(&request).new_span_with(&|| IdBits::random(7), &sampler);
    assert_eq!(span.sampling(), Sampling::NotSampled);
}

#[test]
fn ok_a_tracer_of_its_own_can_ask() {
    let propagator = presets::W3C.propagator();
    let nothing: [(&str, &str); 0] = [];
    let extraction = propagator.extract(&nothing);
    let trace_id = "0000000000000000ff80000000000000".parse().unwrap();
    let verdict = HALF.should_sample(&extraction.sampling_parameters(trace_id, true));
    assert_eq!(verdict.otel_member(trace_id, &TraceState::EMPTY).unwrap().as_str(), "th:8");
    let span = extraction.span_with_ids(trace_id, "00f067aa0ba902b7".parse().unwrap()).with_sampling_result(verdict);
    assert_eq!(tracestate(&span, &InjectOptions::new()).as_deref(), Some("ot=th:8"));
}

#[test]
fn ok_nothing_is_allocated() {
    let propagator = presets::W3C.propagator();
    let parent = parent(KEPT, "01");
    let request = [
        ("traceparent", parent.as_str()),
        ("tracestate", "rojo=1,ot=th:c;rv:ffffffffffffff"),
        ("baggage", "session.id=29a4b5e3-9859-4290-99fa-4bc4a1a348b9"),
    ];
    let samplers: [&dyn Sampler; 4] = [
        &HALF,
        &FollowParent,
        &SessionRatioBased::new(0.5).unwrap(),
        &ParentBased::new(TraceIdRatioBased::new(0.5).unwrap()),
    ];
    for sampler in samplers {
        let count = allocation_counter::measure(|| {
            let span = propagator.extract(&request).new_span_with(&|| IdBits::random(7), sampler);
            std::hint::black_box(span);
        });
        assert_eq!(count.count_total, 0);
    }
}
