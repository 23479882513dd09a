//! Nothing of a refused context is forwarded, whichever client calls.

use axum::body::Body;
use axum::http::{Method, Request, Version};

use crate::upstream::Received;
use crate::{CLIENTS, TRACE, TRACEPARENT, Upstream, send};

/// Headers of several formats, those that nobody here reads included. Another trace, another decision.
const STRANGERS: [(&str, &str); 12] = [
    ("traceparent", TRACEPARENT),
    ("tracestate", "dd=s:2;o:rum,es=s:1"),
    ("baggage", "tenant=acme,user=alice"),
    ("b3", "80e1afed08e019fc1110464cfa66635c-7a085853722dc6d2-1"),
    ("x-datadog-trace-id", "9"),
    ("x-datadog-parent-id", "8"),
    ("x-datadog-sampling-priority", "2"),
    ("uber-trace-id", "80e1afed08e019fc1110464cfa66635c:7a085853722dc6d2:0:1"),
    ("uberctx-user", "alice"),
    ("x-honeycomb-trace", "1;trace_id=80e1afed08e019fc1110464cfa66635c,parent_id=7a085853722dc6d2"),
    ("x_b3_traceid", "80e1afed08e019fc1110464cfa66635c"),
    ("x-order", "4bf92f35-77b3-4da6-a3ce-929d0e0e4736"),
];

/// The trace headers that the upstream receives.
async fn forwarded(arguments: &str, method: Method, path: &str, preflight: bool) -> Vec<String> {
    let upstream = Upstream::start().await;
    let gateway = upstream.gateway(arguments);
    let mut request = Request::builder().method(method).uri(gateway.url(path));
    for (name, value) in STRANGERS {
        request = request.header(name, value);
    }
    if preflight {
        request = request.header("access-control-request-method", "GET").header("origin", "http://a.example");
    }
    assert_eq!(send(Version::HTTP_11, request.body(Body::empty()).unwrap()).await.status(), 203, "{arguments}");
    trace_headers(&upstream.received())
}

fn trace_headers(received: &Received) -> Vec<String> {
    let is_known = |name: &str| STRANGERS.iter().any(|(known, _)| *known == name);
    let lines = received.headers.iter().filter(|(name, _)| is_known(name.as_str()));
    let mut lines: Vec<_> = lines.map(|(name, value)| format!("{name}: {}", value.to_str().expect("ASCII"))).collect();
    lines.sort_unstable();
    lines
}

#[tokio::test]
async fn ok_restart_and_ignore_send_a_trace_of_the_gateway_alone() {
    for kind in CLIENTS {
        for extract in ["tracecontext,baggage", "all"] {
            for trust in ["restart", "ignore"] {
                for kept in ["", "--keep-refused"] {
                    let arguments =
                        format!("--client {kind} --extract {extract} --inject tracecontext --trust {trust} {kept}");
                    for (method, path, preflight) in [(Method::GET, "/x", false), (Method::OPTIONS, "/x", false)] {
                        let sent = forwarded(&arguments, method, path, preflight).await;
                        let rest: Vec<_> = sent.iter().filter(|line| !line.starts_with("x-order: ")).collect();
                        let [traceparent] = rest.try_into().unwrap_or_else(|rest| panic!("{arguments}: {rest:?}"));
                        assert!(traceparent.starts_with("traceparent: 00-"), "{arguments} {traceparent}");
                        assert!(!traceparent.contains(TRACE), "{arguments}");
                    }
                    for (method, path, preflight) in [(Method::GET, "/skipped/x", false), (Method::OPTIONS, "/x", true)]
                    {
                        let arguments = format!("{arguments} --skip /skipped");
                        let sent = forwarded(&arguments, method, path, preflight).await;
                        assert_eq!(sent, ["x-order: 4bf92f35-77b3-4da6-a3ce-929d0e0e4736"], "{arguments} {path}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn ok_passthrough_of_a_refused_context_sends_no_trace() {
    for kind in CLIENTS {
        for trust in ["restart", "ignore"] {
            let arguments =
                format!("--client {kind} --extract all --passthrough --trust {trust} --correlation x-order");
            assert_eq!(forwarded(&arguments, Method::GET, "/x", false).await, [""; 0], "{arguments}");
        }
    }
}

#[tokio::test]
async fn ok_one_parent_goes_on_in_the_formats_that_are_written() {
    for kind in CLIENTS {
        let arguments = format!("--client {kind} --extract all --inject tracecontext");
        let sent = forwarded(&arguments, Method::GET, "/x", false).await;
        let names: Vec<_> = sent.iter().filter_map(|line| line.split(':').next()).collect();
        // No format reads the last three.
        assert_eq!(names, ["traceparent", "tracestate", "x-honeycomb-trace", "x-order", "x_b3_traceid"], "{arguments}");
    }
}

#[tokio::test]
async fn ok_kept_formats_go_on_as_received() {
    for kind in CLIENTS {
        let arguments = format!("--client {kind} --extract all --inject tracecontext --keep-formats b3,jaeger");
        let sent = forwarded(&arguments, Method::GET, "/x", false).await;
        for line in [
            "b3: 80e1afed08e019fc1110464cfa66635c-7a085853722dc6d2-1",
            "uber-trace-id: 80e1afed08e019fc1110464cfa66635c:7a085853722dc6d2:0:1",
        ] {
            assert!(sent.iter().any(|sent| sent == line), "{arguments} {sent:?}");
        }
        assert!(sent.iter().all(|line| !line.contains("alice") && !line.contains("x-datadog")), "{sent:?}");
    }
}
