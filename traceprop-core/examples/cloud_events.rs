//! CloudEvents: the distributed tracing extension has two attributes, `traceparent` and `tracestate`.
//!
//! They hold the trace in which the event was made, and stay as they are on every hop. The hop has headers of its own
//! (HTTP, Kafka), which name the last sender. So a source writes the attributes, an intermediary leaves them alone, and a
//! consumer continues the trace of the hop and links to that of the source.

#![allow(clippy::print_stdout, reason = "the example shows what it does")]

mod json;

use std::collections::BTreeMap;

use json::{ReadJson, WriteJson};
use serde_json::{Map, Value, json};
use traceprop_core::{IdGenerator, InjectOptions, Propagator, RandomIds, SpanContext, presets};

/// An event in structured mode: one JSON object with its attributes and its data.
type Event = Map<String, Value>;

/// Headers of one hop.
type Headers = BTreeMap<String, String>;

/// Returns the propagator of events. Names of attributes consist of lower-case letters and digits, and the extension has no
/// attribute for baggage.
fn attributes() -> Propagator {
    Propagator::from_names("tracecontext", "tracecontext").expect("known names")
}

/// Creates an event in the trace of the span. An event that has a trace keeps it.
fn trace_event(event: &mut Event, span: &SpanContext<'_>) {
    if !event.contains_key("traceparent") {
        attributes().inject(span, &InjectOptions::new(), &mut WriteJson(event));
    }
}

/// Sends an event on, unchanged. The headers of the hop name the sender.
fn send(event: Event, sender: &SpanContext<'_>) -> (Headers, Event) {
    let mut headers = Headers::new();
    let span = sender.child(RandomIds.new_span_id());
    presets::W3C.propagator().inject(&span, &InjectOptions::new(), &mut headers);
    (headers, event)
}

/// What a consumer records: its span, and a link to the span in which the event was made.
#[derive(Debug, PartialEq, Eq)]
struct Consumed {
    trace: String,
    parent: Option<String>,
    link: Option<String>,
}

fn consume(headers: &Headers, event: &Event) -> Consumed {
    let hop = presets::W3C.propagator();
    let span = hop.extract(headers).new_span(&RandomIds);
    let source = attributes().extract(&ReadJson(event)).context();
    Consumed {
        trace: span.trace_id().to_string(),
        parent: span.parent_id().map(|id| id.to_string()),
        link: source.and_then(|source| Some(format!("{}-{}", source.trace_id, source.parent_id?))),
    }
}

fn order_placed() -> Event {
    let event =
        json!({ "specversion": "1.0", "id": "1", "source": "/shop", "type": "order.placed", "data": { "id": 7 } });
    event.as_object().expect("an object").clone()
}

fn main() {
    let shop = SpanContext::root(&RandomIds);
    let mut event = order_placed();
    trace_event(&mut event, &shop);
    println!("{}", Value::Object(event.clone()));
    // A queue, which delivers the event in a trace of its own.
    let (headers, event) = send(event, &SpanContext::root(&RandomIds));
    println!("{headers:?}");
    println!("{:?}", consume(&headers, &event));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traced(span: &SpanContext<'_>) -> Event {
        let mut event = order_placed();
        trace_event(&mut event, span);
        event
    }

    #[test]
    fn ok_a_consumer_continues_the_hop_and_links_to_the_source() {
        let (shop, queue) = (SpanContext::root(&RandomIds), SpanContext::root(&RandomIds));
        let event = traced(&shop);
        let (headers, received) = send(event.clone(), &queue);
        assert_eq!(received, event);
        let consumed = consume(&headers, &received);
        assert_eq!(consumed.trace, queue.trace_id().to_string());
        assert_eq!(consumed.parent.as_deref(), headers["traceparent"].get(36..52));
        assert_eq!(consumed.link, Some(format!("{}-{}", shop.trace_id(), shop.span_id())));
    }

    #[test]
    fn ok_an_event_keeps_the_trace_of_its_source() {
        let shop = SpanContext::root(&RandomIds);
        let mut event = traced(&shop);
        let before = event.clone();
        trace_event(&mut event, &SpanContext::root(&RandomIds));
        assert_eq!(event, before);
    }

    #[test]
    fn ok_only_the_two_attributes_are_written() {
        let propagator = presets::ALL_TO_W3C.propagator();
        let request = [
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("tracestate", "rojo=1"),
            ("baggage", "tenant=acme"),
        ];
        let span = propagator.extract(&request).new_span(&RandomIds);
        let mut attributes = traced(&span);
        attributes.retain(|name, _| !order_placed().contains_key(name));
        assert!(attributes.keys().eq(["traceparent", "tracestate"]), "{attributes:?}");
        assert_eq!(attributes["tracestate"], "rojo=1");
    }

    #[test]
    fn ok_an_event_without_the_extension_has_no_link() {
        let (headers, event) = send(order_placed(), &SpanContext::root(&RandomIds));
        assert_eq!(consume(&headers, &event).link, None);
    }
}
