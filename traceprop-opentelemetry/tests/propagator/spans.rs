//! The caller's span, and a service without spans.

use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};
use traceprop_core::Allow;
use traceprop_core::presets;
use traceprop_opentelemetry::{IncomingSampler, OtelContextExt, OtelPropagator};

use crate::common::*;

const FLAGS: [(&str, u8); 4] = [("00", 0), ("01", 1), ("02", 0), ("03", 3)];

fn with_flags(flags: &str) -> String {
    format!("00-{TRACE}-{PARENT}-{flags}")
}

#[test]
fn ok_the_callers_span_is_remote_with_flags_and_every_tracestate_line() {
    let propagator = OtelPropagator::new(presets::W3C);
    for (flags, expected) in FLAGS {
        let traceparent = with_flags(flags);
        let lines = [("traceparent", traceparent.as_str()), ("tracestate", "rojo=1"), ("tracestate", "congo=2")];
        let cx = extract(&propagator, &lines);
        let span = cx.span().span_context().clone();
        let state = TraceState::from_key_value([("rojo", "1"), ("congo", "2")]).unwrap();
        let ids = (TraceId::from_hex(TRACE).unwrap(), SpanId::from_hex(PARENT).unwrap());
        assert_eq!(span, SpanContext::new(ids.0, ids.1, TraceFlags::new(expected), true, state));
    }
}

#[test]
fn ok_random_goes_out_as_it_was_received_though_the_sdk_loses_it() {
    let propagator = OtelPropagator::new(presets::W3C);
    for (flags, _) in FLAGS {
        let traceparent = with_flags(flags);
        let cx = extract(&propagator, &[("traceparent", &traceparent)]);
        for sdk in [Sdk::by_default(), Sdk::new(IncomingSampler::new(Sampler::AlwaysOn))] {
            let served = sdk.start(&cx);
            let span = served.span().span_context().clone();
            assert_eq!(span.is_sampled(), flags.ends_with(['1', '3']));
            let sent = inject(&propagator, &served);
            assert_eq!(get(&sent, "traceparent"), Some(&*format!("00-{TRACE}-{}-{flags}", span.span_id())));
        }
    }
}

#[test]
fn ok_a_root_of_the_sdk_has_no_random_flag() {
    let propagator = OtelPropagator::new(presets::W3C);
    let served = Sdk::by_default().start(&Context::new());
    let span = served.span().span_context().clone();
    let sent = inject(&propagator, &served);
    assert_eq!(get(&sent, "traceparent"), Some(&*format!("00-{}-{}-01", span.trace_id(), span.span_id())));
    assert_eq!(sent.len(), 1);
}

#[test]
fn ok_without_headers_the_context_is_unchanged() {
    let propagator = OtelPropagator::new(presets::ALL_TO_W3C);
    let sdk = Sdk::by_default();
    let active = sdk.start(&Context::new());
    let id = active.span().span_context().span_id();
    for lines in [
        &[][..],
        &[("accept", "*/*")],
        &[("traceparent", "rubbish")],
        &[("b3", "rubbish"), ("tracestate", "rojo=1"), ("uber-trace-id", "0:0:0:0")],
    ] {
        let cx = propagator.extract_with_context(&active, &Lines(lines));
        assert_eq!(cx.span().span_context().span_id(), id, "{lines:?}");
        let cx = extract(&propagator, lines);
        assert!(!cx.has_active_span(), "{lines:?}");
    }
}

#[test]
fn ok_rubbish_does_not_replace_what_was_received_before() {
    let propagator = OtelPropagator::new(presets::ALL_TO_W3C);
    let cx = extract(&propagator, &[TRACEPARENT, ("tracestate", "rojo=1")]);
    let cx = propagator.extract_with_context(&cx, &Lines(&[("traceparent", "rubbish")]));
    assert_eq!(get(&inject(&propagator, &cx), "tracestate"), Some("rojo=1"));
}

#[test]
fn ok_a_service_without_spans_forwards_what_it_received() {
    let propagator = OtelPropagator::new(all()).allow_baggage(Allow::All).allow_correlation(Allow::All);
    let cases: [&[(&str, &str)]; 7] = [
        &[("traceparent", "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later"), ("tracestate", "rojo=1")],
        &[("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-d")],
        &[("b3", "0")],
        &[("x-b3-sampled", "1")],
        &[("x-datadog-sampling-priority", "2"), ("x-datadog-trace-id", "7"), ("x-datadog-parent-id", "8")],
        &[("baggage", "tenant=acme;secure, user=7")],
        &[("x-request-id", "order-7")],
    ];
    for lines in cases {
        let sent = inject(&propagator, &extract(&propagator, lines));
        for (name, value) in lines.iter().filter(|(name, _)| !name.starts_with("x-b3") && *name != "x-request-id") {
            assert_eq!(get(&sent, name), Some(*value), "{lines:?}");
        }
    }
    let sent = inject(&propagator, &extract(&propagator, &[("x-b3-sampled", "1")]));
    assert!(sent.contains_key("b3") || sent.contains_key("x-b3-sampled"), "{sent:?}");
}

#[test]
fn ok_a_remote_span_of_another_propagator_is_forwarded() {
    let state = TraceState::from_key_value([("rojo", "1")]).unwrap();
    let span = SpanContext::new(TraceId::from(1), SpanId::from(2), TraceFlags::SAMPLED, true, state);
    let cx = Context::new().with_remote_span_context(span);
    let context = cx.to_owned_context().unwrap();
    assert!(context.is_passthrough());
    let sent = inject(&OtelPropagator::new(presets::W3C), &cx);
    assert_eq!(get(&sent, "traceparent"), Some("00-00000000000000000000000000000001-0000000000000002-01"));
    assert_eq!(get(&sent, "tracestate"), Some("rojo=1"));
}

#[test]
fn ok_fields_are_those_of_both_lists() {
    let fields = |extract, inject| {
        let propagator = OtelPropagator::new(named(extract, inject));
        propagator.fields().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        fields("baggage,xray", "baggage,tracecontext"),
        ["baggage", "traceparent", "tracestate", "x-amzn-trace-id"]
    );
}

#[test]
fn ok_nothing_is_sent_where_telemetry_is_suppressed() {
    let propagator = OtelPropagator::new(presets::W3C).allow_baggage(Allow::All);
    let cx = extract(&propagator, &[TRACEPARENT, ("baggage", "tenant=acme")]);
    assert_eq!(inject(&propagator, &cx).len(), 2);
    let suppressed = cx.with_telemetry_suppressed();
    assert!(suppressed.to_owned_context().is_none());
    assert!(inject(&propagator, &suppressed).is_empty());
}

/// Writes its probability, as a consistent sampler does.
#[derive(Clone, Debug)]
struct Consistent;

impl ShouldSample for Consistent {
    fn should_sample(
        &self,
        _: Option<&Context>,
        _: TraceId,
        _: &str,
        _: &opentelemetry::trace::SpanKind,
        _: &[opentelemetry::KeyValue],
        _: &[opentelemetry::trace::Link],
    ) -> SamplingResult {
        SamplingResult {
            decision: SamplingDecision::RecordAndSample,
            attributes: Vec::new(),
            trace_state: TraceState::from_key_value([("ot", "th:8"), ("rojo", "1")]).unwrap(),
        }
    }
}

#[test]
fn ok_a_tracestate_that_a_sampler_wrote_is_sent() {
    let propagator = OtelPropagator::new(presets::W3C);
    for sdk in [Sdk::new(Consistent), Sdk::new(IncomingSampler::new(Consistent))] {
        let root = inject(&propagator, &sdk.start(&Context::new()));
        assert_eq!(get(&root, "tracestate"), Some("ot=th:8,rojo=1"));
    }
    // A caller's tracestate is replaced by the one that the sampler returns.
    let cx = extract(&propagator, &[TRACEPARENT, ("tracestate", "rojo=1")]);
    let served = Sdk::new(Consistent).start(&cx);
    assert_eq!(get(&inject(&propagator, &served), "tracestate"), Some("ot=th:8,rojo=1"));
    // Untouched, it goes out as it was received, with members that OpenTelemetry does not accept.
    let state = "rojo=1,tenant@a-vendor-with-a-long-name=2,fine=3";
    let odd = extract(&propagator, &[TRACEPARENT, ("tracestate", state)]);
    assert_eq!(odd.span().span_context().trace_state().header(), "rojo=1,fine=3");
    assert_eq!(get(&inject(&propagator, &Sdk::by_default().start(&odd)), "tracestate"), Some(state));
    let served = Sdk::by_default().start(&cx);
    assert_eq!(get(&inject(&propagator, &served), "tracestate"), Some("rojo=1"));
}

#[test]
fn ok_an_injector_only_sets_and_lines_of_one_name_are_joined() {
    let propagator = OtelPropagator::new(named("jaeger,b3", "jaeger")).allow_baggage(Allow::All);
    let uber = format!("{TRACE}:{PARENT}:0:1");
    let lines = [("uber-trace-id", &*uber), ("jaeger-baggage", "tenant=acme"), ("jaeger-baggage", "user=7")];
    let cx = extract(&propagator, &lines);
    let mut headers = std::collections::HashMap::from([("b3".to_owned(), "0".to_owned())]);
    propagator.inject_context(&cx, &mut headers);
    assert_eq!(get(&headers, "uber-trace-id"), Some(&*uber));
    assert_eq!(get(&headers, "jaeger-baggage"), Some("tenant=acme,user=7"));
    // A stale header that is not written stays: an injector cannot remove it.
    assert_eq!(get(&headers, "b3"), Some("0"));
}
