//! Carriers for a JSON object, which the examples with JSON share.

use serde_json::{Map, Value};
use traceprop_core::carrier::{FieldName, FieldValue};
use traceprop_core::{Carrier, CarrierMut};

/// Reads the strings of an object. Other values are skipped.
pub(crate) struct ReadJson<'o>(pub(crate) &'o Map<String, Value>);

impl Carrier for ReadJson<'_> {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?.as_bytes())))
    }
}

/// Writes strings into an object.
pub(crate) struct WriteJson<'o>(pub(crate) &'o mut Map<String, Value>);

impl CarrierMut for WriteJson<'_> {
    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        let value = match self.0.get(name.as_str()) {
            // An object holds one value a name. Further lines are appended after a comma, as RFC 9110 allows.
            Some(Value::String(before)) => format!("{before},{value}"),
            _ => value.to_string(),
        };
        self.0.insert(name.as_str().to_owned(), Value::String(value));
    }

    fn remove_if(&mut self, stale: &mut dyn FnMut(&str) -> bool) {
        self.0.retain(|name, _| !stale(name));
    }
}
