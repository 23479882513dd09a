//! Kafka records of Instana's tracers: the keys of their headers have `_` in place of `-`, and the level another name.

#![allow(clippy::print_stdout, reason = "the example shows what it does")]

use traceprop_core::carrier::{FieldName, FieldValue};
use traceprop_core::formats::instana::KAFKA_NAMES;
use traceprop_core::{Carrier, CarrierMut, InjectOptions, Propagator, RandomIds};

/// The headers of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Headers(Vec<(String, Vec<u8>)>);

/// Returns the name of the HTTP header that a key of a record stands for.
fn http_name(key: &str) -> &str {
    let known = KAFKA_NAMES.iter().find(|(_, kafka)| key.eq_ignore_ascii_case(kafka));
    known.and_then(|(field, _)| field.name()).unwrap_or(key)
}

/// Returns the key in a record of an HTTP header.
fn kafka_name(name: &str) -> &str {
    let known = KAFKA_NAMES.iter().find(|(field, _)| field.name() == Some(name));
    known.map_or(name, |(_, kafka)| kafka)
}

impl Carrier for Headers {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(key, value)| (http_name(key), value.as_slice()))
    }
}

impl CarrierMut for Headers {
    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        self.0.push((kafka_name(name.as_str()).to_owned(), value.to_string().into_bytes()));
    }

    fn remove_if(&mut self, stale: &mut dyn FnMut(&str) -> bool) {
        self.0.retain(|(key, _)| !stale(http_name(key)));
    }
}

/// Returns the headers of the record for the next topic.
fn forward(record: &Headers, propagator: &Propagator) -> Headers {
    let span = propagator.extract(record).new_span(&RandomIds);
    let mut next = record.clone();
    propagator.inject(&span, &InjectOptions::new(), &mut next);
    next
}

fn received() -> Headers {
    let headers = [
        ("content-type", "application/json"),
        ("X_INSTANA_T", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("X_INSTANA_S", "00f067aa0ba902b7"),
        ("X_INSTANA_L_S", "1"),
    ];
    Headers(headers.map(|(key, value)| (key.to_owned(), value.into())).into())
}

fn main() -> Result<(), traceprop_core::ConfigError> {
    let propagator = Propagator::from_names("instana", "instana")?;
    for (key, value) in forward(&received(), &propagator).0 {
        println!("{key}: {}", String::from_utf8_lossy(&value));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_the_trace_goes_on_under_the_names_of_kafka() {
        let propagator = Propagator::from_names("instana", "instana").unwrap();
        let next = forward(&received(), &propagator);
        let keys: Vec<_> = next.0.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["content-type", "X_INSTANA_T", "X_INSTANA_S", "X_INSTANA_L_S"]);
        assert_eq!((&next.0[1].1, &next.0[3].1), (&received().0[1].1, &b"1".to_vec()));
        assert_ne!(next.0[2].1, received().0[2].1);
    }

    #[test]
    fn ok_a_suppressed_record_stays_suppressed() {
        let propagator = Propagator::from_names("instana", "instana").unwrap();
        let record = Headers(vec![("x_instana_l_s".to_owned(), b"0".to_vec())]);
        let mut next = record.clone();
        propagator.inject(propagator.extract(&record).passthrough(), &InjectOptions::new(), &mut next);
        assert_eq!(next.0, [("X_INSTANA_L_S".to_owned(), b"0".to_vec())]);
    }
}
