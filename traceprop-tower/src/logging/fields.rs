use http::Extensions;
use traceprop_core::formats::sw8::Sw8Text;
use traceprop_core::{Correlation, CorrelationId, OwnedContext, SpanId, TraceId};
use tracing::Span;
use tracing::field::display;

use super::LogText;

/// What a log line says of a context: the values of the fields that the [module docs](super) list.
///
/// Nothing is copied, and each value is looked for when it is asked for.
#[derive(Clone, Copy, Debug)]
pub struct LogFields<'c> {
    context: Option<&'c OwnedContext>,
    correlation: Option<&'c Correlation>,
}

impl<'c> LogFields<'c> {
    /// Of the request with these extensions: no field has a value where [`ExtractLayer`](crate::ExtractLayer) has not
    /// been.
    pub fn from_extensions(extensions: &'c Extensions) -> Self {
        Self { context: extensions.get(), correlation: None }
    }

    /// Of this context.
    pub const fn from_context(context: &'c OwnedContext) -> Self {
        Self { context: Some(context), correlation: None }
    }

    /// With the correlation id of this header.
    pub const fn with_correlation(self, header: &'c Correlation) -> Self {
        Self { correlation: Some(header), ..self }
    }

    /// `trace_id`.
    pub fn trace_id(&self) -> Option<TraceId> {
        self.context?.trace_id()
    }

    /// `span_id`: the span of this service, or the sender's where none is made here.
    pub fn span_id(&self) -> Option<SpanId> {
        self.context?.span_id()
    }

    /// `parent_id`: the caller's span.
    pub fn parent_id(&self) -> Option<SpanId> {
        self.context?.parent_id()
    }

    /// `dd.trace_id`: the low 64 bits, to be shown in decimal.
    pub fn datadog_trace_id(&self) -> Option<u64> {
        self.trace_id().map(TraceId::low)
    }

    /// `dd.span_id`, to be shown in decimal.
    pub fn datadog_span_id(&self) -> Option<u64> {
        self.span_id().map(SpanId::get)
    }

    /// `sw8.trace_id`: the text that came in `sw8`, if that is of this trace.
    pub fn sw8_trace_id(&self) -> Option<LogText> {
        Some(of_sw8(self.context?.sw8()?.header.trace_id()))
    }

    /// `correlation_id`: what goes out in the header. That is what came, or the trace id where nothing did.
    pub fn correlation_id(&self) -> Option<LogText> {
        let (context, header) = (self.context?, self.correlation?);
        let id = context.correlation(header).or_else(|| context.trace_id().map(CorrelationId::from_trace_id))?;
        Some(LogText::new(id.as_str()))
    }

    /// A baggage value, percent-decoded; of the last member, where several have this key.
    pub fn baggage(&self, key: &str) -> Option<LogText> {
        let baggage = self.context?.baggage();
        Some(LogText::of_bytes(baggage.get(key)?.value_bytes()))
    }

    /// Records the fields in a span that was made before the request was read, and baggage of these keys. The span has
    /// to declare them, with [`tracing::field::Empty`]; what it does not declare is left out.
    pub fn record(&self, span: &Span, baggage: &[&str]) {
        let field = |name: &str, value: Option<&dyn std::fmt::Display>| {
            if let Some(value) = value {
                span.record(name, display(value));
            }
        };
        if span.is_disabled() {
            return;
        }
        field("trace_id", self.trace_id().as_ref().map(|id| id as _));
        field("span_id", self.span_id().as_ref().map(|id| id as _));
        field("parent_id", self.parent_id().as_ref().map(|id| id as _));
        field("dd.trace_id", self.datadog_trace_id().as_ref().map(|id| id as _));
        field("dd.span_id", self.datadog_span_id().as_ref().map(|id| id as _));
        field("sw8.trace_id", self.sw8_trace_id().as_ref().map(|id| id as _));
        field("correlation_id", self.correlation_id().as_ref().map(|id| id as _));
        for key in baggage {
            field(key, self.baggage(key).as_ref().map(|text| text as _));
        }
    }
}

fn of_sw8(text: Sw8Text<'_>) -> LogText {
    // A text that does not fit in here would not be shown anyway.
    let mut buffer = [0; LogText::MAX_LEN];
    text.decode(&mut buffer).map_or_else(|| LogText::unfit(text.len()), LogText::new)
}
