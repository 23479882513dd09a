//! Writing: each format puts its canonical form, or what came, into the carrier.

use super::Propagator;
use crate::baggage;
use crate::bridge::{self, BridgeWriter, Bridged};
use crate::carrier::{CarrierMut, LineSource, OwnedFields};
use crate::context::{FormatKind, Received, Relay, SpanContext};
use crate::field::{Field, FieldNames, FieldSet};
use crate::format::{Format, FormatFields, Outbound, Progress, Writer};
use crate::formats::correlation;
use crate::otel::{OtelEdit, OtelMember};
use crate::outgoing::{Omissions, Outgoing};
use crate::sampling::Sampling;
use crate::slots::Slots;
use crate::tracestate::TraceStateEdit;

/// The lines of a context that was made here.
struct NoLines;

impl LineSource for NoLines {
    fn collect<'c>(&'c self, _: &FieldNames, _: &mut dyn FnMut(Field, &'c [u8])) {}

    fn next_line<'c>(&'c self, _: &FieldNames, _: Field, _: usize) -> Option<(usize, &'c str, &'c [u8])> {
        None
    }
}

impl Propagator {
    /// Writes the context of a span into an outgoing call, in every format of the inject list.
    ///
    /// It overwrites the fields of those formats and removes stale ones of theirs; it never touches others, and writes
    /// no empty header. Inject last: what is copied afterwards need not carry the headers.
    pub fn inject(&self, span: &SpanContext<'_>, outgoing: &Outgoing<'_>, carrier: &mut impl CarrierMut) -> Omissions {
        let slots = self.received_slots(&span.received);
        let outbound = Outbound {
            trace_id: Some(span.trace_id),
            span_id: Some(span.span_id),
            sampling: span.sampling,
            random: span.random,
            decided_here: span.decided_here,
            relayed: false,
            received: span.received,
            slots: &slots,
            outgoing,
            otel: span.otel,
            bridge_edits: &[],
            withholds: false,
            bridge_left_out: 0,
            injects: self.injected,
        };
        self.write(&outbound, carrier)
    }

    /// Passes on what came, for a service that reports no spans: the lines of each format as they are, where they say
    /// what is passed on, else its canonical form.
    ///
    /// ```
    /// use traceprop_core::{presets, Outgoing};
    ///
    /// let propagator = presets::W3C.propagator();
    /// let request = [("traceparent", "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later")];
    /// let mut headers: Vec<(String, String)> = Vec::new();
    /// let _ = propagator.relay(&propagator.extract(&request).relay(), &Outgoing::new(), &mut headers);
    /// assert_eq!(headers[0].1, request[0].1);
    /// ```
    pub fn relay(&self, relay: &Relay<'_>, outgoing: &Outgoing<'_>, carrier: &mut impl CarrierMut) -> Omissions {
        let slots = self.received_slots(&relay.received);
        let context = relay.inbound.context();
        let outbound = Outbound {
            trace_id: context.map(|context| context.trace_id),
            span_id: context.and_then(|context| context.parent_id),
            sampling: relay.inbound.sampling(),
            random: context.is_some_and(|context| context.random),
            decided_here: relay.received.filled_in,
            relayed: true,
            received: relay.received,
            slots: &slots,
            outgoing,
            otel: OtelEdit::NONE,
            bridge_edits: &[],
            withholds: false,
            bridge_left_out: 0,
            injects: self.injected,
        };
        self.write(&outbound, carrier)
    }

    fn received_slots<'a>(&'a self, received: &Received<'a>) -> Slots<'a> {
        // A context that only formats of ours have named owes nothing to the lines of others.
        let is_ours = received.primary.is_some() && received.agrees.is_within(self.kinds);
        let names = if is_ours { self.reads() } else { self.names() };
        match received.source {
            Some(source) => Slots::collect_dyn(source, names),
            None => Slots::empty(&NoLines, names),
        }
    }

    /// Lets every format that has a say put its words into the tracestate, then writes.
    fn write(&self, outbound: &Outbound<'_>, carrier: &mut dyn CarrierMut) -> Omissions {
        let writes_tracestate = outbound.injects(FormatKind::TraceContext);
        let Some(trace_id) = outbound.trace_id.filter(|_| writes_tracestate && !self.is_plain(outbound)) else {
            return self.write_formats(outbound, carrier);
        };
        let mut writer = BridgeWriter::new(trace_id);
        let mut judged = false;
        for format in self.bridging() {
            judged |= !matches!(
                FormatKind::of(format.name()),
                FormatKind::TraceContext | FormatKind::Correlation | FormatKind::Custom
            );
            format.bridge(outbound, &mut writer);
        }
        let withholds = outbound.bridged().is_some_and(|bridged| {
            // Where no dialect is known that could put them anew, items go on as they came, but for a decision that was
            // overruled. Text that may not go everywhere is judged apart.
            if !judged {
                let overruled = |letter| outbound.decided_here && [bridge::DEBUG, bridge::DEFERRED].contains(&letter);
                writer.keep(bridged, |letter| letter != correlation::LETTER && !overruled(letter));
            }
            let headers = || self.bridging().filter_map(|format| format.name().strip_prefix(correlation::PREFIX));
            correlation::keep_unknown(&mut writer, bridged, headers, outbound.outgoing.allowed_correlation());
            correlation::withholds(&writer, bridged)
        });
        let [ours, member] = writer.edits(Bridged::value(&outbound.tracestate()));
        let otel = outbound.otel.member(trace_id, &outbound.tracestate());
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
        self.write_formats(&Outbound { bridge_edits: &due[..len], withholds, bridge_left_out, ..*outbound }, carrier)
    }

    /// Whether only W3C was spoken and is spoken, so that no other dialect has anything to put into the tracestate.
    fn is_plain(&self, outbound: &Outbound<'_>) -> bool {
        const W3C: FieldSet = FieldSet::of(&[Field::TraceParent, Field::TraceState, Field::Baggage]);
        let facts = outbound.tracestate().facts();
        outbound.slots.present().without(W3C).is_empty()
            && !(facts.has_tp() || facts.has_dd())
            && outbound.otel.is_none()
            && !outbound.injects(FormatKind::Datadog)
            && !self.kinds.contains(FormatKind::Custom)
    }

    /// The formats of both lists and of the bridges, each once. Of one that is in both lists the writer counts, since its
    /// settings may differ.
    fn bridging(&self) -> impl Iterator<Item = &dyn Format> {
        let writer = |name: &str| self.inject.iter().find(|written| written.name() == name);
        let read = self.extract.iter().map(move |format| writer(format.name()).unwrap_or(format));
        let written = self.inject.iter().filter(|format| self.extract.iter().all(|read| read.name() != format.name()));
        let known = |kind| self.extract.kinds().chain(self.inject.kinds()).any(|(_, known)| known == kind);
        let others = self.bridges.iter().copied().filter(move |format| !known(FormatKind::of(format.name())));
        read.chain(written).chain(others)
    }

    fn write_formats(&self, outbound: &Outbound<'_>, carrier: &mut dyn CarrierMut) -> Omissions {
        let mut omissions = Omissions::default();
        // One look at the carrier tells whether anything may have to be removed: mostly nothing.
        let has_stale = carrier.holds_any(&OwnedFields::new(self.names(), self.owned));
        let mut progress = Progress::new(if has_stale { self.owned } else { FieldSet::EMPTY });
        let nothing = outbound.relayed && outbound.trace_id.is_none() && outbound.sampling == Sampling::Deferred;
        for format in self.inject.iter() {
            let mut writer = Writer::new(carrier, format.fields(), &mut progress, &mut omissions, self.names());
            match (nothing, outbound.relayed) {
                (true, _) => {}
                (false, true) => format.relay(outbound, &mut writer),
                (false, false) => format.inject(outbound, &mut writer),
            }
            if outbound.received.keeps_text {
                format.inject_baggage(outbound, &mut writer);
            }
        }
        if self.options.inject_baggage && outbound.received.keeps_text {
            let fields = FormatFields::built_in(FieldSet::of(&[Field::Baggage]));
            let mut writer = Writer::new(carrier, fields, &mut progress, &mut omissions, self.names());
            let lines = outbound.slots.lines(Field::Baggage);
            let allow = outbound.outgoing.allowed_baggage();
            baggage::write(lines, self.options.baggage_limits, allow, outbound.relayed, &mut writer);
        }
        omissions
    }
}
