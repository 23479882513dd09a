//! Datadog's tracer for Rust: the composite propagator below its OpenTelemetry layer, which holds all of its formats.
//!
//! The layer above it needs a tracer with an exporter. What only that layer can do is missing here: baggage, and
//! writing the members of a tracestate that are not Datadog's. Its log is off, since it writes a line for each malformed
//! header.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use ::datadog_opentelemetry::configuration::{Config, TracePropagationStyle};
use ::datadog_opentelemetry::log::LevelFilter;
use ::datadog_opentelemetry::propagation::carrier::{Extractor, Injector};
use ::datadog_opentelemetry::propagation::context::{InjectSpanContext, SpanContext};
use ::datadog_opentelemetry::propagation::{DatadogCompositePropagator, ExtractResult};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{Baggage, CHILD, Fields, Found, Tracestate};

pub use ::datadog_opentelemetry::configuration::TracePropagationStyle as Style;

/// The prefix of every tag that is forwarded.
const TAG_PREFIX: &str = "_dd.p.";

pub struct Datadog(DatadogCompositePropagator<Config>);

/// A context to write; writing adds tags to it, as it does to the ones that the tracer keeps.
pub struct Context {
    span: SpanContext,
    tags: RefCell<HashMap<String, String>>,
}

impl Datadog {
    /// Reads and writes these formats.
    pub fn new(formats: &[TracePropagationStyle]) -> Self {
        let mut config = Config::builder();
        config.set_trace_propagation_style_extract(formats.to_vec());
        config.set_trace_propagation_style_inject(formats.to_vec());
        config.set_log_level_filter(LevelFilter::Off);
        Self(DatadogCompositePropagator::new(Arc::new(config.build())))
    }

    /// Extracts ids and decision, origin and tags.
    pub fn extract(&self, headers: &HeaderMap) -> Found {
        let Some(context) = self.read(headers) else {
            return Found::default();
        };
        let mut bytes = context.origin.as_ref().map_or(0, String::len);
        for (name, value) in &context.tags {
            // The upper half of the trace id is part of the id.
            if let Some(name) = name.strip_prefix(TAG_PREFIX).filter(|&name| name != "tid") {
                bytes += name.len() + value.len();
            }
        }
        Found { fields: Fields { bytes }, ..ids(&context) }
    }

    /// Extracts ids and decision.
    pub fn extract_ids(&self, headers: &HeaderMap) -> Found {
        self.read(headers).map_or_else(Found::default, |context| ids(&context))
    }

    /// Extracts the ids and the tracestate.
    pub fn extract_with_tracestate(&self, headers: &HeaderMap) -> Found {
        let Some(context) = self.read(headers) else {
            return Found::default();
        };
        // Its own form of the tracestate cannot be looked into from outside; the text is among the tags.
        let text = context.tags.get("tracestate");
        let tracestate = text.map_or(Tracestate::Absent, |text| Tracestate::Text(text.len()));
        Found { tracestate, ..ids(&context) }
    }

    /// Extracts from requests with baggage, which it does not read.
    pub fn extract_without_baggage(&self, headers: &HeaderMap) -> Found {
        Found { baggage: Baggage::UNREAD, ..self.extract_with_tracestate(headers) }
    }

    /// Returns what [`Datadog::inject`] writes: a span of our own below that of the caller.
    pub fn context(&self, headers: &HeaderMap) -> Context {
        let mut span = self.read(headers).expect("the input has a context");
        span.span_id = CHILD;
        let tags = RefCell::new(std::mem::take(&mut span.tags));
        Context { span, tags }
    }

    pub fn inject(&self, context: &Context, headers: &mut HeaderMap) {
        self.write(&context.span, context.span.span_id, &mut context.tags.borrow_mut(), headers);
    }

    /// Extracts and injects with its own span id.
    pub fn child(&self, from: &HeaderMap, span_id: u64, to: &mut HeaderMap) {
        if let Some(mut span) = self.read(from) {
            let mut tags = std::mem::take(&mut span.tags);
            self.write(&span, span_id, &mut tags, to);
        }
    }

    fn read(&self, headers: &HeaderMap) -> Option<SpanContext> {
        match self.0.extract(&Headers(headers)) {
            ExtractResult::Continue(context) => Some(context),
            _ => None,
        }
    }

    fn write(&self, span: &SpanContext, span_id: u64, tags: &mut HashMap<String, String>, headers: &mut HeaderMap) {
        let mut context = InjectSpanContext {
            trace_id: span.trace_id,
            span_id,
            sampling: span.sampling,
            origin: span.origin.as_deref(),
            tags,
            is_remote: false,
            tracestate: None,
            ot_member: None,
        };
        self.0.inject(&mut context, &mut HeadersMut(headers));
    }
}

fn ids(context: &SpanContext) -> Found {
    Found {
        trace_id: context.trace_id,
        span_id: context.span_id,
        sampled: context.sampling.priority.is_some_and(|priority| priority.is_keep()),
        ..Found::default()
    }
}

/// As `opentelemetry-http` does it.
struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let all = self.0.get_all(key).iter();
        if all.size_hint() == (0, Some(0)) {
            return None;
        }
        Some(all.filter_map(|value| value.to_str().ok()).collect())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct HeadersMut<'a>(&'a mut HeaderMap);

impl Injector for HeadersMut<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(key.as_bytes()), HeaderValue::from_str(&value)) {
            self.0.insert(name, value);
        }
    }
}
