//! Links: contexts that a span refers to and does not continue.

use std::collections::HashSet;

use opentelemetry::KeyValue;
use opentelemetry::trace as otel;
use traceprop_core::{Extraction, Link, RemoteContext, Trust};

use super::context::to_remote;
use super::{ToOtel, ToTraceprop, to_flags};

/// A received context as a link, for a span that does not continue it.
///
/// Use it for a consumer of a queue, whose span serves several messages:
///
/// ```
/// use traceprop_core::presets;
/// use traceprop_opentelemetry::ToLink;
///
/// let propagator = presets::ALL_TO_W3C.propagator();
/// let message = [("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1")];
/// let link = propagator.extract(&message).to_link().expect("the producer's span");
/// assert_eq!(link.span_context.span_id().to_string(), "00f067aa0ba902b7");
/// ```
pub trait ToLink {
    /// Returns the link, or `None` if there is no span to refer to.
    fn to_link(&self) -> Option<otel::Link>;
}

/// Links to the caller, with its tracestate. Under [`Trust::Restart`] it is the context that is not continued. Under
/// [`Trust::Ignore`] there is none.
impl ToLink for Extraction<'_> {
    fn to_link(&self) -> Option<otel::Link> {
        let context = match self.trust() {
            Trust::Restart => self.refused(),
            _ => self.context(),
        };
        let mut link = context?.to_link()?;
        let state = self.tracestate();
        if !state.is_empty() {
            let span = link.span_context;
            link.span_context =
                otel::SpanContext::new(span.trace_id(), span.span_id(), span.trace_flags(), true, state.to_otel());
        }
        Some(link)
    }
}

impl ToLink for RemoteContext {
    fn to_link(&self) -> Option<otel::Link> {
        Some(otel::Link::new(self.to_otel()?, Vec::new(), 0))
    }
}

/// The link of a context that is not continued. The attributes `reason` and `context_headers` are those that Datadog's
/// tracers write.
impl ToOtel for Link<'_> {
    type Otel = otel::Link;

    fn to_otel(&self) -> otel::Link {
        let (trace_id, span_id) = (self.trace_id.to_otel(), self.span_id.to_otel());
        let flags = to_flags(self.sampled, false);
        let span = otel::SpanContext::new(trace_id, span_id, flags, true, otel::TraceState::NONE);
        let reason = KeyValue::new("reason", self.reason.as_str());
        let format = KeyValue::new("context_headers", self.format.to_owned());
        otel::Link::new(span, vec![reason, format], 0)
    }
}

/// Returns the ids and flags of the span that the link refers to.
impl ToTraceprop for otel::Link {
    type Traceprop = RemoteContext;

    fn to_traceprop(&self) -> Option<RemoteContext> {
        to_remote(&self.span_context)
    }
}

/// The links of a span that serves a batch of messages: one for each span that sent some of them.
///
/// ```
/// use traceprop_core::presets;
/// use traceprop_opentelemetry::BatchLinks;
///
/// let propagator = presets::W3C.propagator();
/// let sent = |span| [("traceparent", format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{span}-01"))];
/// let batch = [sent("00f067aa0ba902b7"), sent("b7ad6b7169203331"), sent("00f067aa0ba902b7")];
///
/// let mut links = BatchLinks::new();
/// for message in &batch {
///     links.add(&propagator.extract(message));
/// }
/// assert_eq!(links.into_vec().len(), 2); // for SpanBuilder::with_links
/// ```
#[derive(Clone, Debug, Default)]
pub struct BatchLinks {
    links: Vec<otel::Link>,
    known: HashSet<(otel::TraceId, otel::SpanId)>,
}

impl BatchLinks {
    /// Creates a list without links.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the context of a message, unless its span is linked already or there is none.
    pub fn add(&mut self, context: &(impl ToLink + ?Sized)) {
        if let Some(link) = context.to_link() {
            if self.known.insert((link.span_context.trace_id(), link.span_context.span_id())) {
                self.links.push(link);
            }
        }
    }

    /// Returns the links, in the order of the messages.
    pub fn into_vec(self) -> Vec<otel::Link> {
        self.links
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use traceprop_core::{LinkReason, SpanId, TraceId, presets};

    const REQUEST: [(&str, &str); 2] =
        [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("tracestate", "rojo=1")];

    #[test]
    fn ok_a_link_to_the_caller_has_its_tracestate() {
        let propagator = presets::W3C.propagator();
        let link = propagator.extract(&REQUEST).to_link().unwrap();
        assert!(link.span_context.is_remote() && link.span_context.is_sampled());
        assert_eq!(link.span_context.trace_state().header(), "rojo=1");
        assert_eq!(link.to_traceprop(), propagator.extract(&REQUEST).context());
    }

    #[test]
    fn ok_links_follow_the_trust() {
        let propagator = presets::W3C.propagator();
        let linked = |trust| propagator.extract_with_trust(&REQUEST, trust).to_link().map(|link| link.span_context);
        assert_eq!(linked(Trust::Ignore), None);
        let restarted = linked(Trust::Restart).unwrap();
        assert_eq!(restarted.span_id().to_string(), "00f067aa0ba902b7");
        assert_eq!(restarted.trace_state().header(), "");
    }

    #[test]
    fn ok_a_link_says_why() {
        let link = Link {
            trace_id: TraceId::MIN,
            span_id: SpanId::MIN,
            sampled: true,
            reason: LinkReason::Restarted,
            format: "b3",
        };
        let otel = link.to_otel();
        assert_eq!(
            otel.attributes,
            [KeyValue::new("reason", "propagation_behavior_extract"), KeyValue::new("context_headers", "b3")]
        );
        assert_eq!(otel.span_context.trace_flags().to_u8(), 1);
        assert_eq!(otel.to_traceprop().unwrap().trace_id, TraceId::MIN);
    }

    #[test]
    fn ok_a_trace_id_alone_is_no_link() {
        let mut links = BatchLinks::new();
        links.add(&RemoteContext::new(TraceId::MIN, None));
        assert!(links.into_vec().is_empty());
    }
}
