//! A tracer whose spans are exported: calls, response headers and extensions name them. One tracer serves the process.

mod support;

use std::net::SocketAddr;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get as on_get;
use axum::{Extension, Router};
use http::Extensions;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use support::{Answer, PARENT, TRACE, get, send, serve};
use tower::{ServiceBuilder, ServiceExt};
use traceprop_core::active::{ActiveSpan, set_active_span};
use traceprop_core::report::OwnedReport;
use traceprop_core::{IdGenerator, Propagator, RandomIds, SpanId, Trust};
use traceprop_tower::{AdoptingLayer, Allow, ExtractLayer, InjectLayer, InjectOptions, OwnedContext, presets};

tokio::task_local! {
    /// The active span of the tracer.
    static SPAN: OwnedContext;
}

struct Tracer;

impl ActiveSpan for Tracer {
    fn active(&self, _: Option<&OwnedContext>) -> Option<OwnedContext> {
        SPAN.try_with(Clone::clone).ok()
    }
}

/// The spans that the tracer makes, of which the first of each request is the server's.
const SERVER_SPAN: &str = "00000000000000aa";

fn server_span() -> SpanId {
    SERVER_SPAN.parse().expect("an id")
}

/// The server layer of a foreign library: it makes a span for each request, with a propagator of its own.
async fn foreign_server_span(request: Request, next: Next) -> Response {
    set_active_span(Tracer);
    if request.uri().path() == "/without" {
        return next.run(request).await;
    }
    let propagator = presets::W3C.propagator();
    let carrier = traceprop_http::HeaderCarrier::new(request.headers());
    let received =
        OwnedContext::from_passthrough(&propagator.extract(&carrier)).filter_baggage(Allow::Only(&["tenant"]));
    let trace_id = received.trace_id().unwrap_or_else(|| RandomIds.new_trace_id().0);
    let span = received.with_ids(trace_id, server_span()).reported();
    SPAN.scope(span, next.run(request)).await
}

/// Responds with the headers that it received.
async fn stock() -> SocketAddr {
    async fn headers(request: Request) -> String {
        let lines =
            request.headers().iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().expect("text")));
        lines.collect()
    }
    serve(Router::new().fallback(headers)).await
}

/// Calls `stock` with `client`, and responds with the received headers, after the context of the request.
fn shop(stock: SocketAddr, inject: InjectLayer) -> Router {
    async fn call(
        State((stock, inject)): State<(SocketAddr, InjectLayer)>,
        context: Option<Extension<OwnedContext>>,
        refused: http::HeaderMap,
    ) -> String {
        let transport: Client<HttpConnector, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        let client = ServiceBuilder::new().layer(inject).service(transport);
        let call = http::Request::get(format!("http://{stock}/")).body(Empty::new()).expect("a request");
        let response = client.oneshot(call).await.expect("an answer");
        let sent = response.into_body().collect().await.expect("a body").to_bytes();
        let own = context.and_then(|Extension(context)| context.span_id());
        let own = own.map_or("none".to_owned(), |id| id.to_string());
        let has_parent = refused.contains_key("traceparent");
        format!("span: {own}\nreceived: {has_parent}\n{}", String::from_utf8_lossy(&sent))
    }
    Router::new().fallback(on_get(call)).with_state((stock, inject))
}

fn value<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let mut lines = answer.body.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(known, _)| *known == name).map(|(_, value)| value)
}

fn everything() -> InjectLayer {
    InjectLayer::new(presets::W3C).inject_options(InjectOptions::everything())
}

#[tokio::test]
async fn ok_the_active_span_is_adopted_and_is_the_parent_of_calls() {
    let app =
        shop(stock().await, everything()).layer(AdoptingLayer::new(presets::W3C)).layer(from_fn(foreign_server_span));
    let lines = format!("traceparent: {PARENT}\r\ntracestate: rojo=1\r\nbaggage: tenant=acme,session=secret\r\n");
    let answer = get(serve(app).await, "/", lines.as_bytes()).await;
    assert_eq!(value(&answer, "span"), Some(SERVER_SPAN), "{answer:?}");
    assert_eq!(value(&answer, "traceparent"), Some(format!("00-{TRACE}-{SERVER_SPAN}-01").as_str()));
    assert_eq!((value(&answer, "tracestate"), value(&answer, "baggage")), (Some("rojo=1"), Some("tenant=acme")));
}

/// As opentelemetry-instrumentation-tower does it: the span is active in the polls alone, and not in the call.
#[tokio::test]
async fn ok_a_span_that_is_active_in_polls_alone_is_adopted() {
    set_active_span(Tracer);
    let span = OwnedContext::new(traceprop_core::SpanContext::new(TRACE.parse().unwrap(), server_span())).reported();
    let layers = ServiceBuilder::new()
        .layer(tower::util::MapFutureLayer::new(move |future| SPAN.scope(span.clone(), future)))
        .layer(AdoptingLayer::new(presets::W3C));
    let app = serve(shop(stock().await, everything()).layer(layers)).await;
    let answer = get(app, "/", format!("traceparent: {PARENT}\r\n").as_bytes()).await;
    let expected = format!("00-{TRACE}-{SERVER_SPAN}-00");
    assert_eq!((value(&answer, "span"), value(&answer, "traceparent")), (Some(SERVER_SPAN), Some(&*expected)));
}

#[tokio::test]
async fn ok_without_an_active_span_what_was_received_is_forwarded() {
    let app =
        shop(stock().await, everything()).layer(AdoptingLayer::new(presets::W3C)).layer(from_fn(foreign_server_span));
    let app = serve(app).await;
    let answer = get(app, "/without", format!("traceparent: {PARENT}\r\n").as_bytes()).await;
    assert_eq!((value(&answer, "span"), value(&answer, "traceparent")), (Some("00f067aa0ba902b7"), Some(PARENT)));
    let answer = get(app, "/without", b"").await;
    assert_eq!((value(&answer, "span"), value(&answer, "traceparent")), (Some("none"), None));
}

#[tokio::test]
async fn ok_clients_follow_the_active_span_without_a_layer() {
    let app = shop(stock().await, everything()).layer(from_fn(foreign_server_span));
    let answer = get(serve(app).await, "/", format!("traceparent: {PARENT}\r\n").as_bytes()).await;
    assert_eq!(value(&answer, "span"), Some("none"));
    assert_eq!(value(&answer, "traceparent"), Some(format!("00-{TRACE}-{SERVER_SPAN}-01").as_str()));
}

#[tokio::test]
async fn ok_an_adopting_layer_has_reports_and_removes_what_its_trust_refuses() {
    async fn explain(Extension(report): Extension<OwnedReport>, headers: http::HeaderMap) -> String {
        format!("{report}; {}", headers.contains_key("traceparent"))
    }
    let propagator = presets::W3C.propagator().with_trust(Trust::Restart);
    let layer = AdoptingLayer::new(propagator).keep_report();
    let app = Router::new().route("/", on_get(explain)).layer(layer).layer(from_fn(foreign_server_span));
    let answer = get(serve(app).await, "/", format!("traceparent: {PARENT}\r\n").as_bytes()).await;
    let report = format!("new trace; tracecontext: not continued (trust: restart), trace {TRACE}");
    assert!(answer.body.starts_with(&report) && answer.body.ends_with("; false"), "{answer:?}");
}

/// A tracer's server span inside of the layer, and the span around the whole connection.
#[tokio::test]
async fn ok_response_headers_name_the_span_of_the_request() {
    use traceprop_tower::ResponseHeaders;
    set_active_span(Tracer);
    let layer = ExtractLayer::new(presets::W3C).response_headers(ResponseHeaders::new().server_timing());
    let app = Router::new().route("/", on_get(async || "ok")).layer(layer);
    let connection =
        OwnedContext::new(traceprop_core::SpanContext::new(TRACE.parse().unwrap(), server_span())).reported();
    let request = http::Request::get("/").header("traceparent", PARENT).body(axum::body::Body::empty()).unwrap();
    let Ok(response) = SPAN.scope(connection, app.oneshot(request)).await;
    let timing = response.headers()["server-timing"].to_str().unwrap();
    assert!(timing.contains(TRACE) && !timing.contains(SERVER_SPAN), "{timing}");
}

/// The span of a tracer, as an extension.
#[derive(Clone)]
struct RequestSpan(SpanId);

fn with_context_fn(propagator: Propagator) -> ExtractLayer {
    ExtractLayer::new(propagator).allow_baggage(Allow::Only(&["tenant"])).context_fn(|extraction, head, allow| {
        assert!(allow.allows_key("tenant") && !allow.allows_key("session"));
        assert_ne!(head.uri.path(), "/healthz", "it is skipped");
        let trace_id = extraction.context().map_or_else(|| RandomIds.new_trace_id().0, |caller| caller.trace_id);
        let span = extraction.span_with_ids(trace_id, server_span());
        let mut extensions = Extensions::new();
        extensions.insert(RequestSpan(server_span()));
        (OwnedContext::from_span(extraction, &span).reported(), extensions)
    })
}

#[tokio::test]
async fn ok_context_fn_makes_the_context_and_extensions() {
    let stock = stock().await;
    for keeps_report in [false, true] {
        let mut layer = with_context_fn(presets::W3C.propagator().clone()).skip(|head| head.uri.path() == "/healthz");
        if keeps_report {
            layer = layer.keep_report();
        }
        let seen = from_fn(async |request: Request, next: Next| {
            let span = request.extensions().get().map(|RequestSpan(id)| id.to_string());
            let mut response = next.run(request).await;
            let value = span.unwrap_or("none".to_owned()).parse().expect("a value");
            response.headers_mut().insert("x-span", value);
            response
        });
        let app = serve(shop(stock, everything()).layer(seen).layer(layer)).await;
        let lines = format!("traceparent: {PARENT}\r\nbaggage: tenant=acme,session=secret\r\n");
        let answer = get(app, "/", lines.as_bytes()).await;
        assert_eq!(value(&answer, "span"), Some(SERVER_SPAN));
        assert_eq!(value(&answer, "traceparent"), Some(format!("00-{TRACE}-{SERVER_SPAN}-01").as_str()));
        assert_eq!(value(&answer, "baggage"), Some("tenant=acme"));

        let skipped = get(app, "/healthz", lines.as_bytes()).await;
        assert_eq!((value(&skipped, "span"), value(&skipped, "traceparent")), (Some("00f067aa0ba902b7"), Some(PARENT)));
    }
}

#[tokio::test]
async fn ok_what_the_trust_refuses_is_removed_under_a_context_fn_too() {
    let strict = presets::W3C.propagator().with_trust(Trust::Restart);
    // The tracer's context says nothing of the trust.
    let layer = ExtractLayer::new(strict).context_fn(|_, _, _| {
        let span = traceprop_core::SpanContext::new(RandomIds.new_trace_id().0, server_span());
        (OwnedContext::new(span).reported(), Extensions::new())
    });
    let app = serve(shop(stock().await, everything()).layer(layer)).await;
    let answer = send(app, "GET", "/", format!("traceparent: {PARENT}\r\n").as_bytes()).await.expect("an answer");
    assert_eq!((value(&answer, "received"), value(&answer, "span")), (Some("false"), Some(SERVER_SPAN)));
    assert!(!value(&answer, "traceparent").expect("a header").contains(TRACE));
}
