//! Contexts for spans that a tracer made.

use super::{OwnedContext, Role};
use crate::context::SpanContext;
use crate::field::FormatKind;
use crate::id::{Sampling, SpanId, TraceId};

impl OwnedContext {
    /// Returns a context for the span of a tracer, with the data of this context.
    ///
    /// In the trace of this context it is a child, as [`child`](Self::child) returns it, or this span itself if the ids are
    /// equal. In another trace only baggage, correlation ids and the endpoint are kept, and a decision that has no trace.
    ///
    /// ```
    /// use traceprop_core::{OwnedContext, SpanId, TraceId, presets};
    ///
    /// let request = [
    ///     ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ///     ("tracestate", "rojo=1"),
    ///     ("baggage", "tenant=acme"),
    /// ];
    /// let received = OwnedContext::from_passthrough(&presets::W3C.propagator().extract(&request));
    /// let trace_id = received.trace_id().expect("there is a trace");
    ///
    /// let span = received.with_ids(trace_id, SpanId::MIN);
    /// assert_eq!((span.parent_id(), span.tracestate().len()), (received.span_id(), 1));
    ///
    /// let root = received.with_ids(TraceId::MIN, SpanId::MIN);
    /// assert_eq!((root.parent_id(), root.tracestate().len(), root.baggage().len()), (None, 0, 1));
    /// ```
    pub fn with_ids(&self, trace_id: TraceId, span_id: SpanId) -> Self {
        if !self.is_passthrough() && (self.trace_id(), self.span_id()) == (Some(trace_id), Some(span_id)) {
            return self.clone();
        }
        let child = self.child(span_id).filter(|child| child.trace_id() == Some(trace_id));
        child.unwrap_or_else(|| self.in_another_trace(trace_id, span_id))
    }

    fn in_another_trace(&self, trace_id: TraceId, span_id: SpanId) -> Self {
        let known = self.known();
        let mut received = known.without_trace();
        if known.built.contains(FormatKind::Baggage) {
            // It is baggage of this service, and remains so.
            received.built = received.built.with(FormatKind::Baggage);
        }
        let sampling = if self.trace_id().is_none() { self.sampling() } else { Sampling::Deferred };
        let span = SpanContext { received, ..SpanContext::new(trace_id, span_id) }.with_sampling(sampling);
        Self { role: Role::Span(span), lines: self.lines.clone(), endpoint: self.endpoint.clone() }
    }

    /// Sets the sampling decision of the span, as [`SpanContext::with_sampling`] does. A passthrough is unchanged.
    ///
    /// ```
    /// use traceprop_core::{OwnedContext, Sampling, SpanContext, SpanId, TraceId};
    ///
    /// let context = OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::MIN));
    /// assert_eq!(context.with_sampling(Sampling::Sampled).sampling(), Sampling::Sampled);
    /// ```
    pub fn with_sampling(self, sampling: Sampling) -> Self {
        self.map_span(|span| span.with_sampling(sampling))
    }

    /// Sets the random flag of the span, as [`SpanContext::with_random`] does. A passthrough is unchanged.
    pub fn with_random(self, random: bool) -> Self {
        self.map_span(|span| span.with_random(random))
    }

    /// Marks the span as one that a tracer exports. A passthrough is unchanged.
    ///
    /// Clients then name the span itself as the parent of their calls. Without the mark each call has a span id of its own,
    /// which no tracer would export. A [`child`](Self::child) does not have the mark.
    ///
    /// ```
    /// use traceprop_core::{OwnedContext, SpanContext, SpanId, TraceId};
    ///
    /// let context = OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::MIN)).reported();
    /// assert!(context.is_reported());
    /// assert!(!context.child(SpanId::MIN).expect("there is a trace").is_reported());
    /// ```
    pub fn reported(self) -> Self {
        self.map_span(|span| SpanContext { is_reported: true, ..span })
    }

    /// Returns whether a tracer exports the span, so that calls name it as their parent.
    pub const fn is_reported(&self) -> bool {
        match self.role {
            Role::Span(span) => span.is_reported,
            Role::Passthrough(_) => false,
        }
    }

    fn map_span(mut self, change: impl FnOnce(SpanContext<'static>) -> SpanContext<'static>) -> Self {
        if let Role::Span(span) = self.role {
            self.role = Role::Span(change(span));
        }
        self
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::baggage::{Baggage, OwnedBaggage};
    use crate::carrier::Pairs;
    use crate::context::inject_options::InjectOptions;
    use crate::context::trust::Trust;
    use crate::id::generator::IdBits;
    use crate::propagator::Propagator;
    use std::borrow::ToOwned;
    use std::string::String;
    use std::vec::Vec;

    const RECEIVED: &[(&str, &str)] = &[
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03"),
        ("tracestate", "rojo=1,dd=s:2;t.dm:-4;o:rum"),
        ("baggage", "tenant=acme"),
        ("x-request-id", "order-7"),
    ];

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn propagator() -> Propagator {
        let names = "tracecontext,datadog,baggage,correlation:x-request-id";
        Propagator::from_names(names, names).unwrap()
    }

    /// The request as the context of a service with a span and of one without.
    fn contexts(trust: Trust) -> [OwnedContext; 2] {
        let propagator = propagator();
        let extraction = propagator.extract_with_trust(&RECEIVED, trust);
        let span = extraction.new_span(&|| IdBits::random(1));
        [OwnedContext::from_span(&extraction, &span), OwnedContext::from_passthrough(&extraction)]
    }

    fn sent(context: &OwnedContext) -> Vec<(String, String)> {
        let mut headers = Pairs::new();
        propagator().inject(context, &InjectOptions::everything(), &mut headers);
        headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn get<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
        headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn span_id(id: u64) -> SpanId {
        SpanId::new(id).unwrap()
    }

    #[test]
    fn ok_a_span_of_the_trace_is_a_child_with_all_data() {
        for context in contexts(Trust::Continue) {
            let span = context.with_ids(TRACE.parse().unwrap(), span_id(7));
            assert_eq!((span.parent_id(), span.sampling()), (context.span_id(), Sampling::Sampled));
            let sent = sent(&span);
            assert_eq!(get(&sent, "traceparent"), Some("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000007-03"));
            let state = get(&sent, "tracestate").unwrap();
            assert!(state.contains("rojo=1") && state.contains("t.dm:-4"), "{state}");
            assert_eq!(
                (get(&sent, "x-datadog-sampling-priority"), get(&sent, "x-datadog-origin")),
                (Some("2"), Some("rum"))
            );
            assert_eq!((get(&sent, "baggage"), get(&sent, "x-request-id")), (Some("tenant=acme"), Some("order-7")));
        }
    }

    #[test]
    fn ok_the_span_itself_is_not_its_own_parent() {
        let [context, _] = contexts(Trust::Continue);
        let same = context.clone().reported().with_ids(context.trace_id().unwrap(), span_id(1));
        assert_eq!((same.span_id(), same.parent_id()), (context.span_id(), context.parent_id()));
        assert!(same.is_reported());
    }

    #[test]
    fn ok_another_trace_has_text_and_no_data_of_the_trace() {
        for context in contexts(Trust::Continue) {
            let root = context.with_ids(TraceId::MIN, span_id(7));
            assert_eq!((root.parent_id(), root.sampling(), root.is_random()), (None, Sampling::Deferred, false));
            let sent = sent(&root.with_sampling(Sampling::Sampled));
            assert_eq!(get(&sent, "x-datadog-sampling-priority"), Some("1"));
            assert_eq!(get(&sent, "x-datadog-origin"), None);
            let state = get(&sent, "tracestate").unwrap_or_default();
            assert!(!state.contains("rojo") && !state.contains("dm") && !state.contains("rum"), "{state}");
            assert_eq!((get(&sent, "baggage"), get(&sent, "x-request-id")), (Some("tenant=acme"), Some("order-7")));
        }
    }

    #[test]
    fn ok_another_trace_has_only_what_the_trust_leaves() {
        for context in contexts(Trust::Ignore) {
            let sent = sent(&context.with_ids(TraceId::MIN, span_id(7)));
            assert_eq!(get(&sent, "baggage"), None);
            assert_ne!(get(&sent, "x-request-id"), Some("order-7"));
            let baggage = OwnedBaggage::from(Baggage::parse(b"own=1").unwrap());
            let own = context.with_baggage(&baggage).with_ids(TraceId::MIN, span_id(7));
            assert_eq!(own.trust(), Trust::Ignore);
            assert_eq!(get(&self::sent(&own), "baggage"), Some("own=1"));
        }
    }

    #[test]
    fn ok_a_decision_without_a_trace_is_that_of_the_root() {
        let propagator = Propagator::from_names("b3", "b3").unwrap();
        let received = OwnedContext::from_passthrough(&propagator.extract(&[("b3", "0")]));
        assert_eq!(received.with_ids(TraceId::MIN, span_id(7)).sampling(), Sampling::NotSampled);
    }

    #[test]
    fn ok_the_decision_and_the_random_flag_are_those_of_the_tracer() {
        let [span, passthrough] = contexts(Trust::Continue);
        let changed = span.with_sampling(Sampling::NotSampled).with_random(false);
        assert_eq!((changed.sampling(), changed.is_random()), (Sampling::NotSampled, false));
        let sent = sent(&changed);
        assert_eq!(get(&sent, "traceparent"), Some("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000001-00"));
        assert_eq!(get(&sent, "x-datadog-sampling-priority"), Some("0"));
        let same = passthrough.clone().with_sampling(Sampling::NotSampled).with_random(false).reported();
        assert_eq!((same.sampling(), same.is_random(), same.is_reported()), (Sampling::Sampled, true, false));
    }

    #[test]
    fn ok_a_reported_span_has_children_that_are_not() {
        let [span, passthrough] = contexts(Trust::Continue);
        let reported = span.reported();
        assert!(reported.is_reported());
        assert!(!reported.child(span_id(9)).unwrap().is_reported());
        assert!(!reported.with_ids(TRACE.parse().unwrap(), span_id(9)).is_reported());
        assert!(!reported.with_ids(TraceId::MIN, span_id(9)).is_reported());
        assert!(!OwnedContext::new(reported.span().unwrap().child(span_id(9)).without_headers()).is_reported());
        assert!(!passthrough.reported().is_reported());
    }

    #[test]
    fn ok_a_reported_span_stays_so_under_a_stricter_trust() {
        let [span, _] = contexts(Trust::Continue);
        let propagator = propagator();
        let under = |trust| {
            span.clone().reported().under_trust(&propagator, trust, |again| Some(again.new_span(&|| IdBits::random(9))))
        };
        assert_eq!((under(Trust::Resample).span_id(), under(Trust::Resample).is_reported()), (span.span_id(), true));
        // A new trace, and a span that no tracer has.
        assert_eq!((under(Trust::Restart).span_id(), under(Trust::Restart).is_reported()), (Some(span_id(9)), false));
    }
}
