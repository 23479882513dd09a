//! Data of built-in formats that is preserved in the tracestate, for hops that forward only W3C headers.

use core::any::Any;

use super::{Format, InjectContext};
use crate::carrier::Headers;
use crate::context::Allow;
use crate::field::FormatKind;
use crate::id::{Sampling, TraceId};
use crate::tracestate::preserve::{DEFERRED, PreserveWriter, Preserved, TAG, TEXT, tag};

/// A built-in format that preserves data in the tracestate.
///
/// A propagator holds formats as `dyn Format`. It finds this private trait through their
/// [`FormatFields`](super::FormatFields). Custom formats do not have it, since they cannot read the data back.
pub(crate) trait Preserve: Format {
    /// Adds data that W3C headers cannot carry. Called before a tracestate is written.
    ///
    /// By default it keeps an open decision.
    fn preserve(&self, context: &InjectContext<'_>, writer: &mut PreserveWriter) {
        keep_deferred(context, self.fields().kind, writer);
    }

    /// Returns the trace that must not be continued in any format, because the settings of this one forbid it.
    fn refused_trace(&self, headers: &Headers<'_>) -> Option<TraceId> {
        let _ = headers;
        None
    }

    /// Returns the format that writes this encoding alone, if the format has several.
    fn encoding(&self, name: &str) -> Option<&'static dyn Format> {
        let _ = name;
        None
    }

    /// Returns `true` if it adds data to each tracestate, even without data that was received.
    fn adds_always(&self) -> bool {
        false
    }

    /// Returns the format itself if its settings matter to more than its headers.
    fn as_any(&self) -> Option<&dyn Any> {
        None
    }
}

/// Keeps the received text of headers that no format here knows, as far as `allow` permits the header.
pub(crate) fn keep_text<'n, N: Iterator<Item = &'n str>>(
    writer: &mut PreserveWriter,
    received: Preserved<'_>,
    known: impl Fn() -> N,
    allow: Allow<'_>,
) {
    for item in received.items(TEXT) {
        let Some((tagged, _)) = item.split_at_checked(TAG) else { continue };
        let is_of = |name: &str| tag(name) == tagged.as_bytes();
        if allow.allows(is_of) && !known().any(is_of) {
            writer.another_item(TEXT, item);
        }
    }
}

/// Keeps an open decision, which W3C cannot express, if a format of this kind can and named the trace.
pub(crate) fn keep_deferred(context: &InjectContext<'_>, kind: FormatKind, writer: &mut PreserveWriter) {
    // That the caller does not decide is not a decision of this service.
    if context.sampling() == Sampling::Deferred && !context.is_resampled() {
        keep_decision(context, kind, DEFERRED, writer);
    }
}

/// Keeps the decision with this letter, if a format of this kind named the trace or an earlier hop kept it.
pub(crate) fn keep_decision(context: &InjectContext<'_>, kind: FormatKind, letter: char, writer: &mut PreserveWriter) {
    let was_preserved = || context.preserved().is_some_and(|tp| tp.item(letter).is_some());
    if context.agrees(kind) || was_preserved() {
        // If longer items take all the room, only the sampled flag of the traceparent is left of the decision.
        writer.item(letter, "");
    }
}
