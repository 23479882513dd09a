//! What only one vendor's headers hold, behind a service that has nothing but the SDK and the propagator.

use std::collections::HashMap;

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::trace::Sampler;
use traceprop_core::Allow;
use traceprop_opentelemetry::{IncomingSampler, OtelPropagator};

use crate::common::*;

const DATADOG: [(&str, &str); 5] = [
    ("x-datadog-trace-id", "11803532876627986230"),
    ("x-datadog-parent-id", "67667974448284343"),
    ("x-datadog-sampling-priority", "2"),
    ("x-datadog-origin", "rum"),
    ("x-datadog-tags", "_dd.p.tid=4bf92f3577b34da6,_dd.p.dm=-4,_dd.p.usr=1"),
];

/// Sends the request through a service with a span.
fn through(propagator: &OtelPropagator, lines: &[(&str, &str)]) -> (HashMap<String, String>, String) {
    let sdk = Sdk::new(IncomingSampler::new(Sampler::AlwaysOff));
    let served = sdk.start(&extract(propagator, lines));
    let id = served.span().span_context().span_id().to_string();
    (inject(propagator, &served), id)
}

#[test]
fn ok_datadog_priority_origin_and_tags() {
    let propagator = OtelPropagator::new(named("datadog", "datadog"));
    let (sent, id) = through(&propagator, &DATADOG);
    assert_eq!(get(&sent, "x-datadog-trace-id"), Some(DATADOG[0].1));
    assert_eq!(get(&sent, "x-datadog-parent-id"), Some(&*u64::from_str_radix(&id, 16).unwrap().to_string()));
    assert_eq!(get(&sent, "x-datadog-sampling-priority"), Some("2"));
    assert_eq!(get(&sent, "x-datadog-origin"), Some("rum"));
    assert_eq!(get(&sent, "x-datadog-tags"), Some(DATADOG[4].1));
}

#[test]
fn ok_b3_debug_and_jaeger_flags() {
    let propagator = OtelPropagator::new(named("b3,jaeger", "b3,jaeger"));
    let (sent, id) = through(&propagator, &[("b3", &format!("{TRACE}-{PARENT}-d"))]);
    assert_eq!(get(&sent, "b3"), Some(&*format!("{TRACE}-{id}-d")));

    let (sent, id) = through(&propagator, &[("uber-trace-id", &format!("{TRACE}:{PARENT}:0:b"))]);
    assert_eq!(get(&sent, "uber-trace-id"), Some(&*format!("{TRACE}:{id}:0:b")));
}

#[test]
fn ok_sw8_text() {
    let propagator = OtelPropagator::new(named("sw8", "sw8")).allow_baggage(Allow::All);
    // The id of the trace is text: 1.234.5678.
    let request = [("sw8", "1-MS4yMzQuNTY3OA==-c2VnbWVudA==-3-d2Vi-d2ViLTE=-L2E=-c2hvcA=="), ("sw8-x", "1- ")];
    let (sent, _) = through(&propagator, &request);
    let sw8: Vec<&str> = get(&sent, "sw8").unwrap().split('-').collect();
    assert_eq!((sw8[0], sw8[1]), ("1", "MS4yMzQuNTY3OA=="));
    assert!(get(&sent, "sw8-x").is_some_and(|mode| mode.starts_with('1')), "{sent:?}");
}

#[test]
fn ok_the_text_of_a_correlation_id() {
    let names = "tracecontext,correlation:x-request-id;opaque";
    let propagator = OtelPropagator::new(named(names, names)).allow_correlation(Allow::All);
    let (sent, _) = through(&propagator, &[TRACEPARENT, ("x-request-id", "order-7")]);
    assert_eq!(get(&sent, "x-request-id"), Some("order-7"));
    let closed = OtelPropagator::new(named(names, names));
    assert_eq!(get(&through(&closed, &[TRACEPARENT, ("x-request-id", "order-7")]).0, "x-request-id"), None);
}

#[test]
fn ok_an_inner_span_keeps_it_too() {
    let propagator = OtelPropagator::new(named("datadog", "datadog"));
    let sdk = Sdk::by_default();
    let inner = sdk.start(&sdk.start(&extract(&propagator, &DATADOG)));
    let sent = inject(&propagator, &inner);
    assert_eq!(get(&sent, "x-datadog-sampling-priority"), Some("2"));
    assert_eq!(get(&sent, "x-datadog-tags"), Some(DATADOG[4].1));
}

#[test]
fn ok_nothing_of_it_goes_into_another_trace() {
    let propagator = OtelPropagator::new(named("datadog,tracecontext", "datadog,tracecontext"));
    let mut request = DATADOG.to_vec();
    request.extend([TRACEPARENT, ("tracestate", "rojo=1,dd=s:2;o:rum;t.usr:1")]);
    let cx = extract(&propagator, &request);
    let sdk = Sdk::by_default();
    // A root that is started inside of the request has the values of its context.
    let other = sdk.start(&Context::new()).span().span_context().clone();
    let sent = inject(&propagator, &cx.with_remote_span_context(other.clone()));
    assert_eq!(get(&sent, "traceparent"), Some(&*format!("00-{}-{}-01", other.trace_id(), other.span_id())));
    assert_eq!(get(&sent, "x-datadog-sampling-priority"), Some("1"));
    assert_eq!(get(&sent, "x-datadog-origin"), None);
    assert!(!get(&sent, "tracestate").unwrap_or_default().contains("rojo"), "{sent:?}");
    assert!(!format!("{sent:?}").contains("usr"), "{sent:?}");
}

#[test]
fn ok_a_decision_that_the_sdk_changed_is_ours() {
    let propagator = OtelPropagator::new(named("datadog", "datadog"));
    let served = Sdk::new(Sampler::AlwaysOff).start(&extract(&propagator, &DATADOG));
    let sent = inject(&propagator, &served);
    assert_eq!(get(&sent, "x-datadog-sampling-priority"), Some("0"));
    assert_eq!(get(&sent, "x-datadog-tags"), Some("_dd.p.tid=4bf92f3577b34da6,_dd.p.usr=1"));
}
