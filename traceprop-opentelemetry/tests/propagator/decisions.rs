//! Decisions without a trace, open ones, and trace ids without a span.

use opentelemetry::Context;
use opentelemetry::trace::{Span, TraceContextExt, TraceId, TraceState, Tracer};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};
use traceprop_core::{Trust, presets};
use traceprop_opentelemetry::{IncomingSampler, OtelContextExt, OtelPropagator};

use crate::common::*;

fn is_sampled(sampler: impl ShouldSample + 'static, lines: &[(&str, &str)]) -> bool {
    let propagator = OtelPropagator::new(all());
    let served = Sdk::new(sampler).start(&extract(&propagator, lines));
    served.span().span_context().is_sampled()
}

fn sdk_default() -> Sampler {
    Sampler::ParentBased(Box::new(Sampler::AlwaysOn))
}

#[test]
fn ok_a_decision_without_a_trace_decides_the_new_trace() {
    for (b3, expected) in [("0", false), ("1", true), ("d", true)] {
        let lines = [("b3", b3)];
        assert_eq!(is_sampled(IncomingSampler::new(Sampler::AlwaysOn), &lines), expected, "{b3}");
        assert_eq!(is_sampled(IncomingSampler::new(Sampler::AlwaysOff), &lines), expected, "{b3}");
        // The SDK's default looks at a parent that has no ids. If that changes, the docs of `with_extraction` do.
        assert_eq!(is_sampled(sdk_default(), &lines), expected, "{b3}");
    }
    // The one that looks at valid parents only needs `IncomingSampler`.
    assert!(is_sampled(Sampler::parent_based(Sampler::AlwaysOn), &[("b3", "0")]));
}

#[test]
fn ok_a_decision_without_a_trace_is_that_of_the_new_trace_and_has_no_parent() {
    let propagator = OtelPropagator::new(all());
    let sdk = Sdk::by_default();
    drop(sdk.start(&extract(&propagator, &[("b3", "1")])));
    let span = &sdk.exported()[0];
    assert_eq!(span.parent_span_id, opentelemetry::trace::SpanId::INVALID);
    assert_ne!(span.span_context.trace_id(), TraceId::INVALID);
}

#[test]
fn ok_an_open_decision_is_recorded_by_default_and_asked_by_the_incoming_sampler() {
    let deferred = [("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7")];
    assert!(is_sampled(sdk_default(), &deferred));
    assert!(is_sampled(IncomingSampler::new(Sampler::AlwaysOn), &deferred));
    assert!(!is_sampled(IncomingSampler::new(Sampler::AlwaysOff), &deferred));
    let never = Sampler::ParentBased(Box::new(Sampler::AlwaysOff));
    assert!(!is_sampled(IncomingSampler::new(never), &deferred));
}

#[test]
fn ok_debug_is_never_refused_and_a_decided_parent_is_followed() {
    let asked =
        |last: &str, inner| is_sampled(IncomingSampler::new(inner), &[("b3", &format!("{TRACE}-{PARENT}-{last}"))]);
    assert!(asked("d", Sampler::AlwaysOff));
    assert!(asked("1", Sampler::AlwaysOff));
    assert!(!asked("0", Sampler::AlwaysOn));
}

#[test]
fn ok_inner_spans_have_the_decision_of_the_outer_one() {
    let propagator = OtelPropagator::new(all());
    // The caller's decision is open. The inner sampler decides once.
    let cx = extract(&propagator, &[("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7")]);
    let outer = Sdk::new(IncomingSampler::new(Sampler::AlwaysOff)).start(&cx);
    let inner = Sdk::new(IncomingSampler::new(Sampler::AlwaysOn)).start(&outer);
    assert!(!inner.span().span_context().is_sampled());
}

#[test]
fn ok_under_resample_the_caller_does_not_decide_by_its_trace_id() {
    let propagator = OtelPropagator::new(presets::W3C.propagator().with_trust(Trust::Resample));
    // The ratio sampler of the SDK takes this trace id whatever the ratio.
    let lowest = [("traceparent", "00-4bf92f3577b34da60000000000000001-00f067aa0ba902b7-01")];
    let sdk = Sdk::new(IncomingSampler::new(Sampler::TraceIdRatioBased(0.000_001)));
    assert!((0..20).all(|_| !sdk.start(&extract(&propagator, &lowest)).span().span_context().is_sampled()));
    // The trace is continued all the same.
    let served = sdk.start(&extract(&propagator, &lowest));
    assert_eq!(served.span().span_context().trace_id().to_string(), "4bf92f3577b34da60000000000000001");

    let trusting = OtelPropagator::new(named("b3", "b3"));
    let lowest = [("b3", "4bf92f3577b34da60000000000000001-00f067aa0ba902b7")];
    assert!(sdk.start(&extract(&trusting, &lowest)).span().span_context().is_sampled());
}

/// Samples half of all traces, by the bits that W3C calls random.
#[derive(Clone, Debug)]
struct Half;

impl ShouldSample for Half {
    fn should_sample(
        &self,
        _: Option<&Context>,
        trace_id: TraceId,
        _: &str,
        _: &opentelemetry::trace::SpanKind,
        _: &[opentelemetry::KeyValue],
        _: &[opentelemetry::trace::Link],
    ) -> SamplingResult {
        let is_kept = u128::from_be_bytes(trace_id.to_bytes()) & (1 << 55) != 0;
        SamplingResult {
            decision: if is_kept { SamplingDecision::RecordAndSample } else { SamplingDecision::Drop },
            attributes: Vec::new(),
            trace_state: TraceState::NONE,
        }
    }
}

#[test]
fn ok_under_resample_the_randomness_of_the_decision_is_sent_and_not_the_callers() {
    let traceparent = |flags| format!("00-{TRACE}-{PARENT}-{flags}");
    let state = "rojo=1,ot=th:0;rv:ffffffffffffff";
    let propagator = OtelPropagator::new(presets::W3C.propagator().with_trust(Trust::Resample));
    let sent = |propagator: &OtelPropagator, flags| {
        let cx = extract(propagator, &[("traceparent", &traceparent(flags)), ("tracestate", state)]);
        let served = Sdk::new(IncomingSampler::new(Half)).start(&cx);
        let sent = inject(propagator, &served);
        (served.span().span_context().is_sampled(), sent["traceparent"][53..].to_owned(), sent["tracestate"].clone())
    };
    let (mut kept, mut seen) = (0, std::collections::HashSet::new());
    for _ in 0..40 {
        let (is_sampled, flags, state) = sent(&propagator, "01");
        let ot = state.split(',').find_map(|member| member.strip_prefix("ot="));
        let randomness = ot.and_then(|ot| ot.strip_prefix("rv:")).unwrap_or_else(|| panic!("{is_sampled}, {state}"));
        // A later service makes the same decision by it.
        let bits = u64::from_str_radix(randomness, 16).unwrap();
        assert_eq!((randomness.len(), bits >= 1 << 55), (14, is_sampled), "{state}");
        assert!(state.contains("rojo=1"), "{state}");
        assert_eq!(flags, if is_sampled { "01" } else { "00" });
        kept += usize::from(is_sampled);
        seen.insert(randomness.to_owned());
    }
    assert!((1..40).contains(&kept) && seen.len() == 40, "{kept}, {seen:?}");
    // The random flag is sent as it was received, and not relied on.
    assert!(matches!(&*sent(&propagator, "03").1, "03" | "02"));

    // A trusted caller's is untouched.
    let trusting = OtelPropagator::new(presets::W3C);
    assert_eq!(sent(&trusting, "01"), (true, "01".to_owned(), state.to_owned()));
}

const REQUEST_ID: [(&str, &str); 1] = [("x-request-id", "4bf92f35-77b3-4da6-a3ce-929d0e0e4736")];

#[test]
fn ok_a_correlation_uuid_becomes_the_trace_id_of_the_requests_span_alone() {
    let propagator = OtelPropagator::new(all());
    let sdk = Sdk::by_default();
    let cx = extract(&propagator, &REQUEST_ID);
    assert!(!cx.span().span_context().is_valid());
    assert_eq!(cx.remote().unwrap().parentless_trace_id().unwrap().to_string(), TRACE);

    let served = sdk.start(&cx);
    assert_eq!(served.span().span_context().trace_id().to_string(), TRACE);
    // A root inside of the request.
    let _attached = served.clone().attach();
    let tracer = sdk.tracer();
    let root = Tracer::build_with_context(&tracer, Tracer::span_builder(&tracer, "root"), &Context::new());
    assert_ne!(Span::span_context(&root).trace_id().to_string(), TRACE);
    drop((served, root));
    assert!(sdk.exported().iter().all(|span| span.parent_span_id == opentelemetry::trace::SpanId::INVALID));
}

#[test]
fn ok_where_the_context_is_not_attached_a_new_trace_starts() {
    let propagator = OtelPropagator::new(all());
    let sdk = Sdk::by_default();
    let tracer = sdk.tracer();
    let span = tracer.build_with_context(tracer.span_builder("server"), &extract(&propagator, &REQUEST_ID));
    assert_ne!(Span::span_context(&span).trace_id().to_string(), TRACE);
}
