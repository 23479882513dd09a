//! The context that a format writes.

use super::{DecisionWeight, InjectSource, Outcome, Parsed, Places, Writer};
use crate::carrier::Headers;
use crate::context::{InjectOptions, Mark, OmitReason, Trust};
use crate::field::{Field, FormatKind, FormatSet};
use crate::id::{Sampling, SpanId, TraceId, TraceIdMatch};
use crate::tracestate::preserve::Preserved;
use crate::tracestate::{TraceState, TraceStateEdit};
use crate::wire::debug_as;

/// The context that a [`Format`](crate::format::Format) writes: ids, the sampling decision and the received headers.
///
/// A propagator makes it from an [`InjectSource`] and passes it to each format of the inject list.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use traceprop_core::{
///     InjectOptions, Pairs, format::{CustomHeader, Format, FormatFields, Headers, InjectContext, Parsed},
/// };
/// use traceprop_core::{Propagator, SpanContext, format::Writer};
///
/// /// Writes the ids for a legacy system, which never sends them.
/// struct Legacy;
///
/// const IDS: CustomHeader = CustomHeader::from_static("x-legacy-ids");
///
/// impl Format for Legacy {
///     fn name(&self) -> &str {
///         "legacy"
///     }
///
///     fn fields(&self) -> FormatFields<'_> {
///         FormatFields::custom(&[IDS])
///     }
///
///     fn extract(&self, _: &Headers<'_>) -> Parsed {
///         Parsed::absent()
///     }
///
///     fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
///         if let Some((trace_id, span_id)) = context.ids() {
///             writer.write_custom(&IDS, format_args!("{trace_id}/{span_id}/{}", context.sampling()));
///         }
///     }
/// }
///
/// let propagator = Propagator::builder().extract_none().inject(Legacy).build()?;
/// let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse()?, "00f067aa0ba902b7".parse()?);
/// let mut headers = Pairs::new();
/// propagator.inject(&span, &InjectOptions::new(), &mut headers);
/// assert_eq!(headers.get("x-legacy-ids"), Some("4bf92f3577b34da6a3ce929d0e0e4736/00f067aa0ba902b7/deferred"));
/// # }
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct InjectContext<'a> {
    pub(crate) source: InjectSource<'a>,
    pub(crate) headers: &'a Headers<'a>,
    /// The tracestate of this trace; empty if none was received with it.
    pub(crate) tracestate: TraceState<'a>,
    pub(crate) options: &'a InjectOptions<'a>,
    /// The changes to the tracestate by which formats preserve data. The edits of the options follow them.
    pub(crate) preserve_edits: &'a [TraceStateEdit<'a>],
    /// The received tracestate contains text that may not go to this destination.
    pub(crate) withholds: bool,
    /// The number of items that those edits lack, because a member would be too long with them.
    pub(crate) preserve_omitted: u32,
    /// The formats that are written.
    pub(crate) injects: FormatSet,
    /// Their places in the inject list.
    pub(crate) places: Places,
    /// Which ids of the received lines name the same trace.
    pub(crate) id_match: TraceIdMatch,
    /// The format is only read, so its lines are forwarded as they are or not at all.
    pub(crate) is_read_only: bool,
}

impl<'a> InjectContext<'a> {
    /// Returns the trace id, or `None` if only a decision is forwarded.
    pub const fn trace_id(&self) -> Option<TraceId> {
        self.source.trace_id
    }

    /// Returns the span id, which is the parent of the receiver's span.
    ///
    /// Returns `None` if a received context without a span id is forwarded.
    pub const fn span_id(&self) -> Option<SpanId> {
        self.source.span_id
    }

    /// Returns the trace id and the span id, or `None` if one is missing.
    pub fn ids(&self) -> Option<(TraceId, SpanId)> {
        self.source.trace_id.zip(self.source.span_id)
    }

    /// Returns the ids, or reports that `field` is omitted if only the span id is missing.
    pub(crate) fn ids_or_omit(&self, field: Field, writer: &mut Writer<'_>) -> Option<(TraceId, SpanId)> {
        let ids = self.ids();
        if ids.is_none() && self.trace_id().is_some() {
            writer.omit(field, OmitReason::NoSpanId, 1);
        }
        ids
    }

    /// Returns the sampling decision.
    pub const fn sampling(&self) -> Sampling {
        self.source.sampling
    }

    /// Returns the decision for a format that cannot leave one open.
    ///
    /// A passthrough that replaces the caller's decision, and makes none, keeps the sampled bit that was received.
    pub(crate) const fn sampling_or_received_bit(&self) -> Sampling {
        match self.source.sampling {
            Sampling::Deferred if self.source.is_passthrough && self.is_resampled() => {
                Sampling::from_flag(self.source.received.is(Mark::WasSampled))
            }
            sampling => sampling,
        }
    }

    /// Returns `true` if flag `02` of traceparent is to be set: the trace id is known to be random.
    ///
    /// For a trace that starts here, [`PropagatorBuilder::mark_random`](crate::PropagatorBuilder::mark_random) sets it.
    pub const fn is_random(&self) -> bool {
        self.source.random
    }

    /// Returns `true` if this service made the decision, or if another format than the source of the ids supplied it.
    pub const fn is_local_decision(&self) -> bool {
        self.source.decided_here
    }

    /// Returns `true` if nothing of the caller's decision may remain, even if the decision is the same. See
    /// [`Trust::Resample`](crate::Trust::Resample).
    pub(crate) const fn is_resampled(&self) -> bool {
        matches!(self.source.received.trust(), Trust::Resample)
    }

    /// Returns `true` if a received context is forwarded without a new span.
    pub const fn is_passthrough(&self) -> bool {
        self.source.is_passthrough
    }

    /// Returns the received headers. They are empty for a trace that this service started.
    pub const fn received(&self) -> &'a Headers<'a> {
        self.headers
    }

    /// Returns the options of the call.
    pub const fn options(&self) -> &'a InjectOptions<'a> {
        self.options
    }

    /// Returns the data that formats preserved in the received tracestate, if it belongs to this trace.
    pub(crate) fn preserved(&self) -> Option<Preserved<'a>> {
        Preserved::find(&self.tracestate, self.source.trace_id?)
    }

    pub(crate) const fn injects(&self, kind: FormatKind) -> bool {
        self.injects.contains(kind)
    }

    /// Returns `true` if the request named this trace in the headers of the format.
    pub(crate) const fn agrees(&self, kind: FormatKind) -> bool {
        self.source.received.agrees.contains(kind)
    }

    /// Returns `true` if `parsed` has the trace and the decision that are forwarded, whichever parent it has.
    ///
    /// Decisions are the same if both record the trace, or neither does. A line that leaves the decision open contradicts
    /// none: it is forwarded where its format is only read, and otherwise written anew with the decision.
    pub(crate) fn is_forwarded(&self, parsed: &Parsed) -> bool {
        let is_same_decision = |received: Sampling| match self.source.sampling {
            Sampling::Deferred => received == Sampling::Deferred || parsed.weight == DecisionWeight::Implicit,
            _ if received == Sampling::Deferred => self.is_read_only,
            decided => received.is_sampled() == decided.is_sampled(),
        };
        match parsed.outcome() {
            Outcome::Context(context) => {
                let is_same_trace = |own| self.id_match.is_same(context.trace_id, own);
                self.source.trace_id.is_some_and(is_same_trace) && is_same_decision(context.sampling)
            }
            Outcome::SamplingOnly(sampling) => self.source.trace_id.is_none() && is_same_decision(sampling),
            Outcome::Absent | Outcome::Invalid(_) => false,
        }
    }

    /// Returns `true` if `parsed` has the trace, parent and decision that are being written.
    pub(crate) fn matches(&self, parsed: &Parsed) -> bool {
        match parsed.outcome() {
            Outcome::Context(context) => {
                (Some(context.trace_id), context.parent_id, context.sampling)
                    == (self.source.trace_id, self.source.span_id, self.source.sampling)
            }
            Outcome::SamplingOnly(sampling) => self.source.trace_id.is_none() && sampling == self.source.sampling,
            Outcome::Absent | Outcome::Invalid(_) => false,
        }
    }
}

debug_as!(
    InjectContext<'_>, |it|
    trace_id: it.source.trace_id, span_id: it.source.span_id, sampling: it.source.sampling
);
