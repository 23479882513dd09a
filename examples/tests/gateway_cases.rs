//! The cases of docs/gateways.md, each with its setting and without.

use std::convert::Infallible;

use axum::http::{HeaderMap, HeaderValue, Request, Response};
use tower::{Layer, ServiceExt, service_fn};
use traceprop_core::formats::tracecontext::W3cTraceContext;
use traceprop_core::{ConfigError, InjectOptions, OwnedContext, Propagator, Trust};
use traceprop_tower::{ExtractLayer, InjectLayer};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT: (&str, &str) = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
const XRAY: (&str, &str) = (
    "x-amzn-trace-id",
    "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1;Lineage=1:a87bd80c:0",
);

fn propagator(extract: &str, inject: &str) -> Propagator {
    Propagator::from_names(extract, inject).expect("built-in names")
}

/// A gateway: a listener, code of its own that edits the copied request, and a client.
struct Gateway {
    inbound: ExtractLayer,
    outbound: InjectLayer,
    edit: fn(&mut HeaderMap),
}

impl Gateway {
    fn new(propagator: Propagator, options: InjectOptions<'static>) -> Self {
        let outbound = InjectLayer::new(propagator.clone()).inject_options(options);
        Self { inbound: ExtractLayer::new(propagator), outbound, edit: |_| () }
    }

    /// Returns the headers that the handler sees, and those that the next service receives.
    async fn forward(&self, request: &[(&str, &str)]) -> [HeaderMap; 2] {
        let send = async |request: Request<()>| Ok::<_, Infallible>(Response::new(request.headers().clone()));
        let client = self.outbound.layer(service_fn(send));
        let edit = self.edit;
        let handler = service_fn(move |request: Request<()>| {
            let client = client.clone();
            async move {
                let seen = request.headers().clone();
                assert!(OwnedContext::current().is_some());
                let mut call = Request::get("http://stock.internal/").body(()).expect("a request");
                *call.headers_mut() = seen.clone();
                edit(call.headers_mut());
                let Ok(sent) = client.oneshot(call).await;
                Ok::<_, Infallible>(Response::new([seen, sent.into_body()]))
            }
        });
        let mut builder = Request::get("/");
        for (name, value) in request {
            builder = builder.header(*name, *value);
        }
        let Ok(response) = self.inbound.layer(handler).oneshot(builder.body(()).expect("a request")).await;
        response.into_body()
    }
}

fn value<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    assert!(headers.get_all(name).iter().count() < 2, "{name} twice");
    headers.get(name).map(|value| value.to_str().expect("ASCII"))
}

#[tokio::test]
async fn ok_baggage_of_another_library_stays_where_it_is_kept() {
    let sent = async |options| {
        let mut gateway = Gateway::new(propagator("tracecontext,baggage", "tracecontext,baggage"), options);
        gateway.edit = |headers| drop(headers.insert("baggage", HeaderValue::from_static("sentry-release=1")));
        let [_, sent] = gateway.forward(&[TRACEPARENT, ("baggage", "tenant=acme")]).await;
        assert!(value(&sent, "traceparent").unwrap().contains(TRACE));
        value(&sent, "baggage").map(str::to_owned)
    };
    assert_eq!(sent(InjectOptions::new()).await, None);
    assert_eq!(sent(InjectOptions::everything()).await.as_deref(), Some("tenant=acme"));
    let kept = InjectOptions::everything().keep_headers(&["baggage"]);
    assert_eq!(sent(kept).await.as_deref(), Some("sentry-release=1"));
}

#[tokio::test]
async fn ok_sentry_trace_of_another_library_stays_where_it_is_kept_whatever_the_trust() {
    let own = "7a085853722dc6d280e1afed08e019fc-7a085853722dc6d2-1";
    for trust in [Trust::Continue, Trust::Resample, Trust::Restart, Trust::Ignore] {
        let sent = async |options| {
            let mut gateway = Gateway::new(propagator("all", "tracecontext").with_trust(trust), options);
            gateway.edit = |headers| {
                let own = HeaderValue::from_static("7a085853722dc6d280e1afed08e019fc-7a085853722dc6d2-1");
                headers.insert("sentry-trace", own);
            };
            let [_, sent] = gateway.forward(&[TRACEPARENT]).await;
            assert!(sent.contains_key("traceparent"));
            value(&sent, "sentry-trace").map(str::to_owned)
        };
        let kept = InjectOptions::new().keep_headers(&["sentry-trace"]);
        assert_eq!(sent(kept).await.as_deref(), Some(own), "{trust:?}");
        if matches!(trust, Trust::Restart | Trust::Ignore) {
            assert_eq!(sent(InjectOptions::new()).await, None, "{trust:?}");
        }
    }
}

#[tokio::test]
async fn ok_aws_behind_a_gateway_that_writes_w3c() {
    let sent = async |inject, options, trust| {
        let gateway = Gateway::new(propagator("tracecontext,xray", inject).with_trust(trust), options);
        let [_, sent] = gateway.forward(&[TRACEPARENT, XRAY]).await;
        value(&sent, XRAY.0).map(str::to_owned)
    };
    let (options, kept) = (InjectOptions::new(), InjectOptions::new().keep_formats(&["xray"]));
    assert_eq!(sent("tracecontext", options, Trust::Continue).await, None);
    assert_eq!(sent("tracecontext", kept, Trust::Continue).await.as_deref(), Some(XRAY.1));
    assert_eq!(sent("tracecontext", kept, Trust::Resample).await, None);
    let written = sent("tracecontext,xray", options, Trust::Continue).await.unwrap();
    assert!(written.starts_with("Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent="), "{written}");
    assert!(!written.contains("00f067aa0ba902b7") && written.contains("Lineage=1:a87bd80c:0"), "{written}");
}

#[tokio::test]
async fn ok_ignore_takes_the_request_id_of_envoy_only_where_it_is_listed() {
    let id = ("x-request-id", "4bf92f35-77b3-9da6-a3ce-929d0e0e4736");
    let seen = async |extract, trust| {
        let gateway = Gateway::new(propagator(extract, "tracecontext").with_trust(trust), InjectOptions::new());
        let [seen, _] = gateway.forward(&[TRACEPARENT, id]).await;
        value(&seen, id.0).map(str::to_owned)
    };
    let listed = "tracecontext,correlation:x-request-id";
    assert_eq!(seen(listed, Trust::Ignore).await, None);
    assert_eq!(seen("tracecontext", Trust::Ignore).await.as_deref(), Some(id.1));
    assert_eq!(seen(listed, Trust::Restart).await.as_deref(), Some(id.1));
}

#[tokio::test]
async fn ok_take_headers_leaves_nothing_for_another_client_to_copy() {
    let taken = async |take: bool| {
        let layer = ExtractLayer::new(propagator("all", "tracecontext"));
        let inbound = if take { layer.take_headers() } else { layer };
        let gateway = Gateway { inbound, ..Gateway::new(propagator("none", "none"), InjectOptions::new()) };
        let b3 = ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1");
        let [seen, _] = gateway.forward(&[TRACEPARENT, b3, ("baggage", "tenant=acme"), ("x-end", "1")]).await;
        seen.keys().map(|name| name.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(taken(true).await, ["x-end"]);
    assert_eq!(taken(false).await.len(), 4);
}

#[tokio::test]
async fn ok_refused_headers_are_kept_for_the_handler_and_do_not_go_on() {
    let edge = propagator("all", "tracecontext").with_trust(Trust::Ignore);
    let gateway = Gateway::new(edge.clone(), InjectOptions::new());
    let gateway = Gateway { inbound: ExtractLayer::new(edge).keep_refused(), ..gateway };
    let b3 = ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1");
    let [seen, sent] = gateway.forward(&[TRACEPARENT, b3]).await;
    assert_eq!((value(&seen, "traceparent"), value(&seen, "b3")), (Some(TRACEPARENT.1), Some(b3.1)));
    assert!(!value(&sent, "traceparent").unwrap().contains(TRACE));
    assert_eq!(sent.len(), 1);
}

#[tokio::test]
async fn ok_callers_of_different_formats_are_forwarded_in_theirs() -> Result<(), ConfigError> {
    let builder = Propagator::builder().names("all", "none")?.inject_received(W3cTraceContext::new());
    let gateway = Gateway::new(builder.build()?, InjectOptions::new());
    for (request, expected) in [
        (vec![("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1")], vec!["b3"]),
        (vec![("uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:1")], vec!["uber-trace-id"]),
        (vec![], vec!["traceparent"]),
    ] {
        let [_, sent] = gateway.forward(&request).await;
        assert_eq!(sent.keys().map(|name| name.as_str()).collect::<Vec<_>>(), expected);
    }
    Ok(())
}
