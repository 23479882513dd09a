//! Decisions are whose they claim to be.

use super::*;
use traceprop_core::Sampling;
use traceprop_tower::Trust;

/// What a client sends of the caller's decision after a listener that decides anew.
async fn resampled(received: &[(&str, &str)], ours: Sampling) -> Vec<String> {
    let mixed = || propagator(MIXED, "tracecontext,b3,datadog,jaeger");
    let listener = listener(mixed()).trust(Trust::Resample).sampler(ours);
    forwarded(listener, client(mixed()), request(received)).await
}

#[tokio::test]
async fn err_a_caller_raises_itself_to_user_keep_through_an_edge() {
    for received in [
        &[("x-datadog-trace-id", "77"), ("x-datadog-sampling-priority", "2"), ("x-datadog-tags", "_dd.p.dm=-5")][..],
        &[("traceparent", PARENT), ("tracestate", "dd=s:2;t.dm:-5")],
    ] {
        for (ours, priority) in [(Sampling::Sampled, "1"), (Sampling::NotSampled, "0")] {
            let sent = resampled(received, ours).await;
            assert!(sent.contains(&format!("x-datadog-sampling-priority: {priority}")), "{sent:?}");
            assert!(sent.iter().all(|line| !line.contains("dm") && !line.contains("s:2")), "{sent:?}");
        }
    }
}

#[tokio::test]
async fn err_a_caller_has_a_trace_recorded_by_a_debug_flag() {
    for received in [
        ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-d"),
        ("uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:f"),
    ] {
        let sent = resampled(&[received], Sampling::NotSampled).await;
        let span = "0000000000000009";
        assert!(sent.contains(&format!("b3: {TRACE}-{span}-0")), "{sent:?}");
        assert!(sent.contains(&format!("uber-trace-id: {TRACE}:{span}:0:0")), "{sent:?}");
        assert!(sent.contains(&format!("traceparent: 00-{TRACE}-{span}-00")), "{sent:?}");
    }
}

#[tokio::test]
async fn err_a_decision_without_a_trace_decides_for_an_edge() {
    for decision in ["1", "d"] {
        let sent = resampled(&[("b3", decision)], Sampling::NotSampled).await;
        assert!(sent.iter().any(|line| line.starts_with("traceparent: ") && line.ends_with("-00")), "{sent:?}");
    }
}

#[tokio::test]
async fn err_a_route_that_ignores_callers_is_inside_of_a_layer_that_trusts_them() {
    let w3c = || propagator("tracecontext,baggage", "tracecontext,baggage");
    let handler = service_fn(|_: Request<()>| {
        let trace = traceprop_tower::OwnedContext::current().and_then(|context| context.trace_id());
        std::future::ready(Ok::<_, Infallible>(Response::new(trace)))
    });
    let service = listener(w3c()).layer(listener(w3c()).trust(Trust::Ignore).layer(handler));
    let Ok(response) = service.oneshot(request(&[("traceparent", PARENT)])).await;
    assert_eq!(response.into_body().map(|id| id.to_string()).as_deref(), Some("00000000000000070000000000000007"));
}
