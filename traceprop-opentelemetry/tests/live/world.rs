//! The process: a subscriber, a provider and an exporter, as a program sets them up.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use axum::Router;
use opentelemetry::global;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{
    InMemorySpanExporter, RandomIdGenerator, Sampler, SdkTracer, SdkTracerProvider, SpanData,
};
use serde_json::Value;
use traceprop_opentelemetry::{IncomingIds, IncomingLinks, IncomingSampler, OtelPropagator, WithOtelIds, install};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::common::all;

/// Spans with this target are disabled for OpenTelemetry alone, as by `with_filter`.
pub const DISABLED: &str = "disabled";

pub struct World {
    pub provider: SdkTracerProvider,
    exporter: InMemorySpanExporter,
    logs: Logs,
}

#[derive(Clone, Default)]
struct Logs(Arc<Mutex<Vec<u8>>>);

impl io::Write for Logs {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(IncomingSampler::new(Sampler::AlwaysOn))
        .with_id_generator(IncomingIds::new(RandomIdGenerator::default()))
        .with_span_processor(IncomingLinks::new())
        .with_simple_exporter(exporter.clone())
        .build();
    let logs = Logs::default();
    let sink = logs.clone();
    let json = WithOtelIds::new(tracing_subscriber::fmt::format().json());
    tracing_subscriber::registry()
        .with(
            tracing_opentelemetry::layer()
                .with_tracer(provider.tracer("live"))
                .with_filter(filter_fn(|metadata| metadata.target() != DISABLED)),
        )
        .with(
            tracing_subscriber::fmt::layer()
                .json()
                .event_format(json)
                .with_writer(move || sink.clone())
                .with_filter(filter_fn(|metadata| metadata.target().starts_with("live"))),
        )
        .init();
    assert!(install());
    World { provider, exporter, logs }
});

static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// A turn of one test: the process has one exporter.
pub struct Turn {
    world: &'static World,
    _turn: tokio::sync::MutexGuard<'static, ()>,
}

impl Turn {
    pub async fn new() -> Self {
        let turn = Self { _turn: TURN.lock().await, world: &WORLD };
        turn.set_propagator(OtelPropagator::new(all()));
        turn.reset();
        turn
    }

    pub fn tracer(&self) -> SdkTracer {
        self.provider().tracer("live")
    }

    pub fn provider(&self) -> SdkTracerProvider {
        self.world.provider.clone()
    }

    pub fn set_propagator(&self, propagator: OtelPropagator) {
        global::set_text_map_propagator(propagator);
    }

    pub fn reset(&self) {
        self.world.exporter.reset();
        self.world.logs.0.lock().unwrap().clear();
    }

    /// The spans that were exported, once there are this many: the server's ends after the response was sent.
    pub async fn spans(&self, at_least: usize) -> Vec<SpanData> {
        for _ in 0..200 {
            let spans = self.world.exporter.get_finished_spans().unwrap();
            if spans.len() >= at_least {
                return spans;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.world.exporter.get_finished_spans().unwrap()
    }

    pub fn logs(&self) -> Vec<Value> {
        let logs = self.world.logs.0.lock().unwrap();
        logs.split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }
}

pub async fn serve(app: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// Calls a service as someone outside does, with these headers and no others.
pub async fn call(address: SocketAddr, path: &str, lines: &[(&str, &str)]) -> reqwest::Response {
    let mut request = reqwest::Client::builder().no_proxy().build().unwrap().get(format!("http://{address}{path}"));
    for (name, value) in lines {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}
