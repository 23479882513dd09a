//! What a format is to write.

use core::fmt;

use super::{InjectSource, Outcome, Parsed};
use crate::carrier::headers::Headers;
use crate::context::inject_options::InjectOptions;
use crate::field::{FormatKind, FormatSet};
use crate::id::sampling::Sampling;
use crate::id::{SpanId, TraceId};
use crate::tracestate::preserve::Preserved;
use crate::tracestate::{TraceState, TraceStateEdit};

/// What is to be written: ids as far as there are any, the decision, and the lines that the context came from.
#[derive(Clone, Copy)]
pub struct InjectContext<'a> {
    pub(crate) source: InjectSource<'a>,
    pub(crate) slots: &'a Headers<'a>,
    /// The tracestate that belongs to this trace; empty where none came with it.
    pub(crate) state: TraceState<'a>,
    pub(crate) outgoing: &'a InjectOptions<'a>,
    /// What goes into the tracestate of ours and of formats, to be edited in before the user's own changes.
    pub(crate) preserve_edits: &'a [TraceStateEdit<'a>],
    /// The tracestate that came holds text that may not go to this destination.
    pub(crate) withholds: bool,
    /// Items that those edits lack because they would be too long with them.
    pub(crate) preserve_omitted: u32,
    /// The formats that are written.
    pub(crate) injects: FormatSet,
}

impl<'a> InjectContext<'a> {
    /// The trace. None where only a decision is passed on.
    pub const fn trace_id(&self) -> Option<TraceId> {
        self.source.trace_id
    }

    /// The span that the receiver is to take as its parent. None where the sender named none and no span was made here.
    pub const fn span_id(&self) -> Option<SpanId> {
        self.source.span_id
    }

    /// Trace and span id, where there are both: what most formats need.
    pub fn ids(&self) -> Option<(TraceId, SpanId)> {
        self.source.trace_id.zip(self.source.span_id)
    }

    /// The decision.
    pub const fn sampling(&self) -> Sampling {
        self.source.sampling
    }

    /// Whether the trace id is promised to be random.
    pub const fn is_random(&self) -> bool {
        self.source.random
    }

    /// Whether the decision was made here, or filled in from another format, rather than received.
    pub const fn is_local_decision(&self) -> bool {
        self.source.decided_here
    }

    /// Whether no span was made here: the ids are those that came.
    pub const fn is_passthrough(&self) -> bool {
        self.source.is_passthrough
    }

    /// The lines that the context came from. Empty for a context that was made here.
    pub const fn received(&self) -> &'a Headers<'a> {
        self.slots
    }

    /// What only the call knows.
    pub const fn options(&self) -> &'a InjectOptions<'a> {
        self.outgoing
    }

    /// The tracestate that belongs to this trace; empty where none came with it.
    pub(crate) fn tracestate(&self) -> TraceState<'a> {
        self.state
    }

    /// What came of our own tracestate member, if it belongs to this trace.
    pub(crate) fn preserved(&self) -> Option<Preserved<'a>> {
        Preserved::find(&self.tracestate(), self.source.trace_id?)
    }

    /// Whether a format is among those that are written.
    pub(crate) const fn injects(&self, kind: FormatKind) -> bool {
        self.injects.contains(kind)
    }

    /// Whether a format named this trace in its own fields.
    pub(crate) const fn agrees(&self, kind: FormatKind) -> bool {
        self.source.received.agrees.contains(kind)
    }

    /// Whether `reading` says what is being written: the same trace, parent and decision.
    pub(crate) fn is_just(&self, reading: &Parsed) -> bool {
        match reading.outcome() {
            Outcome::Context(context) => {
                (Some(context.trace_id), context.parent_id, context.sampling)
                    == (self.source.trace_id, self.source.span_id, self.source.sampling)
            }
            Outcome::SamplingOnly(sampling) => self.source.trace_id.is_none() && sampling == self.source.sampling,
            Outcome::Absent | Outcome::Invalid(_) => false,
        }
    }
}

impl fmt::Debug for InjectContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InjectContext")
            .field("trace_id", &self.source.trace_id)
            .field("span_id", &self.source.span_id)
            .field("sampling", &self.source.sampling)
            .finish_non_exhaustive()
    }
}
