//! axum-tracing-opentelemetry and filters: its server span has the level TRACE.
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::collections::HashMap;
use std::net::SocketAddr;

use axum::extract::Request;
use axum::routing::get;
use axum::{Json, Router};
use axum_tracing_opentelemetry::middleware::OtelAxumLayer;
use opentelemetry::global;
use opentelemetry::trace::{SpanId, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use reqwest_middleware::ClientBuilder;
use traceprop_core::{OwnedContext, presets};
use traceprop_opentelemetry::{IncomingLinks, OtelPropagator, install, self_check};
use traceprop_reqwest::PropagationMiddleware;
use traceprop_tower::AdoptingLayer;
use tracing::{Instrument, Level};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// Which spans are enabled is cached for the process.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// What a request has led to.
struct Outcome {
    spans: Vec<SpanData>,
    /// The ids that the two calls of the handler sent: the second one is made in a span of its own.
    sent: [(String, String); 2],
    /// The span that the extension of the request names.
    extension: Option<String>,
}

impl Outcome {
    fn span(&self, name: &str) -> &SpanData {
        self.spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {:#?}", self.spans))
    }
}

async fn echo() -> SocketAddr {
    async fn headers(request: Request) -> Json<HashMap<String, String>> {
        let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
        Json(request.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect())
    }
    serve(Router::new().fallback(headers)).await
}

async fn serve(app: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn sent(echo: SocketAddr) -> (String, String) {
    let plain = reqwest::Client::builder().no_proxy().build().unwrap();
    let client = ClientBuilder::new(plain).with(PropagationMiddleware::new(presets::W3C)).build();
    let response = client.get(format!("http://{echo}/")).send().await.unwrap();
    let headers: HashMap<String, String> = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    let traceparent = &headers["traceparent"];
    (traceparent[3..35].to_owned(), traceparent[36..52].to_owned())
}

/// Sends a request through a service with this filter of OpenTelemetry's layer, and another one of the log.
async fn through(otel: Targets, log: LevelFilter) -> Outcome {
    let _turn = TURN.lock().await;
    global::set_text_map_propagator(OtelPropagator::new(presets::ALL_TO_W3C));
    install();
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(IncomingLinks::new())
        .with_simple_exporter(exporter.clone())
        .build();
    let subscriber = tracing_subscriber::registry()
        .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("shop")).with_filter(otel))
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::sink).with_filter(log));
    // The test has one thread, which also runs the connections.
    let _subscriber = tracing::subscriber::set_default(subscriber);
    assert_eq!(self_check(), []);
    let (sent, extension) = request().await;
    Outcome { spans: exporter.get_finished_spans().unwrap(), sent, extension }
}

async fn request() -> ([(String, String); 2], Option<String>) {
    let echo = echo().await;
    let handler = async move |request: Request| {
        let context = request.extensions().get::<OwnedContext>().cloned();
        let extension = context.and_then(|context| context.span_id()).map(|id| id.to_string());
        let outer = sent(echo).await;
        let inner = sent(echo).instrument(tracing::info_span!("inner")).await;
        Json(([outer, inner], extension))
    };
    let app = Router::new().route("/", get(handler));
    let shop = serve(app.layer(AdoptingLayer::new(presets::ALL_TO_W3C)).layer(OtelAxumLayer::default())).await;
    let plain = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = plain.get(format!("http://{shop}/")).header("traceparent", format!("00-{TRACE}-{PARENT}-01"));
    serde_json::from_slice(&request.send().await.unwrap().bytes().await.unwrap()).unwrap()
}

fn info() -> Targets {
    Targets::new().with_default(Level::INFO)
}

#[tokio::test]
async fn ok_a_filter_that_lets_the_server_span_through_gives_one_tree() {
    let outcome = through(info().with_target("otel::tracing", Level::TRACE), LevelFilter::INFO).await;
    let (server, inner) = (outcome.span("GET /"), outcome.span("inner"));
    assert_eq!((server.parent_span_id.to_string(), server.parent_span_is_remote), (PARENT.to_owned(), true));
    assert_eq!(inner.parent_span_id, server.span_context.span_id());
    let ids = [server, inner].map(|span| (TRACE.to_owned(), span.span_context.span_id().to_string()));
    assert_eq!(outcome.sent, ids);
    assert_eq!(outcome.extension, Some(server.span_context.span_id().to_string()));
}

/// Nobody has the span, so the layer of axum-tracing-opentelemetry attaches the caller's context.
#[tokio::test]
async fn ok_a_server_span_that_every_filter_disables_leaves_the_caller_as_the_parent() {
    let outcome = through(info(), LevelFilter::INFO).await;
    let inner = outcome.span("inner");
    assert_eq!(outcome.spans.len(), 1, "{:#?}", outcome.spans);
    assert_eq!((inner.parent_span_id.to_string(), inner.parent_span_is_remote), (PARENT.to_owned(), true));
    let inner = inner.span_context.span_id().to_string();
    assert_eq!(outcome.sent, [(TRACE.to_owned(), PARENT.to_owned()), (TRACE.to_owned(), inner)]);
    assert_eq!(outcome.extension, Some(PARENT.to_owned()));
}

/// Cannot work: another layer has the span, so its parent is set without an error, and no context is attached. Exported
/// spans lose the caller. Calls do not, because `AdoptingLayer` has read the request. If this fails, the page about
/// OpenTelemetry can drop a row.
#[tokio::test]
async fn canary_a_server_span_that_only_opentelemetrys_filter_disables_loses_the_caller() {
    let outcome = through(info(), LevelFilter::TRACE).await;
    let inner = outcome.span("inner");
    assert_eq!(outcome.spans.len(), 1, "{:#?}", outcome.spans);
    assert_eq!(inner.parent_span_id, SpanId::INVALID);
    assert_ne!(inner.span_context.trace_id().to_string(), TRACE);
    let caller = (TRACE.to_owned(), PARENT.to_owned());
    assert_eq!(outcome.sent, [caller.clone(), caller]);
    assert_eq!(outcome.extension, Some(PARENT.to_owned()));
}
