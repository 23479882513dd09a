//! The Datadog data of a context: its source, and how a sampling decision changes it.

use super::error::PropagationError;
use super::headers::{self, known_text};
use super::tag::DecisionMaker;
use super::tags::DatadogTags;
use super::text::{DatadogLastSpan, DatadogText};
use super::trace_state::{self, DatadogTraceState};
use crate::carrier::Headers;
use crate::context::{Mark, Received, Trust};
use crate::field::{Field, FormatKind, FormatSet};
use crate::format::InjectContext;
use crate::id::{Sampling, SpanId, TraceId};
use crate::tracestate::{Fact, TraceState, TraceStateMember};

/// The Datadog data of a context, borrowed from its headers.
///
/// If the `x-datadog-*` headers supplied the context, the data is from them. If traceparent did, it is from the `dd`
/// member of tracestate. If another format did, it is from the headers if they name the same trace, else from the `dd`
/// member of a traceparent that names it.
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
/// assert_eq!(datadog.origin().expect("an origin"), "rum");
/// assert_eq!(datadog.tags().get("dm").expect("a tag"), "-4");
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

/// The current ids and decision of a context, which may be newer than its Datadog data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CurrentContext {
    pub(crate) trace_id: Option<TraceId>,
    /// The span that sent the data, or a later one.
    pub(crate) parent_id: Option<SpanId>,
    pub(crate) sampling: Sampling,
    pub(crate) decided_here: bool,
    /// The context is unchanged since it was extracted.
    pub(crate) is_received: bool,
}

/// Where the Datadog data of a context is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Code gave it: [`DatadogParts`](super::DatadogParts).
    Built,
    /// The `x-datadog-*` headers supplied the context.
    Headers,
    /// A traceparent supplied the context, so the `dd` member counts.
    Member,
    /// Another format supplied the context, and none with Datadog data names the same trace.
    Nothing,
}

impl Source {
    pub(super) fn of(received: &Received<'_>) -> Self {
        match received.primary {
            _ if received.built.contains(FormatKind::Datadog) => Self::Built,
            Some(FormatKind::Datadog) => Self::Headers,
            Some(FormatKind::TraceContext) => Self::Member,
            Some(_) if received.agrees.contains(FormatKind::Datadog) => Self::Headers,
            Some(_) if received.agrees.contains(FormatKind::TraceContext) && received.tracestate.has(Fact::Dd) => {
                Self::Member
            }
            _ => Self::Nothing,
        }
    }
}

/// The Datadog data before a sampling decision is applied.
pub(super) struct Fields<'c> {
    pub(super) priority: Option<i32>,
    pub(super) origin: Option<DatadogText<'c>>,
    pub(super) tags: DatadogTags<'c>,
}

impl<'c> Fields<'c> {
    /// Returns whether there is any data.
    pub(super) fn is_any(&self) -> bool {
        self.priority.is_some() || self.origin.is_some() || !self.tags.is_empty()
    }

    const NONE: Self = Self { priority: None, origin: None, tags: DatadogTags::EMPTY };

    #[inline(always)]
    pub(super) fn of(
        source: Source,
        headers: &Headers<'c>,
        received: &Received<'_>,
        member: Option<DatadogTraceState<'c>>,
    ) -> Self {
        // A `dd` member that supplied only the decision also has its number.
        let filler = member.filter(|_| received.is(Mark::PriorityInDd)).and_then(|member| member.priority());
        match source {
            Source::Nothing => Self { priority: filler, ..Self::NONE },
            Source::Member => member.map_or(Self::NONE, |member| {
                let (priority, origin) = member.priority_and_origin();
                Self { priority, origin, tags: member.tags() }
            }),
            // The fields were checked when they were extracted, and invalid ones are ignored.
            Source::Headers | Source::Built => {
                let is_valid = |field| !received.ignored.contains(field);
                let origin = known_text(headers, Field::DatadogOrigin).filter(|_| is_valid(Field::DatadogOrigin));
                let lines = headers.get_all(Field::DatadogTags);
                Self {
                    priority: headers::priority(headers).or(filler),
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

/// Returns the last span that was reported to Datadog, if known: `p` of the member, else the parent id of headers that
/// name this trace.
pub(super) fn last_span<'c>(
    source: Source,
    headers: &Headers<'c>,
    received: &Received<'_>,
    member: Option<DatadogTraceState<'c>>,
) -> Option<DatadogLastSpan<'c>> {
    if source == Source::Built {
        return known_text(headers, Field::DatadogParentId).map(DatadogLastSpan::raw);
    }
    let of_headers = || received.agrees.contains(FormatKind::Datadog).then(|| headers::parent_id(headers)).flatten();
    member.and_then(|member| member.last_span()).or_else(|| of_headers().map(DatadogLastSpan::id))
}

/// The decision that is in force.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decision {
    pub(super) sampling: Sampling,
    /// This service made it, or another format than the source of the ids.
    pub(super) is_local: bool,
    /// The caller does not decide.
    pub(super) is_resampled: bool,
}

impl Decision {
    /// Returns the decision of a context that is written.
    pub(super) fn of(context: &InjectContext<'_>, source: Source) -> Self {
        // Data that code gave is not the caller's.
        let is_resampled = context.is_resampled() && source != Source::Built;
        Self { sampling: context.sampling(), is_local: context.is_local_decision(), is_resampled }
    }
}

/// Returns the priority that a decision results in, and what happens to the decision maker.
///
/// The received priority remains while it agrees with the decision. The flag of traceparent is a decision over `s` of
/// the member. If the flag keeps a trace that `s` drops, the tracers reset `dm`; in the opposite case they remove it.
///
/// If the caller does not decide, nothing of its decision remains, even if the new one is the same.
pub(super) const fn decide(received: Option<i32>, decision: Decision) -> (Option<i32>, DecisionMaker) {
    let Decision { sampling, is_local: decided_here, is_resampled } = decision;
    if is_resampled {
        let priority = match sampling {
            Sampling::Deferred => None,
            Sampling::NotSampled => Some(0),
            Sampling::Sampled => Some(1),
            Sampling::Debug => Some(2),
        };
        return (priority, DecisionMaker::Removed);
    }
    let replaced = received.is_some() || decided_here;
    let removed = if replaced { DecisionMaker::Removed } else { DecisionMaker::AsReceived };
    match (sampling, received) {
        (Sampling::Deferred, _) => (None, removed),
        (Sampling::NotSampled, Some(..=0)) | (Sampling::Sampled, Some(1..)) => (received, DecisionMaker::AsReceived),
        // Debug is as strong as a manual decision, and stronger than that of a sampler.
        (Sampling::Debug, Some(2..)) => (received, DecisionMaker::AsReceived),
        (Sampling::Debug, Some(1)) if !decided_here => (received, DecisionMaker::AsReceived),
        (Sampling::NotSampled, _) => (Some(0), removed),
        (Sampling::Sampled | Sampling::Debug, _) => {
            let priority = if matches!(sampling, Sampling::Debug) { 2 } else { 1 };
            let decision_maker = match received {
                Some(_) => DecisionMaker::Reset,
                None if decided_here => DecisionMaker::ResetIfNamed,
                None => DecisionMaker::AsReceived,
            };
            (Some(priority), decision_maker)
        }
    }
}

impl<'c> DatadogView<'c> {
    pub(crate) fn of(headers: &Headers<'c>, received: &Received<'c>, current: CurrentContext) -> Self {
        let tracestate = received.tracestate(headers);
        let member = DatadogTraceState::from_tracestate(&tracestate);
        let source = Source::of(received);
        let fields = Fields::of(source, headers, received, member);
        let decision = Decision {
            sampling: current.sampling,
            is_local: current.decided_here,
            is_resampled: received.trust() == Trust::Resample && source != Source::Built,
        };
        let (priority, decision_maker) = decide(fields.priority, decision);
        let of_member = member.zip(current.trace_id).filter(|_| source == Source::Member);
        let error = match source {
            // Only tags that are too long are ignored as a whole, and an owned context does not keep them.
            Source::Headers if received.ignored.contains(Field::DatadogTags) => Some(PropagationError::ExtractMaxSize),
            _ => of_member.and_then(|(member, trace_id)| member.propagation_error(trace_id)),
        };
        let agrees = received.agrees.contains(FormatKind::Datadog);
        // The span of the sender is the parent itself. Without another format nothing can have changed it.
        let is_alone = current.is_received && received.agrees == FormatSet::EMPTY.with(FormatKind::Datadog);
        let is_parent = || {
            let sender = agrees.then(|| headers::parent_id(headers)).flatten();
            sender.is_some() && sender == current.parent_id
        };
        let came_between = match source {
            Source::Headers => !is_alone && !is_parent(),
            Source::Member => member.is_some_and(|member| member.last_span().is_some()) || !is_parent(),
            Source::Built => true,
            Source::Nothing => false,
        };
        let last_span = if came_between { last_span(source, headers, received, member) } else { None };
        Self {
            priority,
            origin: fields.origin,
            tags: fields.tags.with_decision_maker(decision_maker),
            last_span,
            error,
            tracestate,
        }
    }

    /// Returns the sampling priority of the trace: the received one if it agrees with the sampling decision, else 1 for
    /// sampled, 0 for not sampled and 2 for debug. `None` if the decision is deferred.
    pub const fn priority(&self) -> Option<i32> {
        self.priority
    }

    /// Returns where the trace began: `rum`, `synthetics`, `lambda`.
    pub const fn origin(&self) -> Option<DatadogText<'c>> {
        self.origin
    }

    /// Returns the tags that every span of the trace has.
    pub const fn tags(&self) -> DatadogTags<'c> {
        self.tags
    }

    /// Returns the last span that was reported to Datadog. `None` if it is the parent.
    pub const fn last_span(&self) -> Option<DatadogLastSpan<'c>> {
        self.last_span
    }

    /// Returns what is wrong with the received tags, if anything is.
    pub fn propagation_error(&self) -> Option<PropagationError<'c>> {
        self.error.or_else(|| self.tags.propagation_error())
    }

    /// Returns the members of the tracestate without `dd`.
    pub fn vendor_tracestate(&self) -> impl Iterator<Item = TraceStateMember<'c>> + use<'c> {
        self.tracestate.iter().filter(|member| member.key != trace_state::KEY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DecisionMaker::{AsReceived, Removed, Reset, ResetIfNamed};
    use Sampling::{Debug, Deferred, NotSampled, Sampled};

    fn decide(received: Option<i32>, sampling: Sampling, is_local: bool) -> (Option<i32>, DecisionMaker) {
        super::decide(received, Decision { sampling, is_local, is_resampled: false })
    }

    #[test]
    fn ok_flag_and_priority_of_a_member() {
        let flag = |sampled, received| decide(received, if sampled { Sampled } else { NotSampled }, false);
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
    fn ok_priority_remains_while_it_agrees_with_the_decision() {
        for received in [i32::MIN, -2, 0, 1, 3, i32::MAX] {
            let sampling = if received > 0 { Sampled } else { NotSampled };
            assert_eq!(
                decide(Some(received), sampling, true),
                (Some(received), AsReceived),
                "the decision agrees again"
            );
        }
        assert_eq!(decide(Some(2), NotSampled, true), (Some(0), Removed));
        assert_eq!(decide(Some(-1), Sampled, true), (Some(1), Reset));
        assert_eq!(decide(Some(1), Debug, true), (Some(2), Reset));
        assert_eq!(decide(Some(1), Debug, false), (Some(1), AsReceived));
        assert_eq!(decide(Some(3), Debug, true), (Some(3), AsReceived));
        assert_eq!(decide(Some(1), Deferred, true), (None, Removed));
    }

    #[test]
    fn ok_decision_without_a_priority_has_no_decision_maker() {
        assert_eq!(decide(None, Deferred, false), (None, AsReceived));
        assert_eq!(decide(None, Debug, false), (Some(2), AsReceived));
        assert_eq!(decide(None, Sampled, true), (Some(1), ResetIfNamed));
        assert_eq!(decide(None, NotSampled, true), (Some(0), Removed));
    }

    #[test]
    fn ok_nothing_of_a_decision_that_does_not_count_remains() {
        for received in [None, Some(-1), Some(0), Some(1), Some(2)] {
            for (sampling, priority) in [(Deferred, None), (NotSampled, Some(0)), (Sampled, Some(1)), (Debug, Some(2))]
            {
                for is_local in [false, true] {
                    let decision = Decision { sampling, is_local, is_resampled: true };
                    assert_eq!(super::decide(received, decision), (priority, Removed), "{received:?} {sampling}");
                }
            }
        }
    }
}
