//! Span contexts: what came in, and what goes out of a participant.

pub(crate) mod inject_options;
pub(crate) mod received;

use crate::field::FormatKind;
use crate::id::generator::IdGenerator;
use crate::id::sampling::Sampling;
use crate::id::{SpanId, TraceId};
use crate::tracestate::otel::OtelEdit;
use received::Received;

/// What a caller sent: a trace, and mostly the caller's span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RemoteContext {
    /// The trace to continue.
    pub trace_id: TraceId,
    /// The sender's span. Correlation ids, a Datadog parent of 0 and load balancers send none.
    pub parent_id: Option<SpanId>,
    /// The sender's decision.
    pub sampling: Sampling,
    /// Whether the lower 56 bits of the trace id are promised to be random (flag `02` of a level 2 traceparent).
    pub random: bool,
}

impl RemoteContext {
    /// A context with these ids, decision open, nothing promised.
    pub const fn new(trace_id: TraceId, parent_id: Option<SpanId>) -> Self {
        Self { trace_id, parent_id, sampling: Sampling::Deferred, random: false }
    }
}

/// What goes out of a participant: its span, certain to have an id, and what it knows of the request that caused it.
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
    /// What our decision changes in OpenTelemetry's tracestate member.
    pub(crate) otel: OtelEdit,
    pub(crate) received: Received<'c>,
}

impl<'c> SpanContext<'c> {
    /// A span with these ids and nothing else: no decision, no parent, no promise of randomness.
    pub const fn new(trace_id: TraceId, span_id: SpanId) -> Self {
        Self {
            trace_id,
            span_id,
            parent_id: None,
            sampling: Sampling::Deferred,
            random: false,
            decided_here: false,
            otel: OtelEdit::NONE,
            received: Received::NOTHING,
        }
    }

    /// A new trace, sampled: what a service does that is called without a context and has no sampler.
    pub fn root(ids: &(impl IdGenerator + ?Sized)) -> Self {
        let (trace_id, random) = ids.new_trace_id();
        Self { random, ..Self::new(trace_id, ids.new_span_id()) }.with_sampling(Sampling::Sampled)
    }

    pub(crate) fn starting(
        context: Option<RemoteContext>,
        received: Received<'c>,
        sampling: Sampling,
        ids: &(impl IdGenerator + ?Sized),
    ) -> Self {
        let mut span = match context {
            Some(context) => Self {
                parent_id: context.parent_id,
                random: context.random,
                sampling: context.sampling,
                ..Self::new(context.trace_id, ids.new_span_id())
            },
            None => Self::root(ids),
        };
        span.received = received;
        span.decided_here |= received.filled_in;
        span.with_sampling(sampling)
    }

    /// A child of this span: same trace, decision and words.
    pub const fn child(mut self, span_id: SpanId) -> Self {
        self.parent_id = Some(self.span_id);
        self.span_id = span_id;
        self
    }

    /// The same span under another decision, which then counts as ours.
    pub const fn with_sampling(mut self, sampling: Sampling) -> Self {
        self.decided_here = self.decided_here || self.sampling as u8 != sampling as u8;
        let has_threshold = self.received.agrees.contains(FormatKind::TraceContext) || self.otel.threshold().is_some();
        if has_threshold && self.sampling.is_sampled() != sampling.is_sampled() {
            // With which probability, nobody can tell any more.
            self.otel = self.otel.with_threshold(None);
        }
        self.sampling = sampling;
        self
    }

    /// The same span, with or without the promise that the trace id is random (traceparent flag `02`).
    pub const fn with_random(mut self, random: bool) -> Self {
        self.random = random;
        self
    }

    /// The trace.
    pub const fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// This span.
    pub const fn span_id(&self) -> SpanId {
        self.span_id
    }

    /// The span that caused this one, if it is known.
    pub const fn parent_id(&self) -> Option<SpanId> {
        self.parent_id
    }

    /// The decision for the trace.
    pub const fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// Whether the lower 56 bits of the trace id are promised to be random.
    pub const fn is_random(&self) -> bool {
        self.random
    }
}

/// What a service passes on that reports no spans of its own: what came, as it came.
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
    fn ok_decision_counts_as_ours_only_if_it_changed() {
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
        let filled_in = Received { filled_in: true, ..Received::NOTHING };
        let continued = SpanContext::starting(context, filled_in, Sampling::NotSampled, &ids);
        assert!(continued.decided_here && continued.is_random());
        let rooted = SpanContext::starting(None, Received::NOTHING, Sampling::NotSampled, &ids);
        assert_eq!((rooted.parent_id(), rooted.sampling()), (None, Sampling::NotSampled));
        assert!(SpanContext::starting(None, Received::NOTHING, Sampling::Sampled, &ids).decided_here);
    }

    #[test]
    fn err_debug_holds_no_line() {
        let shown = std::format!("{:?}", Received::NOTHING);
        assert_eq!(shown, "Received { lines: false, primary: None, refused: FieldSet(0), .. }");
    }
}
