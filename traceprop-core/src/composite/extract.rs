//! Reading: every format judges its own fields, the first context wins, later ones fill in or become links.

mod jaeger;

use super::{Behavior, Propagator, TraceMatching};
use crate::baggage::Baggage;
use crate::bridge::Bridged;
use crate::carrier::{Carrier, LineSource};
use crate::context::{FormatKind, FormatSet, Inbound, Received, Relay, RemoteContext, SpanContext};
use crate::field::{Field, FieldNames, FieldSet};
use crate::format::{DecisionWeight, Format, Outcome, Reading};
use crate::formats::correlation::{Correlation, CorrelationId};
use crate::formats::sw8::{ReceivedSw8, Sw8};
use crate::generator::IdGenerator;
use crate::id::{SpanId, TraceId};
use crate::sampling::Sampling;
use crate::slots::Slots;
use crate::tracestate::{TraceState, TraceStateFacts};

/// Why a context became a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkReason {
    /// A format named another trace than the one that is continued.
    TerminatedContext,
    /// The propagator restarts traces.
    Restarted,
}

impl LinkReason {
    /// The word for it, as Datadog's tracers write it into the span link.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TerminatedContext => "terminated_context",
            Self::Restarted => "propagation_behavior_extract",
        }
    }
}

/// A context that came in and is not continued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link<'c> {
    /// The trace of the other context.
    pub trace_id: TraceId,
    /// The span of the other context.
    pub span_id: SpanId,
    /// Whether its sender recorded it.
    pub sampled: bool,
    /// Why it is a link.
    pub reason: LinkReason,
    /// The format that it came in.
    pub style: &'c str,
}

impl<'c> Link<'c> {
    /// None for a context without a span: there is nothing to link to.
    fn new(context: RemoteContext, reason: LinkReason, style: &'c str) -> Option<Self> {
        let span_id = context.parent_id?;
        Some(Self { trace_id: context.trace_id, span_id, sampled: context.sampling.is_sampled(), reason, style })
    }
}

/// What one request said, merged from all formats. Borrows the carrier; nothing was copied.
#[derive(Clone, Debug)]
pub struct Extraction<'c> {
    inbound: Inbound,
    received: Received<'c>,
    slots: Slots<'c>,
    /// What came, before a restart made it a link.
    merged: Inbound,
    style: Option<&'c str>,
    propagator: &'c Propagator,
}

/// Watches the formats being read, one by one.
pub(crate) trait Recorder<'c> {
    fn record(&mut self, format: &'c dyn Format, reading: &Reading);
}

/// Nobody asked for a report.
impl<'c> Recorder<'c> for () {
    #[inline]
    fn record(&mut self, _: &'c dyn Format, _: &Reading) {}
}

impl Propagator {
    /// Reads all formats. Never fails: what cannot be used is left out, and [`Propagator::explain`] says why.
    #[inline]
    pub fn extract<'c, C: Carrier>(&'c self, carrier: &'c C) -> Extraction<'c> {
        let mut extraction = Extraction::before(self, carrier);
        extraction.slots.fill(carrier, &self.reads);
        extraction.read(&mut ());
        extraction
    }

    /// What a request is searched for.
    pub(crate) const fn reads(&self) -> &FieldNames {
        &self.reads
    }

    /// All names that are known here.
    pub(crate) const fn names(&self) -> &FieldNames {
        &self.names
    }
}

/// The contexts of the formats, merged as they come.
struct Merge<'c> {
    context: Option<RemoteContext>,
    primary: Option<FormatKind>,
    style: Option<&'c str>,
    /// The decision that fills in a missing one: of the first that has one.
    decision: Option<(Sampling, DecisionWeight)>,
    agrees: FormatSet,
    refused: FieldSet,
    tracestate: TraceStateFacts,
}

impl<'c> Merge<'c> {
    const NOTHING: Self = Self {
        context: None,
        primary: None,
        style: None,
        decision: None,
        agrees: FormatSet::EMPTY,
        refused: FieldSet::EMPTY,
        tracestate: TraceStateFacts::NONE,
    };

    #[inline]
    fn add(&mut self, format: &'c dyn Format, kind: FormatKind, reading: &Reading, matching: TraceMatching) {
        self.refused = self.refused.union(reading.refused_fields());
        if kind == FormatKind::TraceContext {
            self.tracestate = reading.tracestate();
        }
        match reading.outcome() {
            Outcome::Absent | Outcome::Invalid(_) => {}
            Outcome::SamplingOnly(sampling) => {
                self.decision = self.decision.or(Some((sampling, DecisionWeight::Firm)));
            }
            Outcome::Context(context) => {
                let style = reading.style().unwrap_or(format.name());
                match &mut self.context {
                    None => {
                        self.context = Some(context);
                        self.primary = Some(kind);
                        self.style = Some(style);
                        self.agrees = self.agrees.with(kind);
                    }
                    Some(primary) if matching.is_same(primary.trace_id, context.trace_id) => {
                        // The wider id names the trace: the other one lost its upper half on the way.
                        primary.trace_id = primary.trace_id.max(context.trace_id);
                        self.agrees = self.agrees.with(kind);
                        if kind == FormatKind::TraceContext || primary.parent_id.is_none() {
                            primary.parent_id = context.parent_id.or(primary.parent_id);
                        }
                        if context.sampling != Sampling::Deferred && reading.weight() != DecisionWeight::Tentative {
                            self.decision = self.decision.or(Some((context.sampling, reading.weight())));
                        }
                    }
                    // A link; see `Extraction::links`.
                    Some(_) => {}
                }
            }
        }
    }

    /// The merged context, and what filled in its decision, if it had none of its own.
    fn finish(&self) -> (Inbound, Option<DecisionWeight>) {
        match (self.context, self.decision) {
            (Some(context), Some((decision, weight))) if context.sampling == Sampling::Deferred => {
                (Inbound::Context(RemoteContext { sampling: decision, ..context }), Some(weight))
            }
            (Some(context), _) => (Inbound::Context(context), None),
            (None, Some((decision, _))) => (Inbound::Decision(decision), None),
            (None, None) => (Inbound::Nothing, None),
        }
    }
}

impl<'c> Extraction<'c> {
    /// Nothing read yet. What follows fills it in place: its table of lines is too large to be moved about.
    #[inline]
    pub(crate) fn before(propagator: &'c Propagator, source: &'c dyn LineSource) -> Self {
        Self {
            inbound: Inbound::Nothing,
            received: Received { source: Some(source), ..Received::NOTHING },
            slots: Slots::empty(source, &propagator.reads),
            merged: Inbound::Nothing,
            style: None,
            propagator,
        }
    }

    pub(crate) const fn slots_mut(&mut self) -> &mut Slots<'c> {
        &mut self.slots
    }

    /// Lets the formats judge the lines that were found.
    pub(crate) fn read(&mut self, recorder: &mut impl Recorder<'c>) {
        let propagator = self.propagator;
        let mut merge = Merge::NOTHING;
        for (format, kind) in propagator.extract.kinds() {
            let reading = format.extract(&self.slots);
            recorder.record(format, &reading);
            merge.add(format, kind, &reading, propagator.options.matching);
            if propagator.options.extract_first && merge.context.is_some() {
                break;
            }
        }
        let (inbound, filler) = merge.finish();
        self.inbound = inbound;
        self.merged = inbound;
        self.style = merge.style;
        self.received.agrees = merge.agrees;
        self.received.primary = merge.primary;
        self.received.refused = merge.refused;
        self.received.tracestate = merge.tracestate;
        self.received.filled_in = filler.is_some_and(|weight| weight != DecisionWeight::WithPriority);
        self.received.priority_in_dd = filler == Some(DecisionWeight::WithPriority);
        match propagator.options.behavior {
            Behavior::Continue => {}
            Behavior::Restart => self.restart(),
            Behavior::Ignore => self.ignore(),
        }
    }

    fn restart(&mut self) {
        self.inbound = Inbound::Nothing;
        // The lines stay for their baggage and correlation text; no format's trace counts any more.
        let (source, refused) = (self.received.source, self.received.refused);
        self.received = Received { source, refused, ..Received::NOTHING };
    }

    fn ignore(&mut self) {
        self.inbound = Inbound::Nothing;
        self.received = Received { keeps_text: false, ..Received::NOTHING };
    }

    /// What came in.
    pub const fn inbound(&self) -> Inbound {
        self.inbound
    }

    /// The trace to continue, if there is one.
    pub const fn context(&self) -> Option<RemoteContext> {
        self.inbound.context()
    }

    /// The name of the format that supplied the context.
    pub const fn style(&self) -> Option<&'c str> {
        match self.inbound {
            Inbound::Context(_) => self.style,
            _ => None,
        }
    }

    /// Contexts that came in and are not continued, in the order of the formats. Formats are asked again, so it costs
    /// nothing where nobody wants to know.
    pub fn links(&self) -> impl Iterator<Item = Link<'c>> {
        let behavior = self.propagator.options.behavior;
        let restarted = (behavior == Behavior::Restart).then(|| self.restarted_link()).flatten();
        let merged = match behavior {
            Behavior::Continue if !self.propagator.options.extract_first => self.merged.context(),
            _ => None,
        };
        let slots = self.slots;
        let matching = self.propagator.options.matching;
        let terminated = self.propagator.extract.iter().filter_map(move |format| {
            let first = merged?;
            let reading = format.extract(&slots);
            let Outcome::Context(context) = reading.outcome() else { return None };
            let other = !matching.is_same(context.trace_id, first.trace_id);
            let style = reading.style().unwrap_or(format.name());
            other.then(|| Link::new(context, LinkReason::TerminatedContext, style)).flatten()
        });
        restarted.into_iter().chain(terminated)
    }

    fn restarted_link(&self) -> Option<Link<'c>> {
        Link::new(self.merged.context()?, LinkReason::Restarted, self.style?)
    }

    /// The lines of all formats, as they came.
    pub const fn slots(&self) -> &Slots<'c> {
        &self.slots
    }

    /// The tracestate that belongs to the context; empty where there is none.
    pub fn tracestate(&self) -> TraceState<'c> {
        self.received.tracestate(&self.slots)
    }

    /// The W3C baggage; empty where there is none, none is read, or none can be used.
    pub fn baggage(&self) -> Baggage<'c> {
        if !self.propagator.options.extract_baggage || !self.received.keeps_text {
            return Baggage::EMPTY;
        }
        let lines = self.slots.lines(Field::Baggage);
        Baggage::read(lines, self.propagator.options.baggage_limits).unwrap_or(Baggage::EMPTY)
    }

    /// The id that came in a correlation header, or was there before a hop that speaks only W3C. None where none came,
    /// it is neither a UUID nor allowed by the format, or the propagator does not know the header.
    ///
    /// ```
    /// use traceprop_core::{Correlation, Propagator};
    ///
    /// static ORDER: Correlation = Correlation::from_static("x-order").opaque();
    ///
    /// let propagator = Propagator::builder().extract_static(&ORDER).inject_none().build()?;
    /// let extraction = propagator.extract(&[("X-Order", "2026/000123")]);
    /// assert_eq!(extraction.correlation(&ORDER).unwrap().as_str(), "2026/000123");
    /// assert_eq!(extraction.context(), None);
    /// # Ok::<(), traceprop_core::ConfigError>(())
    /// ```
    pub fn correlation(&self, format: &Correlation) -> Option<CorrelationId<'c>> {
        if !self.received.keeps_text {
            return None;
        }
        let bridged = || {
            let trace_id = self.context()?.trace_id;
            Some((Bridged::find(&self.tracestate(), trace_id)?, trace_id))
        };
        format.received(self.slots.named(format.field_name()).iter(), bridged)
    }

    /// What came in sw8, if it is of the trace that is continued.
    pub fn sw8(&self) -> Option<ReceivedSw8<'c>> {
        let counts = self.received.agrees.contains(FormatKind::Sw8);
        counts.then(|| Sw8::reader().received(&self.slots)).flatten()
    }

    /// A span that continues what came, or begins a new trace where nothing did.
    ///
    /// The decision is parent-based: the caller's where there is one, else sampled.
    ///
    /// ```
    /// use traceprop_core::{presets, IdBits, Sampling};
    ///
    /// let propagator = presets::W3C.propagator();
    /// let ids = || IdBits::random(7);
    /// let request = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")];
    /// let span = propagator.extract(&request).start_span(&ids).sampling();
    /// assert_eq!(span, Sampling::NotSampled);
    /// let nothing: [(&str, &str); 0] = [];
    /// assert_eq!(propagator.extract(&nothing).start_span(&ids).sampling(), Sampling::Sampled);
    /// ```
    pub fn start_span(&self, ids: &(impl IdGenerator + ?Sized)) -> SpanContext<'c> {
        let sampling = match self.inbound.sampling() {
            Sampling::Deferred => Sampling::Sampled,
            decided => decided,
        };
        self.start_span_with(ids, sampling)
    }

    /// The same with a decision of the caller's own sampler.
    pub fn start_span_with(&self, ids: &(impl IdGenerator + ?Sized), sampling: Sampling) -> SpanContext<'c> {
        SpanContext::starting(self.inbound, self.received, sampling, ids)
    }

    /// A span whose ids a tracer has made, with the words of the request.
    pub fn child(&self, trace_id: TraceId, span_id: SpanId) -> SpanContext<'c> {
        let context = self.inbound.context().filter(|context| context.trace_id == trace_id);
        let mut span = SpanContext::new(trace_id, span_id).with_sampling(self.inbound.sampling());
        span.decided_here = self.received.filled_in;
        match context {
            Some(context) => {
                span.parent_id = context.parent_id;
                span.random = context.random;
                span.received = self.received;
            }
            // Of another trace: only the user's own text goes along.
            None => {
                let Received { source, refused, keeps_text, .. } = self.received;
                span.received = Received { source, refused, keeps_text, ..Received::NOTHING };
            }
        }
        span
    }

    /// What a service passes on that reports no spans of its own.
    pub const fn relay(&self) -> Relay<'c> {
        Relay { inbound: self.inbound, received: self.received }
    }

    pub(crate) const fn received(&self) -> Received<'c> {
        self.received
    }

    pub(crate) const fn propagator(&self) -> &'c Propagator {
        self.propagator
    }
}
