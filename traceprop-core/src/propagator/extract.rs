//! Extraction: each format parses its own fields. The first context is used, later ones complete it or become links.

use super::Propagator;
use super::link::{Link, LinkReason};
use super::merge::Merge;
use crate::baggage::{Baggage, BaggageLimits};
use crate::carrier::{Carrier, HeaderLines, Headers, LineSource};
use crate::context::{Mark, Passthrough, Received, RemoteContext, SpanContext, Trust};
use crate::field::{Field, FieldSet, FormatKind, FormatSet};
use crate::format::{Format, Outcome, Parsed};
use crate::id::{IdGenerator, Sampling, SpanId, TraceId};
use crate::sampler::{Sampler, SamplingParameters};
use crate::tracestate::TraceState;

/// The trace context of a request, merged from all formats. It borrows the carrier and copies no header.
///
/// ```
/// use traceprop_core::{presets, Sampling};
///
/// let propagator = presets::W3C.propagator();
/// let request = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("baggage", "tenant=acme")];
/// let extraction = propagator.extract(&request);
/// assert_eq!((extraction.sampling(), extraction.source_format()), (Sampling::Sampled, Some("tracecontext")));
/// assert_eq!(extraction.baggage().len(), 1);
/// ```
#[derive(Clone, Debug)]
pub struct Extraction<'c> {
    /// The received context. [`Trust::Restart`] makes it a link.
    pub(crate) merged: Option<RemoteContext>,
    /// A decision without ids.
    pub(super) decision: Sampling,
    pub(crate) received: Received<'c>,
    headers: Headers<'c>,
    pub(super) encoding: Option<&'c str>,
    /// A format named another trace than the one that is continued.
    has_others: bool,
    pub(crate) propagator: &'c Propagator,
}

/// Watches the formats being read, one by one.
pub(crate) trait Recorder {
    /// `place` is the one of the format in the list. A format that is not recorded has none of its fields.
    fn record(&mut self, place: usize, parsed: &Parsed);
}

/// Records nothing, if no report is needed.
impl Recorder for () {
    #[inline]
    fn record(&mut self, _: usize, _: &Parsed) {}
}

impl Propagator {
    /// Extracts the trace context of a request with all formats.
    ///
    /// It never fails: invalid headers are ignored, and [`Propagator::explain`] says why. [`Extraction`] has an example.
    #[inline]
    pub fn extract<'c, C: Carrier>(&'c self, carrier: &'c C) -> Extraction<'c> {
        Extraction::read(self, carrier, Trust::Continue, &mut ())
    }

    /// Extracts as [`Propagator::extract`] does, and trusts the caller at most as `trust` says.
    ///
    /// The stricter of `trust` and the [trust of the propagator](Self::with_trust) is used. So a listener that serves
    /// several kinds of callers can decide for each request.
    ///
    /// ```
    /// use traceprop_core::{Trust, presets};
    ///
    /// let propagator = presets::W3C.propagator().with_trust(Trust::Resample);
    /// let request = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
    /// let stranger = propagator.extract_with_trust(&request, Trust::Restart);
    /// assert_eq!((stranger.trust(), stranger.context()), (Trust::Restart, None));
    /// let partner = propagator.extract_with_trust(&request, Trust::Continue);
    /// assert_eq!(partner.trust(), Trust::Resample);
    /// ```
    pub fn extract_with_trust<'c, C: Carrier>(&'c self, carrier: &'c C, trust: Trust) -> Extraction<'c> {
        Extraction::read(self, carrier, trust, &mut ())
    }
}

/// Returns the baggage fields that do not count. Such a field needs valid ids of its format, which has none, and no
/// other format reads it.
#[cold]
fn void_text(propagator: &Propagator, headers: &Headers<'_>) -> FieldSet {
    let present = headers.present().intersection(FieldSet::TEXT_WITH_IDS);
    let counts = |field: Field| {
        propagator.extract.kinds().filter(|(_, kind)| kind.fields().contains(field)).any(|(format, kind)| {
            kind != field.format() || matches!(format.extract(headers).outcome(), Outcome::Context(_))
        })
    };
    present.built_in().filter(|field| !counts(*field)).fold(FieldSet::EMPTY, FieldSet::with)
}

/// Returns which lines still count if the trace is not simply continued.
#[inline(never)]
fn apply_trust<'c>(
    trust: Trust,
    received: Received<'c>,
    headers: &Headers<'c>,
    merged: &mut Option<RemoteContext>,
    decision: &mut Sampling,
) -> Received<'c> {
    *decision = Sampling::Deferred;
    match trust {
        Trust::Continue => received,
        // The lines remain for their baggage and correlation ids. The trace of no format counts.
        Trust::Restart => received.without_trace(),
        Trust::Ignore => received.without_lines(),
        Trust::Resample => {
            let mut received = received.with(Mark::PriorityInDd, false);
            if let Some(context) = merged.as_mut().filter(|context| context.sampling != Sampling::Deferred) {
                // The new decision is local, and data that belongs to the received one is void.
                received = received.with(Mark::FilledIn, true).with(Mark::WasSampled, context.sampling.is_sampled());
                context.sampling = Sampling::Deferred;
            }
            let tracestate = received.tracestate(headers).resampled();
            Received { tracestate, ..received }
        }
    }
    .with_trust(trust)
}

impl<'c> Extraction<'c> {
    /// Collects the headers and lets the formats parse them. The table of headers is large, so it is filled first and
    /// moved once.
    ///
    /// The stricter of `trust` and the propagator's own is used.
    pub(crate) fn read<C: Carrier>(
        propagator: &'c Propagator,
        carrier: &'c C,
        trust: Trust,
        recorder: &mut impl Recorder,
    ) -> Self {
        let mut headers = Headers::empty(carrier, &propagator.reads);
        carrier.fill(&propagator.reads, &mut headers.table);
        let mut formats = propagator.extract.asked(headers.maybe_present());
        let mut merge = match formats.next() {
            Some((place, format, kind)) => {
                let parsed = format.extract(&headers);
                recorder.record(place, &parsed);
                Merge::first(format, kind, &parsed)
            }
            None => Merge::NOTHING,
        };
        for (place, format, kind) in formats {
            if propagator.options.extract_first && merge.context.is_some() {
                break;
            }
            let parsed = format.extract(&headers);
            recorder.record(place, &parsed);
            merge.add(format, kind, &parsed, propagator.options.id_match);
        }
        // One question for both, which are rare.
        if merge.needs_another_look | merge.is_refused {
            merge.settle(propagator, &headers);
        }
        let trust = propagator.options.trust.stricter(trust);
        let (merged, decision, received) = Self::judge(propagator, &headers, Some(carrier), &merge, trust);
        let (encoding, has_others) = (merge.encoding, merge.has_others);
        Self { merged, decision, received, headers, encoding, has_others, propagator }
    }

    /// Returns what the trust leaves of a merged context.
    // The table of headers is not moved here: that would cost another copy.
    #[inline(always)]
    fn judge(
        propagator: &'c Propagator,
        headers: &Headers<'c>,
        source: Option<&'c dyn LineSource>,
        merge: &Merge<'c>,
        trust: Trust,
    ) -> (Option<RemoteContext>, Sampling, Received<'c>) {
        let (mut merged, mut decision) = merge.merged();
        let mut received = merge.received(source, propagator.extracted);
        if headers.maybe_present().intersects(FieldSet::TEXT_WITH_IDS) {
            received.ignored = received.ignored.union(void_text(propagator, headers));
        }
        if trust != Trust::Continue {
            received = apply_trust(trust, received, headers, &mut merged, &mut decision);
        }
        (merged, decision, received)
    }

    /// Returns what is known of an extraction whose headers are gone, for a report.
    #[cfg(feature = "alloc")]
    pub(super) fn without_headers(
        propagator: &'c Propagator,
        merged: Option<RemoteContext>,
        decision: Sampling,
        trust: Trust,
        encoding: Option<&'c str>,
    ) -> Self {
        const NO_LINES: [(&str, &str); 0] = [];
        let headers = Headers::empty(&NO_LINES, &propagator.reads);
        let received = Received::NOTHING.with_trust(trust);
        // What the formats found is in the report.
        let has_others = !propagator.options.extract_first;
        Self { merged, decision, received, headers, encoding, has_others, propagator }
    }

    /// Reads an owned context again under a stricter trust, as if its span were the caller's.
    #[cfg(feature = "alloc")]
    pub(crate) fn again(
        propagator: &'c Propagator,
        headers: Headers<'c>,
        received: Received<'c>,
        mut merged: Option<RemoteContext>,
        mut decision: Sampling,
        trust: Trust,
    ) -> Self {
        let received = apply_trust(trust, received, &headers, &mut merged, &mut decision);
        Self { merged, decision, received, headers, encoding: None, has_others: false, propagator }
    }

    /// Reads the request again without correlation ids.
    #[cold]
    fn without_correlation(&self) -> Self {
        let propagator = self.propagator;
        let mut merge = Merge::NOTHING;
        let asked = propagator.extract.asked(self.headers.maybe_present());
        for (_, format, kind) in asked.filter(|(_, _, kind)| !kind.has_only_custom_headers()) {
            if propagator.options.extract_first && merge.context.is_some() {
                break;
            }
            merge.add(format, kind, &format.extract(&self.headers), propagator.options.id_match);
        }
        let (merged, decision, received) =
            Self::judge(propagator, &self.headers, self.received.source, &merge, self.trust());
        let (encoding, has_others) = (merge.encoding, merge.has_others);
        Self { merged, decision, received, headers: self.headers, encoding, has_others, propagator }
    }

    /// Returns the trace to continue and the caller's span, or `None` if a new trace starts here.
    ///
    /// Always `None` under [`Trust::Restart`] and [`Trust::Ignore`].
    #[inline]
    pub const fn context(&self) -> Option<RemoteContext> {
        if self.trust().continues_trace() { self.merged } else { None }
    }

    /// Returns the received context that is not continued because of the [trust](Self::trust) in the caller.
    ///
    /// Use it for an audit. A passthrough or a span of another trace never has it.
    ///
    /// ```
    /// use traceprop_core::{Trust, presets};
    ///
    /// let propagator = presets::W3C.propagator();
    /// let request = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
    /// let refused = propagator.extract_with_trust(&request, Trust::Ignore).refused().expect("there is a context");
    /// assert_eq!(refused.trace_id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    /// assert_eq!(propagator.extract(&request).refused(), None);
    /// ```
    pub const fn refused(&self) -> Option<RemoteContext> {
        if self.trust().continues_trace() { None } else { self.merged }
    }

    /// Returns how far the caller is trusted: the propagator's setting, or a stricter one of
    /// [`extract_with_trust`](Propagator::extract_with_trust).
    #[inline]
    pub const fn trust(&self) -> Trust {
        self.received.trust()
    }

    /// Returns the received sampling decision, or [`Sampling::Deferred`] if the caller made none.
    ///
    /// A decision can be received without a trace, as in `b3: 0`. It then applies to the new trace.
    ///
    /// ```
    /// use traceprop_core::{Propagator, Sampling};
    ///
    /// let propagator = Propagator::from_names("b3", "none")?;
    /// let extraction = propagator.extract(&[("b3", "0")]);
    /// assert_eq!((extraction.context(), extraction.sampling()), (None, Sampling::NotSampled));
    /// # Ok::<(), traceprop_core::ConfigError>(())
    /// ```
    #[inline]
    pub const fn sampling(&self) -> Sampling {
        match self.context() {
            Some(context) => context.sampling,
            None => self.decision,
        }
    }

    /// Returns the name of the format that supplied the context.
    pub const fn source_format(&self) -> Option<&'c str> {
        match self.context() {
            Some(_) => self.encoding,
            None => None,
        }
    }

    /// Returns the received contexts that are not continued, in the order of the formats.
    ///
    /// If a format named another trace, the headers are parsed again. Links cost nothing unless they are asked for. [`Link`]
    /// has an example.
    pub fn links(&self) -> impl Iterator<Item = Link<'c>> {
        let (headers, has_others) = (self.headers, self.has_others);
        let formats = self.propagator.extract.asked(headers.maybe_present()).filter(move |_| has_others);
        self.links_of(formats.map(move |(_, format, _)| (format, format.extract(&headers))))
    }

    /// Returns the links, where the formats have found this.
    pub(super) fn links_of(
        &self,
        found: impl Iterator<Item = (&'c dyn Format, Parsed)>,
    ) -> impl Iterator<Item = Link<'c>> {
        let trust = self.trust();
        let restarted = self.merged.zip(self.encoding).filter(|_| trust == Trust::Restart);
        let restarted = restarted.and_then(|(context, encoding)| Link::new(context, LinkReason::Restarted, encoding));
        let merged = match trust {
            Trust::Continue | Trust::Resample if self.has_others => self.merged,
            _ => None,
        };
        let (id_match, agrees) = (self.propagator.options.id_match, self.received.agrees);
        let terminated = found.filter_map(move |(format, parsed)| {
            let first = merged?;
            let Outcome::Context(context) = parsed.outcome() else { return None };
            if !parsed.makes_link {
                return None;
            }
            let kind = format.fields().kind;
            let is_known = kind != FormatKind::Custom && agrees.contains(kind);
            let other = !is_known && !id_match.is_same_context(&context, &first);
            let encoding = parsed.encoding().unwrap_or(format.name());
            other.then(|| Link::new(context, LinkReason::DifferentTrace, encoding)).flatten()
        });
        restarted.into_iter().chain(terminated)
    }

    /// Returns whether there can be [links](Self::links), without parsing the headers again.
    #[inline]
    pub const fn has_links(&self) -> bool {
        match self.trust() {
            Trust::Continue | Trust::Resample => self.has_others,
            Trust::Restart => self.merged.is_some(),
            Trust::Ignore => false,
        }
    }

    /// Returns the received headers of all formats.
    pub const fn headers(&self) -> &Headers<'c> {
        &self.headers
    }

    /// Returns the tracestate of the context, or an empty one.
    #[inline]
    pub fn tracestate(&self) -> TraceState<'c> {
        self.received.tracestate(&self.headers)
    }

    /// Returns the W3C baggage, or an empty one if it is absent, invalid or not configured.
    ///
    /// It lacks the members that carry a sampling decision (`sentry-*`) under [`Trust::Resample`] and [`Trust::Restart`]. It is
    /// empty under [`Trust::Ignore`].
    #[inline]
    pub fn baggage(&self) -> Baggage<'c> {
        match self.propagator.baggage_limits.filter(|_| self.received.keeps_text()) {
            Some(limits) if self.headers.contains_any(FieldSet::of(&[Field::Baggage])) => self.read_baggage(limits),
            _ => Baggage::EMPTY,
        }
    }

    fn read_baggage(&self, limits: BaggageLimits) -> Baggage<'c> {
        let keeps_decisions = self.received.keeps_decisions_in_text();
        Baggage::received(self.headers.get_all(Field::Baggage), limits, keeps_decisions).unwrap_or(Baggage::EMPTY)
    }

    /// Creates a span that continues the caller's trace, or starts a new trace if there is none to continue.
    ///
    /// The sampling decision is the caller's. Undecided traces are sampled. To decide with a sampler, use
    /// [`new_span_with`](Self::new_span_with). Ids are drawn in the order that [`IdGenerator`] documents.
    ///
    /// ```
    /// use traceprop_core::{presets, IdBits, Sampling};
    ///
    /// let propagator = presets::W3C.propagator();
    /// let ids = || IdBits::random(7);
    /// let request = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")];
    /// assert_eq!(propagator.extract(&request).new_span(&ids).sampling(), Sampling::NotSampled);
    /// let nothing: [(&str, &str); 0] = [];
    /// assert_eq!(propagator.extract(&nothing).new_span(&ids).sampling(), Sampling::Sampled);
    /// ```
    pub fn new_span(&self, ids: &(impl IdGenerator + ?Sized)) -> SpanContext<'c> {
        let sampling = match self.sampling() {
            Sampling::Deferred => Sampling::Sampled,
            decided => decided,
        };
        self.start(ids, sampling)
    }

    fn start(&self, ids: &(impl IdGenerator + ?Sized), sampling: Sampling) -> SpanContext<'c> {
        SpanContext::starting(self.context(), self.received, sampling, ids)
    }

    /// Creates a span context with ids of a tracer, and with the headers of the request.
    ///
    /// If `trace_id` is not the trace to continue, only baggage and correlation ids of the request are kept.
    ///
    /// ```
    /// use traceprop_core::{presets, SpanId, TraceId};
    ///
    /// let propagator = presets::W3C.propagator();
    /// let request = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
    /// let extraction = propagator.extract(&request);
    /// let caller = extraction.context().expect("the request has a context");
    /// let span = extraction.span_with_ids(caller.trace_id, SpanId::MIN);
    /// assert_eq!((span.parent_id(), span.sampling()), (caller.parent_id, caller.sampling));
    /// assert_eq!(extraction.span_with_ids(TraceId::MIN, SpanId::MIN).parent_id(), None);
    /// ```
    pub fn span_with_ids(&self, trace_id: TraceId, span_id: SpanId) -> SpanContext<'c> {
        let context = self.context().filter(|context| context.trace_id == trace_id);
        // In another trace the decision and the vendor data of the request mean nothing.
        let received = if context.is_some() { self.received } else { self.received.without_trace() };
        let (sampling, decided_here) = (self.sampling(), self.received.is(Mark::FilledIn));
        let context = context.unwrap_or(RemoteContext::new(trace_id, None));
        SpanContext { sampling, decided_here, received, ..SpanContext::child_of(context, span_id) }
    }

    /// Returns the received context for a service that forwards it and reports no spans.
    ///
    /// A trace id that only a correlation id supplied is not a context here: in a mesh every request has such an id. It is
    /// forwarded as text, where the options allow it.
    ///
    /// ```
    /// use traceprop_core::{Propagator, Sampling};
    ///
    /// let propagator = Propagator::from_names("b3,correlation:x-request-id", "b3")?;
    /// let request = [("x-request-id", "4bf92f35-77b3-4da6-a3ce-929d0e0e4736"), ("b3", "0")];
    /// let passthrough = propagator.extract(&request).passthrough();
    /// assert_eq!((passthrough.context(), passthrough.sampling()), (None, Sampling::NotSampled));
    /// # Ok::<(), traceprop_core::ConfigError>(())
    /// ```
    pub fn passthrough(&self) -> Passthrough<'c> {
        self.for_passthrough().as_ref().unwrap_or(self).forwarded()
    }

    /// Returns what is forwarded of the request, if a correlation id alone supplied the context.
    #[inline]
    pub(crate) fn for_passthrough(&self) -> Option<Self> {
        let supplier = self.received.primary.filter(|kind| kind.has_only_custom_headers())?;
        let is_alone = self.received.agrees.is_within(FormatSet::EMPTY.with(supplier));
        is_alone.then(|| self.without_correlation())
    }

    #[inline]
    fn forwarded(&self) -> Passthrough<'c> {
        match self.context() {
            Some(context) => Passthrough::from_remote(context).with_received(self.received),
            None => {
                let holds_fields = self.headers.holds_any(FieldSet::of(&[Field::TraceState, Field::Baggage]));
                let received = self.received.with(Mark::HeldFields, holds_fields);
                Passthrough::sampling_only(self.decision).with_received(received)
            }
        }
    }

    /// Returns whether a format was read. It was not if it is only written, or if an earlier format has a context and
    /// that is enough.
    #[cfg(feature = "alloc")]
    pub(crate) fn has_read(&self, kind: FormatKind) -> bool {
        for (_, read) in self.propagator.extract.kinds() {
            if read == kind {
                return true;
            }
            if self.propagator.options.extract_first && self.received.primary == Some(read) {
                return false;
            }
        }
        false
    }

    /// Creates a span as [`new_span`](Self::new_span) does, with the decision of a sampler.
    ///
    /// The sampler also decides what the `ot` member of the tracestate says. A [`Sampling`] is a sampler with a fixed
    /// decision.
    ///
    /// ```
    /// use traceprop_core::sampler::{Probability, ParentBased};
    /// use traceprop_core::{presets, IdBits, Sampling};
    ///
    /// const SAMPLER: ParentBased<Probability> = ParentBased::new(Probability::new(0.5).unwrap());
    ///
    /// let propagator = presets::W3C.propagator();
    /// let nothing: [(&str, &str); 0] = [];
    /// let span = propagator.extract(&nothing).new_span_with(&|| IdBits::random(1 << 55), &SAMPLER);
    /// assert!(span.sampling().is_sampled());
    ///
    /// let span = propagator.extract(&nothing).new_span_with(&|| IdBits::random(7), &Sampling::NotSampled);
    /// assert_eq!(span.sampling(), Sampling::NotSampled);
    /// ```
    pub fn new_span_with(
        &self,
        ids: &(impl IdGenerator + ?Sized),
        sampler: &(impl Sampler + ?Sized),
    ) -> SpanContext<'c> {
        let span = self.start(ids, self.sampling());
        let parameters = self.sampling_parameters(span.trace_id(), span.is_random());
        let is_resampled = self.trust() == Trust::Resample && self.context().is_some();
        let parameters =
            if is_resampled { parameters.with_randomness(span.randomness_of_this_service()) } else { parameters };
        span.with_sampling_result(sampler.should_sample(&parameters))
    }

    /// Returns the input of a sampler for a span of this trace, which is the caller's or a new one.
    ///
    /// Under [`Trust::Resample`] a caller may not decide by the trace id that it chose, so a tracer of your own should add
    /// [`SamplingParameters::with_randomness`]. [`new_span_with`](Self::new_span_with) does.
    pub fn sampling_parameters(&self, trace_id: TraceId, random: bool) -> SamplingParameters<'c> {
        let limits = self.propagator.baggage_limits.filter(|_| self.received.keeps_text());
        let baggage = if limits.is_some() { self.headers().get_all(Field::Baggage) } else { HeaderLines::none() };
        let parameters = match self.context() {
            Some(parent) => SamplingParameters::new(trace_id, random).with_parent(parent),
            None => SamplingParameters::new(trace_id, random).with_sampling(self.decision),
        };
        parameters.with_tracestate(self.tracestate()).with_baggage(baggage, limits.unwrap_or_default())
    }
}

#[cfg(feature = "alloc")]
#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    #[test]
    fn ok_contexts_after_the_first_are_not_links_if_the_first_is_enough() {
        let builder = || Propagator::builder().names("b3,tracecontext", "none").unwrap();
        let request = [
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("b3", "80e6b5d0a9d93650-8a0ac984f71ab247-1"),
        ];
        let styles = |propagator: &Propagator| {
            propagator.extract(&request).links().map(|link| link.format.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(styles(&builder().build().unwrap()), ["tracecontext"]);
        assert_eq!(styles(&builder().extract_first().build().unwrap()), [""; 0]);
    }

    #[test]
    fn ok_the_stricter_trust_is_used_and_carried_by_the_context() {
        use crate::owned::OwnedContext;

        let request = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
        let all = [Trust::Continue, Trust::Resample, Trust::Restart, Trust::Ignore];
        let same = TraceId::from_hex(b"4bf92f3577b34da6a3ce929d0e0e4736").unwrap();
        for (own, given) in all.into_iter().flat_map(|own| all.map(|given| (own, given))) {
            let propagator = crate::propagator::presets::W3C.propagator().with_trust(own);
            let extraction = propagator.extract_with_trust(&request, given);
            let trust = own.max(given);
            assert_eq!((extraction.trust(), extraction.context().is_some()), (trust, trust < Trust::Restart));
            let (one, other) =
                (extraction.span_with_ids(same, SpanId::MIN), extraction.span_with_ids(TraceId::MIN, SpanId::MIN));
            let owned = OwnedContext::from_passthrough(&extraction);
            let carried = [
                one.received,
                other.received,
                one.without_headers().received,
                owned.known(),
                extraction.passthrough().received,
            ];
            assert_eq!(carried.map(|received| received.trust()), [trust; 5]);
            assert_eq!(propagator.explain_with_trust(&request, given).extraction().trust(), trust);
        }
        assert_eq!(SpanContext::new(TraceId::MIN, SpanId::MIN).received.trust(), Trust::Continue);
    }
}
