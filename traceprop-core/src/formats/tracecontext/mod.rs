//! `traceparent` and `tracestate`: which trace this request belongs to, in W3C words.
//!
//! ```text
//! traceparent = version "-" trace-id "-" parent-id "-" flags
//! version     = 2 lower hex, never "ff"       flags     = 2 lower hex, bit 0 sampled, bit 1 random
//! trace-id    = 32 lower hex, not all "0"     parent-id = 16 lower hex, not all "0"
//!
//! 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
//! ```
//!
//! Later versions may append fields behind another dash: the four known ones are read, and `00` is written. A browser
//! page with two agents sends two values, on two lines or joined by a comma; that is a reject of its own, unless
//! [`W3cTraceContext::allow_multiple_traceparent`] is asked for. Without a valid traceparent the tracestate does not count.
//! Spec: <https://www.w3.org/TR/trace-context-2/#traceparent-header>

mod traceparent;

pub use traceparent::{TraceFlags, TraceParent};

use crate::carrier::headers::Headers;
use crate::context::inject_options::OmitReason;
use crate::field::invalid::InvalidHeader;
use crate::field::{Field, FormatKind};
use crate::format::{DecisionWeight, Format, FormatFields, InjectContext, Parsed, Writer};
use crate::tracestate::preserve::Preserved;
use crate::tracestate::{EditedTraceState, TraceState, TraceStateFacts, judge_line, judge_lines};
use crate::wire::buffer::StackText;
use crate::wire::reason::InvalidReason;

/// Bytes of a tracestate that is put together on the stack; a longer one is streamed.
const STACK_TRACESTATE: usize = 512;

/// W3C trace context, level 2: `traceparent` and `tracestate`. Name `tracecontext`.
#[derive(Clone, Copy, Debug, Default)]
pub struct W3cTraceContext {
    same_trace: bool,
    tracestate_budget: Option<usize>,
}

impl W3cTraceContext {
    /// The format as the specification has it.
    pub const fn new() -> Self {
        Self { same_trace: false, tracestate_budget: None }
    }

    /// Takes several traceparents, on lines or joined by commas, if all are valid and of one trace: the last one
    /// counts. Otherwise they stay a reject, `multiple-traceparent`.
    pub const fn allow_multiple_traceparent(mut self) -> Self {
        self.same_trace = true;
        self
    }

    /// Writes a tracestate of at most this many characters. Whole members go: those above 128 characters first, then
    /// from the right (W3C tracestate limits). Senders should allow 512 at least.
    pub const fn max_tracestate_len(mut self, characters: usize) -> Self {
        self.tracestate_budget = Some(characters);
        self
    }

    #[inline]
    fn traceparent(&self, slots: &Headers<'_>, first: &[u8]) -> Result<TraceParent, InvalidHeader> {
        if !self.same_trace {
            if slots.is_repeated(Field::TraceParent) {
                return Err(InvalidHeader::new(Field::TraceParent, InvalidReason::MultipleTraceparent, 0));
            }
            return TraceParent::parse(first);
        }
        let lines = slots.get_all(Field::TraceParent);
        if lines.is_over_limit() {
            return Err(InvalidHeader::new(Field::TraceParent, InvalidReason::TooManyLines, 0));
        }
        let mut values = lines.iter().flat_map(|line| line.split(|&b| b == b','));
        let first = TraceParent::parse(values.next().unwrap_or(first))?;
        let mut last = first;
        for value in values {
            last = TraceParent::parse(value)?;
            if last.trace_id != first.trace_id {
                return Err(InvalidHeader::new(Field::TraceParent, InvalidReason::MultipleTraceparent, 0));
            }
        }
        Ok(last)
    }
}

impl Format for W3cTraceContext {
    fn name(&self) -> &str {
        "tracecontext"
    }

    fn fields(&self) -> FormatFields<'_> {
        FormatFields::of(FormatKind::TraceContext)
    }

    fn extract(&self, slots: &Headers<'_>) -> Parsed {
        let Some(first) = slots.get(Field::TraceParent) else {
            return Parsed::absent();
        };
        let parent = match self.traceparent(slots, first) {
            Ok(parent) => parent,
            Err(reject) => return Parsed::invalid(reject),
        };
        let mut context = parent.context();
        let mut refused = None;
        let mut facts = TraceStateFacts::NONE;
        let mut weight = match context.sampling.is_sampled() {
            true => DecisionWeight::Firm,
            // 00 is also what a sender writes that has not decided.
            false => DecisionWeight::Tentative,
        };
        if let Some(line) = slots.get(Field::TraceState) {
            let judged = match slots.is_repeated(Field::TraceState) {
                false => judge_line(line),
                true => judge_lines(&slots.get_all(Field::TraceState)),
            };
            match judged {
                Ok(found) => facts = found,
                Err(reject) => refused = Some(reject),
            }
        }
        if facts.has_tp() {
            let state = TraceState::known(slots.get_all(Field::TraceState), facts);
            let bridged = Preserved::find(&state, context.trace_id);
            let meant = bridged.and_then(|tp| tp.sampling(context.sampling));
            context.sampling = meant.unwrap_or(context.sampling);
        }
        if facts.has_dd_priority() {
            weight = DecisionWeight::WithPriority;
        }
        let mut reading = Parsed::context(context).with_weight(weight).with_tracestate(facts);
        if let Some(reject) = refused {
            reading.ignore_field(reject);
        }
        reading
    }

    fn forward(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        if context.withholds || !context.forward_verbatim(&self.extract(context.received()), self.fields(), writer) {
            self.inject(context, writer);
        }
    }

    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        let Some((trace_id, span_id)) = context.ids() else {
            if context.trace_id().is_some() {
                writer.omit(Field::TraceParent, OmitReason::NoSpanId, 1);
            }
            return;
        };
        let flags = TraceFlags::new(context.sampling().is_sampled(), context.is_random());
        let parent = TraceParent::new(trace_id, span_id, flags).to_bytes();
        writer.write_ascii(Field::TraceParent, &parent);
        self.write_state(context, writer);
    }
}

impl W3cTraceContext {
    fn write_state(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        if context.preserve_omitted > 0 {
            writer.omit(Field::TraceState, OmitReason::TooLong, context.preserve_omitted);
        }
        let edits = [context.preserve_edits, context.options().tracestate_edits()];
        // Mostly it goes on as it came, or there is none.
        if edits.iter().all(|edits| edits.is_empty()) {
            if let Some(line) = context.state.as_received(self.tracestate_budget) {
                writer.write_ascii(Field::TraceState, line);
                return;
            }
            if context.state.is_empty() {
                return;
            }
        }
        self.write_edited(EditedTraceState { state: context.state, edits, budget: self.tracestate_budget }, writer);
    }

    fn write_edited(&self, state: EditedTraceState<'_>, writer: &mut Writer<'_>) {
        let (over_count, over_budget) = state.left_out();
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

#[cfg(feature = "alloc")]
#[cfg(test)]
mod tests {
    #[test]
    fn ok_members_that_give_way_to_an_edit_are_counted() {
        let state: std::vec::Vec<_> = (0..32).map(|i| std::format!("k{i}=v")).collect();
        let state = state.join(",");
        let request =
            [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("tracestate", &state)];
        let propagator = crate::propagator::presets::W3C.propagator();
        let extraction = propagator.extract(&request);
        let edits = [crate::TraceStateEdit::set("new", "1").unwrap()];
        let outgoing = crate::InjectOptions::new().edit_tracestate(&edits);
        let mut sent: std::vec::Vec<(std::string::String, std::string::String)> = std::vec::Vec::new();
        let span = extraction.new_span(&|| crate::IdBits::non_random(1));
        let omitted = propagator.inject(&span, &outgoing, &mut sent);
        assert_eq!(std::format!("{omitted}"), "tracestate: 1 member omitted (too-many-members)");
        let kept = state.rsplit_once(',').unwrap().0;
        assert_eq!(sent[1].1, std::format!("new=1,{kept}"));
    }
}
