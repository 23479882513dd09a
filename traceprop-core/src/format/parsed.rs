//! The result of reading the headers of one format.

use crate::context::RemoteContext;
use crate::field::{FieldSet, InvalidHeader};
use crate::id::Sampling;
use crate::tracestate::TraceStateFacts;

/// What a format found in its headers.
///
/// # Examples
///
/// ```
/// use traceprop_core::{Sampling, presets, format::Outcome};
///
/// let propagator = presets::ALL_TO_W3C.propagator();
/// let report = propagator.explain(&[("b3", "d")]);
/// let b3 = report.entries().find(|entry| entry.format == "b3").expect("b3 is read");
/// assert_eq!(b3.parsed.outcome(), Outcome::SamplingOnly(Sampling::Debug));
/// assert_eq!(b3.parsed.outcome().as_str(), "sampling-only");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No header, or only those that idle agents send on every request.
    Absent,
    /// A sampling decision without ids.
    SamplingOnly(Sampling),
    /// A trace to continue.
    Context(RemoteContext),
    /// Headers that cannot be used.
    Invalid(InvalidHeader),
}

impl Outcome {
    /// Returns the word for reports, logs and metrics: `absent`, `sampling-only`, `context`, `invalid`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::SamplingOnly(_) => "sampling-only",
            Self::Context(_) => "context",
            Self::Invalid(_) => "invalid",
        }
    }
}

/// The result of [`Format::extract`](crate::format::Format::extract): an outcome, and the optional headers that were ignored.
///
/// # Examples
///
/// ```
/// use traceprop_core::{Field, InvalidHeader, InvalidReason, RemoteContext, TraceId, format::Parsed};
///
/// let mut parsed = Parsed::context(RemoteContext::new(TraceId::MIN, None));
/// parsed.ignore_field(InvalidHeader::new(Field::TraceState, InvalidReason::BadValue, 3));
/// assert!(parsed.ignored_fields().contains(Field::TraceState));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed {
    pub(crate) outcome: Outcome,
    pub(crate) ignored: [Option<InvalidHeader>; Self::MAX_IGNORED],
    pub(crate) ignored_fields: FieldSet,
    pub(crate) encoding: Option<&'static str>,
    pub(crate) weight: DecisionWeight,
    pub(crate) tracestate: TraceStateFacts,
    /// The header names no trace, and is forwarded in addition to any.
    pub(crate) has_text: bool,
    /// A context that is not continued becomes a link or a conflict.
    pub(crate) makes_link: bool,
}

/// How much a decision means if another format left it open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DecisionWeight {
    /// The format cannot express "deferred", so the sender may not have decided. The open decision stays open.
    Implicit,
    /// The sender decided.
    Explicit,
    /// The sender decided, with a Datadog priority.
    WithPriority,
}

impl Parsed {
    /// The number of ignored fields and members that a result reports. Further ones are ignored without a report.
    pub const MAX_IGNORED: usize = 4;

    /// Creates a result without ignored fields.
    pub const fn new(outcome: Outcome) -> Self {
        Self {
            outcome,
            ignored: [None; Self::MAX_IGNORED],
            ignored_fields: FieldSet::EMPTY,
            encoding: None,
            weight: DecisionWeight::Explicit,
            tracestate: TraceStateFacts::NONE,
            has_text: false,
            makes_link: true,
        }
    }

    /// Creates the result of a format whose fields are absent.
    ///
    /// ```
    /// use traceprop_core::{RemoteContext, Sampling, TraceId, format::{Outcome, Parsed}};
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
    pub const fn invalid(invalid: InvalidHeader) -> Self {
        Self::new(Outcome::Invalid(invalid))
    }

    /// Ignores a field as [`ignore_field`](Self::ignore_field) does, if it is invalid.
    pub(crate) fn with_ignored(mut self, invalid: Option<InvalidHeader>) -> Self {
        if let Some(invalid) = invalid {
            self.ignore_field(invalid);
        }
        self
    }

    /// Creates the result of a read header: absent, invalid, or what `parsed` makes of its value.
    pub(crate) fn of<T>(read: Option<Result<T, InvalidHeader>>, parsed: impl FnOnce(T) -> Self) -> Self {
        match read {
            None => Self::absent(),
            Some(Err(invalid)) => Self::invalid(invalid),
            Some(Ok(value)) => parsed(value),
        }
    }

    /// Ignores an optional field. It is not forwarded, and is shown in the report.
    pub fn ignore_field(&mut self, invalid: InvalidHeader) {
        self.ignored_fields = self.ignored_fields.with(invalid.field());
        self.ignore_member(invalid);
    }

    /// Ignores a member of a list, while the rest of its field is used. The member is shown in the report.
    ///
    /// [`Format::forward`](crate::format::Format::forward) of the format has to omit the member.
    pub fn ignore_member(&mut self, invalid: InvalidHeader) {
        if let Some(place) = self.ignored.iter_mut().find(|place| place.is_none()) {
            *place = Some(invalid);
        }
    }

    /// Sets the name of the encoding that was read, such as `b3multi`, if the format has several.
    pub const fn with_encoding(self, encoding: &'static str) -> Self {
        Self { encoding: Some(encoding), ..self }
    }

    /// Marks the decision as implicit: the format always writes one, because it cannot express "deferred".
    ///
    /// An implicit decision does not replace an open one of another format.
    pub const fn implicit_sampling(self) -> Self {
        Self { weight: DecisionWeight::Implicit, ..self }
    }

    pub(crate) const fn implicit_if(self, is_implicit: bool) -> Self {
        if is_implicit { self.implicit_sampling() } else { self }
    }

    /// Returns what the format found.
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Returns the reasons for the ignored fields and members of lists, at most [`MAX_IGNORED`](Self::MAX_IGNORED).
    pub fn ignored(&self) -> impl Iterator<Item = InvalidHeader> + use<> {
        self.ignored.into_iter().flatten()
    }

    /// Returns the optional fields that were ignored as a whole.
    pub const fn ignored_fields(&self) -> FieldSet {
        self.ignored_fields
    }

    /// Returns the name of the encoding that was read, if the format has several.
    pub const fn encoding(&self) -> Option<&'static str> {
        self.encoding
    }
}
