//! What goes into the tracestate for dialects that say more than W3C has words for.

use super::Propagator;
use crate::carrier::CarrierMut;
use crate::context::inject_options::InjectReport;
use crate::field::{FieldSet, FormatKind};
use crate::format::{Format, InjectContext};
use crate::formats::correlation;
use crate::id::sampling::Sampling;
use crate::tracestate::otel::OtelMember;
use crate::tracestate::preserve::{self, BridgeWriter, Bridged};
use crate::tracestate::{TraceStateEdit, TraceStateFacts};

/// Which formats can have anything to put into a tracestate. Most requests speak only W3C, and asking every format cost
/// more than writing the traceparent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Nobody,
    /// Its own member is there, or its headers are written; the other dialects left no trace.
    Datadog,
    All,
}

impl Propagator {
    /// Lets every format that has a say put its words into the tracestate, then writes.
    pub(super) fn write(&self, outbound: &InjectContext<'_>, carrier: &mut dyn CarrierMut) -> InjectReport<'_> {
        let Some(trace_id) = outbound.source.trace_id.filter(|_| outbound.injects(FormatKind::TraceContext)) else {
            return self.write_formats(outbound, carrier);
        };
        let state = &outbound.state;
        let asked = self.asked(outbound, state.facts());
        if asked == Asked::Nobody && outbound.source.otel.is_none() {
            return self.write_formats(outbound, carrier);
        }
        let mut writer = BridgeWriter::new(trace_id);
        let mut judged = false;
        if asked == Asked::All {
            for (format, kind) in self.bridging() {
                judged |= !matches!(
                    kind,
                    FormatKind::TraceContext | FormatKind::Correlation | FormatKind::Baggage | FormatKind::Custom
                );
                format.bridge(outbound, &mut writer);
            }
        } else if let Some(datadog) = self.datadog() {
            datadog.bridge(outbound, &mut writer);
        }
        if writer.is_untouched() && !state.facts().has_tp() && outbound.source.otel.is_none() {
            return self.write_formats(outbound, carrier);
        }
        let withholds = outbound.bridged().is_some_and(|bridged| self.keep(bridged, judged, outbound, &mut writer));
        let [ours, member] = writer.edits(Bridged::value(state));
        let otel = outbound.source.otel.member(trace_id, state);
        // The last one stands left-most.
        let edits = [otel.as_ref().map(OtelMember::edit), ours, member];
        let mut due = [TraceStateEdit::delete(""); 3];
        let mut len = 0;
        for edit in edits.into_iter().flatten() {
            due[len] = edit;
            len += 1;
        }
        let bridge_left_out = writer.left_out();
        if len == 0 && !withholds && bridge_left_out == 0 {
            return self.write_formats(outbound, carrier);
        }
        self.write_formats(
            &InjectContext { bridge_edits: &due[..len], withholds, bridge_left_out, ..*outbound },
            carrier,
        )
    }

    fn asked(&self, outbound: &InjectContext<'_>, facts: TraceStateFacts) -> Asked {
        const W3C: FieldSet = FormatKind::TraceContext.fields().union(FormatKind::Baggage.fields());
        const B3: FieldSet = FormatKind::B3.fields();
        // Only of a decision for which W3C has no word does B3 say more.
        let says_no_more = match outbound.source.sampling {
            Sampling::Sampled | Sampling::NotSampled => W3C.union(B3),
            Sampling::Debug | Sampling::Deferred => W3C,
        };
        let others = !outbound.slots.present().without(says_no_more).is_empty();
        if others || facts.has_tp() || self.kinds.contains(FormatKind::Custom) {
            Asked::All
        } else if facts.has_dd() || outbound.injects(FormatKind::Datadog) {
            Asked::Datadog
        } else {
            Asked::Nobody
        }
    }

    /// Keeps what came of our member and no format puts there anew. True if text in it may not go to this destination.
    fn keep(&self, came: Bridged<'_>, judged: bool, outbound: &InjectContext<'_>, writer: &mut BridgeWriter) -> bool {
        // Where no dialect is known that could put them anew, items go on as they came, but for a decision that was
        // overruled. Text that may not go everywhere is judged apart.
        if !judged {
            let overruled =
                |letter| outbound.source.decided_here && [preserve::DEBUG, preserve::DEFERRED].contains(&letter);
            writer.keep(came, |letter| letter != correlation::LETTER && !overruled(letter));
        }
        let headers = || self.bridging().filter_map(|(format, _)| format.name().strip_prefix(correlation::PREFIX));
        correlation::keep_unknown(writer, came, headers, outbound.outgoing.allowed_correlation());
        correlation::withholds(writer, came)
    }

    fn datadog(&self) -> Option<&dyn Format> {
        let mut kinds = self.inject.kinds().chain(self.extract.kinds()).chain(self.bridges.kinds());
        kinds.find(|(_, kind)| *kind == FormatKind::Datadog).map(|(format, _)| format)
    }

    /// The formats of both lists and of the bridges, each once. Of one that is in both lists the writer counts, since its
    /// settings may differ.
    fn bridging(&self) -> impl Iterator<Item = (&dyn Format, FormatKind)> {
        // The name decides; the kind is quicker to compare, and mostly it has no other name.
        let is_same = |one: (&dyn Format, FormatKind), other: (&dyn Format, FormatKind)| {
            one.1 == other.1 && (one.1.has_one_name() || one.0.name() == other.0.name())
        };
        let read = self.extract.kinds().map(move |read| {
            let mut written = self.inject.kinds();
            written.find(|written| is_same(read, *written)).unwrap_or(read)
        });
        let written =
            self.inject.kinds().filter(move |written| !self.extract.kinds().any(|read| is_same(read, *written)));
        read.chain(written).chain(self.bridges.kinds())
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
        let names: Vec<String> = propagator.bridging().map(|(format, _)| format.name().to_string()).collect();
        let bridges = propagator.bridges.kinds().map(|(format, _)| format.name().to_string());
        let expected = ["b3", "correlation:x-a", "jaeger", "b3multi", "correlation:x-b"].map(String::from);
        assert_eq!(names, expected.into_iter().chain(bridges).collect::<Vec<_>>());
    }
}
