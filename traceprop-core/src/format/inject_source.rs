//! Where the data of an injection is from.

use crate::context::{Mark, Passthrough, Received, SpanContext};
use crate::id::{Sampling, SpanId, TraceId};
use crate::tracestate::otel::OtelEdit;

/// The context that [`Propagator::inject`](crate::Propagator::inject) writes: a span, or a received context to forward.
///
/// It is made from a [`SpanContext`], an [`OwnedContext`](crate::OwnedContext) or a [`Passthrough`]. A span is written
/// in the canonical form of each format. A passthrough is forwarded: ids, flags and sampling decision stay as received.
/// An owned context is forwarded if it is a passthrough. Otherwise its span is written.
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use traceprop_core::{InjectOptions, Pairs, SpanContext, presets, format::InjectSource};
///
/// let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse()?, "00f067aa0ba902b7".parse()?);
/// let mut headers = Pairs::new();
/// presets::W3C.propagator().inject(InjectSource::from(&span), &InjectOptions::new(), &mut headers);
/// assert_eq!(headers.get("traceparent"), Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"));
/// # }
/// # Ok::<(), traceprop_core::ParseIdError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct InjectSource<'a> {
    pub(crate) trace_id: Option<TraceId>,
    pub(crate) span_id: Option<SpanId>,
    pub(crate) sampling: Sampling,
    pub(crate) random: bool,
    pub(crate) is_new_trace: bool,
    pub(crate) decided_here: bool,
    pub(crate) is_passthrough: bool,
    pub(crate) received: Received<'a>,
    pub(crate) otel: OtelEdit,
}

impl InjectSource<'_> {
    /// Settles how the randomness of a new trace is written: by the flag, or by an `rv` where a sampler needs it.
    #[inline]
    pub(crate) fn marked(mut self, marks_random: bool) -> Self {
        if self.is_new_trace && !marks_random {
            self.random = false;
            self.otel = self.otel.with_randomness_of_id();
        }
        self
    }
}

impl<'a> From<&SpanContext<'a>> for InjectSource<'a> {
    #[inline]
    fn from(span: &SpanContext<'a>) -> Self {
        Self {
            trace_id: Some(span.trace_id),
            span_id: Some(span.span_id),
            sampling: span.sampling,
            random: span.random,
            is_new_trace: span.is_new_trace,
            decided_here: span.decided_here,
            is_passthrough: false,
            received: span.received,
            otel: span.otel,
        }
    }
}

impl<'a> From<Passthrough<'a>> for InjectSource<'a> {
    fn from(passthrough: Passthrough<'a>) -> Self {
        let context = passthrough.context();
        Self {
            trace_id: context.map(|context| context.trace_id),
            span_id: context.and_then(|context| context.parent_id),
            sampling: passthrough.sampling(),
            random: context.is_some_and(|context| context.random),
            is_new_trace: false,
            decided_here: passthrough.received.is(Mark::FilledIn),
            is_passthrough: true,
            received: passthrough.received,
            otel: OtelEdit::NONE,
        }
    }
}

impl<'a> From<&Passthrough<'a>> for InjectSource<'a> {
    fn from(passthrough: &Passthrough<'a>) -> Self {
        Self::from(*passthrough)
    }
}
