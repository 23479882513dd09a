//! Contexts that are not continued: links, and nothing else.

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::trace::Sampler;
use traceprop_core::{Allow, Trust};
use traceprop_opentelemetry::{IncomingSampler, OtelContextExt, OtelPropagator};

use crate::common::*;

fn restarting(trust: Trust) -> OtelPropagator {
    OtelPropagator::new(all().with_trust(trust)).allow_baggage(Allow::All).allow_correlation(Allow::All)
}

const REQUEST: [(&str, &str); 4] = [
    TRACEPARENT,
    ("tracestate", "rojo=1,dd=s:2;o:rum"),
    ("baggage", "tenant=acme"),
    ("x-request-id", "4bf92f35-77b3-4da6-a3ce-929d0e0e4736"),
];

#[test]
fn ok_restart_links_to_the_caller_once_on_the_first_span() {
    let propagator = restarting(Trust::Restart);
    let sdk = Sdk::by_default();
    let cx = extract(&propagator, &REQUEST);
    let served = sdk.start(&cx);
    let inner = sdk.start(&served);
    // A second span that is started in the context of the request has none.
    let second = sdk.start(&cx);
    let served_id = served.span().span_context().span_id();
    drop((served, inner, second));
    for span in sdk.exported() {
        let links: Vec<String> = span.links.iter().map(|link| link.span_context.span_id().to_string()).collect();
        let is_first = span.span_context.span_id() == served_id;
        assert_eq!(links, if is_first { vec![PARENT.to_owned()] } else { Vec::new() });
        if is_first {
            assert_ne!(span.span_context.trace_id().to_string(), TRACE);
            assert_eq!(span.links.links[0].attributes[0].value.as_str(), "propagation_behavior_extract");
        }
    }
}

#[test]
fn ok_a_second_trace_is_a_link() {
    let propagator = OtelPropagator::new(all());
    let sdk = Sdk::by_default();
    let request = [TRACEPARENT, ("b3", "80e6b5d0a9d936508a0ac984f71ab247-8a0ac984f71ab247-1")];
    drop(sdk.start(&extract(&propagator, &request)));
    let span = &sdk.exported()[0];
    assert_eq!(span.parent_span_id.to_string(), PARENT);
    assert_eq!(span.links.len(), 1);
    assert_eq!(span.links.links[0].attributes[0].value.as_str(), "terminated_context");
}

#[test]
fn ok_nothing_of_a_refused_context_reaches_the_sampler_or_the_wire() {
    for trust in [Trust::Restart, Trust::Ignore] {
        let propagator = restarting(trust);
        let cx = extract(&propagator, &REQUEST);
        assert!(!cx.has_active_span());
        let remote = cx.remote().unwrap();
        assert_eq!((remote.context(), remote.sampling()), (None, traceprop_core::Sampling::Deferred));
        assert_eq!(remote.links().len(), usize::from(trust == Trust::Restart));

        for lines in [&REQUEST[..], &[("b3", "d")], &[("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-d")]] {
            let cx = extract(&propagator, lines);
            let served = Sdk::new(IncomingSampler::new(Sampler::AlwaysOff)).start(&cx);
            assert!(!served.span().span_context().is_sampled(), "{lines:?}");
            // With a span and without one.
            for cx in [served, cx] {
                let sent = format!("{:?}", inject(&propagator, &cx));
                assert!(!sent.contains(TRACE) && !sent.contains("rojo") && !sent.contains("rum"), "{sent}");
                assert_eq!(sent.contains("tenant"), trust == Trust::Restart && lines.len() > 1, "{sent}");
            }
        }
    }
}

#[test]
fn ok_under_restart_a_request_without_headers_is_remembered() {
    // So a client that copies headers of formats that are not read removes them.
    let cx = extract(&restarting(Trust::Restart), &[("accept", "*/*")]);
    assert_eq!(cx.to_owned_context().map(|context| context.trust()), Some(Trust::Restart));
    assert!(extract(&restarting(Trust::Continue), &[("accept", "*/*")]).to_owned_context().is_none());
    let cx = Context::new();
    assert!(cx.remote().is_none());
}
