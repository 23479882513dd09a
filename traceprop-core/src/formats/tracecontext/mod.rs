//! `traceparent` and `tracestate`: the trace context of the W3C.
//!
//! ```text
//! traceparent = version "-" trace-id "-" parent-id "-" flags
//! version     = 2 lower hex, never "ff"       flags     = 2 lower hex, bit 0 sampled, bit 1 random
//! trace-id    = 32 lower hex, not all "0"     parent-id = 16 lower hex, not all "0"
//!
//! 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
//! ```
//!
//! Later versions may append fields after another dash. The known fields are read, and version `00` is written.
//!
//! A browser page with two agents sends two values, on two lines or joined by a comma. Equal values are one value.
//! Different ones are invalid (`multiple-traceparent`), unless [`W3cTraceContext::allow_multiple_traceparent`] accepts
//! them. Without a valid `traceparent` the `tracestate` is ignored.
//!
//! ```
//! use traceprop_core::formats::tracecontext::TraceParent;
//!
//! let parent = TraceParent::parse(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")?;
//! assert!(parent.flags.is_sampled());
//! # Ok::<(), traceprop_core::InvalidHeader>(())
//! ```
//!
//! Spec: <https://www.w3.org/TR/trace-context-2/#traceparent-header>

mod sql_statement;

pub use crate::context::traceparent::{TraceFlags, TraceParent};
pub use sql_statement::SqlStatement;

use crate::carrier::Headers;
use crate::context::{OmitReason, traceparent};
use crate::field::{Field, FormatKind};
use crate::format::{DecisionWeight, Format, FormatFields, InjectContext, Parsed, Writer};
use crate::tracestate::preserve::Preserved;
use crate::tracestate::{EditedTraceState, Fact, TraceState, TraceStateFacts, check_line, check_lines};
use crate::wire::StackText;

/// The longest edited tracestate, in bytes, that is assembled on the stack. A longer one is streamed.
const STACK_TRACESTATE: usize = 512;

/// The W3C Trace Context format, level 2, named `tracecontext`.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use traceprop_core::{Propagator, formats::tracecontext::W3cTraceContext};
///
/// static W3C: W3cTraceContext = W3cTraceContext::new().allow_multiple_traceparent();
///
/// let propagator = Propagator::builder().with_format(&W3C).build()?;
/// let request = [
///     ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
///     ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-b7ad6b7169203331-01"),
/// ];
/// let caller = propagator.extract(&request).context().ok_or("both lines name one trace")?;
/// assert_eq!(caller.parent_id, Some("b7ad6b7169203331".parse()?));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct W3cTraceContext {
    allow_multiple: bool,
    max_tracestate_len: Option<usize>,
}

impl W3cTraceContext {
    /// Creates the format as specified: one `traceparent`, and a `tracestate` of any length.
    pub const fn new() -> Self {
        Self { allow_multiple: false, max_tracestate_len: None }
    }

    /// Accepts several `traceparent` values, on lines or joined by commas, if all are valid and name one trace.
    ///
    /// The last value counts. By default, and if the values name different traces, different values are invalid
    /// (`multiple-traceparent`). Equal values are always one value.
    pub const fn allow_multiple_traceparent(self) -> Self {
        Self { allow_multiple: true, ..self }
    }

    /// Limits the length of the `tracestate` that is written, in characters. Defaults to no limit.
    ///
    /// Whole members are omitted: first those longer than 128 characters, then from the right. W3C asks senders to
    /// propagate at least 512 characters.
    pub const fn max_tracestate_len(self, characters: usize) -> Self {
        Self { max_tracestate_len: Some(characters), ..self }
    }

    fn write_state(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        if context.preserve_omitted > 0 {
            writer.omit(Field::TraceState, OmitReason::TooLong, context.preserve_omitted);
        }
        let edits = [context.preserve_edits, context.options().tracestate_edits()];
        // The usual tracestate is absent or forwarded verbatim.
        if edits.iter().all(|edits| edits.is_empty()) {
            if let Some(line) = context.tracestate.as_received(self.max_tracestate_len) {
                writer.write_ascii(Field::TraceState, line);
                return;
            }
            if context.tracestate.is_empty() {
                return;
            }
        }
        self.write_edited(
            EditedTraceState { state: context.tracestate, edits, budget: self.max_tracestate_len },
            writer,
        );
    }

    fn write_edited(&self, state: EditedTraceState<'_>, writer: &mut Writer<'_>) {
        let (over_count, over_budget) = state.omitted();
        if over_count > 0 {
            writer.omit(Field::TraceState, OmitReason::TooManyMembers, over_count);
        }
        if over_budget > 0 {
            writer.omit(Field::TraceState, OmitReason::TooLong, over_budget);
        }
        let mut short = StackText::<STACK_TRACESTATE>::new();
        match state.put(&mut short) {
            Ok(()) => writer.write_ascii(Field::TraceState, short.as_bytes()),
            Err(_) => writer.write(Field::TraceState, state),
        }
    }
}

impl Format for W3cTraceContext {
    fn name(&self) -> &str {
        "tracecontext"
    }

    fn fields(&self) -> FormatFields<'_> {
        FormatFields::of(FormatKind::TraceContext)
    }

    fn extract(&self, headers: &Headers<'_>) -> Parsed {
        let Some(first) = headers.get(Field::TraceParent) else { return Parsed::absent() };
        let parent = match traceparent::read(headers, Field::TraceParent, first, self.allow_multiple) {
            Ok(parent) => parent,
            Err(invalid) => return Parsed::invalid(invalid),
        };
        let mut context = parent.context();
        let mut ignored = None;
        let mut facts = TraceStateFacts::NONE;
        // A sender without a decision writes flags 00 too.
        let is_explicit = context.sampling.is_sampled();
        let mut weight = if is_explicit { DecisionWeight::Explicit } else { DecisionWeight::Implicit };
        if let Some(line) = headers.get(Field::TraceState) {
            let is_repeated = headers.is_repeated(Field::TraceState);
            let checked = if is_repeated { check_lines(&headers.get_all(Field::TraceState)) } else { check_line(line) };
            match checked {
                Ok(found) => facts = found,
                Err(invalid) => ignored = Some(invalid),
            }
        }
        if facts.has(Fact::Tp) {
            let state = TraceState::known(headers.get_all(Field::TraceState), facts);
            let preserved = Preserved::find(&state, context.trace_id);
            let sampling = preserved.and_then(|tp| tp.sampling(context.sampling));
            context.sampling = sampling.unwrap_or(context.sampling);
        }
        if facts.has(Fact::DdPriority) {
            weight = DecisionWeight::WithPriority;
        }
        Parsed { weight, tracestate: facts, ..Parsed::context(context) }.with_ignored(ignored)
    }

    fn forward_lines(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) -> bool {
        !context.withholds && context.forward_verbatim(&self.extract(context.received()), self.fields(), writer)
    }

    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        let Some((trace_id, span_id)) = context.ids_or_omit(Field::TraceParent, writer) else {
            return;
        };
        let flags = TraceFlags::new(context.sampling_or_received_bit().is_sampled(), context.is_random());
        let parent = TraceParent::new(trace_id, span_id, flags).to_bytes();
        writer.write_ascii(Field::TraceParent, &parent);
        self.write_state(context, writer);
    }
}

#[cfg(feature = "alloc")]
#[cfg(test)]
mod tests {
    #[test]
    fn ok_members_that_an_edit_displaces_are_counted() {
        let state: std::vec::Vec<_> = (0..32).map(|i| std::format!("k{i}=v")).collect();
        let state = state.join(",");
        let request =
            [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("tracestate", &state)];
        let propagator = crate::propagator::presets::W3C.propagator();
        let extraction = propagator.extract(&request);
        let edits = [crate::tracestate::TraceStateEdit::set("new", "1").unwrap()];
        let outgoing = crate::InjectOptions::new().edit_tracestate(&edits);
        let mut sent: std::vec::Vec<(std::string::String, std::string::String)> = std::vec::Vec::new();
        let span = extraction.new_span(&|| crate::IdBits::non_random(1));
        let omitted = propagator.inject(&span, &outgoing, &mut sent);
        assert_eq!(std::format!("{omitted}"), "tracestate: 1 member omitted (too-many-members)");
        let kept = state.rsplit_once(',').unwrap().0;
        assert_eq!(sent[1].1, std::format!("new=1,{kept}"));
    }
}
