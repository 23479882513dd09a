//! Which Datadog words count for a context: where they come from, and what a decision does to them.

use super::error::PropagationError;
use super::headers::{self, known_text};
use super::tag::DecisionMaker;
use super::tags::DatadogTags;
use super::text::{DatadogLastSpan, DatadogText};
use super::trace_state::{self, DatadogTraceState};
use crate::carrier::headers::Headers;
use crate::context::received::Received;
use crate::field::{Field, FormatKind, FormatSet};
use crate::id::sampling::Sampling;
use crate::id::{SpanId, TraceId};
use crate::tracestate::{TraceState, TraceStateMember};

/// What a context carries of Datadog: to read, borrowed from the lines that it came from.
///
/// Where the request came in `x-datadog-*` headers, these are the words of those; where it came in a traceparent, they
/// are those of the `dd` member beside it. A format that merely agrees on the trace lends no words.
///
/// ```
/// use traceprop_core::presets;
///
/// let propagator = presets::W3C.propagator();
/// let request = [
///     ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
///     ("tracestate", "acme=1,dd=s:2;o:rum;p:0123456789abcdef;t.dm:-4"),
/// ];
/// let extraction = propagator.extract(&request);
/// let datadog = extraction.datadog();
/// assert_eq!(datadog.priority(), Some(2));
/// assert_eq!(datadog.origin().expect("it came"), "rum");
/// assert_eq!(datadog.tags().get("dm").expect("it came"), "-4");
/// assert!(datadog.vendor_tracestate().map(|member| member.key).eq(["acme"]));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct DatadogView<'c> {
    priority: Option<i32>,
    origin: Option<DatadogText<'c>>,
    tags: DatadogTags<'c>,
    last_span: Option<DatadogLastSpan<'c>>,
    error: Option<PropagationError<'c>>,
    tracestate: TraceState<'c>,
}

/// What a context is by now: its words may be older.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CurrentContext {
    pub(crate) trace_id: Option<TraceId>,
    /// The span that the words came from, or that came since.
    pub(crate) parent_id: Option<SpanId>,
    pub(crate) sampling: Sampling,
    pub(crate) decided_here: bool,
    /// This is the context as it was read from a request.
    pub(crate) is_received: bool,
}

/// Where the words of a context come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// They were made here.
    Built,
    /// The `x-datadog-*` headers supplied the context.
    Headers,
    /// A traceparent did, so its `dd` member counts.
    Member,
    /// Another format did.
    Nothing,
}

impl Source {
    pub(super) fn of(received: &Received<'_>) -> Self {
        match received.primary {
            _ if received.built.contains(FormatKind::Datadog) => Self::Built,
            Some(FormatKind::Datadog) => Self::Headers,
            Some(FormatKind::TraceContext) => Self::Member,
            _ => Self::Nothing,
        }
    }
}

/// The words as they came.
pub(super) struct Fields<'c> {
    pub(super) priority: Option<i32>,
    pub(super) origin: Option<DatadogText<'c>>,
    pub(super) tags: DatadogTags<'c>,
}

impl<'c> Fields<'c> {
    /// Whether there is any word.
    pub(super) fn is_any(&self) -> bool {
        self.priority.is_some() || self.origin.is_some() || !self.tags.is_empty()
    }

    const NONE: Self = Self { priority: None, origin: None, tags: DatadogTags::EMPTY };

    #[inline(always)]
    pub(super) fn of(
        source: Source,
        slots: &Headers<'c>,
        received: &Received<'_>,
        member: Option<DatadogTraceState<'c>>,
    ) -> Self {
        // A decision that a dd member filled in comes with the number there.
        let filler = member.filter(|_| received.priority_in_dd).and_then(|member| member.priority());
        match source {
            Source::Nothing => Self { priority: filler, ..Self::NONE },
            Source::Member => member.map_or(Self::NONE, |member| {
                let (priority, origin) = member.priority_and_origin();
                Self { priority, origin, tags: member.tags() }
            }),
            // What the fields hold was checked when they were read, and invalid ones do not count.
            Source::Headers | Source::Built => {
                let is_valid = |field| !received.refused.contains(field);
                let origin = known_text(slots, Field::DatadogOrigin).filter(|_| is_valid(Field::DatadogOrigin));
                let lines = slots.get_all(Field::DatadogTags);
                Self {
                    priority: headers::priority(slots).or(filler),
                    origin: origin.map(DatadogText::verbatim),
                    tags: match source {
                        Source::Built => DatadogTags::from_parts(lines),
                        _ => DatadogTags::from_lines(lines),
                    },
                }
            }
        }
    }
}

/// The last span that was reported to Datadog, as far as anybody has said: `p` of the member, else the sender's span of
/// headers that name this trace.
pub(super) fn last_span<'c>(
    source: Source,
    slots: &Headers<'c>,
    received: &Received<'_>,
    member: Option<DatadogTraceState<'c>>,
) -> Option<DatadogLastSpan<'c>> {
    if source == Source::Built {
        return known_text(slots, Field::DatadogParentId).map(DatadogLastSpan::raw);
    }
    let of_headers = || received.agrees.contains(FormatKind::Datadog).then(|| headers::parent_id(slots)).flatten();
    member.and_then(|member| member.last_span()).or_else(|| of_headers().map(DatadogLastSpan::id))
}

/// The priority under a decision, and what becomes of the tag that says who made it.
///
/// While the decision stands it is the number that came. A traceparent's flag is such a decision over the `s` of the
/// member beside it: tracers set `dm` anew where the flag keeps a trace that `s` would drop, and drop it the other way.
pub(super) const fn decide(came: Option<i32>, sampling: Sampling, decided_here: bool) -> (Option<i32>, DecisionMaker) {
    let replaced = came.is_some() || decided_here;
    let removed = if replaced { DecisionMaker::Removed } else { DecisionMaker::AsReceived };
    match (sampling, came) {
        (Sampling::Deferred, _) => (None, removed),
        (Sampling::NotSampled, Some(..=0)) | (Sampling::Sampled, Some(1..)) => (came, DecisionMaker::AsReceived),
        // Debug says as much as a user's decision does, and more than a sampler's.
        (Sampling::Debug, Some(2..)) => (came, DecisionMaker::AsReceived),
        (Sampling::Debug, Some(1)) if !decided_here => (came, DecisionMaker::AsReceived),
        (Sampling::NotSampled, _) => (Some(0), removed),
        (Sampling::Sampled | Sampling::Debug, _) => {
            let priority = if matches!(sampling, Sampling::Debug) { 2 } else { 1 };
            let decision_maker = match came {
                Some(_) => DecisionMaker::Reset,
                None if decided_here => DecisionMaker::ResetIfNamed,
                None => DecisionMaker::AsReceived,
            };
            (Some(priority), decision_maker)
        }
    }
}

impl<'c> DatadogView<'c> {
    pub(crate) fn of(slots: &Headers<'c>, received: &Received<'c>, current: CurrentContext) -> Self {
        let tracestate = received.tracestate(slots);
        let member = DatadogTraceState::from_tracestate(&tracestate);
        let source = Source::of(received);
        let fields = Fields::of(source, slots, received, member);
        let (priority, decision_maker) = decide(fields.priority, current.sampling, current.decided_here);
        let of_member = member.zip(current.trace_id).filter(|_| source == Source::Member);
        let error = match source {
            // Only tags that are too long are ignored as a whole, and an owned context does not keep them.
            Source::Headers if received.refused.contains(Field::DatadogTags) => Some(PropagationError::ExtractMaxSize),
            _ => of_member.and_then(|(member, trace_id)| member.propagation_error(trace_id)),
        };
        let agrees = received.agrees.contains(FormatKind::Datadog);
        // The sender's own span is the parent, which is known. Without another format nothing can have changed it.
        let is_alone = current.is_received && received.agrees == FormatSet::EMPTY.with(FormatKind::Datadog);
        let is_parent = || {
            let sender = agrees.then(|| headers::parent_id(slots)).flatten();
            sender.is_some() && sender == current.parent_id
        };
        let came_between = match source {
            Source::Headers => !is_alone && !is_parent(),
            Source::Member => member.is_some_and(|member| member.last_span().is_some()) || !is_parent(),
            Source::Built => true,
            Source::Nothing => false,
        };
        let last_span = if came_between { last_span(source, slots, received, member) } else { None };
        Self {
            priority,
            origin: fields.origin,
            tags: fields.tags.with_decision_maker(decision_maker),
            last_span,
            error,
            tracestate,
        }
    }

    /// The sampling priority of the trace: the number that came while the decision stands, else 1 for sampled, 0 for not
    /// sampled, 2 for debug. `None` while nobody has decided.
    pub const fn priority(&self) -> Option<i32> {
        self.priority
    }

    /// Where the trace began, in Datadog's words: `rum`, `synthetics`, `lambda`.
    pub const fn origin(&self) -> Option<DatadogText<'c>> {
        self.origin
    }

    /// The tags that every span of the trace is to carry.
    pub const fn tags(&self) -> DatadogTags<'c> {
        self.tags
    }

    /// The last span on the path that was reported to Datadog, where it is not the parent itself.
    pub const fn last_span(&self) -> Option<DatadogLastSpan<'c>> {
        self.last_span
    }

    /// What went wrong with the tags that came.
    pub fn propagation_error(&self) -> Option<PropagationError<'c>> {
        self.error.or_else(|| self.tags.propagation_error())
    }

    /// The members of the tracestate that are not Datadog's.
    pub fn vendor_tracestate(&self) -> impl Iterator<Item = TraceStateMember<'c>> + use<'c> {
        self.tracestate.iter().filter(|member| member.key != trace_state::KEY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DecisionMaker::{AsReceived, Removed, Reset, ResetIfNamed};
    use Sampling::{Debug, Deferred, NotSampled, Sampled};

    #[test]
    fn ok_flag_and_priority_of_a_member() {
        let flag = |sampled, came| decide(came, if sampled { Sampled } else { NotSampled }, false);
        assert_eq!(flag(true, Some(2)), (Some(2), AsReceived));
        assert_eq!(flag(true, Some(1)), (Some(1), AsReceived));
        assert_eq!(flag(true, Some(0)), (Some(1), Reset));
        assert_eq!(flag(true, Some(-1)), (Some(1), Reset));
        assert_eq!(flag(true, None), (Some(1), AsReceived));
        assert_eq!(flag(false, Some(-1)), (Some(-1), AsReceived));
        assert_eq!(flag(false, Some(0)), (Some(0), AsReceived));
        assert_eq!(flag(false, Some(1)), (Some(0), Removed));
        assert_eq!(flag(false, Some(2)), (Some(0), Removed));
        assert_eq!(flag(false, None), (Some(0), AsReceived));
    }

    #[test]
    fn ok_number_stands_as_far_as_the_decision_does() {
        for came in [i32::MIN, -2, 0, 1, 3, i32::MAX] {
            let sampling = if came > 0 { Sampled } else { NotSampled };
            assert_eq!(decide(Some(came), sampling, true), (Some(came), AsReceived), "back at what it was");
        }
        assert_eq!(decide(Some(2), NotSampled, true), (Some(0), Removed));
        assert_eq!(decide(Some(-1), Sampled, true), (Some(1), Reset));
        assert_eq!(decide(Some(1), Debug, true), (Some(2), Reset));
        assert_eq!(decide(Some(1), Debug, false), (Some(1), AsReceived));
        assert_eq!(decide(Some(3), Debug, true), (Some(3), AsReceived));
        assert_eq!(decide(Some(1), Deferred, true), (None, Removed));
    }

    #[test]
    fn ok_decision_without_a_number_names_nobody() {
        assert_eq!(decide(None, Deferred, false), (None, AsReceived));
        assert_eq!(decide(None, Debug, false), (Some(2), AsReceived));
        assert_eq!(decide(None, Sampled, true), (Some(1), ResetIfNamed));
        assert_eq!(decide(None, NotSampled, true), (Some(0), Removed));
    }
}
