//! What a format made of its fields.

use crate::context::RemoteContext;
use crate::field::FieldSet;
use crate::field::invalid::InvalidHeader;
use crate::id::sampling::Sampling;
use crate::tracestate::TraceStateFacts;

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
    Invalid(InvalidHeader),
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
pub struct Parsed {
    outcome: Outcome,
    refused: [Option<InvalidHeader>; Self::MAX_IGNORED],
    refused_fields: FieldSet,
    style: Option<&'static str>,
    weight: DecisionWeight,
    tracestate: TraceStateFacts,
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

impl Parsed {
    /// Optional fields that a reading can report as turned down.
    pub const MAX_IGNORED: usize = 4;

    /// A reading with nothing turned down.
    pub const fn new(outcome: Outcome) -> Self {
        Self {
            outcome,
            refused: [None; Self::MAX_IGNORED],
            refused_fields: FieldSet::EMPTY,
            style: None,
            weight: DecisionWeight::Firm,
            tracestate: TraceStateFacts::NONE,
        }
    }

    /// Creates the result of a format whose fields are absent.
    ///
    /// ```
    /// use traceprop_core::{Outcome, Parsed, RemoteContext, Sampling, TraceId};
    ///
    /// assert_eq!(Parsed::absent().outcome(), Outcome::Absent);
    /// assert_eq!(Parsed::sampling_only(Sampling::Debug).outcome(), Outcome::SamplingOnly(Sampling::Debug));
    /// let context = RemoteContext::new(TraceId::MIN, None);
    /// assert_eq!(Parsed::context(context).outcome(), Outcome::Context(context));
    /// ```
    pub const fn absent() -> Self {
        Self::new(Outcome::Absent)
    }

    /// Creates a result with a trace to continue.
    pub const fn context(context: RemoteContext) -> Self {
        Self::new(Outcome::Context(context))
    }

    /// Creates a result with a sampling decision and no ids.
    pub const fn sampling_only(sampling: Sampling) -> Self {
        Self::new(Outcome::SamplingOnly(sampling))
    }

    /// Creates a result for fields that are invalid as a whole.
    pub const fn invalid(reject: InvalidHeader) -> Self {
        Self::new(Outcome::Invalid(reject))
    }

    pub(crate) const fn with_outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// Reports an optional field that was turned down: it costs itself, is not handed on, and shows in the report.
    pub fn ignore_field(&mut self, reject: InvalidHeader) {
        self.refused_fields = self.refused_fields.with(reject.field());
        self.report(reject);
    }

    /// Reports a member of a list that was turned down, while the rest of its field stands. The format's own relay has
    /// to leave that member out.
    pub fn ignore_member(&mut self, reject: InvalidHeader) {
        self.report(reject);
    }

    fn report(&mut self, reject: InvalidHeader) {
        if let Some(place) = self.refused.iter_mut().find(|place| place.is_none()) {
            *place = Some(reject);
        }
    }

    /// Names the encoding that was read, where a format has several (`b3multi`).
    pub const fn with_encoding(mut self, style: &'static str) -> Self {
        self.style = Some(style);
        self
    }

    /// Says that the decision is one that the format cannot help writing, because it has no word for "deferred".
    /// Such a decision does not fill in for one that another format left open.
    pub const fn implicit_sampling(mut self) -> Self {
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
    pub fn ignored(&self) -> impl Iterator<Item = InvalidHeader> + use<> {
        self.refused.into_iter().flatten()
    }

    /// The optional fields that were turned down, whole.
    pub const fn ignored_fields(&self) -> FieldSet {
        self.refused_fields
    }

    /// The encoding that was read, if the format has several.
    pub const fn encoding(&self) -> Option<&'static str> {
        self.style
    }
}
