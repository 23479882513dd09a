//! Injection: formats write a context into a carrier, in canonical form or as it was received.

use super::Propagator;
use crate::carrier::{CarrierMut, Headers};
use crate::context::{InjectOptions, InjectReport, Mark, OmissionList, Trust};
use crate::field::{FieldSet, FormatKind};
use crate::format::{InjectContext, InjectSource, Places, Progress, Writer};
use crate::id::Sampling;

/// The lines of a context that was not received.
const NO_LINES: [(&str, &str); 0] = [];

impl Propagator {
    /// Writes the headers of an options call, in every format of the inject list.
    ///
    /// `source` is a `&SpanContext`, a `&OwnedContext`, or a [`Passthrough`](crate::format::Passthrough) of a service that
    /// reports no spans. See [`InjectSource`] for what each of them writes.
    ///
    /// The carrier may be a copy of the received request. Before anything is written, it loses the headers that the call
    /// owns: those of the formats that this propagator reads or writes, those that the propagator of the context reads, and
    /// W3C baggage. Under [`Trust::Restart`](crate::Trust::Restart) and [`Trust::Ignore`](crate::Trust::Ignore) these are all
    /// trace headers that are known. Without a context, which is a passthrough of a request that held none of them, the
    /// carrier is left alone. Other headers are not touched, and no empty header is written.
    ///
    /// Inject last: a copy of an earlier carrier lacks the headers.
    ///
    /// ```
    /// # #[cfg(feature = "alloc")] {
    /// use traceprop_core::{presets, InjectOptions, Pairs};
    ///
    /// let propagator = presets::W3C.propagator();
    /// let request = [("traceparent", "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later")];
    /// let mut headers = Pairs::new();
    /// propagator.inject(propagator.extract(&request).passthrough(), &InjectOptions::new(), &mut headers);
    /// assert_eq!(headers.get("traceparent"), Some(request[0].1));
    /// # }
    /// ```
    pub fn inject<'a>(
        &self,
        source: impl Into<InjectSource<'a>>,
        options: &InjectOptions<'_>,
        mut carrier: &mut (impl CarrierMut + ?Sized),
    ) -> InjectReport<'_> {
        self.inject_source(&source.into(), options, &mut carrier)
    }

    fn inject_source(
        &self,
        source: &InjectSource<'_>,
        options: &InjectOptions<'_>,
        carrier: &mut dyn CarrierMut,
    ) -> InjectReport<'_> {
        if !is_context(source) && !self.kinds.contains(FormatKind::Custom) {
            return OmissionList::default().report(&self.names);
        }
        let received = &source.received;
        // The headers of formats that only preserve data matter if one of them named the trace. They go into a tracestate,
        // which is not written without a trace.
        let is_ours =
            (received.primary.is_some() || source.trace_id.is_none()) && received.agrees.is_within(self.kinds);
        let names = if is_ours { &self.reads } else { &self.names };
        let lines = received.source.unwrap_or(&NO_LINES);
        let mut headers = Headers::empty(lines, names);
        lines.fill(names, &mut headers.table);
        let (places, injects) = match &self.options.by_received {
            None => (Places::ALL, self.injected),
            Some(choice) => self.choose(choice, source, &headers),
        };
        let context = InjectContext {
            source: source.marked(self.options.mark_random),
            headers: &headers,
            tracestate: received.tracestate(&headers),
            options,
            preserve_edits: &[],
            withholds: false,
            preserve_omitted: 0,
            injects,
            places,
            id_match: self.options.id_match,
            is_read_only: false,
        };
        self.write(&context, carrier)
    }

    pub(super) fn write_formats(&self, context: &InjectContext<'_>, carrier: &mut dyn CarrierMut) -> InjectReport<'_> {
        let (source, names, options) = (&context.source, &self.names, context.options);
        let mut omissions = OmissionList::default();
        if !is_context(source) {
            self.write_without_context(context, carrier, &mut omissions);
            return omissions.report(names);
        }
        let stale = self.stale_fields(&source.received, carrier);
        let (mut removed, mut progress) = (FieldSet::EMPTY, Progress::default());
        // A carrier usually holds none of them. A few look-ups tell; if a search is needed, it can remove them as well.
        if stale.built_in().is_none() || carrier.contains_any(&stale) {
            (removed, progress) = self.clear(&stale, context, carrier, &mut omissions);
        }
        let nothing = source.is_passthrough && source.trace_id.is_none() && source.sampling == Sampling::Deferred;
        for (place, format) in self.inject.iter().enumerate() {
            if !context.places.contains(place) {
                continue;
            }
            let mut writer = Writer::new(carrier, &mut progress, &mut omissions, names, options);
            match (nothing, source.is_passthrough) {
                (true, _) => {}
                (false, true) => format.forward(context, &mut writer),
                (false, false) => format.inject(context, &mut writer),
            }
            format.inject_text(context, &mut writer);
        }
        if source.is_passthrough && (self.reads_more || context.places != Places::ALL) {
            self.forward_what_is_read(nothing, context, carrier, &mut progress, &mut omissions);
        }
        if !removed.is_empty() {
            omissions.replace(removed.without(progress.written));
        }
        omissions.report(names)
    }

    /// Forwards the lines of formats that are only read, and their text.
    #[inline(never)]
    fn forward_what_is_read(
        &self,
        nothing: bool,
        context: &InjectContext<'_>,
        carrier: &mut dyn CarrierMut,
        progress: &mut Progress,
        omissions: &mut OmissionList,
    ) {
        let context = &InjectContext { is_read_only: true, withholds: self.withholds(context), ..*context };
        for (format, kind) in self.extract.kinds() {
            if self.inject.has_at(context.places, format, kind) {
                continue;
            }
            let mut writer = Writer::new(carrier, progress, omissions, &self.names, context.options);
            if !nothing {
                format.forward_lines(context, &mut writer);
            }
            format.inject_text(context, &mut writer);
        }
    }

    /// Writes the text of custom formats. A built-in format writes nothing without a context.
    #[cold]
    fn write_without_context(
        &self,
        context: &InjectContext<'_>,
        carrier: &mut dyn CarrierMut,
        omissions: &mut OmissionList,
    ) {
        let mut progress = Progress { replaces: true, ..Progress::default() };
        for (format, _) in self.inject.kinds().filter(|(_, kind)| *kind == FormatKind::Custom) {
            let mut writer = Writer::new(carrier, &mut progress, omissions, &self.names, context.options);
            format.inject_text(context, &mut writer);
        }
    }
}

/// Returns whether there is a context: a span, or a request that held a header of its propagator, a tracestate or baggage.
///
/// A request whose trace is refused always makes one. Without a context the carrier is left alone.
fn is_context(source: &InjectSource<'_>) -> bool {
    let received = &source.received;
    !source.is_passthrough
        || source.trace_id.is_some()
        || source.sampling != Sampling::Deferred
        || received.trust() >= Trust::Restart
        || received.is(Mark::HeldFields)
        // Text that code gave to an owned context.
        || received.source.and_then(|lines| lines.held_names()).is_some_and(|held| held.has_lines())
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use crate::carrier::headers::Headers;
    use crate::context::Passthrough;
    use crate::context::inject_options::InjectOptions;
    use crate::field::{CustomHeader, Field, FieldSet};
    use crate::format::{Format, FormatFields, InjectContext, Outcome, Parsed, Writer};
    use crate::formats::tracecontext::W3cTraceContext;
    use crate::id::generator::IdBits;
    use crate::id::sampling::Sampling;
    use crate::id::trace_id_match::TraceIdMatch;
    use crate::propagator::Propagator;
    use std::collections::HashMap;
    use std::string::{String, ToString};
    use std::vec::Vec;

    /// Reads the tracestate as its own header, and writes a greeting into every call.
    struct Hello([CustomHeader; 1]);

    fn hello() -> Hello {
        Hello([CustomHeader::from_static("x-hello")])
    }

    impl Format for Hello {
        fn name(&self) -> &str {
            "hello"
        }

        fn fields(&self) -> FormatFields<'_> {
            FormatFields::built_in(FieldSet::of(&[Field::TraceState])).with_custom(&self.0)
        }

        fn extract(&self, headers: &Headers<'_>) -> Parsed {
            let mut parsed = Parsed::new(Outcome::Absent);
            if let Some(line) = headers.get(Field::TraceState) {
                parsed.ignore_field(crate::field::invalid::InvalidHeader::new(
                    Field::TraceState,
                    crate::wire::reason::InvalidReason::BadValue,
                    line.len(),
                ));
            }
            parsed
        }

        fn inject(&self, _: &InjectContext<'_>, _: &mut Writer<'_>) {}

        fn inject_text(&self, _: &InjectContext<'_>, writer: &mut Writer<'_>) {
            writer.write_custom(&self.0[0], "1");
        }
    }

    #[test]
    fn ok_a_custom_format_writes_text_although_there_is_nothing_to_forward() {
        let forwarded = |propagator: Propagator| {
            let mut headers: Vec<(String, String)> = Vec::new();
            propagator.inject(
                Passthrough::sampling_only(Sampling::Deferred),
                &InjectOptions::everything(),
                &mut headers,
            );
            headers
        };
        let own = Propagator::builder().with_format(W3cTraceContext::new()).with_format(hello()).build().unwrap();
        assert_eq!(forwarded(own), [("x-hello".to_string(), "1".to_string())]);
        assert_eq!(forwarded(Propagator::builder().with_format(W3cTraceContext::new()).build().unwrap()), []);
    }

    #[test]
    fn ok_a_passthrough_forwards_lines_whose_ids_name_the_same_trace() {
        let request = [
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("b3", "a3ce929d0e0e4736-00f067aa0ba902b7-1"),
        ];
        let forwarded = |id_match| {
            let builder = Propagator::builder().names("tracecontext,b3", "tracecontext").unwrap();
            let propagator = builder.trace_id_match(id_match).build().unwrap();
            let mut headers: Vec<(String, String)> = Vec::new();
            propagator.inject(propagator.extract(&request).passthrough(), &InjectOptions::new(), &mut headers);
            headers.len()
        };
        assert_eq!((forwarded(TraceIdMatch::Exact), forwarded(TraceIdMatch::Low64)), (1, 2));
    }

    #[test]
    fn ok_a_custom_format_reads_a_tracestate_without_a_traceparent() {
        let propagator =
            Propagator::builder().with_format(W3cTraceContext::new()).with_format(hello()).build().unwrap();
        // In a map, only names that a format reads are looked up.
        let request = HashMap::from([("tracestate".to_string(), "a=1".to_string())]);
        let report = propagator.explain(&request);
        assert!(report.invalid_headers().any(|(_, invalid)| invalid.offset() == 3), "{report}");
    }

    #[test]
    fn ok_a_new_trace_has_the_decision_of_a_format_that_only_preserves() {
        let propagator = Propagator::from_names("tracecontext", "tracecontext").unwrap();
        let tracestate = |sampling| {
            let request = [("jaeger-debug-id", "ticket-1")];
            let extraction = propagator.extract(&request);
            let span = extraction.new_span_with(&|| IdBits::non_random(1), &sampling);
            let mut headers: Vec<(String, String)> = Vec::new();
            propagator.inject(&span, &InjectOptions::new(), &mut headers);
            headers.get(1).cloned()
        };
        assert_eq!(tracestate(Sampling::Sampled), None);
        let (name, value) = tracestate(Sampling::Debug).unwrap();
        assert_eq!((name.as_str(), value.split_at(5).0, value.split_at(13).1), ("tracestate", "tp=1;", ";d"));
    }
}
