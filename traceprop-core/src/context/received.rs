//! What a context keeps of the request that caused it.

use crate::carrier::headers::Headers;
use crate::carrier::source::LineSource;
use crate::context::trust::Trust;
use crate::field::{Field, FieldSet, FormatKind, FormatSet};
use crate::tracestate::{TraceState, TraceStateFacts};
use core::fmt;

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
    /// The decision was filled in from another format than the primary one.
    pub(crate) filled_in: bool,
    /// A `dd` member filled in the decision, with its Datadog priority.
    pub(crate) priority_in_dd: bool,
    /// The formats whose data code gave. It is kept as header text that no request had, so it is not forwarded verbatim.
    pub(crate) built: FormatSet,
    /// Whether baggage and correlation ids are kept. They are not under `Trust::Ignore`.
    pub(crate) keeps_text: bool,
    /// How far the extraction that made the context trusted the caller.
    pub(crate) trust: Trust,
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
        filled_in: false,
        priority_in_dd: false,
        built: FormatSet::EMPTY,
        keeps_text: true,
        trust: Trust::Continue,
    };
}

impl fmt::Debug for Received<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("lines", &self.source.is_some())
            .field("primary", &self.primary)
            .field("ignored", &self.ignored)
            .finish_non_exhaustive()
    }
}
