//! Members of the tracestate.

use traceprop_core::sampler::{AlwaysOn, FollowParent, Probability};
use traceprop_core::{InjectOptions, Pairs, Propagator, Sampling, Trust};

use crate::edge::{ALL, PARENT, TRACE, has_no_trace, ids, passthrough, span, traceparent};
use crate::{Row, table};

pub(crate) const OT: Row = Row {
    name: "`ot`: `th`, `rv` (other keys as members of other vendors)",
    cells: [("kept", ot_kept), ("ours", ot_resampled), ("ours", ot_of_ours), ("ours", ot_of_ours)],
};

fn ot_kept(trust: Trust) {
    let parent = traceparent("01");
    let request = [("traceparent", &*parent), ("tracestate", "ot=th:8;rv:ffffffffffffff;x:1,rojo=1")];
    for sent in [span(trust, W3C, &request, &FollowParent), passthrough(trust, W3C, &request)] {
        assert_eq!(sent.get("tracestate"), Some("ot=th:8;rv:ffffffffffffff;x:1,rojo=1"));
    }
}

const W3C: &str = "tracecontext";

const HALF: Probability = Probability::new(0.5).unwrap();

/// The randomness of the caller has no say, and goes nowhere.
fn ot_resampled(trust: Trust) {
    let parent = traceparent("01");
    let sent = ["ffffffffffffff", "00000000000000"].map(|randomness| {
        let state = format!("ot=th:8;rv:{randomness};x:1,rojo=1");
        let request = [("traceparent", &*parent), ("tracestate", &*state)];
        let forwarded = passthrough(trust, W3C, &request);
        assert_eq!(forwarded.get("tracestate"), Some("ot=x:1,rojo=1"));
        span(trust, W3C, &request, &HALF)
    });
    assert_eq!(sent[0], sent[1]);
    let state = sent[0].get("tracestate").unwrap_or_default();
    assert!(state.starts_with("ot=") && state.contains("rv:") && state.ends_with(";x:1,rojo=1"), "{state}");
}

fn ot_of_ours(trust: Trust) {
    let parent = traceparent("01");
    let request = [("traceparent", &*parent), ("tracestate", "ot=th:8;rv:ffffffffffffff;x:1,rojo=1")];
    let fresh = span(trust, W3C, &[], &HALF);
    assert_eq!(span(trust, W3C, &request, &HALF), fresh);
    has_no_trace(&passthrough(trust, W3C, &request));
}

pub(crate) const OTHERS: Row = Row {
    name: "tracestate: members of other vendors",
    cells: [
        ("kept", others_kept),
        ("kept, except `es`, `sw`, `*@nr`, `*@dt`, which carry a decision", others_resampled),
        ("dropped", others_dropped),
        ("dropped", others_dropped),
    ],
};

const OTHER_MEMBERS: &str = "rojo=1,es=s:0.5,33@nr=0-0-33-2827902-0af7651916cd43dd-1-1,t61@dt=fw4;1;2,sw=1-01,congo=2";

fn sent_twice(trust: Trust) -> [Option<String>; 2] {
    let parent = traceparent("01");
    let request = [("traceparent", &*parent), ("tracestate", OTHER_MEMBERS)];
    let sent = [span(trust, W3C, &request, &AlwaysOn), passthrough(trust, W3C, &request)];
    sent.map(|sent| sent.get("tracestate").map(str::to_owned))
}

fn others_kept(trust: Trust) {
    assert_eq!(sent_twice(trust), [(); 2].map(|()| Some(OTHER_MEMBERS.to_owned())));
}

fn others_resampled(trust: Trust) {
    assert_eq!(sent_twice(trust), [(); 2].map(|()| Some("rojo=1,congo=2".to_owned())));
    // Each that the table names, in every place of a list and alone.
    let table = table();
    let cell = table.iter().find(|row| row[0] == OTHERS.name).map(|row| row[2].clone()).expect("the row");
    let named: Vec<_> = cell.split('`').skip(1).step_by(2).map(|key| key.replace('*', "a1")).collect();
    assert_eq!(named.len(), 4);
    let parent = traceparent("01");
    for key in named {
        for (state, sent) in [
            (format!("{key}=1"), None),
            (format!("{key}=1,rojo=1"), Some("rojo=1")),
            (format!("rojo=1,{key}=1"), Some("rojo=1")),
            (format!("rojo=1, {key}=1 ,{key}=2"), Some("rojo=1")),
        ] {
            let request = [("traceparent", &*parent), ("tracestate", &*state)];
            assert_eq!(span(trust, W3C, &request, &AlwaysOn).get("tracestate"), sent, "{state}");
            assert_eq!(passthrough(trust, W3C, &request).get("tracestate"), sent, "{state}");
        }
    }
}

fn others_dropped(trust: Trust) {
    assert_eq!(sent_twice(trust), [None, None]);
}

pub(crate) const TP: Row = Row {
    name: "`tp`, our own member",
    cells: [
        ("kept if it names the trace", tp_kept),
        ("kept if it names the trace, except the decision", tp_resampled),
        ("dropped", tp_dropped),
        ("dropped", tp_dropped),
    ],
};

/// What a first hop preserves of a debug decision, Jaeger's flags and a spelling, for a hop that forwards only W3C.
fn crossing() -> Pairs {
    let first = Propagator::from_names("jaeger,correlation:x-request-id", "tracecontext").expect("known names");
    let uber = format!("{TRACE}:{PARENT}:0:f");
    let request = [("uber-trace-id", &*uber), ("x-request-id", SPELLING)];
    let mut sent = Pairs::new();
    let extraction = first.extract(&request);
    first.inject(&extraction.new_span(&ids), &InjectOptions::everything(), &mut sent);
    sent
}

const SPELLING: &str = "4BF92F35-77B3-4DA6-A3CE-929D0E0E4736";

fn request(crossing: &Pairs) -> Vec<(&str, &str)> {
    let request: Vec<_> = crossing.iter().collect();
    assert!(crossing.get("tracestate").is_some_and(|state| state.starts_with("tp=1;0e0e4736;")), "{crossing:?}");
    request
}

fn tp_kept(trust: Trust) {
    let crossing = crossing();
    for sent in [span(trust, ALL, &request(&crossing), &FollowParent), passthrough(trust, ALL, &request(&crossing))] {
        assert_eq!(sent.get("x-request-id"), Some(SPELLING));
        assert!(sent.get("uber-trace-id").is_some_and(|value| value.ends_with(":f")), "{sent:?}");
    }
    stale_is_dropped(trust);
}

fn tp_resampled(trust: Trust) {
    let crossing = crossing();
    for names in ["tracecontext,b3,jaeger,correlation:x-request-id", "tracecontext,correlation:x-request-id", W3C] {
        for sent in [
            span(trust, names, &request(&crossing), &Sampling::Sampled),
            passthrough(trust, names, &request(&crossing)),
        ] {
            if names != W3C {
                assert_eq!(sent.get("x-request-id"), Some(SPELLING), "{names}");
            }
            let items: Vec<_> = sent.get("tracestate").unwrap_or_default().split([';', ',']).skip(2).collect();
            assert!(items.iter().all(|item| item.starts_with('c')), "{names}: {sent:?}");
            assert!(!sent.get("uber-trace-id").is_some_and(|value| value.ends_with(":f")), "{sent:?}");
        }
    }
    stale_is_dropped(trust);
}

fn stale_is_dropped(trust: Trust) {
    let parent = traceparent("01");
    let request = [("traceparent", &*parent), ("tracestate", "tp=1;0e0e4737;d,rojo=1")];
    assert_eq!(span(trust, W3C, &request, &FollowParent).get("tracestate"), Some("rojo=1"));
    if trust == Trust::Resample {
        assert_eq!(passthrough(trust, W3C, &request).get("tracestate"), Some("rojo=1"));
    }
}

fn tp_dropped(trust: Trust) {
    let crossing = crossing();
    let sent = span(trust, ALL, &request(&crossing), &AlwaysOn);
    assert!(!sent.get("tracestate").unwrap_or_default().contains("tp="), "{sent:?}");
    assert_ne!(sent.get("x-request-id"), Some(SPELLING));
    let forwarded = passthrough(trust, ALL, &request(&crossing));
    has_no_trace(&forwarded);
    assert_eq!(forwarded.get("x-request-id"), None);
}
