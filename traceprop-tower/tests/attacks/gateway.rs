//! Nothing of a refused context leaves.

use super::*;
use http::Method;
use traceprop_tower::{Allow, InjectOptions, Trust};

/// A stranger's context in every format, in formats that nobody here reads, and under names that WSGI servers read.
const STRANGER: &[(&str, &str)] = &[
    ("traceparent", PARENT),
    ("tracestate", "rojo=1"),
    ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-d"),
    ("x-b3-traceid", TRACE),
    ("x-datadog-trace-id", "77"),
    ("x-datadog-sampling-priority", "2"),
    ("x-datadog-tags", "_dd.p.usr.id=alice"),
    ("uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:3"),
    ("jaeger-debug-id", "ticket"),
    ("sw8", "1-dGlja2V0-c2VnbWVudA==-3-cw==-aQ==-Lw==-cA=="),
    ("sw8-x", "1-"),
    ("sentry-trace", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1"),
    ("x-amzn-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"),
    ("newrelic", "e30="),
    ("elastic-apm-traceparent", PARENT),
    ("grpc-trace-bin", "AAA="),
    ("x-dynatrace", "FW4;1"),
    ("x-envoy-force-trace", "true"),
    ("x_datadog_trace_id", "78"),
    ("x_b3_traceid", TRACE),
];

/// Text of a user, in every format.
const TEXT: &[(&str, &str)] = &[
    ("baggage", "userId=alice"),
    ("uberctx-userid", "alice"),
    ("jaeger-baggage", "userid=alice"),
    ("sw8-correlation", "dXNlcklk:YWxpY2U="),
];

const STRICT: [Trust; 2] = [Trust::Restart, Trust::Ignore];

#[tokio::test]
async fn err_baggage_that_no_call_allows_leaves_by_a_copy() {
    let received = || request(&[("traceparent", PARENT), ("baggage", "userId=alice")]);
    let w3c = || propagator("tracecontext,baggage", "tracecontext,baggage");
    for trust in [Trust::Continue, Trust::Resample, Trust::Restart, Trust::Ignore] {
        for options in [InjectOptions::new(), InjectOptions::new().allow_baggage(Allow::Only(&["tenant"]))] {
            let client = client(w3c()).inject_options(options);
            let sent = forwarded(listener(w3c()).trust(trust), client, received()).await;
            assert!(!names(&sent).contains(&"baggage"), "{trust:?}: {sent:?}");
        }
    }
}

#[tokio::test]
async fn err_baggage_that_a_listener_does_not_accept_leaves_by_a_call_that_allows_all() {
    let w3c = || propagator(MIXED, "tracecontext,baggage");
    for (allow, kept) in [(Allow::None, None), (Allow::Only(&["tenant"]), Some("baggage: tenant=acme"))] {
        let received = request(&[TEXT, &[("traceparent", PARENT), ("baggage", "tenant=acme")]].concat());
        let client = client(w3c()).inject_options(InjectOptions::everything());
        let sent = forwarded(listener(w3c()).allow_baggage(allow), client, received).await;
        let text: Vec<_> = sent.iter().filter(|line| !line.starts_with("trace")).map(String::as_str).collect();
        assert_eq!(text, kept.into_iter().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn err_a_correlation_id_that_is_written_and_not_allowed_leaves() {
    let names = "tracecontext,correlation:x-request-id";
    let received = request(&[("traceparent", PARENT), ("x-request-id", "4bf92f35-77b3-4da6-a3ce-929d0e0e4736")]);
    let sent = forwarded(listener(propagator(names, names)), client(propagator(names, names)), received).await;
    assert_eq!(self::names(&sent), ["traceparent"]);
}

#[tokio::test]
async fn err_a_format_of_the_stranger_is_beside_ours() {
    for trust in STRICT {
        // The propagator reads all of them, or W3C alone.
        for reads in [MIXED, "tracecontext,baggage"] {
            let sent = forwarded(
                listener(propagator(reads, "tracecontext")).trust(trust),
                client(propagator(reads, "tracecontext")),
                request(&[STRANGER, TEXT].concat()),
            )
            .await;
            assert_eq!(sent, ["traceparent: 00-00000000000000070000000000000007-0000000000000009-01"], "{trust:?}");
        }
        let mixed = || propagator(MIXED, "tracecontext,b3,datadog,jaeger,baggage");
        let sent = forwarded(listener(mixed()).trust(trust), client(mixed()), request(STRANGER)).await;
        assert!(!sent.iter().any(|line| line.contains(TRACE) || line.contains("00f067aa0ba902b7")), "{sent:?}");
        assert!(sent.iter().all(|line| !line.contains("alice") && !line.contains("rojo")), "{sent:?}");
    }
}

#[tokio::test]
async fn err_two_parents_leave_under_continue() {
    let mixed = || propagator(MIXED, "tracecontext,baggage");
    let sent = forwarded(listener(mixed()), client(mixed()), request(&STRANGER[..3])).await;
    assert_eq!(names(&sent), ["traceparent", "tracestate"], "{sent:?}");
    assert_eq!(sent[0], "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000009-01");
}

#[tokio::test]
async fn err_a_passthrough_forwards_what_the_trust_refuses() {
    let mixed = || propagator(MIXED, MIXED.replace(",sw8", "").as_str());
    for trust in STRICT {
        let listener = listener(mixed()).passthrough().trust(trust);
        let sent = forwarded(listener, client(mixed()), request(&[STRANGER, TEXT].concat())).await;
        assert_eq!(sent, [""; 0], "{trust:?}");
    }
}

#[tokio::test]
async fn err_a_passthrough_that_decides_anew_says_that_nobody_has_recorded() {
    let w3c = || propagator("tracecontext", "tracecontext");
    let listener = listener(w3c()).passthrough().trust(Trust::Resample);
    let sent = forwarded(listener, client(w3c()), request(&[("traceparent", PARENT)])).await;
    // W3C cannot leave the decision open, so the bit is the one that was received.
    assert_eq!(sent, [format!("traceparent: {PARENT}")]);
}

#[tokio::test]
async fn err_options_and_skipped_paths_are_a_way_around_the_trust() {
    for trust in STRICT {
        for (method, preflight, skips) in
            [(Method::OPTIONS, false, false), (Method::OPTIONS, true, false), (Method::GET, false, true)]
        {
            let mixed = || propagator(MIXED, "tracecontext,baggage");
            let listener = listener(mixed()).trust(trust).skip(move |_| skips);
            let mut received = request(&[STRANGER, TEXT].concat());
            *received.method_mut() = method.clone();
            if preflight {
                let name = http::header::ACCESS_CONTROL_REQUEST_METHOD;
                received.headers_mut().insert(name, http::HeaderValue::from_static("GET"));
            }
            let sent = forwarded(listener, client(mixed()), received).await;
            let strange = sent.iter().filter(|line| !line.starts_with("access-control"));
            let strange: Vec<_> = strange.filter(|line| line.contains(TRACE) || line.contains("alice")).collect();
            assert!(strange.is_empty(), "{trust:?} {method} {preflight}: {strange:?}");
            let names = names(&sent);
            let own = ["traceparent", "access-control-request-method"];
            assert!(names.iter().all(|name| own.contains(name)), "{trust:?} {method} {preflight}: {names:?}");
        }
    }
}

#[tokio::test]
async fn err_headers_that_are_kept_for_an_audit_leave() {
    for trust in STRICT {
        for passthrough in [false, true] {
            let mixed = || propagator(MIXED, "tracecontext,baggage");
            let listener = listener(mixed()).trust(trust).keep_refused();
            let listener = if passthrough { listener.passthrough() } else { listener };
            let sent = forwarded(listener, client(mixed()), request(&[STRANGER, TEXT].concat())).await;
            let own: &[&str] = if passthrough { &[] } else { &["traceparent"] };
            assert_eq!(names(&sent), own, "{trust:?}");
        }
    }
}

#[tokio::test]
async fn err_an_inner_layer_that_trusts_more_reads_what_an_outer_one_refused() {
    use traceprop_tower::OwnedContext;

    for (outer, inner) in [(Trust::Restart, Trust::Continue), (Trust::Ignore, Trust::Resample)] {
        let layer = |trust| listener(propagator(MIXED, "none")).trust(trust).keep_refused();
        let handler = service_fn(|request: Request<()>| {
            let context = request.extensions().get::<OwnedContext>().cloned();
            std::future::ready(Ok::<_, Infallible>(Response::new(context)))
        });
        let service = layer(outer).layer(layer(inner).layer(handler));
        let Ok(response) = service.oneshot(request(STRANGER)).await;
        let context = response.into_body().expect("a context");
        assert_ne!(context.trace_id().map(|id| id.to_string()).as_deref(), Some(TRACE));
        assert_eq!((context.trust(), context.parent_id()), (outer, None));
    }
}
