//! An edge that the whole internet can call: strangers must not decide which trace our spans belong to, nor whether
//! they are recorded. Their trace becomes a link, ours begins here, and continues inside.

use traceprop_core::formats::baggage::W3cBaggage;
use traceprop_core::{
    Allow, ConfigError, IdBits, InjectOptions, Link, LinkReason, Pairs, Propagator, Sampling, Trust, presets,
};

const STRANGER: [(&str, &str); 3] = [
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ("tracestate", "stranger=1,ot=th:8"),
    ("baggage", "tenant=shoes,debug=all"),
];

fn edge(behavior: Trust) -> Propagator {
    presets::W3C.builder().trust(behavior).build().expect("a preset")
}

fn ids() -> IdBits {
    IdBits::random(0xb7ad_6b71_6920_3331)
}

#[test]
fn ok_the_callers_trace_is_linked_and_ours_is_new() {
    let edge = edge(Trust::Restart);
    let extraction = edge.extract(&STRANGER);
    assert_eq!((extraction.context(), extraction.sampling()), (None, Sampling::Deferred));
    let links: Vec<_> = extraction.links().collect();
    let expected = Link {
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".parse().expect("an id"),
        span_id: "00f067aa0ba902b7".parse().expect("an id"),
        sampled: true,
        reason: LinkReason::Restarted,
        format: "tracecontext",
    };
    assert_eq!(links, [expected]);
    let span = extraction.new_span(&ids);
    assert_eq!(span.trace_id().to_string(), "b7ad6b7169203331b7ad6b7169203331");
    assert_eq!((span.parent_id(), span.is_random()), (None, true));
}

#[test]
fn ok_an_unsampled_stranger_does_not_silence_us() {
    let unsampled = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")];
    assert_eq!(edge(Trust::Restart).extract(&unsampled).new_span(&ids).sampling(), Sampling::Sampled);
}

#[test]
fn ok_inside_the_new_trace_is_one_and_the_old_tracestate_is_gone() {
    let (edge, inside) = (edge(Trust::Restart), edge(Trust::Continue));
    let extraction = edge.extract(&STRANGER);
    let mut call = Pairs::new();
    let outgoing = InjectOptions::new().allow_baggage(Allow::Only(&["tenant"]));
    let omitted = edge.inject(&extraction.new_span(&ids), &outgoing, &mut call);
    assert_eq!(call.get("traceparent"), Some("00-b7ad6b7169203331b7ad6b7169203331-b7ad6b7169203331-01"));
    assert_eq!((call.get("tracestate"), call.get("baggage")), (None, Some("tenant=shoes")));
    assert_eq!(omitted.to_string(), "baggage: 1 member omitted (not-allowed)");
    let second = inside.extract(&call);
    assert_eq!(second.context().map(|context| context.trace_id), Some(extraction.new_span(&ids).trace_id()));
    assert!(second.links().next().is_none());
}

#[test]
fn ok_passthrough_at_the_edge_forwards_no_trace_of_the_caller() {
    for behavior in [Trust::Restart, Trust::Ignore] {
        let edge = edge(behavior);
        let mut call = Pairs::new();
        edge.inject(edge.extract(&STRANGER).passthrough(), &InjectOptions::everything(), &mut call);
        assert_eq!((call.get("traceparent"), call.get("tracestate")), (None, None));
        assert_eq!(call.get("baggage").is_some(), behavior == Trust::Restart);
    }
}

#[test]
fn ok_ignoring_forgets_the_callers_text_too() {
    let edge = edge(Trust::Ignore);
    let extraction = edge.extract(&STRANGER);
    assert!(extraction.links().next().is_none() && extraction.baggage().is_empty());
    let mut call = Pairs::new();
    edge.inject(&extraction.new_span(&ids), &InjectOptions::everything(), &mut call);
    assert!(call.iter().map(|(name, _)| name).eq(["traceparent"]));
}

#[test]
fn ok_the_report_says_what_is_received_and_what_became_of_it() {
    let edge = edge(Trust::Restart);
    assert_eq!(
        edge.explain(&STRANGER).table().to_string(),
        "tracecontext  not continued (trust: restart), trace 4bf92f3577b34da6a3ce929d0e0e4736\n\
         baggage       2 members\n\
         link: trace 4bf92f3577b34da6a3ce929d0e0e4736, span 00f067aa0ba902b7, from tracecontext (restarted)\n\
         => new trace"
    );
}

#[test]
fn err_a_restart_where_nothing_is_read() {
    let nothing = Propagator::builder().extract_none().inject(W3cBaggage::new()).trust(Trust::Restart);
    assert_eq!(nothing.build().err(), Some(ConfigError::TrustWithoutExtract));
}
