//! Span contexts: the caller's, the service's, and those that are forwarded.

pub(crate) mod inject_options;
pub(crate) mod inject_report;
pub(crate) mod received;
#[cfg(feature = "alloc")]
pub(crate) mod text_filter;
pub(crate) mod traceparent;
pub(crate) mod trust;

pub use inject_options::{Allow, InjectOptions};
pub(crate) use inject_report::OmissionList;
pub use inject_report::{InjectReport, OmitReason, Omitted};
pub(crate) use received::{Mark, Marks, Received};
#[cfg(feature = "alloc")]
pub(crate) use text_filter::{FilteredLine, TextFilter, TextLine};
pub use trust::Trust;

use crate::field::FormatKind;
use crate::id::{IdGenerator, Sampling, SpanId, TraceId, TraceIdMatch};
use crate::tracestate::otel::OtelEdit;

/// The context of a caller: a trace, and usually the caller's span.
///
/// ```
/// use traceprop_core::{RemoteContext, Sampling, TraceId};
///
/// let context = RemoteContext { sampling: Sampling::Sampled, ..RemoteContext::new(TraceId::MIN, None) };
/// assert!(context.sampling.is_sampled() && !context.random);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RemoteContext {
    /// The trace to continue.
    pub trace_id: TraceId,
    /// The sender's span. `None` for correlation ids, a Datadog parent of 0 and load balancers.
    pub parent_id: Option<SpanId>,
    /// The sender's decision.
    pub sampling: Sampling,
    /// Whether the lower 56 bits of the trace id are random, as flag `02` of a level 2 traceparent says.
    pub random: bool,
}

impl RemoteContext {
    /// Creates a context with these ids, without a sampling decision.
    pub const fn new(trace_id: TraceId, parent_id: Option<SpanId>) -> Self {
        Self { trace_id, parent_id, sampling: Sampling::Deferred, random: false }
    }
}

impl TraceIdMatch {
    /// Returns whether two contexts are of one trace. If they name one span too, an absent upper half is enough.
    pub(crate) fn is_same_context(self, one: &RemoteContext, other: &RemoteContext) -> bool {
        let is_one_span = || one.parent_id.is_some() && one.parent_id == other.parent_id;
        self.is_same(one.trace_id, other.trace_id)
            || (is_one_span() && Self::Low64.is_same(one.trace_id, other.trace_id))
    }
}

/// The span of a service, with the received headers of the request that caused it.
///
/// ```
/// use traceprop_core::{Sampling, SpanContext};
///
/// let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse()?, "00f067aa0ba902b7".parse()?)
///     .with_sampling(Sampling::Sampled);
/// let child = span.child("b7ad6b7169203331".parse()?);
/// assert_eq!(child.parent_id(), Some(span.span_id()));
/// assert_eq!((child.trace_id(), child.sampling()), (span.trace_id(), Sampling::Sampled));
/// # Ok::<(), traceprop_core::ParseIdError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SpanContext<'c> {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) parent_id: Option<SpanId>,
    pub(crate) sampling: Sampling,
    pub(crate) random: bool,
    pub(crate) decided_here: bool,
    /// The trace starts with this span or with one that it is a child of. Its random flag is a setting of the propagator.
    pub(crate) is_new_trace: bool,
    /// A tracer exports the span, so calls name it as their parent.
    pub(crate) is_reported: bool,
    /// What a local decision changes in OpenTelemetry's tracestate member.
    pub(crate) otel: OtelEdit,
    pub(crate) received: Received<'c>,
}

impl<'c> SpanContext<'c> {
    /// Creates a span without a parent, a sampling decision or received headers.
    pub const fn new(trace_id: TraceId, span_id: SpanId) -> Self {
        Self {
            trace_id,
            span_id,
            parent_id: None,
            sampling: Sampling::Deferred,
            random: false,
            decided_here: false,
            is_new_trace: false,
            is_reported: false,
            otel: OtelEdit::NONE,
            received: Received::NOTHING,
        }
    }

    /// Creates the sampled root span of a new trace.
    ///
    /// By default the random flag of its traceparent is not set; see
    /// [`PropagatorBuilder::mark_random`](crate::PropagatorBuilder::mark_random).
    ///
    /// ```
    /// use traceprop_core::{IdBits, SpanContext};
    ///
    /// let root = SpanContext::root(&|| IdBits::random(7));
    /// assert!(root.sampling().is_sampled() && root.is_random() && root.parent_id().is_none());
    /// ```
    pub fn root(ids: &(impl IdGenerator + ?Sized)) -> Self {
        let (trace_id, random) = ids.new_trace_id();
        Self { random, is_new_trace: true, ..Self::new(trace_id, ids.new_span_id()) }.with_sampling(Sampling::Sampled)
    }

    /// Creates a child of a caller's span, with the caller's decision.
    pub(crate) const fn child_of(caller: RemoteContext, span_id: SpanId) -> Self {
        let RemoteContext { trace_id, parent_id, sampling, random } = caller;
        Self { parent_id, sampling, random, ..Self::new(trace_id, span_id) }
    }

    /// Returns the context as the next hop receives it.
    #[cfg(feature = "alloc")]
    pub(crate) const fn as_remote(&self) -> RemoteContext {
        let Self { trace_id, span_id, sampling, random, .. } = *self;
        RemoteContext { trace_id, parent_id: Some(span_id), sampling, random }
    }

    pub(crate) fn starting(
        context: Option<RemoteContext>,
        received: Received<'c>,
        sampling: Sampling,
        ids: &(impl IdGenerator + ?Sized),
    ) -> Self {
        let mut span = match context {
            Some(context) => Self::child_of(context, ids.new_span_id()),
            None => Self::root(ids),
        };
        span.received = received;
        span.decided_here |= received.is(Mark::FilledIn);
        span.with_sampling(sampling)
    }

    /// Returns a child of this span, with its trace, sampling decision and received headers.
    pub const fn child(mut self, span_id: SpanId) -> Self {
        self.parent_id = Some(self.span_id);
        self.span_id = span_id;
        self.is_reported = false;
        self
    }

    /// Sets the sampling decision. If it differs from the received one, it counts as a local decision.
    pub const fn with_sampling(mut self, sampling: Sampling) -> Self {
        self.decided_here = self.decided_here || self.sampling as u8 != sampling as u8;
        let has_threshold = self.received.agrees.contains(FormatKind::TraceContext) || self.otel.threshold().is_some();
        if has_threshold && self.sampling.is_sampled() != sampling.is_sampled() {
            // The sampling probability is no longer known.
            self.otel = self.otel.with_threshold(None);
        }
        self.sampling = sampling;
        self
    }

    /// Sets whether the lower 56 bits of the trace id are random, and writes that as traceparent flag `02`.
    pub const fn with_random(mut self, random: bool) -> Self {
        self.random = random;
        self.is_new_trace = false;
        self
    }

    /// Returns the trace id.
    pub const fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// Returns the span id.
    pub const fn span_id(&self) -> SpanId {
        self.span_id
    }

    /// Returns the parent span, if it is known.
    pub const fn parent_id(&self) -> Option<SpanId> {
        self.parent_id
    }

    /// Returns the sampling decision of the trace.
    pub const fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// Returns whether the lower 56 bits of the trace id are random.
    pub const fn is_random(&self) -> bool {
        self.random
    }
}

/// A received context that a service without spans forwards.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use traceprop_core::{InjectOptions, Pairs, presets};
///
/// let propagator = presets::W3C.propagator();
/// let request = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
/// let passthrough = propagator.extract(&request).passthrough();
///
/// let mut headers = Pairs::new();
/// propagator.inject(passthrough, &InjectOptions::new(), &mut headers);
/// assert_eq!(headers.get("traceparent"), Some(request[0].1));
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Passthrough<'c> {
    context: Option<RemoteContext>,
    /// The decision. That of the context, if there is one.
    sampling: Sampling,
    pub(crate) received: Received<'c>,
}

impl<'c> Passthrough<'c> {
    /// Creates a passthrough of `context` without received headers, so every format writes its canonical form.
    ///
    /// ```
    /// use traceprop_core::{RemoteContext, Sampling, TraceId, format::Passthrough};
    ///
    /// let passthrough = Passthrough::from_remote(RemoteContext::new(TraceId::MIN, None));
    /// assert_eq!(passthrough.context().map(|context| context.trace_id), Some(TraceId::MIN));
    /// assert_eq!(passthrough.sampling(), Sampling::Deferred);
    /// ```
    pub const fn from_remote(context: RemoteContext) -> Self {
        Self { context: Some(context), sampling: context.sampling, received: Received::NOTHING }
    }

    /// Creates a passthrough of a sampling decision without a trace. [`Sampling::Deferred`] forwards nothing.
    pub const fn sampling_only(sampling: Sampling) -> Self {
        Self { context: None, sampling, received: Received::NOTHING }
    }

    pub(crate) const fn with_received<'r>(self, received: Received<'r>) -> Passthrough<'r> {
        Passthrough { context: self.context, sampling: self.sampling, received }
    }

    /// Replaces the decision of a trace. A decision without a trace is unchanged.
    #[cfg(feature = "alloc")]
    pub(crate) const fn with_sampling(mut self, sampling: Sampling) -> Self {
        if let Some(context) = &mut self.context {
            context.sampling = sampling;
            self.sampling = sampling;
        }
        self
    }

    /// Returns the forwarded context, or `None` if there is no trace.
    pub const fn context(&self) -> Option<RemoteContext> {
        self.context
    }

    /// Returns the forwarded sampling decision. It can exist without a trace.
    pub const fn sampling(&self) -> Sampling {
        self.sampling
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::generator::IdBits;

    fn trace(value: u128) -> TraceId {
        TraceId::new(value).unwrap()
    }

    fn span(value: u64) -> SpanId {
        SpanId::new(value).unwrap()
    }

    #[test]
    fn ok_child_keeps_trace_and_names_its_parent() {
        let parent = SpanContext::new(trace(7), span(1)).with_sampling(Sampling::Debug).with_random(true);
        let child = parent.child(span(2));
        assert_eq!((child.trace_id(), child.span_id(), child.parent_id()), (trace(7), span(2), Some(span(1))));
        assert_eq!((child.sampling(), child.is_random()), (Sampling::Debug, true));
    }

    #[test]
    fn ok_root_is_sampled_and_as_random_as_its_ids() {
        let root = SpanContext::root(&|| IdBits::random(3));
        assert_eq!((root.sampling(), root.is_random(), root.parent_id()), (Sampling::Sampled, true, None));
        assert!(root.decided_here);
        assert!(!SpanContext::root(&|| IdBits::non_random(3)).is_random());
    }

    #[test]
    fn ok_decision_is_local_only_if_it_changed() {
        let span = SpanContext::new(trace(7), span(1));
        assert!(!span.with_sampling(Sampling::Deferred).decided_here);
        assert!(span.with_sampling(Sampling::Sampled).decided_here);
    }

    #[test]
    fn ok_starting_continues_a_context_and_roots_without_one() {
        let ids = || IdBits::random(9);
        let context = RemoteContext { sampling: Sampling::NotSampled, ..RemoteContext::new(trace(5), Some(span(4))) };
        let continued = SpanContext::starting(Some(context), Received::NOTHING, Sampling::NotSampled, &ids);
        assert_eq!((continued.trace_id(), continued.parent_id()), (trace(5), Some(span(4))));
        assert!(!continued.decided_here && !continued.is_random());
        let context = Some(RemoteContext { random: true, ..context });
        let filled_in = Received::NOTHING.with(Mark::FilledIn, true);
        let continued = SpanContext::starting(context, filled_in, Sampling::NotSampled, &ids);
        assert!(continued.decided_here && continued.is_random());
        let rooted = SpanContext::starting(None, Received::NOTHING, Sampling::NotSampled, &ids);
        assert_eq!((rooted.parent_id(), rooted.sampling()), (None, Sampling::NotSampled));
        assert!(SpanContext::starting(None, Received::NOTHING, Sampling::Sampled, &ids).decided_here);
    }

    #[test]
    fn err_debug_holds_no_line() {
        let shown = std::format!("{:?}", Received::NOTHING);
        assert_eq!(shown, "Received { lines: false, primary: None, ignored: FieldSet(0), .. }");
    }
}
