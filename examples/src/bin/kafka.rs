//! Kafka-style headers: a list of names and bytes, with a builder that is passed on by value.
//!
//! A service consumes a record, works in a span of its own, and forwards the record to another topic, with the headers
//! that it had, but of this trace. Two adapters do it, one to read and one to write.

use client::{Header, Headers, Record};
use traceprop_core::{
    Allow, Carrier, CarrierMut, FieldName, FieldValue, IdGenerator, InjectOptions, Propagator, RandomIds, presets,
};

/// What a Kafka client has, in few words. rdkafka's `Headers` and `OwnedHeaders` look the same from here.
mod client {
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Header {
        pub(crate) key: String,
        /// A header can be null.
        pub(crate) value: Option<Vec<u8>>,
    }

    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Headers(Vec<Header>);

    impl Headers {
        pub(crate) fn new() -> Self {
            Self::default()
        }

        /// Takes the headers and gives them back with one more. There is no way to remove one.
        pub(crate) fn insert(mut self, header: Header) -> Self {
            self.0.push(header);
            self
        }

        pub(crate) fn iter(&self) -> impl Iterator<Item = &Header> {
            self.0.iter()
        }
    }

    pub(crate) struct Record {
        pub(crate) topic: &'static str,
        pub(crate) headers: Headers,
    }
}

/// Headers of a record that came. A header that is null says nothing.
struct Consumed<'r>(&'r Headers);

impl Carrier for Consumed<'_> {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().filter_map(|header| Some((header.key.as_str(), header.value.as_deref()?)))
    }
}

/// Headers of a record that is to be sent.
struct Produced(Headers);

impl CarrierMut for Produced {
    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        let header = Header { key: name.as_str().to_owned(), value: Some(value.to_string().into_bytes()) };
        // The builder wants to own the headers; none are there meanwhile.
        self.0 = std::mem::take(&mut self.0).insert(header);
    }

    fn remove_if(&mut self, stale: &mut dyn FnMut(&str) -> bool) {
        let kept = self.0.iter().filter(|header| !stale(&header.key)).cloned();
        self.0 = kept.fold(Headers::new(), Headers::insert);
    }
}

/// The record for the next topic. Its consumer continues the trace from a span of ours.
fn forward(record: &Record, topic: &'static str, propagator: &Propagator) -> Record {
    let consumed = Consumed(&record.headers);
    let extraction = propagator.extract(&consumed);
    let processing = extraction.new_span(&RandomIds);
    let producing = processing.child(RandomIds.new_span_id());

    let mut headers = Produced(record.headers.clone());
    let outgoing = InjectOptions::new().allow_baggage(Allow::Only(&["tenant"]));
    let omitted = propagator.inject(&producing, &outgoing, &mut headers);
    for omission in omitted.iter() {
        println!("{omission}");
    }
    Record { topic, headers: headers.0 }
}

fn print(record: &Record) {
    println!("{}", record.topic);
    for Header { key, value } in record.headers.iter() {
        println!("  {key}: {}", value.as_deref().map_or("null".into(), String::from_utf8_lossy));
    }
}

fn received() -> Record {
    let headers = [
        ("content-type", Some("application/json")),
        ("traceparent", Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")),
        ("tracestate", Some("rojo=00f067aa0ba902b7")),
        ("baggage", Some("tenant=acme,session=secret")),
        ("retries", None),
    ];
    let header = |(key, value): (&str, Option<&str>)| Header { key: key.into(), value: value.map(Into::into) };
    Record { topic: "orders", headers: headers.map(header).into_iter().fold(Headers::new(), Headers::insert) }
}

fn main() {
    let orders = received();
    print(&orders);
    print(&forward(&orders, "invoices", &presets::W3C.propagator()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_forward_replaces_what_is_of_traces_and_keeps_the_rest() {
        let invoices = forward(&received(), "invoices", &presets::W3C.propagator());
        let keys: Vec<_> = invoices.headers.iter().map(|header| header.key.as_str()).collect();
        assert_eq!(keys, ["content-type", "retries", "traceparent", "tracestate", "baggage"]);
        let values: Vec<_> = Consumed(&invoices.headers).fields().map(|(_, value)| value.to_vec()).collect();
        assert_eq!((&*values[2], &*values[3]), (&b"rojo=00f067aa0ba902b7"[..], &b"tenant=acme"[..]));
        assert!(values[1].starts_with(b"00-4bf92f3577b34da6a3ce929d0e0e4736-"));
        assert!(!values[1].ends_with(b"-00f067aa0ba902b7-01"));
    }

    #[test]
    fn ok_forward_of_a_record_without_a_trace_begins_one() {
        let record = Record { topic: "orders", headers: Headers::new() };
        let invoices = forward(&record, "invoices", &presets::W3C.propagator());
        let keys: Vec<_> = invoices.headers.iter().map(|header| header.key.as_str()).collect();
        assert_eq!(keys, ["traceparent"]);
    }
}
