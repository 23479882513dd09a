//! The ids of the exported span in each line of a JSON log.

use std::fmt;

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Adds `trace_id` and `span_id` of the active span at the top level of each line that a JSON formatter writes.
///
/// The ids are those of the innermost exported span, also inside of inner spans, where the formatter itself shows fields
/// of outer spans in a list only. If this service has no span, there is only the caller's `trace_id`. Lines of other formatters are unchanged.
///
/// ```
/// use opentelemetry_sdk::trace::SdkTracerProvider;
/// use opentelemetry::trace::TracerProvider;
/// use tracing_subscriber::layer::SubscriberExt;
/// use traceprop_opentelemetry::WithOtelIds;
///
/// let tracer = SdkTracerProvider::default().tracer("shop");
/// let json = tracing_subscriber::fmt::format().json();
/// let subscriber = tracing_subscriber::registry()
///     .with(tracing_opentelemetry::layer().with_tracer(tracer))
///     .with(tracing_subscriber::fmt::layer().json().event_format(WithOtelIds::new(json)));
/// # let _ = subscriber;
/// ```
///
/// The layer of tracing-opentelemetry has to activate contexts, which it does by default. An event with an explicit parent
/// gets the ids of the active span.
#[derive(Clone, Debug, Default)]
pub struct WithOtelIds<F> {
    format: F,
}

impl<F> WithOtelIds<F> {
    /// Creates a formatter that adds the ids to the lines of `format`.
    pub const fn new(format: F) -> Self {
        Self { format }
    }
}

impl<S, N, F> FormatEvent<S, N> for WithOtelIds<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, cx: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let ids = Context::map_current(|cx| {
            let span = cx.span();
            let span = span.span_context();
            // The caller's span is not the one that logs.
            let own = (!span.is_remote()).then(|| span.span_id());
            span.is_valid().then(|| (span.trace_id(), own))
        });
        let Some((trace_id, span_id)) = ids else { return self.format.format_event(cx, writer, event) };
        let mut line = String::new();
        self.format.format_event(cx, Writer::new(&mut line), event)?;
        let Some(rest) = line.strip_prefix('{') else { return writer.write_str(&line) };
        write!(writer, "{{\"trace_id\":\"{trace_id}\",")?;
        if let Some(span_id) = span_id {
            write!(writer, "\"span_id\":\"{span_id}\",")?;
        }
        writer.write_str(rest)
    }
}
