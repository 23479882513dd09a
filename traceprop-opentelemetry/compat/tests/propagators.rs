//! Our propagator in a composite with others.
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::collections::HashMap;

use opentelemetry::Context;
use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
use opentelemetry_propagator_b3::{B3Encoding, Propagator as OtelB3};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, ShouldSample};
use traceprop_core::Propagator;
use traceprop_opentelemetry::{IncomingSampler, OtelPropagator};

type AnyPropagator = Box<dyn TextMapPropagator + Send + Sync>;

fn ours(extract: &str, inject: &str) -> AnyPropagator {
    Box::new(OtelPropagator::new(Propagator::from_names(extract, inject).unwrap()))
}

fn w3c() -> AnyPropagator {
    Box::new(TraceContextPropagator::new())
}

fn otel_b3() -> AnyPropagator {
    Box::new(OtelB3::with_encoding(B3Encoding::SingleHeader))
}

/// Sends a request through a service with a span. Returns whether the span was sampled, and the headers of a call.
fn through(
    propagators: Vec<AnyPropagator>,
    sampler: impl ShouldSample + 'static,
    lines: &[(&str, &str)],
) -> (bool, HashMap<String, String>) {
    let propagator = TextMapCompositePropagator::new(propagators);
    let request: HashMap<_, _> = lines.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let cx = propagator.extract_with_context(&Context::new(), &request);
    let provider = SdkTracerProvider::builder().with_sampler(sampler).build();
    let tracer = provider.tracer("shop");
    let cx = cx.with_span(tracer.build_with_context(tracer.span_builder("server"), &cx));
    assert_eq!(cx.span().span_context().trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    let mut sent = HashMap::new();
    propagator.inject_context(&cx, &mut sent);
    (cx.span().span_context().is_sampled(), sent)
}

fn by_default() -> Sampler {
    Sampler::ParentBased(Box::new(Sampler::AlwaysOn))
}

const OPEN: [(&str, &str); 1] = [("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7")];
const SAMPLED: (&str, &str) = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
const RANDOM: (&str, &str) = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02");

fn flags(sent: &HashMap<String, String>) -> &str {
    &sent["traceparent"][53..]
}

#[test]
fn ok_alone_ours_reads_an_open_decision_of_b3_as_open() {
    let alone = || vec![ours("b3,tracecontext", "b3,tracecontext")];
    assert!(through(alone(), by_default(), &OPEN).0);
    assert!(through(alone(), IncomingSampler::new(Sampler::AlwaysOn), &OPEN).0);
    assert!(!through(alone(), IncomingSampler::new(Sampler::AlwaysOff), &OPEN).0);
}

/// Cannot work: the other propagator says `02` for an open decision, which the SDK takes for "not sampled", and W3C for
/// "not sampled, random".
#[test]
fn canary_beside_opentelemetrys_b3_an_open_decision_is_not_sampled_by_default() {
    for ours in [ours("b3,tracecontext", "tracecontext"), ours("tracecontext", "tracecontext")] {
        assert!(!through(vec![ours, otel_b3()], by_default(), &OPEN).0);
    }
    // The sampler of traceprop-opentelemetry looks at what was received, if ours has read it.
    let both = || vec![ours("b3,tracecontext", "tracecontext"), otel_b3()];
    assert!(through(both(), IncomingSampler::new(Sampler::AlwaysOn), &OPEN).0);
    let (is_sampled, sent) = through(both(), IncomingSampler::new(Sampler::AlwaysOff), &OPEN);
    assert_eq!((is_sampled, flags(&sent)), (false, "00"));
}

#[test]
fn ok_the_last_one_that_writes_a_name_wins() {
    // OpenTelemetry's loses the random flag.
    let formats = || ours("tracecontext", "tracecontext");
    assert_eq!(flags(&through(vec![w3c(), formats()], by_default(), &[RANDOM]).1), "02");
    assert_eq!(flags(&through(vec![formats(), w3c()], by_default(), &[RANDOM]).1), "00");
}

/// Cannot work: OpenTelemetry's propagator sends all baggage to everybody, whatever ours allows.
#[test]
fn canary_beside_opentelemetrys_baggage_every_member_is_sent() {
    let request = [SAMPLED, ("baggage", "tenant=acme,user=7")];
    let formats = || ours("tracecontext,baggage", "tracecontext,baggage");
    assert_eq!(through(vec![formats()], by_default(), &request).1.get("baggage"), None);
    let both = vec![formats(), Box::new(BaggagePropagator::new()) as AnyPropagator];
    let sent = through(both, by_default(), &request).1;
    assert!(sent["baggage"].contains("user=7") && sent["baggage"].contains("tenant=acme"), "{sent:?}");
}
