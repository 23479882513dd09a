//! An edge for browsers: their trace is continued, their decision is not.

use traceprop_core::sampler::{AlwaysOff, ParentBased};
use traceprop_core::{IdBits, InjectOptions, Pairs, Propagator, Sampling, SpanContext, SpanId, TraceId, Trust};

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
