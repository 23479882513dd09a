//! A child under another decision: what describes the old one goes, and all else stays.

use std::cell::Cell;

use traceprop_core::sampler::{
    AlwaysOff, AlwaysOn, FollowParent, ParentBased, Probability, Sampler, SamplingParameters, SessionRatioBased,
};
use traceprop_core::{
    IdBits, IdGenerator, InjectOptions, OwnedContext, Pairs, Sampling, SpanContext, SpanId, Trust, presets,
};

use crate::edge::{PARENT, TRACE, ids, propagator, traceparent};

const NAMES: &str = "tracecontext,baggage,b3,datadog,correlation:x-request-id";

fn child_id() -> SpanId {
    "b7ad6b7169203331".parse().expect("an id")
}

/// A sampled context with data of every kind.
fn context(trust: Trust, is_passthrough: bool) -> OwnedContext {
    let edge = propagator(trust, NAMES);
    let parent = traceparent("01");
    let request = [
        ("traceparent", &*parent),
        ("tracestate", "dd=s:2;o:rum;t.dm:-5;t.ksr:1;t.usr.id:bWU~,ot=th:0;x:1,rojo=1"),
        ("baggage", "tenant=acme"),
        ("x-request-id", "D19931BB-F235-4DCB-8E2F-B9D31225D62E"),
        ("b3", "80e6b5d0a9d93650-8a0ac984f71ab247-0"),
    ];
    let extraction = edge.extract(&request);
    let context = match is_passthrough {
        true => OwnedContext::from_passthrough(&extraction),
        false => OwnedContext::from_span(&extraction, &extraction.new_span(&ids)),
    };
    context.with_endpoint("/cart")
}

fn sent(trust: Trust, context: &OwnedContext) -> Pairs {
    let mut headers = Pairs::new();
    propagator(trust, NAMES).inject(context, &InjectOptions::everything(), &mut headers);
    headers
}

#[test]
fn ok_what_describes_the_old_decision_goes() {
    for (is_passthrough, parent) in [(false, "0b0b0b0b0b0b0b0b"), (true, PARENT)] {
        let context = context(Trust::Continue, is_passthrough);
        let child = context.child_with(child_id(), &AlwaysOff).expect("a trace");
        assert_eq!(child.parent_id().map(|id| id.to_string()).as_deref(), Some(parent));
        assert_eq!(
            (child.sampling(), child.endpoint(), child.links().count()),
            (Sampling::NotSampled, Some("/cart"), 1)
        );
        let sent = sent(Trust::Continue, &child);
        assert_eq!(sent.get("traceparent"), Some(&*format!("00-{TRACE}-b7ad6b7169203331-00")));
        let state = "dd=s:0;o:rum;t.usr.id:bWU~,ot=x:1,rojo=1";
        assert_eq!(sent.get("tracestate").map(sorted), Some(sorted(state)));
        assert_eq!(sent.get("x-datadog-sampling-priority"), Some("0"));
        assert_eq!(sent.get("x-datadog-origin"), Some("rum"));
        assert_eq!(sent.get("x-datadog-tags"), Some("_dd.p.tid=4bf92f3577b34da6,_dd.p.usr.id=bWU="));
        assert_eq!(sent.get("baggage"), Some("tenant=acme"));
        assert_eq!(sent.get("x-request-id"), Some("D19931BB-F235-4DCB-8E2F-B9D31225D62E"));
    }
}

/// Members in any order.
fn sorted(state: &str) -> Vec<&str> {
    let mut members: Vec<_> = state.split(',').collect();
    members.sort_unstable();
    members
}

#[test]
fn ok_the_same_decision_changes_nothing() {
    for is_passthrough in [false, true] {
        let context = context(Trust::Continue, is_passthrough);
        let plain = sent(Trust::Continue, &context.child(child_id()).expect("a trace"));
        for sampler in [&FollowParent as &dyn Sampler, &AlwaysOn, &ParentBased::new(AlwaysOff), &Sampling::Sampled] {
            let child = context.child_with(child_id(), sampler).expect("a trace");
            assert_eq!(sent(Trust::Continue, &child), plain);
        }
        assert_eq!(plain.get("x-datadog-sampling-priority"), Some("2"));
    }
}

#[test]
fn ok_a_decision_can_change_twice() {
    let dropped = context(Trust::Continue, false).child_with(child_id(), &Sampling::NotSampled).expect("a trace");
    let again = dropped.child_with(child_id(), &Sampling::Sampled).expect("a trace");
    // It agrees with the received number again, as everywhere, but its threshold is gone.
    assert_eq!((again.sampling(), again.datadog().priority()), (Sampling::Sampled, Some(2)));
    assert!(!sent(Trust::Continue, &again).get("tracestate").unwrap_or_default().contains("th:"));
}

#[test]
fn err_there_is_no_trace() {
    let edge = propagator(Trust::Continue, NAMES);
    let context = OwnedContext::from_passthrough(&edge.extract(&[("b3", "0")]));
    assert!(context.child_with(child_id(), &AlwaysOn).is_none());
}

#[test]
fn ok_the_sampler_sees_the_context_as_the_parent() {
    let context = context(Trust::Continue, false);
    let see = |input: &SamplingParameters<'_>| {
        assert_eq!(input.parent().and_then(|parent| parent.parent_id), context.span_id());
        assert_eq!(input.tracestate().get("rojo"), Some("1"));
        assert!(!input.is_root());
        input.sampling()
    };
    let child = context.child_with(child_id(), &see).expect("a trace");
    assert_eq!(child.sampling(), Sampling::Sampled);
    // The session of the baggage too.
    let parent = traceparent("01");
    let request = [("traceparent", &*parent), ("baggage", "session.id=29a4b5e3-9859-4290-99fa-4bc4a1a348b9")];
    let edge = propagator(Trust::Continue, NAMES);
    let owned = OwnedContext::from_passthrough(&edge.extract(&request));
    let low = SessionRatioBased::new(0.001).expect("a ratio");
    assert!(owned.child_with(child_id(), &low).expect("a trace").sampling().is_sampled());
}

#[test]
fn ok_children_of_a_trace_of_ours_decide_as_their_root() {
    let half = Probability::new(0.5).expect("a ratio");
    for (bits, sampled) in [(u64::MAX, true), (1, false)] {
        for ids in [IdBits::random, IdBits::non_random] {
            let nothing: [(&str, &str); 0] = [];
            let w3c = presets::W3C.propagator();
            let extraction = w3c.extract(&nothing);
            let root = extraction.new_span_with(&|| ids(bits), &half);
            let owned = OwnedContext::from_span(&extraction, &root);
            let child = owned.child_with(child_id(), &half).expect("a trace");
            assert_eq!(child.sampling(), root.sampling());
            let write = |context: &OwnedContext| {
                let mut headers = Pairs::new();
                w3c.inject(context, &InjectOptions::new(), &mut headers);
                headers.get("tracestate").map(str::to_owned)
            };
            assert_eq!(write(&child), write(&owned));
            if ids(bits) == IdBits::random(bits) {
                assert_eq!(root.sampling().is_sampled(), sampled);
            }
            // A root that no sampler decided names its randomness with the first that does.
            let plain = OwnedContext::new(SpanContext::root(&|| ids(bits)));
            let decided = plain.child_with(child_id(), &half).expect("a trace");
            assert_eq!(decided.sampling(), root.sampling());
            assert_eq!(write(&decided), write(&owned));
        }
    }
}

/// Under `Resample` no sampler of a child decides by the trace id, which a stranger chose.
#[test]
fn ok_children_of_a_strangers_trace_decide_by_randomness_of_ours() {
    let half = Probability::new(0.5).expect("a ratio");
    let context = context(Trust::Resample, true);
    let count = Cell::new(0);
    let ids = || {
        count.set(count.get() + 1);
        IdBits::non_random(count.get())
    };
    let (mut sampled, mut states) = (0, Vec::new());
    for _ in 0..200 {
        let child = context.child_with(ids.new_span_id(), &half).expect("a trace");
        let state = sent(Trust::Resample, &child).get("tracestate").expect("its randomness").to_owned();
        let grandchild = child.child_with(ids.new_span_id(), &half).expect("a trace");
        assert_eq!(
            (grandchild.sampling(), sent(Trust::Resample, &grandchild).get("tracestate")),
            (child.sampling(), Some(&*state))
        );
        sampled += u32::from(child.sampling().is_sampled());
        states.push(state);
    }
    assert!((60..140).contains(&sampled), "{sampled}");
    states.sort_unstable();
    states.dedup();
    assert_eq!(states.len(), 200);
}
