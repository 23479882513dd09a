//! Merges what several formats found in one request into one context.

use super::Propagator;
use crate::carrier::{Headers, LineSource};
use crate::context::{Mark, Marks, Received, RemoteContext};
use crate::field::{FieldSet, FormatKind, FormatSet, Preserves};
use crate::format::{DecisionWeight, Format, Outcome, Parsed};
use crate::id::{Sampling, TraceIdMatch};
use crate::tracestate::TraceStateFacts;
use crate::wire::InvalidReason;

/// The contexts of the formats, merged one by one.
pub(super) struct Merge<'c> {
    pub(super) context: Option<RemoteContext>,
    primary: Option<FormatKind>,
    /// The format that supplied the parent.
    parent: Option<FormatKind>,
    pub(super) encoding: Option<&'c str>,
    /// The first decision of a later format. It fills in a missing one.
    decision: Option<(Sampling, DecisionWeight)>,
    agrees: FormatSet,
    ignored: FieldSet,
    tracestate: TraceStateFacts,
    /// A format named another trace.
    pub(super) has_others: bool,
    /// A format completed the trace id after another one was compared with it.
    pub(super) needs_another_look: bool,
    /// The settings of a format forbid to continue a trace.
    pub(super) is_refused: bool,
}

impl<'c> Merge<'c> {
    pub(super) const NOTHING: Self = Self {
        context: None,
        primary: None,
        parent: None,
        encoding: None,
        decision: None,
        agrees: FormatSet::EMPTY,
        ignored: FieldSet::EMPTY,
        tracestate: TraceStateFacts::NONE,
        has_others: false,
        needs_another_look: false,
        is_refused: false,
    };

    /// Starts with what the first format read. Usually there is nothing to merge it with.
    // Reading b3 would take 3 % more instructions with `add` alone.
    #[inline]
    pub(super) fn first(format: &'c dyn Format, kind: FormatKind, parsed: &Parsed) -> Self {
        let nothing = Self {
            ignored: parsed.ignored_fields(),
            tracestate: if kind == FormatKind::TraceContext { parsed.tracestate } else { TraceStateFacts::NONE },
            ..Self::NOTHING
        };
        // One question after the other, the likeliest first: a `match` would be a jump to an address that is read.
        if let Outcome::Context(context) = &parsed.outcome {
            return Self {
                context: Some(*context),
                primary: Some(kind),
                parent: context.parent_id.map(|_| kind),
                encoding: Some(parsed.encoding().unwrap_or(format.name())),
                agrees: FormatSet::EMPTY.with(kind),
                ..nothing
            };
        }
        if let Outcome::SamplingOnly(sampling) = &parsed.outcome {
            return Self { decision: Some((*sampling, DecisionWeight::Explicit)), ..nothing };
        }
        Self { is_refused: is_refused(parsed), ..nothing }
    }

    #[inline]
    pub(super) fn add(&mut self, format: &'c dyn Format, kind: FormatKind, parsed: &Parsed, id_match: TraceIdMatch) {
        self.ignored = self.ignored.union(parsed.ignored_fields());
        if kind == FormatKind::TraceContext {
            self.tracestate = parsed.tracestate;
        }
        // By reference: a copy of the whole outcome would be taken apart byte by byte.
        match &parsed.outcome {
            Outcome::Absent | Outcome::Invalid(_) => self.is_refused |= is_refused(parsed),
            Outcome::SamplingOnly(sampling) => {
                self.decision = self.decision.or(Some((*sampling, DecisionWeight::Explicit)));
            }
            Outcome::Context(context) => {
                let encoding = parsed.encoding().unwrap_or(format.name());
                match &mut self.context {
                    None => {
                        self.context = Some(*context);
                        self.primary = Some(kind);
                        self.parent = context.parent_id.map(|_| kind);
                        self.encoding = Some(encoding);
                        self.agrees = self.agrees.with(kind);
                    }
                    Some(primary) if id_match.is_same_context(primary, context) => {
                        // The wider id names the trace: the other one lost its upper half on the way.
                        self.needs_another_look |= self.has_others && context.trace_id > primary.trace_id;
                        primary.trace_id = primary.trace_id.max(context.trace_id);
                        self.agrees = self.agrees.with(kind);
                        // The parent of the first format counts: in a mesh it is the one that proxies update. Proxies that
                        // read only W3C leave a vendor's headers as they were, so of those a traceparent knows better.
                        let is_newer = kind == FormatKind::TraceContext
                            && self.parent.is_some_and(|supplier| supplier.preserves() == Preserves::Member);
                        if is_newer || primary.parent_id.is_none() {
                            primary.parent_id = context.parent_id.or(primary.parent_id);
                            self.parent = Some(kind);
                        }
                        if context.sampling != Sampling::Deferred && parsed.weight != DecisionWeight::Implicit {
                            self.decision = self.decision.or(Some((context.sampling, parsed.weight)));
                        }
                    }
                    // A load balancer adds a trace of its own to requests that have an id.
                    Some(primary) if kind.has_only_custom_headers() && gives_way(primary, self.primary) => {
                        *primary = *context;
                        self.primary = Some(kind);
                        self.encoding = Some(encoding);
                        self.agrees = FormatSet::EMPTY.with(kind);
                        self.decision = None;
                    }
                    // It becomes a link; see `Extraction::links`.
                    Some(_) => self.has_others = true,
                }
            }
        }
    }

    /// Does what only all formats together can tell.
    #[cold]
    pub(super) fn settle(&mut self, propagator: &'c Propagator, headers: &Headers<'_>) {
        let id_match = propagator.options.id_match;
        if self.needs_another_look {
            self.has_others = false;
            for (_, format, kind) in propagator.extract.asked(headers.maybe_present()) {
                if !self.agrees.contains(kind) {
                    self.add(format, kind, &format.extract(headers), id_match);
                }
            }
        }
        if self.is_refused {
            // The context, if it is the refused trace, whichever format named it.
            let preserving = propagator.extract.iter().filter_map(|format| format.fields().preserve);
            for refused in preserving.filter_map(|format| format.refused_trace(headers)) {
                if self.context.is_some_and(|context| id_match.is_same(context.trace_id, refused)) {
                    *self = Self { ignored: self.ignored, ..Self::NOTHING };
                }
            }
        }
    }

    /// Returns the merged context, and the decision of formats that sent no ids.
    #[inline]
    pub(super) fn merged(&self) -> (Option<RemoteContext>, Sampling) {
        let decision = self.decision.map_or(Sampling::Deferred, |(decision, _)| decision);
        match self.context {
            Some(mut context) => {
                if context.sampling == Sampling::Deferred {
                    context.sampling = decision;
                }
                (Some(context), Sampling::Deferred)
            }
            None => (None, decision),
        }
    }

    /// Returns which lines of the request count for the context.
    #[inline]
    pub(super) fn received(&self, source: Option<&'c dyn LineSource>, read: FormatSet) -> Received<'c> {
        let is_open = self.context.is_some_and(|context| context.sampling == Sampling::Deferred);
        let filler = self.decision.filter(|_| is_open).map(|(_, weight)| weight);
        let marks = match filler {
            None => Marks::NONE,
            Some(DecisionWeight::WithPriority) => Marks::NONE.with(Mark::PriorityInDd),
            Some(_) => Marks::NONE.with(Mark::FilledIn),
        };
        Received {
            source,
            agrees: self.agrees,
            primary: self.primary,
            ignored: self.ignored,
            tracestate: self.tracestate,
            built: FormatSet::EMPTY,
            read,
            marks: marks.with(Mark::Extracted),
        }
    }
}

/// Whether the settings of the format forbid to continue its trace.
fn is_refused(parsed: &Parsed) -> bool {
    matches!(parsed.outcome, Outcome::Invalid(invalid) if invalid.reason() == InvalidReason::OrgMismatch)
}

/// Whether the trace was begun by a load balancer. Then a correlation id of the request is the better one.
#[cold]
fn gives_way(context: &RemoteContext, primary: Option<FormatKind>) -> bool {
    context.parent_id.is_none() && primary.is_some_and(FormatKind::is_set_by_infrastructure)
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use crate::context::inject_options::InjectOptions;
    use crate::context::received::Mark;
    use crate::context::trust::Trust;
    use crate::formats::b3::B3;
    use crate::formats::baggage::W3cBaggage;
    use crate::formats::datadog::Datadog;
    use crate::formats::sw8::Sw8;
    use crate::formats::tracecontext::W3cTraceContext;
    use crate::id::generator::IdBits;
    use crate::id::sampling::Sampling;
    use crate::id::{SpanId, TraceId};
    use crate::propagator::{Propagator, PropagatorBuilder, presets};
    use std::string::String;
    use std::vec::Vec;

    const OPEN: (&str, &str) = ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00000000000000fe");
    const DECIDED: (&str, &str) = ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00000000000000fe-1");
    const W3C: (&str, &str) = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    const PRIORITY: (&str, &str) = ("tracestate", "dd=s:2");

    fn b3_then_w3c() -> PropagatorBuilder {
        Propagator::builder().extract(B3::single()).extract(W3cTraceContext::new()).inject(Datadog::new())
    }

    type Headers = Vec<(String, String)>;

    fn get<'h>(headers: &'h Headers, name: &str) -> Option<&'h str> {
        headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn ok_decision_is_filled_in_only_if_it_is_missing() {
        let propagator = b3_then_w3c().build().unwrap();
        let filled_in = |request: &[(&'static str, &'static str)]| {
            let request = request.to_vec();
            let extraction = propagator.extract(&request);
            let received = extraction.received;
            (extraction.sampling(), received.is(Mark::FilledIn), received.is(Mark::PriorityInDd))
        };
        assert_eq!(filled_in(&[OPEN]), (Sampling::Deferred, false, false));
        assert_eq!(filled_in(&[DECIDED, W3C]), (Sampling::Sampled, false, false));
        assert_eq!(filled_in(&[OPEN, W3C]), (Sampling::Sampled, true, false));
        assert_eq!(filled_in(&[OPEN, W3C, PRIORITY]), (Sampling::Sampled, false, true));
    }

    #[test]
    fn ok_resampling_removes_the_priority_and_the_decision_maker() {
        let priority = |trust| {
            let propagator = b3_then_w3c().trust(trust).build().unwrap();
            let request = [OPEN, W3C, PRIORITY];
            let span = propagator.extract(&request).new_span_with(&|| IdBits::non_random(1), &Sampling::Sampled);
            let mut headers = Headers::new();
            propagator.inject(&span, &InjectOptions::new(), &mut headers);
            get(&headers, "x-datadog-sampling-priority").map(String::from)
        };
        assert_eq!(priority(Trust::Continue).as_deref(), Some("2"));
        assert_eq!(priority(Trust::Resample).as_deref(), Some("1"));

        let relayed = |trust| {
            let builder = Propagator::builder().names("tracecontext", "tracecontext").unwrap();
            let propagator = builder.trust(trust).build().unwrap();
            let request = [W3C, ("tracestate", "dd=o:rum;t.dm:-4")];
            let mut headers = Headers::new();
            propagator.inject(propagator.extract(&request).passthrough(), &InjectOptions::new(), &mut headers);
            get(&headers, "tracestate").map(String::from)
        };
        assert_eq!(relayed(Trust::Continue).as_deref(), Some("dd=o:rum;t.dm:-4"));
        assert_eq!(relayed(Trust::Resample).as_deref(), Some("dd=o:rum"));
    }

    #[test]
    fn ok_a_completed_id_is_compared_with_formats_read_before() {
        let propagator = Propagator::builder().names("tracecontext,jaeger,b3", "none").unwrap().build().unwrap();
        let half = ("traceparent", "00-0000000000000000a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let whole = ("uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:1:0:1");
        let completing = ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1");
        let links = |request: &[(&'static str, &'static str)]| propagator.extract(&request.to_vec()).links().count();
        assert_eq!((links(&[half, whole]), links(&[half, whole, completing])), (1, 0));
        let request = [half, whole, completing];
        assert!(propagator.extract(&request).jaeger().is_same_trace);
    }

    /// What a span of another trace sends after a request.
    fn sent_of_another_trace(propagator: &Propagator, request: &[(&'static str, &'static str)]) -> Headers {
        let request = request.to_vec();
        let span = propagator.extract(&request).span_with_ids(TraceId::MIN, SpanId::MIN);
        let mut headers = Headers::new();
        propagator.inject(&span, &InjectOptions::everything(), &mut headers);
        headers
    }

    #[test]
    fn err_forward_baggage_of_an_ignored_request() {
        let baggage = |trust| {
            let propagator = presets::W3C.propagator().with_trust(trust);
            get(&sent_of_another_trace(&propagator, &[W3C, ("baggage", "tenant=acme")]), "baggage").map(String::from)
        };
        assert_eq!(baggage(Trust::Continue).as_deref(), Some("tenant=acme"));
        assert_eq!(baggage(Trust::Restart).as_deref(), Some("tenant=acme"));
        assert_eq!(baggage(Trust::Ignore), None);
        let read = |propagator: &Propagator| propagator.extract(&[W3C, ("baggage", "tenant=acme")]).baggage().len();
        let behaving = |trust| read(&presets::W3C.propagator().with_trust(trust));
        assert_eq!((behaving(Trust::Restart), behaving(Trust::Ignore)), (1, 0));
        let writer = Propagator::builder()
            .extract(W3cTraceContext::new())
            .inject_none()
            .inject(W3cBaggage::new())
            .build()
            .unwrap();
        assert_eq!(read(&writer), 0, "baggage that is only written");
    }

    #[test]
    fn err_forward_invalid_baggage_with_another_trace() {
        let request = [("sw8", "1-x"), ("sw8-correlation", "YQ==:MQ==")];
        let builder = || Propagator::builder().with_format(Sw8::new("cart", "cart-1"));
        let propagator = builder().build().unwrap();
        assert_eq!(sent_of_another_trace(&propagator, &request).len(), 1);
        // Neither does the new trace of a service that restarts.
        let restarting = builder().trust(Trust::Restart).build().unwrap();
        let span = restarting.extract(&request).new_span(&|| IdBits::non_random(1));
        let mut headers = Headers::new();
        restarting.inject(&span, &InjectOptions::everything(), &mut headers);
        assert_eq!((headers.len(), get(&headers, "sw8-correlation")), (1, None));
    }
}
