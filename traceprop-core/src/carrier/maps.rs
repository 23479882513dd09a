//! Maps of the standard library, one value a name.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::string::{String, ToString};

use super::pairs::owned;
use super::{Carrier, CarrierMut, OutgoingName, OutgoingValue};

/// A map holds one value a name, so a further line of the same name is joined to it by a comma, which is what several
/// lines mean (RFC 9110 5.3).
fn join(present: &mut String, value: OutgoingValue<'_>) {
    present.push(',');
    present.push_str(&owned(value));
}

impl<S: BuildHasher + Sync> Carrier for HashMap<String, String, S> {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
    }
}

impl<S: BuildHasher + Sync> CarrierMut for HashMap<String, String, S> {
    fn append(&mut self, name: OutgoingName<'_>, value: OutgoingValue<'_>) {
        match self.get_mut(name.as_str()) {
            Some(present) => join(present, value),
            None => drop(self.insert(name.as_str().to_string(), owned(value))),
        }
    }

    fn remove_if(&mut self, stale: &mut dyn FnMut(&str) -> bool) {
        self.retain(|name, _| !stale(name));
    }
}

impl Carrier for BTreeMap<String, String> {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
    }
}

impl CarrierMut for BTreeMap<String, String> {
    fn append(&mut self, name: OutgoingName<'_>, value: OutgoingValue<'_>) {
        match self.get_mut(name.as_str()) {
            Some(present) => join(present, value),
            None => drop(self.insert(name.as_str().to_string(), owned(value))),
        }
    }

    fn remove_if(&mut self, stale: &mut dyn FnMut(&str) -> bool) {
        self.retain(|name, _| !stale(name));
    }
}
