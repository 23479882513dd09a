//! A service that exports its spans by OTLP over HTTP, to a collector or to a vendor's agent.
//!
//! ```sh
//! OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 OTEL_SERVICE_NAME=shop \
//!     cargo run -p traceprop-opentelemetry --all-features --example otlp
//! curl -H 'b3: 4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1' http://127.0.0.1:8080/
//! ```
//!
//! With the argument `once` it sends itself that request, exports the span, and fails if the collector does not take it.
#![allow(clippy::print_stdout, reason = "it talks to people")]

use std::error::Error;

use axum::{Router, routing::get};
use opentelemetry::global;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::trace::{RandomIdGenerator, Sampler, SdkTracerProvider};
use tokio::net::TcpListener;
use traceprop_opentelemetry::{IncomingIds, IncomingLinks, IncomingSampler, OtelPropagator, ServerLayer, WithOtelIds};
use traceprop_tower::ExtractLayer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, filter::LevelFilter, fmt};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (propagator, warnings) = OtelPropagator::from_env()?;
    for warning in warnings {
        println!("{warning}");
    }
    let formats = propagator.propagator().clone();
    global::set_text_map_propagator(propagator);

    // The endpoint, headers and the timeout are those of OTEL_EXPORTER_OTLP_*. Its client blocks, so it is made elsewhere.
    let exporter = tokio::task::spawn_blocking(|| SpanExporter::builder().with_http().build()).await??;
    let provider = SdkTracerProvider::builder()
        .with_sampler(IncomingSampler::new(Sampler::AlwaysOn))
        .with_id_generator(IncomingIds::new(RandomIdGenerator::default()))
        .with_span_processor(IncomingLinks::new())
        .with_batch_exporter(exporter)
        .build();
    let json = WithOtelIds::new(fmt::format().json());
    tracing_subscriber::registry()
        .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("shop")).with_filter(LevelFilter::INFO))
        .with(fmt::layer().json().event_format(json).with_filter(LevelFilter::INFO))
        .init();
    traceprop_opentelemetry::install();
    for problem in traceprop_opentelemetry::self_check() {
        println!("{problem}");
    }

    let server = ServerLayer::new(
        ExtractLayer::new(formats),
        |request| tracing::info_span!("request", otel.kind = "server", otel.name = %request.method, url.path = request.uri.path()),
    );
    let app = Router::new().route("/", get(hello)).layer(server);
    let once = std::env::args().nth(1).is_some_and(|argument| argument == "once");
    let listener = TcpListener::bind(if once { "127.0.0.1:0" } else { "127.0.0.1:8080" }).await?;
    let address = listener.local_addr()?;
    println!("http://{address}/");
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    if once {
        let b3 = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1";
        let response = reqwest::Client::new().get(format!("http://{address}/")).header("b3", b3).send().await?;
        println!("{}", response.text().await?);
    } else {
        serving.await??;
    }
    // What is still waiting is exported now.
    tokio::task::spawn_blocking(move || provider.force_flush()).await??;
    Ok(())
}

async fn hello() -> &'static str {
    tracing::info!("hello");
    "hello"
}
