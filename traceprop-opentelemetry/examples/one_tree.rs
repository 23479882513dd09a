//! A browser with Datadog RUM calls `shop`, which calls `stock`. The exported spans are printed, and have to be one tree.
//!
//! ```sh
//! cargo run -p traceprop-opentelemetry --all-features --example one_tree
//! ```
#![allow(clippy::print_stdout, reason = "it talks to people")]

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::get;
use axum::{Router, serve};
use opentelemetry::global;
use opentelemetry::trace::{SpanId, TraceId, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, RandomIdGenerator, Sampler, SdkTracerProvider, SpanData};
use tokio::net::TcpListener;
use traceprop_opentelemetry::{IncomingIds, IncomingLinks, IncomingSampler, OtelPropagator, ServerLayer};
use traceprop_reqwest::{Client, Rule, Rules, presets};
use traceprop_tower::ExtractLayer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// What the browser sends: its trace has 128 bits, of which the upper half is a tag.
const BROWSER: [(&str, &str); 5] = [
    ("x-datadog-trace-id", "11803532876627986230"),
    ("x-datadog-parent-id", "67667974448284343"),
    ("x-datadog-origin", "rum"),
    ("x-datadog-sampling-priority", "1"),
    ("x-datadog-tags", "_dd.p.tid=4bf92f3577b34da6"),
];
const BROWSER_TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const BROWSER_SPAN: &str = "00f067aa0ba902b7";

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let exporter = InMemorySpanExporter::default();
    set_up(&exporter);

    let stock = start(Router::new().route("/items", get(items)).layer(server_span("stock"))).await?;
    // Datadog's origin and priority travel in the tracestate.
    let rules = Rules::builder(presets::W3C).rule("127.0.0.1", Rule::trace_context()).rule("*", Rule::nothing());
    let client = Client::builder(rules.build()?).build()?;
    let checkout = Router::new().route("/checkout", get(checkout)).with_state((client, stock));
    let shop = start(checkout.layer(server_span("shop"))).await?;

    let mut request = reqwest::Client::new().get(format!("http://{shop}/checkout"));
    for (name, value) in BROWSER {
        request = request.header(name, value);
    }
    let received_by_stock = request.send().await?.error_for_status()?.text().await?;

    let spans = exported(&exporter, 3).await;
    println!("{BROWSER_SPAN}  the browser, trace {BROWSER_TRACE}");
    let printed = print_below(&spans, SpanId::from_hex(BROWSER_SPAN)?, 1);
    println!("\nstock received\n{received_by_stock}");

    let trace_id = TraceId::from_hex(BROWSER_TRACE)?;
    let is_one_tree = spans.len() == 3 && printed == 3 && spans.iter().all(|s| s.span_context.trace_id() == trace_id);
    println!("\n{}", if is_one_tree { "one tree" } else { "NOT one tree" });
    Ok(if is_one_tree { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn set_up(exporter: &InMemorySpanExporter) {
    global::set_text_map_propagator(OtelPropagator::new(presets::ALL_TO_W3C));
    let provider = SdkTracerProvider::builder()
        .with_sampler(IncomingSampler::new(Sampler::TraceIdRatioBased(0.1)))
        .with_id_generator(IncomingIds::new(RandomIdGenerator::default()))
        .with_span_processor(IncomingLinks::new())
        .with_simple_exporter(exporter.clone())
        .build();
    tracing_subscriber::registry().with(tracing_opentelemetry::layer().with_tracer(provider.tracer("shop"))).init();
    traceprop_opentelemetry::install();
    for problem in traceprop_opentelemetry::self_check() {
        println!("{problem}");
    }
}

fn server_span(service: &'static str) -> ServerLayer {
    ServerLayer::new(ExtractLayer::new(presets::ALL_TO_W3C), move |request| {
        let name = format!("{service} {} {}", request.method, request.uri.path());
        tracing::info_span!("request", otel.kind = "server", otel.name = name)
    })
}

#[tracing::instrument(skip_all)]
async fn checkout(State((client, stock)): State<(Client, SocketAddr)>) -> Result<String, String> {
    let response = client.get(format!("http://{stock}/items")).send().await.map_err(|error| error.to_string())?;
    response.text().await.map_err(|error| error.to_string())
}

async fn items(headers: HeaderMap) -> String {
    let line = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("none").to_owned();
    format!("  traceparent: {}\n  tracestate: {}", line("traceparent"), line("tracestate"))
}

async fn start(app: Router) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { serve(listener, app).await });
    Ok(address)
}

/// A server's span ends after its response was sent.
async fn exported(exporter: &InMemorySpanExporter, count: usize) -> Vec<SpanData> {
    for _ in 0..100 {
        match exporter.get_finished_spans() {
            Ok(spans) if spans.len() >= count => return spans,
            _ => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
    exporter.get_finished_spans().unwrap_or_default()
}

/// Prints the spans below a span, and returns how many there are.
fn print_below(spans: &[SpanData], parent: SpanId, depth: usize) -> usize {
    let mut count = 0;
    for span in spans.iter().filter(|span| span.parent_span_id == parent) {
        let id = span.span_context.span_id();
        println!("{id}  {:indent$}{}", "", span.name, indent = 2 * depth);
        count += 1 + print_below(spans, id, depth + 1);
    }
    count
}
