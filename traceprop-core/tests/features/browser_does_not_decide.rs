//! An edge for browsers: their trace is continued, their decision is not.

use std::cell::Cell;

use traceprop_core::formats::tracecontext::W3cTraceContext;
use traceprop_core::sampler::{AlwaysOff, ParentBased, Probability, TraceIdRatioBased};
use traceprop_core::{
    IdBits, IdGenerator, InjectOptions, OwnedContext, Pairs, Propagator, Sampling, SpanContext, SpanId, TraceId, Trust,
    presets,
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn edge(names: &str) -> Propagator {
    let inside = Propagator::builder().names(names, names).expect("known names").build().expect("it is right");
    inside.with_trust(Trust::Resample)
}

fn traceparent(flags: &str) -> String {
    format!("00-{TRACE}-{PARENT}-{flags}")
}

fn ids() -> IdBits {
    IdBits::random(7)
}

fn written(propagator: &Propagator, span: &SpanContext<'_>) -> Pairs {
    let mut headers = Pairs::new();
    propagator.inject(span, &InjectOptions::new(), &mut headers);
    headers
}

#[test]
fn ok_ids_stay_and_the_decision_is_ours() {
    let edge = edge("tracecontext,b3,datadog,jaeger");
    let b3 = |decision: &str| format!("{TRACE}-{PARENT}-{decision}");
    let uber = |flags: &str| format!("{TRACE}:{PARENT}:0:{flags}");
    for (name, value) in [
        ("traceparent", traceparent("00")),
        ("traceparent", traceparent("01")),
        ("b3", b3("0")),
        ("b3", b3("1")),
        ("b3", b3("d")),
        ("uber-trace-id", uber("0")),
        ("uber-trace-id", uber("3")),
    ] {
        let request = [(name, value.as_str())];
        let extraction = edge.extract(&request);
        let context = extraction.context().unwrap();
        assert_eq!((context.trace_id.to_string(), context.sampling), (TRACE.into(), Sampling::Deferred), "{value}");
        let span = extraction.new_span(&ids);
        assert_eq!((span.parent_id().unwrap().to_string(), span.sampling()), (PARENT.into(), Sampling::Sampled));
        let silent = extraction.new_span_with(&ids, &ParentBased::new(AlwaysOff));
        assert_eq!(silent.sampling(), Sampling::NotSampled, "{value}");
    }
}

#[test]
fn ok_decision_without_ids_is_dropped() {
    for value in ["0", "1", "d"] {
        let edge = edge("b3");
        let request = [("b3", value)];
        let extraction = edge.extract(&request);
        assert_eq!((extraction.context(), extraction.sampling()), (None, Sampling::Deferred), "{value}");
        assert_eq!(edge.extract(&request).new_span(&ids).sampling(), Sampling::Sampled, "{value}");
    }
}

#[test]
fn ok_datadog_priority_is_ours() {
    let edge = edge("datadog,tracecontext");
    // A number that says what was decided here stays, as it does everywhere.
    for (received, decided, sent) in
        [("-1", Sampling::Sampled, "1"), ("2", Sampling::NotSampled, "0"), ("1", Sampling::Sampled, "1")]
    {
        let request = [
            ("x-datadog-trace-id", "2246800662264969608"),
            ("x-datadog-parent-id", "7"),
            ("x-datadog-sampling-priority", received),
            ("x-datadog-tags", "_dd.p.dm=-4"),
        ];
        let extraction = edge.extract(&request);
        let headers = written(&edge, &extraction.new_span_with(&ids, &decided));
        assert_eq!(headers.get("x-datadog-sampling-priority"), Some(sent), "{received} {decided:?}");
    }
}

#[test]
fn ok_threshold_of_the_browser_goes_with_its_decision() {
    let edge = edge("tracecontext");
    let parent = traceparent("01");
    let request = [("traceparent", parent.as_str()), ("tracestate", "ot=th:8;x:1,rojo=1")];
    let extraction = edge.extract(&request);
    for decision in [Sampling::Sampled, Sampling::NotSampled] {
        let headers = written(&edge, &extraction.new_span_with(&ids, &decision));
        assert_eq!(headers.get("tracestate"), Some("ot=x:1,rojo=1"), "{decision:?}");
    }
}

#[test]
fn ok_passthrough_leaves_sampling_undecided() {
    let edge = edge("b3");
    let value = format!("{TRACE}-{PARENT}-1");
    let request = [("b3", value.as_str())];
    let mut headers = Pairs::new();
    edge.inject(edge.extract(&request).passthrough(), &InjectOptions::new(), &mut headers);
    assert_eq!(headers.get("b3"), Some(&*format!("{TRACE}-{PARENT}")));
}

#[test]
fn ok_other_traces_are_links_still() {
    let edge = edge("tracecontext,b3");
    let parent = traceparent("01");
    let request = [("traceparent", parent.as_str()), ("b3", "00000000000000010000000000000002-0000000000000003-1")];
    let extraction = edge.extract(&request);
    let links: Vec<_> = extraction.links().map(|link| (link.trace_id, link.span_id)).collect();
    assert_eq!(links, [(TraceId::from_halves(1, 2).unwrap(), SpanId::new(3).unwrap())]);
}

#[test]
fn ok_same_propagator_for_each_listener() {
    let inside = Propagator::builder().names("tracecontext", "tracecontext").unwrap().build().unwrap();
    let value = traceparent("01");
    let request = [("traceparent", value.as_str())];
    for (behavior, sampling) in [
        (Trust::Continue, Some(Sampling::Sampled)),
        (Trust::Resample, Some(Sampling::Deferred)),
        (Trust::Restart, None),
        (Trust::Ignore, None),
    ] {
        let listener = inside.clone().with_trust(behavior);
        let extraction = listener.extract(&request);
        assert_eq!(extraction.context().map(|context| context.sampling), sampling, "{behavior:?}");
        assert_eq!(extraction.links().count(), usize::from(behavior == Trust::Restart), "{behavior:?}");
    }
}

/// What a stranger can say about its decision, in every format, and what an edge sends instead.
#[test]
fn ok_nothing_of_the_callers_decision_goes_on() {
    let edge = edge("tracecontext,datadog,jaeger");
    let parent = traceparent("01");
    let uber = format!("{TRACE}:{PARENT}:0:f");
    let request = [
        ("traceparent", parent.as_str()),
        ("tracestate", "dd=s:2;o:rum;p:00f067aa0ba902b7;t.dm:-5;t.ksr:1;t.ts:02;t.usr.id:bWU~,es=s:1,33@nr=0-0,rojo=1"),
        ("uber-trace-id", uber.as_str()),
    ];
    let extraction = edge.extract(&request);
    for (decision, flags, priority) in [(Sampling::Sampled, "1", "1"), (Sampling::NotSampled, "0", "0")] {
        let headers = written(&edge, &extraction.new_span_with(&ids, &decision));
        assert_eq!(headers.get("x-datadog-sampling-priority"), Some(priority));
        assert_eq!(headers.get("x-datadog-tags"), Some("_dd.p.tid=4bf92f3577b34da6,_dd.p.usr.id=bWU="));
        let member = format!("dd=s:{priority};o:rum;p:00f067aa0ba902b7;t.usr.id:bWU~,rojo=1");
        assert_eq!(headers.get("tracestate"), Some(&*member));
        assert!(headers.get("uber-trace-id").is_some_and(|value| value.ends_with(&format!(":0:{flags}"))));
    }
}

/// A propagator without the Datadog format forwards its member, but not the decision in it.
#[test]
fn ok_a_member_of_an_unknown_format_lacks_its_decision() {
    let formats = Propagator::builder().extract(W3cTraceContext::new()).inject(W3cTraceContext::new());
    let edge = formats.trust(Trust::Resample).build().unwrap();
    let parent = traceparent("01");
    for (state, sent) in [
        ("dd=s:2;o:rum;t.dm:-5;t.ksr:1;t.ts:02,rojo=1", Some("dd=o:rum,rojo=1")),
        ("tp=1;0e0e4736;d;j9;s87.1,rojo=1", Some("tp=1;0e0e4736;s87.1,rojo=1")),
        ("tp=1;0e0e4736;f;j9,rojo=1", Some("rojo=1")),
        ("rojo=1,dd=s:2", Some("rojo=1")),
        ("rojo=1,dd=o:rum", Some("rojo=1,dd=o:rum")),
        ("sw=1-01", None),
    ] {
        let request = [("traceparent", parent.as_str()), ("tracestate", state)];
        let headers = written(&edge, &edge.extract(&request).new_span(&ids));
        assert_eq!(headers.get("tracestate"), sent, "{state}");
    }
}

/// A ratio sampler decides by randomness of the edge, which later services decide by too.
#[test]
fn ok_randomness_is_that_of_the_edge() {
    let edge = edge("tracecontext");
    let state = "ot=rv:ffffffffffffff;th:0";
    let parent = "00-ffffffffffffffffffffffffffffffff-00f067aa0ba902b7-03";
    let request = [("traceparent", parent), ("tracestate", state)];
    let extraction = edge.extract(&request);
    let half = Probability::new(0.5).unwrap();
    let count = Cell::new(0);
    let ids = || {
        count.set(count.get() + 1);
        IdBits::non_random(count.get())
    };
    let mut sampled = 0;
    for _ in 0..1000 {
        let span = extraction.new_span_with(&ids, &half);
        sampled += u32::from(span.sampling().is_sampled());
        let sent = written(&edge, &span);
        let state = sent.get("tracestate").expect("the randomness");
        let rv = u64::from_str_radix(&state[state.len() - 14..], 16).expect("it is last");
        assert_eq!(rv >> 55 == 1, span.sampling().is_sampled());
        let member =
            if span.sampling().is_sampled() { format!("ot=th:8;rv:{rv:014x}") } else { format!("ot=rv:{rv:014x}") };
        assert_eq!(state, member);
        // A child decides alike, and a service that trusts the edge too.
        let owned = OwnedContext::from_span(&extraction, &span);
        let child = owned.child_with(ids.new_span_id(), &half).expect("a trace");
        let call = child.span().expect("a span");
        assert_eq!(written(&edge, &call).get("tracestate"), Some(state));
        let inside = presets::W3C.propagator();
        let next = inside.extract(&sent).new_span_with(&ids, &half);
        assert_eq!(next.sampling(), span.sampling());
        // Flag 02 stays as it came.
        assert!(call.is_random());
    }
    assert!((420..580).contains(&sampled), "{sampled}");
    // With a ratio of the trace id too, and without a sampler nothing is written.
    let span = extraction.new_span_with(&ids, &TraceIdRatioBased::new(0.0).unwrap());
    assert!(written(&edge, &span).get("tracestate").is_some_and(|state| state.starts_with("ot=rv:")));
    assert_eq!(written(&edge, &extraction.new_span(&ids)).get("tracestate"), None);
}
