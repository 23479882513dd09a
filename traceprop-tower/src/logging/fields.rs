use std::sync::Arc;

use http::Extensions;
use traceprop_core::formats::sw8::Sw8Text;
use traceprop_core::{OwnedContext, Propagator, SpanId, TraceId, formats::correlation::Correlation};
use tracing::Span;
use tracing::field::display;

use super::LogText;

/// Values of a context for the log fields that the [module docs](super) list.
///
/// Copies nothing; each value is looked up when its method is called.
///
/// # Examples
///
/// ```
/// use traceprop_core::SpanContext;
/// use traceprop_tower::{OwnedContext, logging::LogFields};
///
/// let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse()?, "00f067aa0ba902b7".parse()?);
/// let context = OwnedContext::new(span);
/// let fields = LogFields::from_context(&context);
/// assert_eq!(fields.span_id().expect("a span").to_string(), "00f067aa0ba902b7");
/// assert_eq!(fields.datadog_span_id(), Some(67_667_974_448_284_343));
/// # Ok::<(), traceprop_core::ParseIdError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LogFields<'c> {
    context: Option<&'c OwnedContext>,
    correlation: Option<&'c Correlation>,
    correlation_name: &'static str,
}

/// The first correlation id of the propagator that read a request, for its log fields.
#[derive(Clone, Debug)]
pub(crate) struct RequestCorrelation(Arc<Correlation>);

impl RequestCorrelation {
    /// Returns what a layer with this propagator puts into the extensions of each request.
    pub(crate) fn of(propagator: &Propagator) -> Option<Self> {
        propagator.correlation_formats().next().map(|format| Self(Arc::new(*format)))
    }
}

const CORRELATION_ID: &str = "correlation_id";

impl<'c> LogFields<'c> {
    /// Creates the fields of the request with these extensions.
    ///
    /// No field has a value if [`ExtractLayer`](crate::ExtractLayer) has not read the request. The correlation id is that
    /// of the first correlation header of its propagator.
    pub fn from_extensions(extensions: &'c Extensions) -> Self {
        let correlation = extensions.get().map(|RequestCorrelation(format)| &**format);
        Self { context: extensions.get(), correlation, correlation_name: CORRELATION_ID }
    }

    /// Creates the fields of a context.
    pub const fn from_context(context: &'c OwnedContext) -> Self {
        Self { context: Some(context), correlation: None, correlation_name: CORRELATION_ID }
    }

    /// Uses the correlation id of `header`.
    pub const fn with_correlation(self, header: &'c Correlation) -> Self {
        Self { correlation: Some(header), ..self }
    }

    /// Sets the name of the field in which [`record`](Self::record) writes the correlation id. Defaults to
    /// `correlation_id`. [`request_span!`](crate::request_span) has an argument for it.
    pub const fn correlation_name(self, name: &'static str) -> Self {
        Self { correlation_name: name, ..self }
    }

    /// Returns `trace_id`.
    pub fn trace_id(&self) -> Option<TraceId> {
        self.context?.trace_id()
    }

    /// Returns `span_id`: the span of this service or, in a passthrough, the sender's span.
    pub fn span_id(&self) -> Option<SpanId> {
        self.context?.span_id()
    }

    /// Returns `parent_id`: the caller's span.
    pub fn parent_id(&self) -> Option<SpanId> {
        self.context?.parent_id()
    }

    /// Returns `dd.trace_id`: the low 64 bits of the trace id, logged in decimal.
    pub fn datadog_trace_id(&self) -> Option<u64> {
        self.trace_id().map(TraceId::low)
    }

    /// Returns `dd.span_id`, logged in decimal.
    pub fn datadog_span_id(&self) -> Option<u64> {
        self.span_id().map(SpanId::get)
    }

    /// Returns `sw8.trace_id`: the text of the trace id in the received `sw8`, if it belongs to this trace.
    pub fn sw8_trace_id(&self) -> Option<LogText> {
        Some(of_sw8(self.context?.sw8()?.header.trace_id()))
    }

    /// Returns `correlation_id`: the received id or, without one, the id that outgoing calls carry in the header.
    pub fn correlation_id(&self) -> Option<LogText> {
        let (context, header) = (self.context?, self.correlation?);
        let id = context.outgoing_correlation(header)?;
        Some(LogText::new(id.as_str()))
    }

    /// Returns the percent-decoded value of a baggage key. Of several members with this key the last is used.
    pub fn baggage(&self, key: &str) -> Option<LogText> {
        let baggage = self.context?.baggage();
        Some(LogText::of_bytes(baggage.get(key)?.value_bytes()))
    }

    /// Records the fields, and the baggage of these keys, in an existing span.
    ///
    /// The span must declare the fields, with [`tracing::field::Empty`]. Fields that it does not declare are ignored.
    ///
    /// # Examples
    ///
    /// ```
    /// use tracing::field::Empty;
    /// use traceprop_tower::{OwnedContext, logging::LogFields};
    ///
    /// let span = tracing::info_span!("request", trace_id = Empty, tenant = Empty);
    /// if let Some(context) = OwnedContext::current() {
    ///     LogFields::from_context(&context).record(&span, &["tenant"]);
    /// }
    /// ```
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
        field(self.correlation_name, self.correlation_id().as_ref().map(|id| id as _));
        for key in baggage {
            field(key, self.baggage(key).as_ref().map(|text| text as _));
        }
    }
}

fn of_sw8(text: Sw8Text<'_>) -> LogText {
    // A text that does not fit into the buffer is too long to be shown.
    let mut buffer = [0; LogText::MAX_LEN];
    text.decode(&mut buffer).map_or_else(|| LogText::unfit(text.len()), LogText::new)
}
