//! A consumer takes several records at once: its span has a link for each record's sender, and what it produces continues
//! the trace of that span.
//!
//! ```sh
//! cargo run -p traceprop-opentelemetry --features sdk --example queue
//! ```
#![allow(clippy::print_stdout, reason = "it talks to people")]

use std::error::Error;
use std::process::ExitCode;

use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use traceprop_core::{Carrier, InjectOptions, presets};
use traceprop_opentelemetry::{BatchLinks, OtelContextExt};

/// A record as a client library hands it over.
struct Record {
    headers: Vec<(&'static str, Vec<u8>)>,
}

impl Carrier for Record {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (*name, value.as_slice()))
    }
}

fn record(name: &'static str, value: &str) -> Record {
    Record { headers: vec![(name, value.as_bytes().to_vec())] }
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let tracer = provider.tracer("billing");
    let propagator = presets::ALL_TO_W3C.propagator();

    let batch = [
        record("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        // The same sender again, an older service, and one that sends nothing.
        record("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        record("b3", "80e6b5d0a9d93650-8a0ac984f71ab247-1"),
        Record { headers: Vec::new() },
    ];
    let mut links = BatchLinks::new();
    for record in &batch {
        links.add(&propagator.extract(record));
    }
    let builder = tracer
        .span_builder("orders process")
        .with_kind(SpanKind::Consumer)
        .with_attributes([KeyValue::new("messaging.batch.message_count", i64::try_from(batch.len())?)])
        .with_links(links.into_vec());
    let cx = Context::new().with_span(tracer.build_with_context(builder, &Context::new()));

    // A record that the consumer sends.
    let mut produced: Vec<(String, Vec<u8>)> = Vec::new();
    let context = cx.to_owned_context().ok_or("there is a span")?;
    propagator.inject(&context, &InjectOptions::new(), &mut produced);
    cx.span().end();

    let spans = exporter.get_finished_spans()?;
    let span = spans.first().ok_or("a span is exported")?;
    println!("{} {}", span.span_context.span_id(), span.name);
    for link in span.links.iter() {
        println!("  linked to trace {} span {}", link.span_context.trace_id(), link.span_context.span_id());
    }
    let id = span.span_context.span_id().to_string();
    let sent =
        produced.iter().any(|(name, value)| name == "traceparent" && String::from_utf8_lossy(value).contains(&id));
    println!("  its record continues the trace: {sent}");
    Ok(if sent && span.links.len() == 2 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
