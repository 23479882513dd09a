//! AMQP-like headers: a map from names to typed values.
//!
//! A service publishes a message, and a consumer that failed publishes it again. Other entries of the map are kept. The
//! trace context is that of the last publisher.

#![allow(clippy::print_stdout, reason = "the example shows what it does")]

use std::collections::BTreeMap;

use traceprop_core::{
    Carrier, CarrierMut, IdGenerator, InjectOptions, Propagator, RandomIds, SpanContext,
    carrier::{FieldName, FieldValue},
    presets,
};

/// Headers of a message, shaped like lapin's `FieldTable`.
type FieldTable = BTreeMap<String, Value>;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    LongString(Vec<u8>),
    Int(i64),
}

/// Headers of a received message. Values that are not text are skipped.
struct Delivered<'t>(&'t FieldTable);

impl Carrier for Delivered<'_> {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().filter_map(|(name, value)| match value {
            Value::LongString(text) => Some((name.as_str(), text.as_slice())),
            Value::Int(_) => None,
        })
    }
}

/// Headers of a message to send.
struct Published<'t>(&'t mut FieldTable);

impl CarrierMut for Published<'_> {
    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        let text = match self.0.remove(name.as_str()) {
            // A map holds one value a name. Further lines are appended after a comma, as RFC 9110 allows.
            Some(Value::LongString(before)) => [&before[..], format!(",{value}").as_bytes()].concat(),
            _ => value.to_string().into_bytes(),
        };
        self.0.insert(name.as_str().to_owned(), Value::LongString(text));
    }

    fn remove_if(&mut self, stale: &mut dyn FnMut(&str) -> bool) {
        self.0.retain(|name, _| !stale(name));
    }
}

/// Publishes a message for a request that is being served.
fn publish(request: &SpanContext<'_>, propagator: &Propagator) -> FieldTable {
    let mut headers = FieldTable::from([("priority".to_owned(), Value::Int(5))]);
    let span = request.child(RandomIds.new_span_id());
    let report = propagator.inject(&span, &InjectOptions::new(), &mut Published(&mut headers));
    assert!(report.is_complete(), "the request has no baggage to omit");
    headers
}

/// Publishes a message again. The parent of its next consumer is a span of this one.
fn publish_again(message: &FieldTable, propagator: &Propagator) -> FieldTable {
    let delivered = Delivered(message);
    let extraction = propagator.extract(&delivered);
    let consuming = extraction.new_span(&RandomIds);
    let mut headers = message.clone();
    let span = consuming.child(RandomIds.new_span_id());
    for omission in propagator.inject(&span, &InjectOptions::new(), &mut Published(&mut headers)).iter() {
        println!("{omission}");
    }
    headers
}

/// Returns the headers as lines of text.
fn lines(headers: &FieldTable) -> String {
    let line = |(name, value): (&String, &Value)| match value {
        Value::LongString(text) => format!("  {name}: {}\n", String::from_utf8_lossy(text)),
        Value::Int(number) => format!("  {name}: {number}\n"),
    };
    headers.iter().map(line).collect()
}

fn main() {
    let propagator = presets::W3C.propagator();
    let message = publish(&SpanContext::root(&RandomIds), &propagator);
    print!("published\n{}", lines(&message));
    print!("published again\n{}", lines(&publish_again(&message, &propagator)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(headers: &FieldTable, name: &str) -> String {
        match headers.get(name) {
            Some(Value::LongString(text)) => String::from_utf8(text.clone()).unwrap(),
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn ok_published_again_is_the_same_trace_from_another_span() {
        let propagator = presets::W3C.propagator();
        let root = SpanContext::root(&RandomIds);
        let first = publish(&root, &propagator);
        let again = publish_again(&first, &propagator);
        let (before, after) = (text(&first, "traceparent"), text(&again, "traceparent"));
        assert_eq!((&before[..36], &after[..36]), (&*format!("00-{}-", root.trace_id()), &before[..36]));
        assert_ne!(before, after);
        assert_eq!((again.len(), &again["priority"]), (2, &Value::Int(5)));
        assert_eq!(lines(&again), format!("  priority: 5\n  traceparent: {after}\n"));
    }

    #[test]
    fn ok_names_in_any_case_are_read_and_replaced() {
        let traceparent = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_vec();
        let headers = [("TraceParent", Value::LongString(traceparent)), ("tracestate", Value::Int(1))];
        let message = headers.map(|(name, value)| (name.to_owned(), value)).into();
        let again = publish_again(&message, &presets::W3C.propagator());
        assert!(text(&again, "traceparent").starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
        assert_eq!(again.len(), 1);
    }
}
