//! What a context keeps of the request that caused it.

use crate::carrier::{Headers, LineSource};
use crate::context::trust::Trust;
use crate::field::{Field, FieldSet, FormatKind, FormatSet};
use crate::tracestate::{TraceState, TraceStateFacts};
use crate::wire::debug_as;

/// What a context keeps of the request that caused it: the lines, and which of them count.
///
/// Formats have no other store for tracestate members, Datadog tags or sw8 names: they parse these lines again when they
/// write. So one mechanism serves every format, and a passthrough can forward lines unchanged.
#[derive(Clone, Copy)]
pub(crate) struct Received<'c> {
    /// Where the lines are. `None` in a context that was made here.
    pub(crate) source: Option<&'c dyn LineSource>,
    /// The formats that named this trace.
    pub(crate) agrees: FormatSet,
    /// The format that supplied the context.
    pub(crate) primary: Option<FormatKind>,
    /// Fields that are invalid, while the rest of their format is not.
    pub(crate) ignored: FieldSet,
    /// What parsing found in the tracestate.
    pub(crate) tracestate: TraceStateFacts,
    /// The formats whose data code gave. It is kept as header text that no request had, so it is not forwarded verbatim.
    pub(crate) built: FormatSet,
    /// The built-in formats that the propagator of the extraction reads. Their fields may be in any copy of the request.
    pub(crate) read: FormatSet,
    pub(crate) marks: Marks,
}

impl<'c> Received<'c> {
    /// Returns the tracestate of this trace, or an empty one.
    #[inline(always)]
    pub(crate) fn tracestate(&self, headers: &Headers<'c>) -> TraceState<'c> {
        let counts = self.agrees.contains(FormatKind::TraceContext) && !self.ignored.contains(Field::TraceState);
        match counts {
            true => TraceState::known(headers.get_all(Field::TraceState), self.tracestate),
            false => TraceState::EMPTY,
        }
    }

    pub(crate) const NOTHING: Self = Self {
        source: None,
        agrees: FormatSet::EMPTY,
        primary: None,
        ignored: FieldSet::EMPTY,
        tracestate: TraceStateFacts::NONE,
        built: FormatSet::EMPTY,
        read: FormatSet::EMPTY,
        marks: Marks::NONE,
    };

    /// Returns what is left if the trace of no line counts: the lines themselves, and where the context is from.
    pub(crate) const fn without_trace(&self) -> Self {
        Self { source: self.source, ignored: self.ignored, ..self.without_lines() }
    }

    /// Returns where the context is from, and nothing of what was received.
    pub(crate) const fn without_lines(&self) -> Received<'static> {
        Received { read: self.read, marks: Marks(self.marks.0 & Marks::ORIGIN), ..Received::NOTHING }
    }

    /// Returns what is known of the lines, for a context that owns them.
    #[cfg(feature = "alloc")]
    pub(crate) const fn without_source(&self) -> Received<'static> {
        let Self { agrees, primary, ignored, tracestate, built, read, marks, .. } = *self;
        Received { source: None, agrees, primary, ignored, tracestate, built, read, marks }
    }

    /// Returns how far the extraction that made the context trusted the caller.
    #[inline]
    pub(crate) const fn trust(&self) -> Trust {
        match self.marks.0 & Marks::TRUST {
            0 => Trust::Continue,
            1 => Trust::Resample,
            2 => Trust::Restart,
            _ => Trust::Ignore,
        }
    }

    pub(crate) const fn with_trust(self, trust: Trust) -> Self {
        Self { marks: Marks((self.marks.0 & !Marks::TRUST) | trust as u8), ..self }
    }

    #[inline]
    pub(crate) const fn is(&self, mark: Mark) -> bool {
        self.marks.0 & mark as u8 != 0
    }

    #[inline]
    pub(crate) const fn with(self, mark: Mark, is_set: bool) -> Self {
        let others = self.marks.0 & !(mark as u8);
        Self { marks: Marks(if is_set { others | mark as u8 } else { others }), ..self }
    }

    /// Whether baggage keeps members that carry a sampling decision: those of a caller who decides, and those that code gave.
    pub(crate) const fn keeps_decisions_in_text(&self) -> bool {
        matches!(self.trust(), Trust::Continue) || self.built.contains(FormatKind::Baggage)
    }

    /// Whether code gave data of a trace, so that the lines are not those of a request.
    pub(crate) const fn is_built(&self) -> bool {
        !self.built.is_within(FormatSet::EMPTY.with(FormatKind::Baggage))
    }

    /// Whether baggage and correlation ids of the request are kept.
    pub(crate) const fn keeps_text(&self) -> bool {
        !matches!(self.trust(), Trust::Ignore)
    }
}

/// A fact of a received context that is one bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mark {
    /// The decision was filled in from another format than the primary one.
    FilledIn = 1 << 2,
    /// A `dd` member filled in the decision, with its Datadog priority.
    PriorityInDd = 1 << 3,
    /// An extraction made the context.
    Extracted = 1 << 4,
    /// What is forwarded has no trace, and the request held a field of the propagator that read it.
    HeldFields = 1 << 5,
    /// The lines are those of an owned context, and name custom headers that a copy of the request may hold.
    HeldCustom = 1 << 6,
    /// The caller recorded the trace. A new decision replaces this, but not every format can leave it open.
    WasSampled = 1 << 7,
}

/// The trust in the lowest two bits, and a bit for each [`Mark`]. One byte, because every span has it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marks(u8);

impl Marks {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn with(self, mark: Mark) -> Self {
        Self(self.0 | mark as u8)
    }

    const TRUST: u8 = 3;
    /// What remains true of a context without its lines.
    const ORIGIN: u8 = Self::TRUST | Mark::Extracted as u8 | Mark::HeldFields as u8 | Mark::HeldCustom as u8;
}

debug_as!(Received<'_>, |it| lines: it.source.is_some(), primary: it.primary, ignored: it.ignored);
