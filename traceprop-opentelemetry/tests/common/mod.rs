//! Requests, tracers and what they exported.
#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::collections::HashMap;

use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry_sdk::trace::{
    InMemorySpanExporter, RandomIdGenerator, SdkTracer, SdkTracerProvider, ShouldSample, SpanData,
};
use traceprop_core::Propagator;
use traceprop_core::formats::sw8::Sw8;
use traceprop_opentelemetry::{IncomingIds, IncomingLinks, OtelPropagator};

pub const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
pub const PARENT: &str = "00f067aa0ba902b7";
pub const TRACEPARENT: (&str, &str) = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");

/// Every format, with an identity for sw8.
pub fn all() -> Propagator {
    named("all,correlation:x-request-id", "all,correlation:x-request-id")
}

pub fn named(extract: &str, inject: &str) -> Propagator {
    let builder = Propagator::builder().define(Sw8::new("shop", "shop-1"));
    builder.names(extract, inject).unwrap().build().unwrap()
}

/// Lines of a request: names can repeat.
pub struct Lines<'a>(pub &'a [(&'a str, &'a str)]);

impl Extractor for Lines<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| *value)
    }

    fn keys(&self) -> Vec<&str> {
        let mut keys: Vec<&str> = Vec::new();
        for (name, _) in self.0 {
            if !keys.contains(name) {
                keys.push(name);
            }
        }
        keys
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let values: Vec<&str> =
            self.0.iter().filter(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| *value).collect();
        (!values.is_empty()).then_some(values)
    }
}

/// An SDK, with all that this crate has for it, and its exporter.
pub struct Sdk {
    pub provider: SdkTracerProvider,
    pub exporter: InMemorySpanExporter,
}

impl Sdk {
    pub fn new(sampler: impl ShouldSample + 'static) -> Self {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_sampler(sampler)
            .with_id_generator(IncomingIds::new(RandomIdGenerator::default()))
            .with_span_processor(IncomingLinks::new())
            .with_simple_exporter(exporter.clone())
            .build();
        Self { provider, exporter }
    }

    /// With the sampler that the SDK has by default.
    pub fn by_default() -> Self {
        Self::new(opentelemetry_sdk::trace::Sampler::ParentBased(Box::new(opentelemetry_sdk::trace::Sampler::AlwaysOn)))
    }

    pub fn tracer(&self) -> SdkTracer {
        self.provider.tracer("test")
    }

    /// Starts a span in the context, as a server does, and returns the context with it.
    pub fn start(&self, cx: &Context) -> Context {
        use opentelemetry::trace::TraceContextExt;
        let _attached = cx.clone().attach();
        let tracer = self.tracer();
        cx.with_span(tracer.build_with_context(tracer.span_builder("server"), cx))
    }

    pub fn exported(&self) -> Vec<SpanData> {
        self.exporter.get_finished_spans().unwrap()
    }
}

pub fn extract(propagator: &OtelPropagator, lines: &[(&str, &str)]) -> Context {
    propagator.extract_with_context(&Context::new(), &Lines(lines))
}

pub fn inject(propagator: &OtelPropagator, cx: &Context) -> HashMap<String, String> {
    let mut headers = HashMap::new();
    propagator.inject_context(cx, &mut headers);
    headers
}

pub fn get<'h>(headers: &'h HashMap<String, String>, name: &str) -> Option<&'h str> {
    headers.get(name).map(String::as_str)
}
