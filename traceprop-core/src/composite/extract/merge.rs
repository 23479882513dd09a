//! What several formats say of one request, made into one context.

use crate::composite::TraceMatching;
use crate::context::{FormatKind, FormatSet, Received, RemoteContext};
use crate::field::FieldSet;
use crate::format::{DecisionWeight, Format, Outcome, Reading};
use crate::sampling::Sampling;
use crate::tracestate::TraceStateFacts;

/// The contexts of the formats, merged as they come.
pub(super) struct Merge<'c> {
    context: Option<RemoteContext>,
    primary: Option<FormatKind>,
    style: Option<&'c str>,
    /// The decision that fills in a missing one: of the first that has one.
    decision: Option<(Sampling, DecisionWeight)>,
    agrees: FormatSet,
    refused: FieldSet,
    tracestate: TraceStateFacts,
}

impl<'c> Merge<'c> {
    pub(super) const NOTHING: Self = Self {
        context: None,
        primary: None,
        style: None,
        decision: None,
        agrees: FormatSet::EMPTY,
        refused: FieldSet::EMPTY,
        tracestate: TraceStateFacts::NONE,
    };

    /// What the first format says: mostly there are no others to merge it with.
    #[inline]
    pub(super) fn beginning(format: &'c dyn Format, kind: FormatKind, reading: &Reading) -> Self {
        let nothing = Self {
            refused: reading.refused_fields(),
            tracestate: if kind == FormatKind::TraceContext { reading.tracestate() } else { TraceStateFacts::NONE },
            ..Self::NOTHING
        };
        match reading.outcome_ref() {
            Outcome::Absent | Outcome::Invalid(_) => nothing,
            Outcome::SamplingOnly(sampling) => Self { decision: Some((*sampling, DecisionWeight::Firm)), ..nothing },
            Outcome::Context(context) => Self {
                context: Some(*context),
                primary: Some(kind),
                style: Some(reading.style().unwrap_or(format.name())),
                agrees: FormatSet::EMPTY.with(kind),
                ..nothing
            },
        }
    }

    #[inline]
    pub(super) fn add(&mut self, format: &'c dyn Format, kind: FormatKind, reading: &Reading, matching: TraceMatching) {
        self.refused = self.refused.union(reading.refused_fields());
        if kind == FormatKind::TraceContext {
            self.tracestate = reading.tracestate();
        }
        // By reference: a copy of the whole outcome would be taken apart byte by byte.
        match reading.outcome_ref() {
            Outcome::Absent | Outcome::Invalid(_) => {}
            Outcome::SamplingOnly(sampling) => {
                self.decision = self.decision.or(Some((*sampling, DecisionWeight::Firm)));
            }
            Outcome::Context(context) => {
                let style = reading.style().unwrap_or(format.name());
                match &mut self.context {
                    None => {
                        self.context = Some(*context);
                        self.primary = Some(kind);
                        self.style = Some(style);
                        self.agrees = self.agrees.with(kind);
                    }
                    Some(primary) if matching.is_same(primary.trace_id, context.trace_id) => {
                        // The wider id names the trace: the other one lost its upper half on the way.
                        primary.trace_id = primary.trace_id.max(context.trace_id);
                        self.agrees = self.agrees.with(kind);
                        if kind == FormatKind::TraceContext || primary.parent_id.is_none() {
                            primary.parent_id = context.parent_id.or(primary.parent_id);
                        }
                        if context.sampling != Sampling::Deferred && reading.weight() != DecisionWeight::Tentative {
                            self.decision = self.decision.or(Some((context.sampling, reading.weight())));
                        }
                    }
                    // A link; see `Extraction::links`.
                    Some(_) => {}
                }
            }
        }
    }

    #[inline]
    pub(super) const fn has_context(&self) -> bool {
        self.context.is_some()
    }

    #[inline]
    pub(super) const fn style(&self) -> Option<&'c str> {
        self.style
    }

    /// The merged context, and the decision that came without one.
    #[inline]
    pub(super) fn inbound(&self) -> (Option<RemoteContext>, Option<Sampling>) {
        let decision = self.decision.map(|(decision, _)| decision);
        match self.context {
            Some(mut context) => {
                if context.sampling == Sampling::Deferred {
                    context.sampling = decision.unwrap_or(Sampling::Deferred);
                }
                (Some(context), None)
            }
            None => (None, decision),
        }
    }

    /// How far the lines hold that the context came from.
    #[inline]
    pub(super) fn received(&self) -> Received<'c> {
        let is_open = self.context.is_some_and(|context| context.sampling == Sampling::Deferred);
        let filler = self.decision.filter(|_| is_open).map(|(_, weight)| weight);
        Received {
            agrees: self.agrees,
            primary: self.primary,
            refused: self.refused,
            tracestate: self.tracestate,
            filled_in: filler.is_some_and(|weight| weight != DecisionWeight::WithPriority),
            priority_in_dd: filler == Some(DecisionWeight::WithPriority),
            ..Received::NOTHING
        }
    }
}
