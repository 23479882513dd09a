//! One request from a caller through Envoy to a service of ours, and from there through Envoy to another one.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use traceprop_core::formats::datadog::DatadogParts;
use traceprop_core::{OwnedBaggage, OwnedContext, Propagator, RandomIds, Sampling, SpanContext, SpanId, TraceId};

use super::tracers::Tracer;
use crate::Error;
use crate::hops::{Caller, Hop, NEXT, PROTOCOL, Protocol, Services};
use crate::spans::Reported;

/// A request of our caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) name: &'static str,
    /// `None`: the caller has no context, and Envoy begins the trace.
    pub(super) sampling: Option<Sampling>,
    /// Whether the first service makes a span.
    pub(super) is_passthrough: bool,
}

const SPAN: Case = Case { name: "span", sampling: Some(Sampling::Sampled), is_passthrough: false };

pub(super) const CASES: [Case; 4] = [
    Case { name: "no-context", sampling: None, ..SPAN },
    SPAN,
    Case { name: "not-sampled", sampling: Some(Sampling::NotSampled), ..SPAN },
    Case { name: "passthrough", is_passthrough: true, ..SPAN },
];

/// What became of a request.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) tracer: Tracer,
    pub(super) case: Case,
    pub(super) protocol: Protocol,
    /// The caller's span.
    caller: Option<(TraceId, SpanId)>,
    hops: [Hop; 2],
}

/// A cell: who writes and who reads, the thing, and the result.
pub(super) type Outcome = (&'static str, &'static str, Result<(), String>);

const FROM_ENVOY: &str = "Envoy to ours";
const TO_ENVOY: &str = "ours to Envoy";

/// Sends the request.
pub(super) async fn go(
    tracer: Tracer,
    services: &Services,
    propagator: &Arc<Propagator>,
    ports: &HashMap<String, u16>,
    case: Case,
    protocol: Protocol,
) -> Result<Way, Error> {
    let port = ports.get(tracer.name).ok_or("Envoy has no such listener")?;
    let id = format!("{}-{}", case.name, protocol.name());
    let mode = if case.is_passthrough { "passthrough" } else { "span" };
    let url = |mode| format!("http://127.0.0.1:{port}/{mode}/{id}");
    let request = Request::get(url(mode)).header(NEXT, url("span")).header(PROTOCOL, protocol.name());
    let mut request = request.body(Body::empty())?;
    let mut caller = None;
    if let Some(sampling) = case.sampling {
        let span = SpanContext::root(&RandomIds).with_sampling(sampling);
        caller = Some((span.trace_id(), span.span_id()));
        let mut baggage = OwnedBaggage::new();
        baggage.set("tenant", "acme & co");
        let mut context = OwnedContext::new(span).with_baggage(&baggage);
        if is_datadog(tracer) {
            context = context.with_datadog(&datadog(sampling));
        }
        request.extensions_mut().insert(context);
    }
    let response = Caller::new(propagator).call(protocol, request).await?;
    if !response.status().is_success() {
        return Err(format!("the answer is {}", response.status()).into());
    }
    let hops: [Hop; 2] = services.hops(&id).try_into().map_err(|hops: Vec<Hop>| format!("{} hops", hops.len()))?;
    Ok(Way { tracer, case, protocol, caller, hops })
}

fn is_datadog(tracer: Tracer) -> bool {
    tracer.list.starts_with("datadog")
}

const KEEP: i32 = 2;
const DROP: i32 = -1;
const ORIGIN: &str = "synthetics";

fn datadog(sampling: Sampling) -> DatadogParts<'static> {
    DatadogParts::new().priority(if sampling == Sampling::Sampled { KEEP } else { DROP }).origin(ORIGIN)
}

impl Way {
    pub(super) fn trace_id(&self) -> Option<TraceId> {
        self.caller.map(|(trace_id, _)| trace_id).or(self.hops[0].trace_id)
    }

    /// Returns whether Envoy reports the spans of this request.
    pub(super) fn is_reported(&self) -> bool {
        self.case.sampling != Some(Sampling::NotSampled)
    }

    /// Compares what both services understood, and what Envoy reported of it.
    pub(super) fn outcomes(&self, spans: &[Reported]) -> Vec<Outcome> {
        let [first, second] = &self.hops;
        let trace_id = self.trace_id();
        let mut outcomes = vec![
            (FROM_ENVOY, "trace_id", equal(&trace_id, &first.trace_id)),
            (TO_ENVOY, "trace_id", equal(&trace_id, &second.trace_id)),
        ];
        // Where nobody but our services has a trace, its decision is the first one's own.
        let sampled = self.case.sampling.map_or(Some(true), |sampling| sampling.decision());
        let begins_here = self.case.sampling.is_none() && self.tracer.spans_reported() == 0;
        let sampled = if begins_here { first.sampled } else { sampled };
        outcomes.push((FROM_ENVOY, "sampled", equal(&sampled, &first.sampled)));
        outcomes.push((TO_ENVOY, "sampled", equal(&sampled, &second.sampled)));
        if self.is_reported() {
            if !begins_here && (self.case.sampling.is_some() || self.tracer.has_spans_between()) {
                outcomes.push((FROM_ENVOY, "parent_id", self.parent_of_first(spans)));
            }
            let before = if self.case.is_passthrough { first.parent_id } else { first.span_id };
            outcomes.push((TO_ENVOY, "parent_id", self.leads(spans, second.parent_id, before)));
        }
        if self.case.sampling.is_some() {
            outcomes.push((TO_ENVOY, "baggage", equal(&Some("acme & co"), &second.tenant.as_deref())));
        }
        if let Some(sampling) = self.case.sampling.filter(|_| is_datadog(self.tracer)) {
            let priority = if sampling == Sampling::Sampled { KEEP } else { DROP };
            for (direction, hop) in [(FROM_ENVOY, first), (TO_ENVOY, second)] {
                outcomes.push((direction, "priority", equal(&Some(priority), &hop.priority)));
                outcomes.push((direction, "origin", equal(&Some(ORIGIN), &hop.origin.as_deref())));
            }
        }
        if self.tracer.list.contains("correlation:x-request-id") {
            // Envoy writes its decision into the 13th digit at the first passage, and leaves it at the second.
            let text =
                |hop: &Hop| hop.headers.get("x-request-id").and_then(|value| value.to_str().ok()).map(str::to_owned);
            let received = text(first);
            let result =
                if received.is_none() { Err("no x-request-id".to_owned()) } else { equal(&received, &text(second)) };
            outcomes.push((TO_ENVOY, "correlation", result));
        }
        outcomes
    }

    /// The first service's parent: Envoy's span, whose caller is our caller's span.
    fn parent_of_first(&self, spans: &[Reported]) -> Result<(), String> {
        let parent = self.hops[0].parent_id;
        match self.caller {
            Some((_, span_id)) => self.leads(spans, parent, Some(span_id)),
            None if spans.iter().any(|span| Some(span.span_id) == parent) => Ok(()),
            None => Err(format!("{parent:?} is no span of Envoy: {spans:?}")),
        }
    }

    /// Checks that the way from a parent over Envoy's spans leads to a span of ours.
    fn leads(&self, spans: &[Reported], parent: Option<SpanId>, ours: Option<SpanId>) -> Result<(), String> {
        let between = self.tracer.spans_between;
        let is_span = |id: Option<SpanId>| spans.iter().find(|span| Some(span.span_id) == id);
        if self.tracer.shares_ids() && between == 0 && is_span(parent).is_none() {
            return Err(format!("Envoy has no span with the id of its caller {parent:?}: {spans:?}"));
        }
        let mut id = parent;
        for _ in 0..between {
            let span = is_span(id).ok_or_else(|| format!("{id:?} is no span of Envoy: {spans:?}"))?;
            id = span.parent_id;
        }
        equal(&ours, &id)
    }
}

fn equal<T: PartialEq + std::fmt::Debug>(expected: &T, got: &T) -> Result<(), String> {
    if expected == got { Ok(()) } else { Err(format!("{got:?} instead of {expected:?}")) }
}
