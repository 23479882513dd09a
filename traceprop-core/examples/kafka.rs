//! Kafka-like headers: a list of names and bytes, with a builder that is passed by value.
//!
//! A service consumes a record, works in a span of its own and forwards the record to another topic. The other headers of
//! the record are kept. One adapter reads the headers, another one writes them.

#![allow(clippy::print_stdout, reason = "the example shows what it does")]

use std::fmt;

use client::{Header, Headers, Record};
use traceprop_core::{
    Allow, Carrier, CarrierMut, IdGenerator, InjectOptions, Propagator, RandomIds,
    carrier::{FieldName, FieldValue},
    presets,
};

/// The part of a Kafka client that matters here, shaped like rdkafka's `Headers` and `OwnedHeaders`.
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

        /// Returns the headers with one more. No method removes one.
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

/// Headers of a received record. Null headers are skipped.
struct Consumed<'r>(&'r Headers);

impl Carrier for Consumed<'_> {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().filter_map(|header| Some((header.key.as_str(), header.value.as_deref()?)))
    }
}

/// Headers of a record to send.
struct Produced(Headers);

impl CarrierMut for Produced {
    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        let header = Header { key: name.as_str().to_owned(), value: Some(value.to_string().into_bytes()) };
        // The builder takes the headers by value.
        self.0 = std::mem::take(&mut self.0).insert(header);
    }

    fn remove_if(&mut self, stale: &mut dyn FnMut(&str) -> bool) {
        let kept = self.0.iter().filter(|header| !stale(&header.key)).cloned();
        self.0 = kept.fold(Headers::new(), Headers::insert);
    }
}

/// Returns the record for the next topic. Its consumer continues the trace from our span.
fn forward(record: &Record, topic: &'static str, propagator: &Propagator) -> Record {
    let consumed = Consumed(&record.headers);
    let extraction = propagator.extract(&consumed);
    let processing = extraction.new_span(&RandomIds);
    let producing = processing.child(RandomIds.new_span_id());

    // A copy of what was consumed. Trace headers and baggage that this call does not write are removed from it.
    let mut headers = Produced(record.headers.clone());
    let options = InjectOptions::new().allow_baggage(Allow::Only(&["tenant"]));
    let report = propagator.inject(&producing, &options, &mut headers);
    for omission in report.iter() {
        println!("{omission}");
    }
    Record { topic, headers: headers.0 }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.topic)?;
        for Header { key, value } in self.headers.iter() {
            writeln!(f, "  {key}: {}", value.as_deref().map_or("null".into(), String::from_utf8_lossy))?;
        }
        Ok(())
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
    print!("{orders}");
    print!("{}", forward(&orders, "invoices", &presets::W3C.propagator()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_records_are_shown_with_the_trace_and_the_allowed_baggage() {
        let orders = received();
        let invoices = forward(&orders, "invoices", &presets::W3C.propagator()).to_string();
        let (orders, invoices) = (orders.to_string(), invoices.strip_prefix("invoices\n").unwrap());
        let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(orders.contains(traceparent) && orders.contains("session=secret"));
        assert!(invoices.contains(&format!("\n  traceparent: {}", &traceparent[..36])));
        assert!(invoices.ends_with("\n  baggage: tenant=acme\n"));
        assert!(invoices.starts_with("  content-type: application/json\n"));
    }

    #[test]
    fn ok_forward_replaces_trace_headers_and_keeps_the_rest() {
        let invoices = forward(&received(), "invoices", &presets::W3C.propagator());
        let keys: Vec<_> = invoices.headers.iter().map(|header| header.key.as_str()).collect();
        assert_eq!(keys, ["content-type", "retries", "traceparent", "tracestate", "baggage"]);
        let values: Vec<_> = Consumed(&invoices.headers).fields().map(|(_, value)| value.to_vec()).collect();
        assert_eq!((&*values[2], &*values[3]), (&b"rojo=00f067aa0ba902b7"[..], &b"tenant=acme"[..]));
        assert!(values[1].starts_with(b"00-4bf92f3577b34da6a3ce929d0e0e4736-"));
        assert!(!values[1].ends_with(b"-00f067aa0ba902b7-01"));
    }

    #[test]
    fn err_forward_baggage_that_is_not_allowed() {
        let headers = Headers::new().insert(Header { key: "baggage".into(), value: Some(b"session=secret".to_vec()) });
        let invoices = forward(&Record { topic: "orders", headers }, "invoices", &presets::W3C.propagator());
        let keys: Vec<_> = invoices.headers.iter().map(|header| header.key.as_str()).collect();
        assert_eq!(keys, ["traceparent"]);
    }

    #[test]
    fn ok_forward_of_a_record_without_a_trace_begins_one() {
        let record = Record { topic: "orders", headers: Headers::new() };
        let invoices = forward(&record, "invoices", &presets::W3C.propagator());
        let keys: Vec<_> = invoices.headers.iter().map(|header| header.key.as_str()).collect();
        assert_eq!(keys, ["traceparent"]);
    }
}
