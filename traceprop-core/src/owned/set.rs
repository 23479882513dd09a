//! Data of an owned context that code sets: its baggage, its tracestate and single lines.

use alloc::vec::Vec;

use super::OwnedContext;
use super::lines::{Builder, Entry, OwnedLines};
use crate::baggage::OwnedBaggage;
use crate::field::{Field, FieldSet, FormatKind, InvalidHeader};
use crate::tracestate::TraceState;

impl OwnedContext {
    /// Replaces the W3C baggage.
    ///
    /// Entries with an illegal key or property are never written. [`InjectReport`](crate::report::InjectReport) counts them.
    ///
    /// It is baggage of this service, so it is sent under every [`Trust`](crate::Trust), where a call allows it.
    ///
    /// ```
    /// use traceprop_core::{Baggage, OwnedBaggage, OwnedContext, SpanContext, SpanId, TraceId};
    ///
    /// let baggage = OwnedBaggage::from(Baggage::parse(b"tenant=acme").unwrap());
    /// let context = OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::MIN)).with_baggage(&baggage);
    /// assert_eq!(context.baggage().len(), 1);
    /// ```
    pub fn with_baggage(self, baggage: &OwnedBaggage) -> Self {
        let mut context = self.with_line(Field::Baggage, baggage.line().as_bytes());
        let received = context.known_mut();
        received.built = received.built.with(FormatKind::Baggage);
        context
    }

    /// Replaces the tracestate.
    ///
    /// ```
    /// use traceprop_core::{OwnedContext, SpanContext, SpanId, TraceId};
    ///
    /// let context = OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::MIN));
    /// assert_eq!(context.with_tracestate([("rojo", "1")])?.tracestate().get("rojo"), Some("1"));
    /// # Ok::<(), traceprop_core::InvalidHeader>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if a member is invalid, or if there are more than 32 members.
    pub fn with_tracestate<'m>(
        self,
        members: impl IntoIterator<Item = (&'m str, &'m str)>,
    ) -> Result<Self, InvalidHeader> {
        let members: Vec<_> = members.into_iter().map(|(key, value)| [key, value].join("=")).collect();
        let line = members.join(",");
        let facts = TraceState::parse(line.as_bytes())?.facts;
        let mut context = self.with_line(Field::TraceState, line.as_bytes());
        let received = context.known_mut();
        received.agrees = received.agrees.with(FormatKind::TraceContext);
        received.tracestate = facts;
        Ok(context)
    }

    /// Marks a format's lines as made here, for this trace.
    pub(crate) fn built(mut self, kind: FormatKind) -> Self {
        let received = self.known_mut();
        received.agrees = received.agrees.with(kind);
        received.built = received.built.with(kind);
        self
    }

    /// Replaces all lines of a field by one, or by none if `line` is empty.
    pub(crate) fn with_line(self, field: Field, line: &[u8]) -> Self {
        self.with_lines(&[(field, line)])
    }

    /// Replaces all lines of several fields, as [`with_line`](Self::with_line) does for one.
    pub(crate) fn with_lines(mut self, fields: &[(Field, &[u8])]) -> Self {
        // The received line of a field can be invalid. The new one is not.
        let given = fields.iter().fold(FieldSet::EMPTY, |set, (field, _)| set.with(*field));
        let received = self.known_mut();
        received.ignored = received.ignored.without(given);
        let entries = fields.iter().map(|(field, line)| Entry { index: field.index() as u8, name: "", value: line });
        self.replace(|known| fields.iter().any(|(field, _)| *field == known.field()), entries)
    }

    /// Copies the lines that are not replaced, so that others can be added to them.
    pub(crate) fn lines_without(&self, is_replaced: impl Fn(&Entry<'_>) -> bool) -> Builder {
        let mut builder = Builder::with_notes(self.lines.as_ref());
        let kept = self.lines.iter().flat_map(OwnedLines::entries).filter(|entry| !is_replaced(entry));
        kept.for_each(|entry| builder.entry(&entry));
        builder
    }

    pub(crate) fn replace<'e>(
        mut self,
        is_replaced: impl Fn(&Entry<'_>) -> bool,
        by: impl IntoIterator<Item = Entry<'e>>,
    ) -> Self {
        let mut builder = self.lines_without(is_replaced);
        for entry in by.into_iter().filter(|entry| !entry.value.is_empty()) {
            builder.entry(&entry);
        }
        self.lines = builder.finish();
        self
    }
}
