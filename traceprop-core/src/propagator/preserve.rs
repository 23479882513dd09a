//! Preserving data of formats in the tracestate, as far as W3C headers have no field for it.

use super::Propagator;
use crate::carrier::CarrierMut;
use crate::context::InjectReport;
use crate::field::{FieldSet, FormatKind, Preserves};
use crate::format::{Format, InjectContext, keep_deferred, keep_text};
use crate::id::Sampling;
use crate::tracestate::decision::{MIXED_MEMBER, without_decision};
use crate::tracestate::otel::OtelMember;
use crate::tracestate::preserve::{self, PreserveWriter, Preserved};
use crate::tracestate::{Fact, TraceState, TraceStateEdit, TraceStateFacts};

/// The kind of format with a tracestate member of its own.
const WITH_MEMBER: FormatKind = FormatKind::preserving(Preserves::Member);

/// The formats that can have data for a tracestate.
///
/// Most requests have W3C headers only. Asking every format would then cost more than writing the traceparent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    None,
    /// Formats with a member of their own that was received, or whose headers are written.
    WithMember,
    All,
}

impl Propagator {
    /// Lets formats add their data to the tracestate, then writes.
    pub(super) fn write(&self, context: &InjectContext<'_>, carrier: &mut dyn CarrierMut) -> InjectReport<'_> {
        let Some(trace_id) = context.source.trace_id.filter(|_| context.injects(FormatKind::TraceContext)) else {
            return self.write_formats(context, carrier);
        };
        let state = &context.tracestate;
        let asked = self.asked(context, state.facts);
        let is_resampled = state.facts.has(Fact::Resampled);
        if asked == Asked::None && context.source.otel.is_none() && !is_resampled {
            return self.write_formats(context, carrier);
        }
        let mut writer = PreserveWriter::new(trace_id);
        let (mut writes_items, mut writes_member) = (false, false);
        if asked != Asked::None {
            let is_asked = |kind: FormatKind| asked == Asked::All || kind.preserves() == Preserves::Member;
            for (format, kind) in self.preserving(is_asked) {
                writes_items |= !matches!(kind.preserves(), Preserves::Nothing | Preserves::Text);
                writes_member |= kind.preserves() == Preserves::Member;
                match format.fields().preserve {
                    Some(format) => format.preserve(context, &mut writer),
                    None if kind.preserves() == Preserves::Decision => keep_deferred(context, kind, &mut writer),
                    None => {}
                }
            }
        }
        if is_resampled && !writes_member {
            remove_decision(state, &mut writer);
        }
        let items_are_known = writes_items && asked == Asked::All;
        let preserved = context.preserved();
        let withholds = preserved.is_some_and(|tp| self.keep(tp, items_are_known, context, &mut writer));
        // A member of another trace, and a second one, can hold text too.
        let withholds =
            withholds || (state.facts.has(Fact::Tp) && (preserved.is_none() || state.facts.has(Fact::Duplicates)));
        let [ours, member] = writer.edits(Preserved::value(state));
        let otel = context.source.otel.member(trace_id, state);
        // The last edit is the left-most member.
        let edits = [otel.as_ref().map(OtelMember::edit), ours, member];
        let mut due = [TraceStateEdit::delete(""); 3];
        let mut len = 0;
        for edit in edits.into_iter().flatten() {
            due[len] = edit;
            len += 1;
        }
        let (preserve_edits, preserve_omitted) = (&due[..len], writer.omitted);
        self.write_formats(&InjectContext { preserve_edits, withholds, preserve_omitted, ..*context }, carrier)
    }

    fn asked(&self, context: &InjectContext<'_>, facts: TraceStateFacts) -> Asked {
        const NOTHING: FieldSet = FormatKind::fields_preserving(Preserves::Nothing);
        const DECISION: FieldSet = FormatKind::fields_preserving(Preserves::Decision);
        // A traceparent has flags for these two decisions.
        let without_data = match context.source.sampling {
            Sampling::Sampled | Sampling::NotSampled => NOTHING.union(DECISION),
            Sampling::Debug | Sampling::Deferred => NOTHING,
        };
        if !context.headers.present().without(without_data).is_empty() || facts.has(Fact::Tp) {
            Asked::All
        } else if facts.has(Fact::Dd) || context.injects(WITH_MEMBER) || self.preserves_always {
            Asked::WithMember
        } else {
            Asked::None
        }
    }

    /// Keeps the received items of our member that no format adds again.
    ///
    /// Returns `true` if the member contains text that may not go to this destination.
    fn keep(
        &self,
        received: Preserved<'_>,
        items_are_known: bool,
        context: &InjectContext<'_>,
        writer: &mut PreserveWriter,
    ) -> bool {
        // Items of formats that are not configured are kept, except a decision that was replaced. Text follows below.
        if !items_are_known {
            let is_replaced = |letter| match letter {
                preserve::DEBUG | preserve::DEFERRED => context.source.decided_here || context.is_resampled(),
                preserve::FLAGS => context.is_resampled(),
                _ => false,
            };
            writer.keep(received, |letter| letter != preserve::TEXT && !is_replaced(letter));
        }
        let with_text = || self.preserving(|kind| kind.preserves() == Preserves::Text);
        let known = || with_text().flat_map(|(format, _)| format.fields().custom_headers()).map(|name| name.as_str());
        keep_text(writer, received, known, context.options.allowed_correlation());
        writer.lacks_text(received)
    }

    /// Returns whether the tracestate contains text that may not go to this destination, where it is only forwarded.
    pub(super) fn withholds(&self, context: &InjectContext<'_>) -> bool {
        let facts = context.tracestate.facts;
        let is_allowed = |tp: Preserved<'_>, trace_id| {
            let mut writer = PreserveWriter::new(trace_id);
            keep_text(&mut writer, tp, core::iter::empty, context.options.allowed_correlation());
            !writer.lacks_text(tp)
        };
        let preserved = context.preserved().zip(context.source.trace_id);
        facts.has(Fact::Tp)
            && (facts.has(Fact::Duplicates) || !preserved.is_some_and(|(tp, trace_id)| is_allowed(tp, trace_id)))
    }

    /// Returns the formats of both lists and the other ones that preserve data, each once, as far as their kind is asked
    /// for. For a format of both lists this is the instance that writes, since settings may differ.
    fn preserving(
        &self,
        is_asked: impl Fn(FormatKind) -> bool + Copy,
    ) -> impl Iterator<Item = (&dyn Format, FormatKind)> {
        let asked = move |(_, kind): &(&dyn Format, FormatKind)| is_asked(*kind);
        // The name decides; the kind is quicker to compare, and usually it has no other name.
        let is_same = |one: (&dyn Format, FormatKind), other: (&dyn Format, FormatKind)| {
            one.1 == other.1 && (one.1.has_one_name() || one.0.name() == other.0.name())
        };
        let read = self.extract.kinds().filter(asked).map(move |read| {
            let mut written = self.inject.kinds();
            written.find(|written| is_same(read, *written)).unwrap_or(read)
        });
        let written = self
            .inject
            .kinds()
            .filter(asked)
            .filter(move |written| !self.extract.kinds().any(|read| is_same(read, *written)));
        read.chain(written).chain(self.others.kinds().filter(asked))
    }
}

/// Removes the decision from the member of a vendor whose format this propagator does not have.
fn remove_decision(state: &TraceState<'_>, writer: &mut PreserveWriter) {
    let Some(value) = state.get(MIXED_MEMBER).filter(|_| state.facts.has(Fact::Dd)) else {
        return;
    };
    let kept = without_decision(value);
    if kept.is_empty() {
        writer.remove_member(MIXED_MEMBER);
    } else if kept.as_str() != value {
        writer.set_member(MIXED_MEMBER, kept.as_str());
    }
}

#[cfg(feature = "alloc")]
#[cfg(test)]
mod tests {
    use crate::propagator::Propagator;
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    #[test]
    fn ok_formats_of_one_kind_with_two_names_are_two() {
        let propagator =
            Propagator::from_names("b3,correlation:x-a,jaeger", "b3multi,correlation:x-a,correlation:x-b,jaeger")
                .unwrap();
        let names: Vec<String> = propagator.preserving(|_| true).map(|(format, _)| format.name().to_string()).collect();
        let others = propagator.others.kinds().map(|(format, _)| format.name().to_string());
        let expected = ["b3", "correlation:x-a", "jaeger", "b3multi", "correlation:x-b"].map(String::from);
        assert_eq!(names, expected.into_iter().chain(others).collect::<Vec<_>>());
    }
}
