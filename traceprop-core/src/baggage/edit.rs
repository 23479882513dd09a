//! Baggage that a service creates or changes.
//!
//! ```text
//! entry = key "=" value *( ";" property )       the value is percent-encoded when it is written
//!
//! user=Am%C3%A9lie
//! ```
//!
//! Spec: <https://www.w3.org/TR/baggage/>
#![cfg(feature = "alloc")]

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::str::Bytes;

use super::Baggage;
use crate::wire::percent::Encoded;
use crate::wire::{self, is_token_byte};

/// Baggage that can be changed. Values are decoded; order and duplicates are kept.
///
/// # Examples
///
/// ```
/// use traceprop_core::{Baggage, OwnedBaggage};
///
/// let mut baggage = OwnedBaggage::from(Baggage::parse(b"tenant=acme;secure,user=alice")?);
/// baggage.set("user", "Amélie");
/// baggage.remove("tenant");
/// assert_eq!(baggage.get("user"), Some("Amélie"));
/// assert_eq!(baggage.to_string(), "user=Am%C3%A9lie");
/// # Ok::<(), traceprop_core::InvalidHeader>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnedBaggage {
    entries: Vec<BaggageEntry>,
}

/// One entry of an [`OwnedBaggage`].
///
/// # Examples
///
/// ```
/// use traceprop_core::{OwnedBaggage, baggage::BaggageEntry};
///
/// let mut baggage = OwnedBaggage::new();
/// baggage.push(BaggageEntry { key: "tenant".into(), value: "acme inc".into(), properties: "secure".into() });
/// assert_eq!(baggage.to_string(), "tenant=acme%20inc;secure");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaggageEntry {
    /// The key. An entry whose key is not a token is omitted when the baggage is written.
    pub key: String,
    /// The value, decoded.
    pub value: String,
    /// The properties in wire form, separated by `;`. Empty if there are none.
    pub properties: String,
}

impl BaggageEntry {
    fn is_legal(&self) -> bool {
        !self.key.is_empty() && self.key.bytes().all(is_token_byte) && self.has_legal_properties()
    }

    fn has_legal_properties(&self) -> bool {
        let mut probe = String::from("k=v;");
        probe.push_str(&self.properties);
        !self.properties.contains(',') && super::member::RawMember::parse(probe.as_bytes()).is_ok()
    }
}

impl OwnedBaggage {
    /// Creates baggage without entries.
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Creates baggage from keys and decoded values, without properties.
    pub(crate) fn of_pairs(pairs: impl Iterator<Item = (String, String)>) -> Self {
        let entries = pairs.map(|(key, value)| BaggageEntry { key, value, properties: String::new() });
        Self { entries: entries.collect() }
    }

    /// Returns the entries in order.
    pub fn iter(&self) -> impl Iterator<Item = &BaggageEntry> {
        self.entries.iter()
    }

    /// Returns the value of a key. If the key is repeated, the last value is returned.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries.iter().rev().find(|entry| entry.key == key).map(|entry| entry.value.as_str())
    }

    /// Sets a key to one value without properties.
    ///
    /// The first entry with that key keeps its position, and further ones are removed.
    pub fn set(&mut self, key: &str, value: &str) {
        let place = self.entries.iter().position(|entry| entry.key == key);
        let entry = BaggageEntry { key: key.to_string(), value: value.to_string(), properties: String::new() };
        match place {
            Some(place) => {
                self.entries[place] = entry;
                let mut seen = false;
                self.entries.retain(|entry| entry.key != key || !core::mem::replace(&mut seen, true));
            }
            None => self.entries.push(entry),
        }
    }

    /// Appends an entry, even if its key is already present.
    pub fn push(&mut self, entry: BaggageEntry) {
        self.entries.push(entry);
    }

    /// Removes all entries with a key. Returns `true` if there were any.
    pub fn remove(&mut self, key: &str) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.key != key);
        self.entries.len() < before
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns `true` if there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the header value, with a placeholder for each entry that cannot be written, so that a report counts it.
    pub(crate) fn line(&self) -> String {
        let entries = self.entries.iter().map(|entry| match entry.is_legal() {
            true => entry.to_string(),
            false => super::ILLEGAL_ENTRY.to_string(),
        });
        entries.collect::<Vec<_>>().join(",")
    }

    /// Returns the entries that can be written.
    pub(crate) fn legal(&self) -> impl Iterator<Item = &BaggageEntry> {
        self.entries.iter().filter(|entry| entry.is_legal())
    }
}

impl From<Baggage<'_>> for OwnedBaggage {
    fn from(baggage: Baggage<'_>) -> Self {
        let entries = baggage.iter().map(|member| BaggageEntry {
            key: member.key().to_string(),
            value: member.value().into_owned(),
            properties: member.properties().to_string(),
        });
        Self { entries: entries.collect() }
    }
}

/// Displays text as a value. The percent sign and everything that is not a `baggage-octet` is percent-encoded.
///
/// So are `+` and `=`: some readers take a plus for a space, and some cut a value at the second `=`.
fn encoded(text: &str) -> Encoded<Bytes<'_>> {
    const fn is_plain(byte: u8) -> bool {
        matches!(byte, b'!' | b'#'..=b'$' | b'&'..=b'*' | b'-'..=b':' | b'<' | b'>'..=b'[' | b']'..=b'~')
    }
    Encoded::new(text.bytes(), is_plain)
}

impl fmt::Display for BaggageEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, encoded(&self.value))?;
        if !self.properties.is_empty() {
            write!(f, ";{}", self.properties)?;
        }
        Ok(())
    }
}

/// Displays the header value, without entries that cannot be written. Limits are applied when the baggage is injected.
impl fmt::Display for OwnedBaggage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        wire::put_joined(self.legal(), ",", f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, value: &str, properties: &str) -> BaggageEntry {
        BaggageEntry { key: key.into(), value: value.into(), properties: properties.into() }
    }

    #[test]
    fn ok_read_change_and_write() {
        let mut baggage = OwnedBaggage::from(Baggage::parse(b"a=1,b=2;p,a=3").unwrap());
        baggage.set("a", "x y");
        baggage.set("c", "");
        assert_eq!(baggage.to_string(), "a=x%20y,b=2;p,c=");
        assert!(baggage.remove("b") && !baggage.remove("b"));
        assert_eq!((baggage.len(), baggage.get("a"), baggage.get("b")), (2, Some("x y"), None));
        assert!(!baggage.is_empty() && OwnedBaggage::new().is_empty());
    }

    #[test]
    fn ok_entries_with_illegal_keys_or_properties_are_omitted() {
        let mut baggage = OwnedBaggage::new();
        baggage.push(entry("bad key", "1", ""));
        baggage.push(entry("tenant/id", "2", ""));
        baggage.push(entry("ok", "3", "p1;p2=x%20y"));
        baggage.push(entry("inject", "4", "p,evil=1"));
        baggage.push(entry("inject", "4", "p\r\nx: y"));
        assert_eq!(baggage.to_string(), "ok=3;p1;p2=x%20y");
    }

    #[test]
    fn ok_push_adds_duplicates() {
        let mut baggage = OwnedBaggage::new();
        baggage.push(entry("a", "1", ""));
        baggage.push(entry("a", "2", ""));
        assert_eq!((baggage.to_string().as_str(), baggage.get("a")), ("a=1,a=2", Some("2")));
    }

    #[test]
    fn ok_encode_only_what_must_be() {
        assert_eq!(encoded("DF 28").to_string(), "DF%2028");
        assert_eq!(encoded("100%").to_string(), "100%25");
        assert_eq!(encoded("a,b;c\"d\\e").to_string(), "a%2Cb%3Bc%22d%5Ce");
        assert_eq!(encoded("a\r\nx: y").to_string(), "a%0D%0Ax:%20y");
        assert_eq!(encoded("Amélie😀").to_string(), "Am%C3%A9lie%F0%9F%98%80");
        assert_eq!(encoded("!#$&'()*-./09:<>?@AZ[]^_`az{|}~").to_string(), "!#$&'()*-./09:<>?@AZ[]^_`az{|}~");
        assert_eq!(encoded("a+b").to_string(), "a%2Bb");
        assert_eq!(encoded("a=b==").to_string(), "a%3Db%3D%3D");
    }
}
