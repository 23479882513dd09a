//! An edge that the whole internet can call: strangers must not decide which trace ours belong to, nor whether they are
//! recorded. Their trace becomes a link, ours begins here, and inside it goes on as one.

use traceprop_core::{
    Allow, Behavior, ConfigError, IdBits, Inbound, Link, LinkReason, Outgoing, Pairs, Propagator, Sampling, presets,
};

const STRANGER: [(&str, &str); 3] = [
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ("tracestate", "stranger=1,ot=th:8"),
    ("baggage", "tenant=shoes,debug=all"),
];

fn edge(behavior: Behavior) -> Propagator {
    presets::W3C.builder().behavior(behavior).build().expect("a preset")
}

fn ids() -> IdBits {
    IdBits::random(0xb7ad_6b71_6920_3331)
}

#[test]
fn ok_the_strangers_trace_is_linked_and_ours_is_new() {
    let edge = edge(Behavior::Restart);
    let extraction = edge.extract(&STRANGER);
    assert_eq!(extraction.inbound(), Inbound::Nothing);
    let links: Vec<_> = extraction.links().collect();
    let expected = Link {
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".parse().expect("an id"),
        span_id: "00f067aa0ba902b7".parse().expect("an id"),
        sampled: true,
        reason: LinkReason::Restarted,
        style: "tracecontext",
    };
    assert_eq!(links, [expected]);
    let span = extraction.start_span(&ids);
    assert_eq!(span.trace_id().to_string(), "b7ad6b7169203331b7ad6b7169203331");
    assert_eq!((span.parent_id(), span.is_random()), (None, true));
}

#[test]
fn ok_an_unsampled_stranger_does_not_silence_us() {
    let unsampled = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")];
    assert_eq!(edge(Behavior::Restart).extract(&unsampled).start_span(&ids).sampling(), Sampling::Sampled);
}

#[test]
fn ok_inside_the_new_trace_is_one_and_the_old_tracestate_is_gone() {
    let (edge, inside) = (edge(Behavior::Restart), edge(Behavior::Continue));
    let extraction = edge.extract(&STRANGER);
    let mut call = Pairs::new();
    let outgoing = Outgoing::new().baggage(Allow::Only(&["tenant"]));
    let omitted = edge.inject(&extraction.start_span(&ids), &outgoing, &mut call);
    assert_eq!(call.get("traceparent"), Some("00-b7ad6b7169203331b7ad6b7169203331-b7ad6b7169203331-03"));
    assert_eq!((call.get("tracestate"), call.get("baggage")), (None, Some("tenant=shoes")));
    assert_eq!(omitted.to_string(), "baggage: 1 left out, not-allowed");
    let second = inside.extract(&call);
    assert_eq!(second.context().map(|context| context.trace_id), Some(extraction.start_span(&ids).trace_id()));
    assert!(second.links().next().is_none());
}

#[test]
fn ok_a_relay_at_the_edge_passes_no_strangers_trace() {
    for behavior in [Behavior::Restart, Behavior::Ignore] {
        let edge = edge(behavior);
        let mut call = Pairs::new();
        let _ = edge.relay(&edge.extract(&STRANGER).relay(), &Outgoing::trusted(), &mut call);
        assert_eq!((call.get("traceparent"), call.get("tracestate")), (None, None));
        assert_eq!(call.get("baggage").is_some(), behavior == Behavior::Restart);
    }
}

#[test]
fn ok_ignoring_forgets_the_strangers_text_too() {
    let edge = edge(Behavior::Ignore);
    let extraction = edge.extract(&STRANGER);
    assert!(extraction.links().next().is_none() && extraction.baggage().is_empty());
    let mut call = Pairs::new();
    let _ = edge.inject(&extraction.start_span(&ids), &Outgoing::trusted(), &mut call);
    assert!(call.iter().map(|(name, _)| name).eq(["traceparent"]));
}

#[test]
fn ok_the_report_says_what_came_and_what_became_of_it() {
    let edge = edge(Behavior::Restart);
    assert_eq!(
        edge.explain(&STRANGER).table().to_string(),
        "tracecontext  context        left behind, 4bf92f3577b34da6a3ce929d0e0e4736\n\
         baggage       context        2 members\n\
         link: trace 4bf92f3577b34da6a3ce929d0e0e4736 span 00f067aa0ba902b7 from tracecontext, propagation_behavior_extract\n\
         => new trace"
    );
}

#[test]
fn err_a_restart_where_nothing_is_read() {
    let nothing = Propagator::builder().extract_none().inject_baggage().behavior(Behavior::Restart);
    assert_eq!(nothing.build().err(), Some(ConfigError::PointlessBehavior));
}
