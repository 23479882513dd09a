use std::fmt::{self, Display, Write};

use traceprop_core::OwnedContext;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::LogFields;

/// Event format that adds the ids of the current context at the top level of each JSON line.
///
/// Without it the ids of [`SpanLayer`](super::SpanLayer) are fields of a span, which the JSON formatter shows in `spans`
/// inside of another span, where many log pipelines do not look for them. The names are those of the
/// [module docs](super): `trace_id`, `span_id`, `parent_id`, `dd.trace_id`, `dd.span_id` and `sw8.trace_id`.
///
/// If a tracer is [connected](traceprop_core::active), the ids are those of its active span. A line that is logged without
/// a context, and a line that is not a JSON object, are unchanged.
///
/// # Examples
///
/// ```
/// use traceprop_tower::logging::WithIds;
///
/// tracing_subscriber::fmt().json().map_event_format(WithIds).init();
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct WithIds<F>(
    /// The format of the line, usually that of `tracing_subscriber::fmt().json()`.
    pub F,
);

impl<S, N, F> FormatEvent<S, N> for WithIds<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, span: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let Some(context) = OwnedContext::current() else {
            return self.0.format_event(span, writer, event);
        };
        let mut line = String::new();
        self.0.format_event(span, Writer::new(&mut line), event)?;
        match line.strip_prefix('{') {
            Some(rest) => write_ids(&LogFields::from_context(&context), rest, &mut writer),
            None => writer.write_str(&line),
        }
    }
}

/// Writes an object of the ids and of `rest`, which follows the opening brace of an object.
fn write_ids(fields: &LogFields<'_>, rest: &str, writer: &mut Writer<'_>) -> fmt::Result {
    let mut separator = "{";
    let mut field = |name: &str, value: Option<&dyn Display>| match value {
        None => Ok(()),
        Some(value) => {
            write!(writer, "{separator}\"{name}\":\"")?;
            separator = ",";
            write!(Escaped(writer), "{value}")?;
            writer.write_char('"')
        }
    };
    field("trace_id", fields.trace_id().as_ref().map(|id| id as _))?;
    field("span_id", fields.span_id().as_ref().map(|id| id as _))?;
    field("parent_id", fields.parent_id().as_ref().map(|id| id as _))?;
    field("dd.trace_id", fields.datadog_trace_id().as_ref().map(|id| id as _))?;
    field("dd.span_id", fields.datadog_span_id().as_ref().map(|id| id as _))?;
    field("sw8.trace_id", fields.sw8_trace_id().as_ref().map(|id| id as _))?;
    let is_empty = rest.starts_with('}');
    writer.write_str(if separator == "," && is_empty { "" } else { separator })?;
    writer.write_str(rest)
}

/// Writes text inside of a JSON string. Log text is visible ASCII, so only two characters have to be escaped.
struct Escaped<'a, 'w>(&'a mut Writer<'w>);

impl Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(['"', '\\']) {
            match part.strip_suffix(['"', '\\']) {
                Some(before) => write!(self.0, "{before}\\{}", &part[before.len()..])?,
                None => self.0.write_str(part)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use traceprop_core::{Propagator, SpanContext};

    fn line(context: &OwnedContext, rest: &str) -> String {
        let mut line = String::new();
        write_ids(&LogFields::from_context(context), rest, &mut Writer::new(&mut line)).expect("a string has room");
        line
    }

    fn span() -> OwnedContext {
        let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736".parse(), "00f067aa0ba902b7".parse());
        OwnedContext::new(SpanContext::new(trace.expect("an id"), span.expect("an id")))
    }

    const IDS: &str = r#""trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7""#;
    const DATADOG: &str = r#""dd.trace_id":"11803532876627986230","dd.span_id":"67667974448284343""#;

    #[test]
    fn ok_ids_are_the_first_fields_of_the_object() {
        assert_eq!(line(&span(), "\"level\":\"INFO\"}\n"), format!("{{{IDS},{DATADOG},\"level\":\"INFO\"}}\n"));
        assert_eq!(line(&span(), "}"), format!("{{{IDS},{DATADOG}}}"));
    }

    #[test]
    fn ok_a_context_without_a_trace_adds_nothing() {
        let propagator = Propagator::from_names("b3", "none").expect("names");
        let context = OwnedContext::from_passthrough(&propagator.extract(&[("b3", "0")]));
        assert_eq!((line(&context, "\"a\":1}").as_str(), line(&context, "}").as_str()), ("{\"a\":1}", "{}"));
    }

    #[test]
    fn ok_text_is_escaped() {
        let mut text = String::new();
        Escaped(&mut Writer::new(&mut text)).write_str("a\"b\\\\c\"").expect("a string has room");
        assert_eq!(text, r#"a\"b\\\\c\""#);
    }
}
