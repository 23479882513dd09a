//! Received contexts that are not continued.

use crate::context::RemoteContext;
use crate::id::{SpanId, TraceId};

/// Why a context became a link.
///
/// ```
/// use traceprop_core::LinkReason;
///
/// assert_eq!(LinkReason::DifferentTrace.as_str(), "terminated_context");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkReason {
    /// The format names a different trace than the one that is continued.
    DifferentTrace,
    /// The propagator starts new traces ([`Trust::Restart`](crate::Trust::Restart)).
    Restarted,
}

impl LinkReason {
    /// Returns the word that Datadog's tracers write into span links.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DifferentTrace => "terminated_context",
            Self::Restarted => "propagation_behavior_extract",
        }
    }
}

/// A received context that is not continued.
///
/// ```
/// use traceprop_core::{presets, LinkReason, Trust};
///
/// let propagator = presets::W3C.propagator().with_trust(Trust::Restart);
/// let request = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
/// let link = propagator.extract(&request).links().next().expect("the caller's span");
/// assert_eq!((link.reason, link.format), (LinkReason::Restarted, "tracecontext"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link<'c> {
    /// The trace of the other context.
    pub trace_id: TraceId,
    /// The span of the other context.
    pub span_id: SpanId,
    /// Whether the sender sampled it.
    pub sampled: bool,
    /// Why the context is not continued.
    pub reason: LinkReason,
    /// The name of its format.
    pub format: &'c str,
}

impl<'c> Link<'c> {
    /// Returns `None` for a context without a span.
    pub(super) fn new(context: RemoteContext, reason: LinkReason, encoding: &'c str) -> Option<Self> {
        let span_id = context.parent_id?;
        Some(Self {
            trace_id: context.trace_id,
            span_id,
            sampled: context.sampling.is_sampled(),
            reason,
            format: encoding,
        })
    }
}
