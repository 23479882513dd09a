//! Ids, the decision, the random flag and links.

use traceprop_core::sampler::{AlwaysOn, ParentBased, Probability};
use traceprop_core::{Allow, LinkReason, OwnedContext, Pairs, Propagator, Sampling, Trust};

use crate::Row;
use crate::edge::{
    ALL_AND_SENTRY as ALL, OURS, PARENT, Request, TRACE, continues, has_no_trace, ids, newrelic, passthrough,
    propagator, span, traceparent,
};

pub(crate) const IDS: Row = Row {
    name: "trace id, parent",
    cells: [("caller's", ids_of), ("caller's", ids_of), ("ours", ids_of), ("ours", ids_of)],
};

/// The trace and the parent of the caller, in each format, sampled.
fn with_each_format(test: impl Fn(&Request<'_>)) {
    test(&[("traceparent", &traceparent("01"))]);
    test(&[("b3", &format!("{TRACE}-{PARENT}-1"))]);
    test(&[("X-B3-TraceId", TRACE), ("X-B3-SpanId", PARENT), ("X-B3-Sampled", "1")]);
    test(&[
        ("x-datadog-trace-id", "11803532876627986230"),
        ("x-datadog-parent-id", "67667974448284343"),
        ("x-datadog-sampling-priority", "1"),
        ("x-datadog-tags", "_dd.p.tid=4bf92f3577b34da6"),
    ]);
    test(&[("uber-trace-id", &format!("{TRACE}:{PARENT}:0:1"))]);
    test(&[("elastic-apm-traceparent", &traceparent("01"))]);
    test(&[("x-amzn-trace-id", &format!("Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent={PARENT};Sampled=1"))]);
    test(&[("sentry-trace", &format!("{TRACE}-{PARENT}-1"))]);
    test(&[("x-instana-t", TRACE), ("x-instana-s", PARENT), ("x-instana-l", "1")]);
    test(&[("newrelic", &newrelic("true"))]);
    test(&[("grpc-trace-bin", "AABL+S81d7NNpqPOkp0ODkc2AQDwZ6oLqQK3AgE")]);
    test(&[("ot-tracer-traceid", TRACE), ("ot-tracer-spanid", PARENT), ("ot-tracer-sampled", "true")]);
    test(&[("x-cloud-trace-context", &format!("{TRACE}/67667974448284343;o=1"))]);
}

fn ids_of(trust: Trust) {
    with_each_format(|request| {
        let sent = span(trust, ALL, request, &AlwaysOn);
        let (trace, parent) = if continues(trust) { (TRACE, Some(PARENT)) } else { (&*format!("{OURS}{OURS}"), None) };
        assert_eq!(sent.get("traceparent"), Some(&*format!("00-{trace}-{OURS}-01")));
        assert_eq!(sent.get("b3"), Some(&*format!("{trace}-{OURS}-1")));
        let edge = propagator(trust, ALL);
        let request = request.to_vec();
        let received = edge.extract(&request).new_span(&ids).parent_id().map(|parent| parent.to_string());
        assert_eq!(received.as_deref(), parent);
        let forwarded = passthrough(trust, ALL, &request);
        match continues(trust) {
            true => assert_eq!(forwarded.get("traceparent"), Some(&*traceparent("01"))),
            false => has_no_trace(&forwarded),
        }
    });
    // A whole sw8 has names of services too.
    let sw8 = ("sw8", "1-NGJmOTJmMzU3N2IzNGRhNmEzY2U5MjlkMGUwZTQ3MzY=-c2VnbWVudA==-3-cw==-aQ==-Lw==-cA==");
    let sent = span(trust, ALL, &[sw8], &AlwaysOn);
    let trace = if continues(trust) { TRACE } else { &format!("{OURS}{OURS}") };
    assert_eq!(sent.get("traceparent"), Some(&*format!("00-{trace}-{OURS}-01")));
}

pub(crate) const DECISION: Row = Row {
    name: "sampling decision, also one without ids",
    cells: [("caller's; ours if undecided", decision), ("ours", decision), ("ours", decision), ("ours", decision)],
};

/// Calls `test` with each decision that a format can carry, and what it means.
fn with_each_decision(test: impl Fn(&Request<'_>, Sampling)) {
    use Sampling::{Debug, Deferred, NotSampled, Sampled};
    test(&[("traceparent", &traceparent("00"))], NotSampled);
    test(&[("traceparent", &traceparent("01"))], Sampled);
    for (text, sampling) in [("-0", NotSampled), ("-1", Sampled), ("-d", Debug), ("", Deferred)] {
        test(&[("b3", &format!("{TRACE}-{PARENT}{text}"))], sampling);
    }
    for (text, sampling) in [("0", NotSampled), ("1", Sampled), ("d", Debug)] {
        test(&[("b3", text)], sampling);
    }
    test(&[("X-B3-Flags", "1")], Debug);
    for (priority, sampling) in [("-1", NotSampled), ("0", NotSampled), ("1", Sampled), ("2", Sampled)] {
        test(&[("x-datadog-trace-id", "7"), ("x-datadog-sampling-priority", priority)], sampling);
    }
    for (flags, sampling) in [("0", NotSampled), ("1", Sampled), ("3", Debug)] {
        test(&[("uber-trace-id", &format!("{TRACE}:{PARENT}:0:{flags}"))], sampling);
    }
    test(&[("jaeger-debug-id", "ticket-1")], Debug);
    for (level, sampling) in [("0", NotSampled), ("1", Sampled)] {
        test(&[("x-instana-t", TRACE), ("x-instana-s", PARENT), ("x-instana-l", level)], sampling);
    }
    test(&[("x-instana-l", "0")], NotSampled);
    for (options, sampling) in [("AgA", NotSampled), ("AgE", Sampled), ("", Deferred)] {
        test(&[("grpc-trace-bin", &format!("AABL+S81d7NNpqPOkp0ODkc2AQDwZ6oLqQK3{options}"))], sampling);
    }
    for (word, sampling) in [("false", NotSampled), ("true", Sampled), ("?", Deferred)] {
        let ids = [("ot-tracer-traceid", TRACE), ("ot-tracer-spanid", PARENT)];
        test(&[ids[0], ids[1], ("ot-tracer-sampled", word)], sampling);
    }
    test(&[("elastic-apm-traceparent", &traceparent("00"))], NotSampled);
    test(&[("elastic-apm-traceparent", &traceparent("01"))], Sampled);
    for (text, sampling) in
        [(";Sampled=0", NotSampled), (";Sampled=1", Sampled), ("", Deferred), (";Sampled=?", Deferred)]
    {
        let root = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736";
        test(&[("x-amzn-trace-id", &format!("{root};Parent={PARENT}{text}"))], sampling);
    }
    for (text, sampling) in [("0", NotSampled), ("1", Sampled)] {
        test(&[("x-amzn-trace-id", &format!("Sampled={text}"))], sampling);
        test(&[("sentry-trace", text)], sampling);
        test(&[("sentry-trace", &format!("{TRACE}-{PARENT}-{text}"))], sampling);
        test(&[("x-cloud-trace-context", &format!("{TRACE}/67667974448284343;o={text}"))], sampling);
    }
    test(&[("sentry-trace", &format!("{TRACE}-{PARENT}"))], Deferred);
    test(&[("x-cloud-trace-context", &format!("{TRACE}/67667974448284343"))], Deferred);
    for (text, sampling) in [("false", NotSampled), ("true", Sampled), ("null", Deferred)] {
        test(&[("newrelic", &newrelic(text))], sampling);
    }
}

fn decision(trust: Trust) {
    with_each_decision(|request, received| {
        let edge = propagator(trust, ALL);
        let request = request.to_vec();
        let extraction = edge.extract(&request);
        let decided = if trust == Trust::Continue { received } else { Sampling::Deferred };
        assert_eq!(extraction.sampling(), decided, "{request:?}");
        for ours in [Sampling::Sampled, Sampling::NotSampled] {
            let follow = ParentBased::new(ours);
            let expected = if decided == Sampling::Deferred { ours } else { decided };
            assert_eq!(extraction.new_span_with(&ids, &follow).sampling(), expected, "{request:?}");
            let sent = span(trust, ALL, &request, &follow);
            let flags = if expected.is_sampled() { "-01" } else { "-00" };
            assert!(sent.get("traceparent").is_some_and(|value| value.ends_with(flags)), "{request:?}: {sent:?}");
        }
        let forwarded = passthrough(trust, ALL, &request);
        match trust {
            Trust::Continue => {
                let next = propagator(Trust::Continue, "b3");
                let next = next.extract(&forwarded);
                // B3 has no form for a trace without a span.
                if request[0].0 != "x-datadog-trace-id" {
                    assert_eq!(next.sampling(), received, "{request:?}");
                }
            }
            Trust::Resample => is_open(&request, received, &forwarded),
            Trust::Restart | Trust::Ignore => has_no_trace(&forwarded),
        }
    });
}

/// A passthrough that does not decide leaves the decision open, where a format can say so. Others keep the sampled bit.
fn is_open(request: &Request<'_>, received: Sampling, forwarded: &Pairs) {
    let edge = propagator(Trust::Resample, ALL);
    let request = request.to_vec();
    let Some(context) = edge.extract(&request).context() else {
        return has_no_trace(forwarded);
    };
    assert_eq!(forwarded.get("x-datadog-sampling-priority"), None, "{request:?}");
    assert!(!forwarded.get("tracestate").unwrap_or_default().contains("tp="), "{request:?}: {forwarded:?}");
    if context.parent_id.is_some() {
        assert_eq!(forwarded.get("b3"), Some(&*format!("{TRACE}-{PARENT}")), "{request:?}");
        let bit = u8::from(received.is_sampled());
        assert_eq!(forwarded.get("traceparent"), Some(&*traceparent(&format!("0{bit}"))), "{request:?}");
        assert_eq!(forwarded.get("uber-trace-id"), Some(&*format!("{TRACE}:{PARENT}:0:{bit}")), "{request:?}");
        let elastic = forwarded.get("elastic-apm-traceparent");
        assert_eq!(elastic, Some(&*traceparent(&format!("0{bit}"))), "{request:?}");
        let xray = forwarded.get("x-amzn-trace-id").expect("a parent");
        assert!(!xray.contains("Sampled=0") && !xray.contains("Sampled=1"), "{request:?}: {xray}");
        assert_eq!(forwarded.get("x-instana-l"), Some(&*bit.to_string()), "{request:?}");
        let grpc = forwarded.get("grpc-trace-bin").expect("ids");
        assert!(grpc.ends_with(if received.is_sampled() { "AgE" } else { "AgA" }), "{request:?}: {grpc}");
        assert_eq!(forwarded.get("sentry-trace"), Some(&*format!("{TRACE}-{PARENT}")), "{request:?}");
        let cloud = format!("{TRACE}/67667974448284343");
        assert_eq!(forwarded.get("x-cloud-trace-context"), Some(&*cloud), "{request:?}");
        assert_eq!(forwarded.get("newrelic"), None, "{request:?}");
        let word = if received.is_sampled() { "true" } else { "false" };
        assert_eq!(forwarded.get("ot-tracer-sampled"), Some(word), "{request:?}");
    }
}

pub(crate) const RANDOM_FLAG: Row = Row {
    name: "random flag of traceparent",
    cells: [
        ("kept", random_flag),
        ("kept, not relied on", random_flag),
        ("ours", random_flag_of_ours),
        ("ours", random_flag_of_ours),
    ],
};

fn random_flag(trust: Trust) {
    for (flags, sent_flags) in [("01", "01"), ("03", "03")] {
        let parent = traceparent(flags);
        let request = [("traceparent", &*parent)];
        let sent = span(trust, ALL, &request, &Probability::new(1.0).expect("a ratio"));
        assert_eq!(sent.get("traceparent"), Some(&*format!("00-{TRACE}-{OURS}-{sent_flags}")));
        // The sampler names its own randomness, whatever the flag says.
        let has_randomness = sent.get("tracestate").is_some_and(|state| state.contains("rv:"));
        assert_eq!(has_randomness, trust == Trust::Resample, "{sent:?}");
        assert_eq!(passthrough(trust, ALL, &request).get("traceparent"), Some(&*traceparent(flags)));
    }
}

fn random_flag_of_ours(trust: Trust) {
    for flags in ["01", "03"] {
        let parent = traceparent(flags);
        let request = [("traceparent", &*parent)];
        for (builder, ours) in [(Propagator::builder(), "01"), (Propagator::builder().mark_random(), "03")] {
            let edge =
                builder.names("tracecontext", "tracecontext").expect("known").trust(trust).build().expect("right");
            let mut sent = Pairs::new();
            edge.inject(&edge.extract(&request).new_span(&ids), &traceprop_core::InjectOptions::new(), &mut sent);
            assert_eq!(sent.get("traceparent"), Some(&*format!("00-{OURS}{OURS}-{OURS}-{ours}")));
        }
        has_no_trace(&passthrough(trust, ALL, &request));
    }
}

pub(crate) const LINKS: Row = Row {
    name: "links",
    cells: [
        ("to other traces of the request", links),
        ("to other traces of the request", links),
        ("one, to the caller", links),
        ("none", links),
    ],
};

fn links(trust: Trust) {
    let edge = propagator(trust, ALL);
    let parent = traceparent("01");
    let request = [("traceparent", &*parent), ("b3", "80e6b5d0a9d93650-8a0ac984f71ab247-0")];
    let extraction = edge.extract(&request);
    let expected: &[_] = match trust {
        Trust::Continue | Trust::Resample => {
            &[("000000000000000080e6b5d0a9d93650", "8a0ac984f71ab247", false, LinkReason::DifferentTrace, "b3")]
        }
        Trust::Restart => &[(TRACE, PARENT, true, LinkReason::Restarted, "tracecontext")],
        Trust::Ignore => &[],
    };
    let expected: Vec<_> = expected
        .iter()
        .map(|(trace, span, sampled, reason, format)| (trace.to_string(), span.to_string(), *sampled, *reason, *format))
        .collect();
    let shown = |link: traceprop_core::Link<'_>| {
        let format = if link.format == "b3" { "b3" } else { "tracecontext" };
        (link.trace_id.to_string(), link.span_id.to_string(), link.sampled, link.reason, format)
    };
    assert_eq!(extraction.links().map(shown).collect::<Vec<_>>(), expected);
    // They cross into the buffer, and into children.
    let owned = OwnedContext::from_span(&extraction, &extraction.new_span(&ids));
    let child = owned.child("b7ad6b7169203331".parse().expect("an id")).expect("a trace");
    let other = owned.child_with("b7ad6b7169203331".parse().expect("an id"), &Sampling::NotSampled).expect("a trace");
    let filtered = owned.clone().filter_baggage(Allow::None).with_tracestate([("rojo", "1")]).expect("a member");
    for context in [&owned, &child, &other, &filtered, &OwnedContext::from_passthrough(&extraction)] {
        assert_eq!(context.links().map(shown).collect::<Vec<_>>(), expected);
    }
}
