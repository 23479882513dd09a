//! Writes the `x-datadog-*` headers.

use core::fmt::Write;

use super::error::PropagationError;
use super::tag::MAX_TAGS_LEN;
use super::tags::{DECISION_MAKER, DatadogTags};
use super::text::DatadogText;
use super::trace_state::DatadogTraceState;
use super::view::{self, Decision, Fields, Source};
use super::{Datadog, pairs};
use crate::context::{Mark, OmitReason};
use crate::field::Field;
use crate::format::{InjectContext, Writer};
use crate::id::TraceId;
use crate::tracestate::TraceState;
use crate::wire::decimal::Digits;
use crate::wire::{self, StackText, hex};

type Line = StackText<MAX_TAGS_LEN>;

impl Datadog {
    pub(super) fn write_headers(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        let Some((trace_id, span_id)) = context.ids_or_omit(Field::DatadogTraceId, writer) else {
            return;
        };
        if trace_id.low() == 0 {
            // The header holds the lower half, and no tracer accepts 0.
            writer.omit(Field::DatadogTraceId, OmitReason::BadValue, 1);
            return;
        }
        let source = Source::of(&context.source.received);
        let needs_member = source == Source::Member || context.source.received.is(Mark::PriorityInDd);
        let state = if needs_member { context.tracestate } else { TraceState::EMPTY };
        let fields = Fields::of(
            source,
            context.received(),
            &context.source.received,
            DatadogTraceState::from_tracestate(&state),
        );
        let (priority, decision_maker) = view::decide(fields.priority, Decision::of(context, source));
        writer.write_ascii(Field::DatadogTraceId, Digits::of(trace_id.low()).as_bytes());
        writer.write_ascii(Field::DatadogParentId, Digits::of(span_id.get()).as_bytes());
        if let Some(priority) = priority {
            writer.write_ascii(Field::DatadogSamplingPriority, Digits::of_signed(priority).as_bytes());
        }
        if let Some(origin) = fields.origin {
            write_origin(origin.without_outer_blanks(), writer);
        }
        self.write_tags(&fields.tags.with_decision_maker(decision_maker), trace_id, writer);
    }

    fn write_tags(&self, tags: &DatadogTags<'_>, trace_id: TraceId, writer: &mut Writer<'_>) {
        let limit = usize::from(self.max_tags_len);
        let mut line = Line::new();
        let Err(reason) = put_tags(tags, trace_id, limit, None, &mut line) else {
            writer.write_ascii(Field::DatadogTags, without_blanks(&line));
            return;
        };
        writer.omit(Field::DatadogTags, reason, 1);
        let mut short = Line::new();
        if self.keep_tid && put_tags(tags, trace_id, limit, Some(DECISION_MAKER), &mut short).is_ok() {
            writer.write_ascii(Field::DatadogTags, without_blanks(&short));
        }
    }
}

/// Removes blanks at the end. A tracestate member can hold them, but HTTP/2 forbids them at the end of a header value
/// (RFC 9113 8.2.1).
fn without_blanks(line: &Line) -> &[u8] {
    wire::trim_end(line.as_bytes())
}

/// Writes the origin. If code gave it, it can hold any text, and a line end would inject a header.
fn write_origin(origin: DatadogText<'_>, writer: &mut Writer<'_>) {
    if !origin.raw.bytes().all(|b| matches!(b, b' '..=b'~')) {
        writer.omit(Field::DatadogOrigin, OmitReason::BadValue, 1);
        return;
    }
    match origin.as_str() {
        Some(text) => writer.write_ascii(Field::DatadogOrigin, text.as_bytes()),
        None => writer.write(Field::DatadogOrigin, origin),
    }
}

impl DatadogTags<'_> {
    /// Writes the tags and the upper half of the trace id as the value of `x-datadog-tags`. Empty if there are none.
    ///
    /// ```
    /// use traceprop_core::formats::datadog::{DatadogTags, MAX_TAGS_LEN};
    /// use traceprop_core::TraceId;
    ///
    /// let tags = DatadogTags::parse(b"_dd.p.dm=-4,_dd.p.tid=00000000000000ff");
    /// let trace_id: TraceId = "66c1f3a00000000070e78dd3418db497".parse()?;
    /// let mut buffer = [0; MAX_TAGS_LEN];
    /// assert_eq!(tags.write(trace_id, &mut buffer), Ok("_dd.p.tid=66c1f3a000000000,_dd.p.dm=-4"));
    /// # Ok::<(), traceprop_core::ParseIdError>(())
    /// ```
    ///
    /// # Errors
    /// Returns [`PropagationError::InjectMaxSize`] if they do not fit, and [`PropagationError::EncodingError`] if the
    /// header cannot hold one of them.
    pub fn write<'b>(
        &self,
        trace_id: TraceId,
        buffer: &'b mut [u8; MAX_TAGS_LEN],
    ) -> Result<&'b str, PropagationError<'static>> {
        let mut line = Line::new();
        put_tags(self, trace_id, MAX_TAGS_LEN, None, &mut line)
            .map_err(|reason| PropagationError::of_omission(reason).unwrap_or(PropagationError::EncodingError))?;
        let text = without_blanks(&line);
        buffer[..text.len()].copy_from_slice(text);
        Ok(wire::ascii(&buffer[..text.len()]))
    }
}

/// Adds the upper half of the trace id and the tags to `line`; with `only`, no tags with other names.
///
/// An invalid tag is reported before an excessive length, since code can correct it.
fn put_tags(
    tags: &DatadogTags<'_>,
    trace_id: TraceId,
    limit: usize,
    only: Option<&str>,
    line: &mut Line,
) -> Result<(), OmitReason> {
    let mut fits = !(only.is_none() && tags.is_over_limit());
    if trace_id.high() != 0 {
        let digits = hex::encode_u64(trace_id.high());
        fits = fits && line.push("_dd.p.tid=").and_then(|()| line.push_ascii(&digits)).is_ok();
    }
    for tag in tags.iter().filter(|tag| only.is_none_or(|name| tag.name == name)) {
        if tag.name.is_empty() || !tag.name.bytes().all(pairs::is_key_byte) {
            return Err(OmitReason::BadKey);
        }
        if tag.value.is_empty() || !tag.value.raw.bytes().all(pairs::is_value_byte) {
            return Err(OmitReason::BadValue);
        }
        fits = fits && put_pair(line, tag.name, tag.value);
    }
    match (line.len(), limit) {
        (0, _) if fits => Ok(()),
        (_, 0) => Err(OmitReason::Disabled),
        (len, limit) if fits && len <= limit => Ok(()),
        _ => Err(OmitReason::TooLong),
    }
}

/// Adds a pair to the line. Returns `false` without room; the line may then hold a part of the pair.
fn put_pair(line: &mut Line, name: &str, value: DatadogText<'_>) -> bool {
    let lead = if line.is_empty() { line.push("_dd.p.") } else { line.push(",_dd.p.") };
    let key = lead.and_then(|()| line.push(name)).and_then(|()| line.push("="));
    key.is_ok()
        && match value.as_str() {
            Some(text) => line.push(text).is_ok(),
            None => write!(line, "{value}").is_ok(),
        }
}
