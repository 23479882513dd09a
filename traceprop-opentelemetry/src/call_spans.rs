//! A client span for each attempt of a call.

use opentelemetry::trace::{Span, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use traceprop_core::OwnedContext;
use traceprop_core::active::{CallInfo, CallSpan, CallSpans};

use crate::convert::{ToOtel, ToTraceprop, sampling_of};

/// Client spans of an OpenTelemetry tracer, one for each hop of a call.
///
/// Give it to `ClientBuilder::spans` of traceprop-reqwest. Each hop of a redirect then has a span of its own, whose id the
/// hop sends. Without it all hops name the active span as their parent.
///
/// The spans have the attributes `http.request.method`, `server.address`, `server.port`, `http.response.status_code`, from
/// the second hop on `http.request.resend_count`, and on failure `error.type`. The URL is not recorded, because it can
/// contain secrets.
///
/// ```
/// use opentelemetry::global;
/// use traceprop_opentelemetry::OtelCallSpans;
///
/// let spans = OtelCallSpans::new(global::tracer("shop"));
/// // Client::builder(rules).spans(spans)
/// # let _ = spans;
/// ```
#[derive(Clone, Debug)]
pub struct OtelCallSpans<T> {
    tracer: T,
}

impl<T> OtelCallSpans<T> {
    /// Creates spans with `tracer`.
    pub const fn new(tracer: T) -> Self {
        Self { tracer }
    }
}

impl<T> CallSpans for OtelCallSpans<T>
where
    T: Tracer + Send + Sync,
    T::Span: Send + Sync + 'static,
{
    fn begin(&self, parent: Option<&OwnedContext>, call: &CallInfo<'_>) -> Option<Box<dyn CallSpan>> {
        let cx = parent_context(parent);
        if cx.is_telemetry_suppressed() {
            return None;
        }
        let builder = self
            .tracer
            .span_builder(known_method(call.method).unwrap_or("HTTP"))
            .with_kind(SpanKind::Client)
            .with_attributes(attributes(call));
        let span = self.tracer.build_with_context(builder, &cx);
        let context = match span.span_context().is_valid() {
            true => context_of(&span, parent),
            false => None,
        };
        Some(Box::new(OpenSpan { span, context }))
    }
}

/// Returns the active context if it is that of `parent`, and otherwise one that has `parent` as its span.
fn parent_context(parent: Option<&OwnedContext>) -> Context {
    let current = Context::current();
    let Some(parent) = parent else { return current };
    let Some(span) = parent.to_otel() else { return current };
    if current.span().span_context().span_id() == span.span_id() {
        return current;
    }
    // A span that is not remote, so that no sampler takes it for a caller's.
    let span = opentelemetry::trace::SpanContext::new(
        span.trace_id(),
        span.span_id(),
        span.trace_flags(),
        parent.is_passthrough(),
        span.trace_state().clone(),
    );
    current.with_remote_span_context(span)
}

fn context_of(span: &impl Span, parent: Option<&OwnedContext>) -> Option<OwnedContext> {
    let span = span.span_context();
    let Some(parent) = parent else { return span.to_traceprop() };
    let context = parent.with_ids(span.trace_id().to_traceprop()?, span.span_id().to_traceprop()?);
    Some(match context.sampling().decision() == Some(span.is_sampled()) {
        true => context.reported(),
        false => context.with_sampling(sampling_of(span.is_sampled())).reported(),
    })
}

/// Returns a method that is well-known. Others would be too many names of spans.
fn known_method(method: &str) -> Option<&'static str> {
    const KNOWN: [&str; 9] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];
    KNOWN.into_iter().find(|known| *known == method)
}

fn attributes(call: &CallInfo<'_>) -> Vec<KeyValue> {
    let (address, port) = match call.authority.rsplit_once(':') {
        Some((host, port)) => match port.parse::<u16>() {
            Ok(port) => (host, Some(port)),
            Err(_) => (call.authority, None),
        },
        None => (call.authority, None),
    };
    let method = known_method(call.method);
    let mut attributes = vec![
        KeyValue::new("http.request.method", method.unwrap_or("_OTHER")),
        KeyValue::new("server.address", address.to_owned()),
    ];
    if method.is_none() {
        attributes.push(KeyValue::new("http.request.method_original", call.method.to_owned()));
    }
    attributes.extend(port.map(|port| KeyValue::new("server.port", i64::from(port))));
    if call.attempt > 1 {
        let resent = i64::try_from(call.attempt - 1).unwrap_or(i64::MAX);
        attributes.push(KeyValue::new("http.request.resend_count", resent));
    }
    attributes
}

struct OpenSpan<S> {
    span: S,
    context: Option<OwnedContext>,
}

impl<S: Span + Send + 'static> CallSpan for OpenSpan<S> {
    fn context(&self) -> Option<OwnedContext> {
        self.context.clone()
    }

    fn end(mut self: Box<Self>, status: Option<u16>) {
        match status {
            Some(status) => {
                self.span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
                if status >= 400 {
                    self.span.set_attribute(KeyValue::new("error.type", status.to_string()));
                    self.span.set_status(Status::error(""));
                }
            }
            None => {
                self.span.set_attribute(KeyValue::new("error.type", "no_response"));
                self.span.set_status(Status::error("no response"));
            }
        }
        self.span.end();
    }
}
