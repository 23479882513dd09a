//! Flags with which a caller asks for something: debug, Jaeger's other bits, and the mode of sw8-x.

use traceprop_core::sampler::{AlwaysOn, FollowParent};
use traceprop_core::{OwnedContext, Sampling, Trust};

use crate::Row;
use crate::edge::{ALL, PARENT, Request, TRACE, has_no_trace, ids, passthrough, propagator, span, traceparent};

pub(crate) const DEBUG: Row = Row {
    name: "debug, `jaeger-debug-id`",
    cells: [("kept", debug_kept), ("dropped", debug_dropped), ("dropped", debug_dropped), ("dropped", debug_dropped)],
};

/// Calls `test` with each way to ask for a debug trace.
fn with_each_debug(test: impl Fn(&Request<'_>)) {
    test(&[("b3", &format!("{TRACE}-{PARENT}-d"))]);
    test(&[("X-B3-TraceId", TRACE), ("X-B3-SpanId", PARENT), ("X-B3-Flags", "1")]);
    test(&[("uber-trace-id", &format!("{TRACE}:{PARENT}:0:3"))]);
    test(&[("traceparent", &traceparent("01")), ("tracestate", "tp=1;0e0e4736;d")]);
    test(&[("b3", "d")]);
    test(&[("jaeger-debug-id", "ticket-1")]);
}

fn debug_kept(trust: Trust) {
    with_each_debug(|request| {
        let sent = span(trust, ALL, request, &FollowParent);
        assert!(sent.get("b3").is_some_and(|value| value.ends_with("-d")), "{request:?}: {sent:?}");
        assert!(sent.get("uber-trace-id").is_some_and(|value| value.ends_with(":3")), "{request:?}: {sent:?}");
        let forwarded = passthrough(trust, ALL, request);
        assert!(forwarded.get("b3").is_some_and(|value| value.ends_with('d')), "{request:?}: {forwarded:?}");
    });
    assert_eq!(debug_id(trust), [true; 2]);
}

fn debug_dropped(trust: Trust) {
    with_each_debug(|request| {
        let sent = span(trust, ALL, request, &AlwaysOn);
        assert!(sent.get("b3").is_some_and(|value| value.ends_with("-1")), "{request:?}: {sent:?}");
        assert!(sent.get("uber-trace-id").is_some_and(|value| value.ends_with(":1")), "{request:?}: {sent:?}");
        assert_eq!(sent.get("x-datadog-sampling-priority"), Some("1"), "{request:?}");
        assert!(!sent.get("tracestate").unwrap_or_default().contains("tp="), "{request:?}: {sent:?}");
        let forwarded = passthrough(trust, ALL, request);
        assert_eq!(forwarded.get("jaeger-debug-id"), None);
        for name in ["b3", "uber-trace-id", "tracestate"] {
            let value = forwarded.get(name).unwrap_or_default();
            assert!(!value.ends_with('d') && !value.ends_with(":3"), "{request:?}: {forwarded:?}");
        }
    });
    assert_eq!(debug_id(trust), [false; 2]);
}

/// Whether a debug id names the new trace, for the request and for its owned context. A sampler of ours may sample as debug.
fn debug_id(trust: Trust) -> [bool; 2] {
    let edge = propagator(trust, ALL);
    let request = [("jaeger-debug-id", "ticket-1")];
    let extraction = edge.extract(&request);
    let owned = OwnedContext::from_span(&extraction, &extraction.new_span_with(&ids, &Sampling::Debug));
    [extraction.jaeger().debug_id().is_some(), owned.jaeger().debug_id().is_some()]
}

pub(crate) const JAEGER: Row = Row {
    name: "Jaeger: other flags, such as firehose",
    cells: [
        ("kept", jaeger_kept),
        ("dropped", jaeger_dropped),
        ("dropped", jaeger_dropped),
        ("dropped", jaeger_dropped),
    ],
};

/// Calls `test` with flags in the header, and preserved in the tracestate.
fn with_each_flags(flags: &str, sampled: bool, test: impl Fn(&Request<'_>)) {
    test(&[("uber-trace-id", &format!("{TRACE}:{PARENT}:0:{flags}"))]);
    let parent = traceparent(if sampled { "01" } else { "00" });
    test(&[("traceparent", &parent), ("tracestate", &format!("tp=1;0e0e4736;j{flags}"))]);
}

fn jaeger_kept(trust: Trust) {
    for (flags, sampled) in [("9", true), ("d", true), ("c", false)] {
        with_each_flags(flags, sampled, |request| {
            for sent in [span(trust, ALL, request, &FollowParent), passthrough(trust, ALL, request)] {
                let value = sent.get("uber-trace-id").unwrap_or_default();
                assert!(value.ends_with(&format!(":{flags}")), "{request:?}: {sent:?}");
            }
        });
    }
}

fn jaeger_dropped(trust: Trust) {
    for (flags, sampled) in [("9", true), ("d", true), ("f", true), ("c", false)] {
        with_each_flags(flags, sampled, |request| {
            for (decision, ours) in [(Sampling::Sampled, ":1"), (Sampling::NotSampled, ":0")] {
                let sent = span(trust, ALL, request, &decision);
                assert!(sent.get("uber-trace-id").is_some_and(|value| value.ends_with(ours)), "{request:?}: {sent:?}");
                assert!(!sent.get("tracestate").unwrap_or_default().contains("tp="), "{request:?}: {sent:?}");
                // Where only W3C is written, they are not preserved for a later hop.
                let hop = span(trust, "tracecontext", request, &decision);
                assert!(!hop.get("tracestate").unwrap_or_default().contains("tp="), "{request:?}: {hop:?}");
            }
            let forwarded = passthrough(trust, ALL, request);
            match trust {
                Trust::Resample => {
                    let bit = if sampled { ":1" } else { ":0" };
                    let value = forwarded.get("uber-trace-id").unwrap_or_default();
                    assert!(value.ends_with(bit), "{request:?}: {forwarded:?}");
                    assert_eq!(forwarded.get("tracestate"), None, "{request:?}");
                }
                _ => has_no_trace(&forwarded),
            }
        });
    }
}

pub(crate) const SW8_EXTENSION: Row = Row {
    name: "`sw8-x`: skip analysis",
    cells: [("kept", sw8_kept), ("dropped", sw8_dropped), ("dropped", sw8_dropped), ("dropped", sw8_dropped)],
};

const SW8: [(&str, &str); 2] = [("sw8", "1-dGlja2V0-c2VnbWVudA==-3-cw==-aQ==-Lw==-cA=="), ("sw8-x", "1-1700000000000")];

fn sw8_kept(trust: Trust) {
    let sent = span(trust, ALL, &SW8, &FollowParent);
    assert_eq!(sent.get("sw8-x"), Some("1-"));
    assert_eq!(passthrough(trust, ALL, &SW8).get("sw8-x"), Some("1-1700000000000"));
}

fn sw8_dropped(trust: Trust) {
    let sent = span(trust, ALL, &SW8, &AlwaysOn);
    assert!(sent.get("sw8").is_some_and(|value| value.starts_with("1-")), "{sent:?}");
    assert_eq!(sent.get("sw8-x"), None);
    assert_eq!(passthrough(trust, ALL, &SW8).get("sw8-x"), None);
}
