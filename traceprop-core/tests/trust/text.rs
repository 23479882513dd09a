//! Text of users: baggage and correlation ids.

use traceprop_core::formats::newrelic::NewRelicPayload;
use traceprop_core::sampler::AlwaysOn;
use traceprop_core::{Pairs, Trust};

use crate::Row;
use crate::edge::{ALL, newrelic, passthrough, propagator, span, traceparent};

pub(crate) const BAGGAGE: Row = Row {
    name: "baggage, in any format",
    cells: [("kept", baggage_kept), ("kept", baggage_kept), ("kept", baggage_kept), ("dropped", baggage_dropped)],
};

/// Baggage in each format. sw8-correlation is read only with an sw8.
const LINES: [(&str, &str); 5] = [
    ("baggage", "tenant=acme,user=7;p"),
    ("uberctx-tenant", "acme"),
    ("sw8", "1-dGlja2V0-c2VnbWVudA==-3-cw==-aQ==-Lw==-cA=="),
    // tenant: acme
    ("sw8-correlation", "dGVuYW50:YWNtZQ=="),
    // Read with Datadog, and written next to ids of OpenTracing.
    ("ot-baggage-tenant", "acme"),
];

fn baggage_kept(trust: Trust) {
    let sent = span(trust, ALL, &LINES, &AlwaysOn);
    for (name, value) in [LINES[0], LINES[1], LINES[3], LINES[4]] {
        assert_eq!(sent.get(name), Some(value));
    }
    let forwarded = passthrough(trust, ALL, &LINES);
    for (name, value) in [LINES[0], LINES[1]] {
        assert_eq!(forwarded.get(name), Some(value));
    }
    // Without an sw8 nobody reads it.
    assert_eq!(forwarded.get("sw8-correlation").is_some(), trust <= Trust::Resample);
    let extraction = propagator(trust, ALL);
    let request = LINES.to_vec();
    assert_eq!(extraction.extract(&request).baggage().len(), 2);
}

fn baggage_dropped(trust: Trust) {
    for sent in [span(trust, ALL, &LINES, &AlwaysOn), passthrough(trust, ALL, &LINES)] {
        for (name, _) in [LINES[0], LINES[1], LINES[3], LINES[4]] {
            assert_eq!(sent.get(name), None);
        }
    }
    let request = LINES.to_vec();
    let edge = propagator(trust, ALL);
    let extraction = edge.extract(&request);
    assert!(extraction.baggage().is_empty() && extraction.jaeger().baggage().is_empty());
    assert!(extraction.ot_baggage().is_empty());
}

pub(crate) const XRAY_FIELDS: Row = Row {
    name: "X-Ray: `Lineage`, fields of the application",
    cells: [("kept", xray_kept), ("kept", xray_kept), ("kept", xray_kept), ("dropped", xray_dropped)],
};

const XRAY: &str =
    "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1;Lineage=1:a87bd80c:2;tenant=acme";

fn xray_kept(trust: Trust) {
    let request = [("x-amzn-trace-id", XRAY)];
    let is_kept = |sent: &Pairs| {
        let value = sent.get("x-amzn-trace-id").unwrap_or_default();
        assert!(value.contains(";Lineage=1:a87bd80c:2") && value.contains(";tenant=acme"), "{sent:?}");
    };
    is_kept(&span(trust, ALL, &request, &AlwaysOn));
    match trust {
        // The header has no form without a trace.
        Trust::Restart => assert_eq!(passthrough(trust, ALL, &request).get("x-amzn-trace-id"), None),
        _ => is_kept(&passthrough(trust, ALL, &request)),
    }
}

fn xray_dropped(trust: Trust) {
    let request = [("x-amzn-trace-id", XRAY)];
    for sent in [span(trust, ALL, &request, &AlwaysOn), passthrough(trust, ALL, &request)] {
        let value = sent.get("x-amzn-trace-id").unwrap_or_default();
        assert!(!value.contains("Lineage") && !value.contains("tenant"), "{sent:?}");
    }
}

pub(crate) const DECISION_IN_BAGGAGE: Row = Row {
    name: "baggage: `sentry-*` members",
    cells: [
        ("kept", decision_kept),
        ("dropped", decision_dropped),
        ("dropped", decision_dropped),
        ("dropped", decision_dropped),
    ],
};

const WITH_DECISION: &str = "sentry-sampled=true,tenant=acme,sentry-sample_rate=1.0,sentry%2Dtrace_id=7";

fn with_decision(trust: Trust) -> [Option<String>; 2] {
    let parent = traceparent("01");
    let request = [("traceparent", &*parent), ("baggage", WITH_DECISION)];
    let sent = [span(trust, ALL, &request, &AlwaysOn), passthrough(trust, ALL, &request)];
    sent.map(|sent| sent.get("baggage").map(str::to_owned))
}

fn decision_kept(trust: Trust) {
    assert_eq!(with_decision(trust), [(); 2].map(|()| Some(WITH_DECISION.to_owned())));
}

fn decision_dropped(trust: Trust) {
    let left = if trust == Trust::Ignore { None } else { Some("tenant=acme".to_owned()) };
    assert_eq!(with_decision(trust), [left.clone(), left]);
    let edge = propagator(trust, ALL);
    let extraction = edge.extract(&[("baggage", WITH_DECISION)]);
    assert_eq!(extraction.baggage().get("sentry-sampled"), None);
}

pub(crate) const INSTANA: Row = Row {
    name: "Instana: correlation and synthetic (readable, never sent)",
    cells: [("kept", instana), ("kept", instana), ("dropped", instana), ("dropped", instana)],
};

fn instana(trust: Trust) {
    let level = ("x-instana-l", "1,correlationType=web;correlationId=ab12");
    let request = [level, ("x-instana-synthetic", "1")];
    let edge = propagator(trust, ALL);
    let extraction = edge.extract(&request);
    let view = extraction.instana();
    let is_read = trust <= Trust::Resample;
    assert_eq!((view.correlation().is_some(), view.is_synthetic()), (is_read, is_read));
    for sent in [span(trust, ALL, &request, &AlwaysOn), passthrough(trust, ALL, &request)] {
        assert!(sent.iter().all(|(name, value)| !value.contains("ab12") && name != "x-instana-synthetic"), "{sent:?}");
    }
}

pub(crate) const NEW_RELIC: Row = Row {
    name: "New Relic: account, application and the rest of the payload (readable)",
    cells: [("kept", new_relic), ("kept", new_relic), ("dropped", new_relic), ("dropped", new_relic)],
};

fn new_relic(trust: Trust) {
    let request = [("newrelic", newrelic("true"))];
    let edge = propagator(trust, ALL);
    let mut buffer = NewRelicPayload::BUFFER;
    let account = edge.extract(&request).newrelic(&mut buffer).map(|payload| payload.account);
    assert_eq!(account, (trust <= Trust::Resample).then_some("33"));
    let request = [("newrelic", &*request[0].1)];
    assert_eq!(span(trust, ALL, &request, &AlwaysOn).get("newrelic"), None);
    // The header has the caller's decision, so only those who continue it forward it.
    let forwarded = (trust == Trust::Continue).then_some(request[0].1);
    assert_eq!(passthrough(trust, ALL, &request).get("newrelic"), forwarded);
}

pub(crate) const CORRELATION: Row = Row {
    name: "correlation ids",
    cells: [
        ("kept", correlation_kept),
        ("kept", correlation_kept),
        ("kept from their header", correlation_of_the_header),
        ("dropped", correlation_dropped),
    ],
};

const ID: &str = "D19931BB-F235-4DCB-8E2F-B9D31225D62E";

fn with_id(trust: Trust) -> [Pairs; 2] {
    let parent = traceparent("01");
    let request = [("traceparent", &*parent), ("x-request-id", ID)];
    [span(trust, ALL, &request, &AlwaysOn), passthrough(trust, ALL, &request)]
}

fn correlation_kept(trust: Trust) {
    for sent in with_id(trust) {
        assert_eq!(sent.get("x-request-id"), Some(ID));
    }
}

/// One that crossed in our tracestate member belongs to the trace that is not continued: see the row of that member.
fn correlation_of_the_header(trust: Trust) {
    correlation_kept(trust);
}

fn correlation_dropped(trust: Trust) {
    for sent in with_id(trust) {
        assert_ne!(sent.get("x-request-id"), Some(ID));
    }
}
