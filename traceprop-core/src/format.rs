//! What a trace dialect is to this library: a name, the fields it owns, a way to read them and a way to write them.

use core::fmt;

use crate::bridge::{BridgeWriter, Bridged};
use crate::carrier::{CarrierMut, OutgoingName, OutgoingValue};
use crate::context::{FormatKind, FormatSet, Received, RemoteContext};
use crate::field::{Field, FieldName, FieldNames, FieldSet};
use crate::id::{SpanId, TraceId};
use crate::otel::OtelEdit;
use crate::outgoing::{OmissionReason, Omissions, Outgoing};
use crate::reject::Reject;
use crate::sampling::Sampling;
use crate::slots::Slots;
use crate::text::stack::StackText;
use crate::tracestate::{TraceState, TraceStateEdit, TraceStateFacts};

/// A trace dialect.
///
/// Built-in formats and those of users are the same to a [`Propagator`](crate::Propagator): it asks for the fields,
/// collects them in one pass over the carrier, and lets each format read from the table. The methods are four because
/// that is what a dialect is; none has a default that could lose data silently.
///
/// ```
/// use traceprop_core::{
///     Field, FieldName, Format, FormatFields, Outbound, Outcome, Reading, Reason, Reject, RemoteContext, Slots,
///     TraceId, Writer,
/// };
///
/// /// `x-acme-trace`: 32 hex digits and nothing else.
/// struct Acme;
///
/// const TRACE: FieldName = FieldName::from_static("x-acme-trace");
///
/// impl Format for Acme {
///     fn name(&self) -> &str {
///         "acme"
///     }
///
///     fn fields(&self) -> FormatFields<'_> {
///         FormatFields::named(&[TRACE])
///     }
///
///     fn extract(&self, slots: &Slots<'_>) -> Reading {
///         let Some(value) = slots.named(&TRACE).first() else {
///             return Reading::new(Outcome::Absent);
///         };
///         let field = slots.field_named(&TRACE).unwrap_or(Field::Configured(0));
///         Reading::new(match TraceId::from_hex(value) {
///             Ok(trace_id) => Outcome::Context(RemoteContext::new(trace_id, None)),
///             Err(error) => Outcome::Invalid(Reject::new(field, error.reason(), error.at())),
///         })
///     }
///
///     fn inject(&self, context: &Outbound<'_>, writer: &mut Writer<'_>) {
///         if let Some(trace_id) = context.trace_id() {
///             writer.write_named(&TRACE, &trace_id.to_string());
///         }
///     }
/// }
/// ```
pub trait Format: Send + Sync {
    /// The name in configuration and reports.
    fn name(&self) -> &str;

    /// The fields that this format owns: it reads them, and overwrites or removes them when it writes.
    fn fields(&self) -> FormatFields<'_>;

    /// What the fields say.
    fn extract(&self, slots: &Slots<'_>) -> Reading;

    /// Writes the canonical form of `context`, or nothing where there is nothing to say.
    fn inject(&self, context: &Outbound<'_>, writer: &mut Writer<'_>);

    /// Passes on what came, for a service that reports no spans: the lines as they are, where they say what is being
    /// written, else the canonical form. A format with several encodings judges each of them by itself.
    fn relay(&self, context: &Outbound<'_>, writer: &mut Writer<'_>) {
        if !context.hand_on(&self.extract(context.slots()), self.fields(), writer) {
            self.inject(context, writer);
        }
    }

    /// Hands over what has to come back from a hop that speaks only W3C. Called before a tracestate is written, of
    /// every built-in format that the propagator knows; formats of users have nothing to put there.
    fn bridge(&self, context: &Outbound<'_>, bridge: &mut BridgeWriter) {
        let _ = (context, bridge);
    }

    /// Writes the user's own text that this dialect carries, as far as [`Outgoing`] lets it go.
    /// Called behind [`Format::inject`], and also where no trace is passed on. Most dialects carry none.
    fn inject_baggage(&self, context: &Outbound<'_>, writer: &mut Writer<'_>) {
        let _ = (context, writer);
    }

    /// Whether the format can be written as it is configured. Asked once, when a propagator that writes it is built.
    ///
    /// # Errors
    /// What is missing, in words.
    fn check_inject(&self) -> Result<(), &'static str> {
        Ok(())
    }
}

impl<F: Format + ?Sized> Format for &F {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn fields(&self) -> FormatFields<'_> {
        (**self).fields()
    }

    fn extract(&self, slots: &Slots<'_>) -> Reading {
        (**self).extract(slots)
    }

    fn inject(&self, context: &Outbound<'_>, writer: &mut Writer<'_>) {
        (**self).inject(context, writer);
    }

    fn relay(&self, context: &Outbound<'_>, writer: &mut Writer<'_>) {
        (**self).relay(context, writer);
    }

    fn bridge(&self, context: &Outbound<'_>, bridge: &mut BridgeWriter) {
        (**self).bridge(context, bridge);
    }

    fn inject_baggage(&self, context: &Outbound<'_>, writer: &mut Writer<'_>) {
        (**self).inject_baggage(context, writer);
    }

    fn check_inject(&self) -> Result<(), &'static str> {
        (**self).check_inject()
    }
}

/// The fields of a format.
#[derive(Clone, Copy, Debug)]
pub struct FormatFields<'a> {
    built_in: FieldSet,
    named: &'a [FieldName],
}

impl<'a> FormatFields<'a> {
    /// Fields with a fixed name.
    pub const fn built_in(fields: FieldSet) -> Self {
        Self { built_in: fields, named: &[] }
    }

    /// Names of the format's own, or configured ones.
    pub const fn named(names: &'a [FieldName]) -> Self {
        Self { built_in: FieldSet::EMPTY, named: names }
    }

    /// Both.
    pub const fn with_named(self, names: &'a [FieldName]) -> Self {
        Self { built_in: self.built_in, named: names }
    }

    /// The fields with a fixed name.
    pub const fn built_in_fields(&self) -> FieldSet {
        self.built_in
    }

    /// The configured names.
    pub const fn names(&self) -> &'a [FieldName] {
        self.named
    }

    /// The fields as a set, named ones at the places that `names` gives them.
    pub(crate) fn set(&self, names: &FieldNames) -> FieldSet {
        let named = self.named.iter().filter_map(|name| names.configured(name));
        named.fold(self.built_in, FieldSet::with)
    }
}

/// What a format made of its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing there, or only what idle agents send on every request.
    Absent,
    /// A decision without ids.
    SamplingOnly(Sampling),
    /// A trace to continue.
    Context(RemoteContext),
    /// Something there that cannot be used.
    Invalid(Reject),
}

impl Outcome {
    /// The word for it: `absent`, `sampling-only`, `context`, `invalid`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::SamplingOnly(_) => "sampling-only",
            Self::Context(_) => "context",
            Self::Invalid(_) => "invalid",
        }
    }
}

/// An outcome, and the optional fields that were turned down beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    outcome: Outcome,
    refused: [Option<Reject>; Self::MAX_REFUSED],
    refused_fields: FieldSet,
    style: Option<&'static str>,
    weight: DecisionWeight,
    tracestate: TraceStateFacts,
    is_plain: bool,
}

/// How much the decision of a reading says, when another format left it open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DecisionWeight {
    /// The sender may have meant it or had no word for "deferred": it fills in for nothing.
    Tentative,
    /// The sender decided.
    Firm,
    /// The sender decided, and says with which Datadog priority.
    WithPriority,
}

impl Reading {
    /// Optional fields that a reading can report as turned down.
    pub const MAX_REFUSED: usize = 4;

    /// A reading with nothing turned down.
    pub const fn new(outcome: Outcome) -> Self {
        Self {
            outcome,
            refused: [None; Self::MAX_REFUSED],
            refused_fields: FieldSet::EMPTY,
            style: None,
            weight: DecisionWeight::Firm,
            tracestate: TraceStateFacts::NONE,
            is_plain: false,
        }
    }

    /// A reading of fields that cannot be used.
    pub const fn invalid(reject: Reject) -> Self {
        Self::new(Outcome::Invalid(reject))
    }

    pub(crate) const fn with_outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// Reports an optional field that was turned down: it costs itself, is not handed on, and shows in the report.
    pub fn refuse(&mut self, reject: Reject) {
        self.refused_fields = self.refused_fields.with(reject.field());
        self.report(reject);
    }

    /// Reports a member of a list that was turned down, while the rest of its field stands. The format's own relay has
    /// to leave that member out.
    pub fn refuse_member(&mut self, reject: Reject) {
        self.report(reject);
    }

    fn report(&mut self, reject: Reject) {
        if let Some(place) = self.refused.iter_mut().find(|place| place.is_none()) {
            *place = Some(reject);
        }
    }

    /// Names the encoding that was read, where a format has several (`b3multi`).
    pub const fn with_style(mut self, style: &'static str) -> Self {
        self.style = Some(style);
        self
    }

    /// Says that the decision is one that the format cannot help writing, because it has no word for "deferred".
    /// Such a decision does not fill in for one that another format left open.
    pub const fn tentative(mut self) -> Self {
        self.weight = DecisionWeight::Tentative;
        self
    }

    pub(crate) const fn with_weight(mut self, weight: DecisionWeight) -> Self {
        self.weight = weight;
        self
    }

    pub(crate) const fn weight(&self) -> DecisionWeight {
        self.weight
    }

    pub(crate) const fn with_tracestate(mut self, facts: TraceStateFacts) -> Self {
        self.tracestate = facts;
        self
    }

    /// Says that a built-in format has read fields whose names are fixed.
    pub(crate) const fn plain(mut self) -> Self {
        self.is_plain = true;
        self
    }

    /// Whether that is so, and nothing was turned down.
    pub(crate) const fn is_plain(&self) -> bool {
        self.is_plain && self.refused[0].is_none()
    }

    pub(crate) const fn tracestate(&self) -> TraceStateFacts {
        self.tracestate
    }

    /// What the format made of its fields.
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    pub(crate) const fn outcome_ref(&self) -> &Outcome {
        &self.outcome
    }

    /// What was turned down beside the outcome: optional fields, and members of lists.
    pub fn refused(&self) -> impl Iterator<Item = Reject> {
        self.refused.into_iter().flatten()
    }

    /// The optional fields that were turned down, whole.
    pub const fn refused_fields(&self) -> FieldSet {
        self.refused_fields
    }

    /// The encoding that was read, if the format has several.
    pub const fn style(&self) -> Option<&'static str> {
        self.style
    }
}

/// What is to be written: ids as far as there are any, the decision, and the lines that the context came from.
#[derive(Clone, Copy)]
pub struct Outbound<'a> {
    pub(crate) trace_id: Option<TraceId>,
    pub(crate) span_id: Option<SpanId>,
    pub(crate) sampling: Sampling,
    pub(crate) random: bool,
    pub(crate) decided_here: bool,
    pub(crate) relayed: bool,
    pub(crate) received: Received<'a>,
    pub(crate) slots: &'a Slots<'a>,
    /// The tracestate that belongs to this trace; empty where none came with it.
    pub(crate) state: TraceState<'a>,
    pub(crate) outgoing: &'a Outgoing<'a>,
    pub(crate) otel: OtelEdit,
    /// What goes into the tracestate of ours and of formats, to be edited in before the user's own changes.
    pub(crate) bridge_edits: &'a [TraceStateEdit<'a>],
    /// The tracestate that came holds text that may not go to this destination.
    pub(crate) withholds: bool,
    /// Items that those edits lack because they would be too long with them.
    pub(crate) bridge_left_out: u32,
    /// The formats that are written.
    pub(crate) injects: FormatSet,
}

impl<'a> Outbound<'a> {
    /// The trace. None where only a decision is passed on.
    pub const fn trace_id(&self) -> Option<TraceId> {
        self.trace_id
    }

    /// The span that the receiver is to take as its parent. None where the sender named none and no span was made here.
    pub const fn span_id(&self) -> Option<SpanId> {
        self.span_id
    }

    /// Trace and span id, where there are both: what most formats need.
    pub fn ids(&self) -> Option<(TraceId, SpanId)> {
        Some((self.trace_id?, self.span_id?))
    }

    /// The decision.
    pub const fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// Whether the trace id is promised to be random.
    pub const fn is_random(&self) -> bool {
        self.random
    }

    /// Whether the decision was made here, or filled in from another format, rather than received.
    pub const fn is_decided_here(&self) -> bool {
        self.decided_here
    }

    /// Whether no span was made here: the ids are those that came.
    pub const fn is_relayed(&self) -> bool {
        self.relayed
    }

    /// The lines that the context came from. Empty for a context that was made here.
    pub const fn slots(&self) -> &'a Slots<'a> {
        self.slots
    }

    /// What only the call knows.
    pub const fn outgoing(&self) -> &'a Outgoing<'a> {
        self.outgoing
    }

    /// The tracestate that belongs to this trace; empty where none came with it.
    pub(crate) fn tracestate(&self) -> TraceState<'a> {
        self.state
    }

    /// What came of our own tracestate member, if it belongs to this trace.
    pub(crate) fn bridged(&self) -> Option<Bridged<'a>> {
        Bridged::find(&self.tracestate(), self.trace_id?)
    }

    /// Whether a format is among those that are written.
    pub(crate) const fn injects(&self, kind: FormatKind) -> bool {
        self.injects.contains(kind)
    }

    /// Whether a format named this trace in its own fields.
    pub(crate) const fn agrees(&self, kind: FormatKind) -> bool {
        self.received.agrees.contains(kind)
    }

    /// Whether `reading` says what is being written: the same trace, parent and decision.
    pub(crate) fn is_just(&self, reading: &Reading) -> bool {
        match reading.outcome {
            Outcome::Context(context) => {
                (Some(context.trace_id), context.parent_id, context.sampling)
                    == (self.trace_id, self.span_id, self.sampling)
            }
            Outcome::SamplingOnly(sampling) => self.trace_id.is_none() && sampling == self.sampling,
            Outcome::Absent | Outcome::Invalid(_) => false,
        }
    }
}

impl fmt::Debug for Outbound<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("trace_id", &self.trace_id)
            .field("span_id", &self.span_id)
            .field("sampling", &self.sampling)
            .finish_non_exhaustive()
    }
}

/// Where a format writes its lines.
///
/// The first line that a format writes removes what the carrier held of that format before: a new decision must not
/// stand beside an old one. A format that writes nothing leaves everything as it was. Formats may share fields, as the
/// encodings of B3 do: what one has written is neither removed nor written again by those behind it.
pub struct Writer<'w> {
    carrier: &'w mut dyn CarrierMut,
    fields: FieldSet,
    progress: &'w mut Progress,
    /// What formats before this one have written.
    taken: FieldSet,
    has_written: bool,
    omissions: &'w mut Omissions,
    names: &'w FieldNames,
}

/// How far an injection is, over all its formats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// Fields that the carrier may have held at the start, and may still hold.
    stale: FieldSet,
    written: FieldSet,
}

impl Progress {
    pub(crate) const fn new(stale: FieldSet) -> Self {
        Self { stale, written: FieldSet::EMPTY }
    }
}

impl<'w> Writer<'w> {
    pub(crate) fn new(
        carrier: &'w mut dyn CarrierMut,
        fields: FieldSet,
        progress: &'w mut Progress,
        omissions: &'w mut Omissions,
        names: &'w FieldNames,
    ) -> Self {
        let taken = progress.written;
        Self { carrier, fields, progress, taken, has_written: false, omissions, names }
    }

    /// Writes a field with a fixed name.
    pub fn write(&mut self, field: Field, value: &str) {
        if let Some(name) = field.name() {
            self.append(OutgoingName::new(field, name), OutgoingValue::text(value));
        }
    }

    /// Writes a field with a fixed name and a value that is ASCII by construction.
    #[inline]
    pub(crate) fn write_ascii(&mut self, field: Field, value: &[u8]) {
        if let Some(name) = field.name() {
            self.append(OutgoingName::new(field, name), OutgoingValue::ascii(value));
        }
    }

    /// Writes a field whose value is put together on the way out.
    pub fn write_pieces(&mut self, field: Field, value: &dyn fmt::Display) {
        if let Some(name) = field.name() {
            self.append(OutgoingName::new(field, name), OutgoingValue::pieces(value));
        }
    }

    /// Writes a field with a configured name.
    pub fn write_named(&mut self, name: &FieldName, value: &str) {
        let field = self.names.configured(name).unwrap_or(Field::Configured(0));
        self.append(OutgoingName::new(field, name.as_str()), OutgoingValue::text(value));
    }

    /// Writes a field with a configured name and a value that is put together on the way out.
    pub fn write_named_pieces(&mut self, name: &FieldName, value: &dyn fmt::Display) {
        let field = self.names.configured(name).unwrap_or(Field::Configured(0));
        self.append(OutgoingName::new(field, name.as_str()), OutgoingValue::pieces(value));
    }

    /// Writes a field of a family: `prefix` and `suffix` make its name, at most [`Writer::MAX_NAME`] bytes. False if
    /// they make none, and nothing is written then.
    pub fn write_family(&mut self, field: Field, prefix: &str, suffix: &str, value: &dyn fmt::Display) -> bool {
        let mut name = StackText::<{ Writer::MAX_NAME }>::new();
        let token = suffix.bytes().all(crate::text::is_token_byte);
        if suffix.is_empty() || !token || name.push(prefix).is_err() || name.push(suffix).is_err() {
            return false;
        }
        self.append(OutgoingName::new(field, name.as_str()), OutgoingValue::pieces(value));
        true
    }

    /// The longest name that is put together at run time, in bytes.
    pub const MAX_NAME: usize = 128;

    /// Says that something was not written, and why.
    pub fn omit(&mut self, field: Field, reason: OmissionReason, count: u32) {
        self.omissions.add(field, reason, count);
    }

    /// Whether anything was written so far.
    pub const fn has_written(&self) -> bool {
        self.has_written
    }

    #[inline]
    pub(crate) fn append(&mut self, name: OutgoingName<'_>, value: OutgoingValue<'_>) {
        // No empty header is ever sent: some servers answer 400 to one.
        let is_empty = value.is_empty();
        if self.begin(name.field()) && !is_empty {
            self.progress.written = self.progress.written.with(name.field());
            self.carrier.append(name, value);
        }
    }

    /// Makes room for a line. False if another format has written this field.
    fn begin(&mut self, field: Field) -> bool {
        if !self.has_written {
            self.has_written = true;
            // Mostly there is nothing, and then the names need not be looked up.
            if !self.progress.stale.is_empty() {
                self.remove_stale();
            }
        }
        !self.taken.contains(field)
    }

    #[cold]
    fn remove_stale(&mut self) {
        let names = self.names;
        let due = self.progress.stale.intersection(self.fields);
        if !due.is_empty() {
            self.carrier.remove_if(&mut |name| names.find(name).is_some_and(|field| due.contains(field)));
            self.progress.stale = self.progress.stale.without(due);
        }
    }
}

impl fmt::Debug for Writer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("fields", &self.fields)
            .field("has_written", &self.has_written)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests;
