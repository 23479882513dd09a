//! One member: a key, a value and properties, in wire form.
//!
//! ```text
//! member = key OWS "=" OWS value *( OWS ";" OWS property )
//!
//! serverNode=DF%2028;secure
//! ```
//!
//! An empty property is accepted, as a trailing semicolon produces it.
//! Spec: <https://www.w3.org/TR/baggage/#definition>

use core::fmt;

use crate::wire::percent::{Decoded, Decoding};
use crate::wire::{self, InvalidReason, is_token, is_token_byte, split_once, trim};

/// One member of [`Baggage`](crate::Baggage), borrowed from the carrier.
///
/// # Examples
///
/// ```
/// let baggage = traceprop_core::Baggage::parse(b"node=DF%2028;secure")?;
/// let member = baggage.get("node").expect("the member is there");
/// assert_eq!(member.raw_value(), "DF%2028");
/// assert!(member.value_bytes().eq(*b"DF 28"));
/// # Ok::<(), traceprop_core::InvalidHeader>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BaggageMember<'c> {
    key: &'c str,
    value: &'c str,
    properties: BaggageProperties<'c>,
}

/// The start of the keys with which Sentry's SDKs tell each other a sampling decision, and what it was made from.
const DECISION_PREFIX: &str = "sentry-";

/// Returns true if members with this key carry a sampling decision.
pub(crate) fn is_decision(key: &[u8]) -> bool {
    // Keys are not decoded in W3C baggage, but Sentry's JavaScript SDK does.
    Decoded::new(key, Decoding::Lenient).take(DECISION_PREFIX.len()).eq(DECISION_PREFIX.bytes())
}

/// Returns true if the bytes are a valid value.
#[inline]
fn is_value(bytes: &[u8]) -> bool {
    wire::is_visible(bytes, b'!', *b"\",;\\")
}

/// A valid member as bytes. Counting and forwarding need no more than this.
#[derive(Clone, Copy)]
pub(crate) struct RawMember<'c> {
    /// The member as received, without blanks around it.
    pub(crate) whole: &'c [u8],
    pub(crate) key: &'c [u8],
    /// Trimmed, as `properties` is.
    value: &'c [u8],
    value_at: usize,
    properties: &'c [u8],
    properties_at: usize,
}

impl<'c> RawMember<'c> {
    /// Parses one member. `whole` has no blanks before it.
    #[inline]
    pub(crate) fn parse(whole: &'c [u8]) -> Result<Self, (InvalidReason, usize)> {
        // Most members are a key and a value. For these each byte is read once.
        let key_len = whole.iter().position(|&byte| !is_token_byte(byte)).unwrap_or(0);
        match (&whole[..key_len], &whole[key_len..]) {
            (key @ [_, ..], [b'=', value @ ..]) if is_value(value) => {
                Ok(Self { whole, key, value, value_at: key_len + 1, properties: &[], properties_at: whole.len() })
            }
            _ => Self::parse_parts(whole),
        }
    }

    fn parse_parts(whole: &'c [u8]) -> Result<Self, (InvalidReason, usize)> {
        let (pair, properties) = split_once(whole, b';').unwrap_or((whole, b""));
        let Some((key, value)) = split_once(pair, b'=') else {
            return Err((InvalidReason::BadMember, 0));
        };
        let key = wire::trim_end(key);
        if !is_token(key) {
            return Err((InvalidReason::BadKey, 0));
        }
        let value = wire::trim_start(value);
        let value_at = pair.len() - value.len();
        let value = wire::trim_end(value);
        if !is_value(value) {
            return Err((InvalidReason::BadValue, pair.len() - value.len()));
        }
        let properties = wire::trim_start(properties);
        let properties_at = whole.len() - properties.len();
        if !properties.is_empty() && !properties.split(|&b| b == b';').all(|property| is_property(trim(property))) {
            return Err((InvalidReason::BadMember, pair.len() + 1));
        }
        Ok(Self { whole, key, value, value_at, properties: wire::trim_end(properties), properties_at })
    }

    /// Converts the parts to text.
    pub(crate) fn member(&self) -> BaggageMember<'c> {
        // All parts are ASCII, so converting the whole member once is enough.
        let text = wire::ascii(self.whole);
        let part = |at: usize, part: &[u8]| text.get(at..at + part.len()).unwrap_or_default();
        BaggageMember {
            key: part(0, self.key),
            value: part(self.value_at, self.value),
            properties: BaggageProperties(part(self.properties_at, self.properties)),
        }
    }

    /// Returns true if `raw`, from which this was parsed, is in canonical form.
    pub(crate) fn is_canonical(&self, raw: &[u8]) -> bool {
        // If the member is longer than its parts, there are blanks between or around them.
        let pair = self.key.len() + 1 + self.value.len();
        if self.properties.is_empty() {
            return raw.len() == pair;
        }
        let properties = self.properties;
        raw.len() == pair + 1 + properties.len()
            && !properties.split(|&b| b == b';').any(<[u8]>::is_empty)
            && !properties.iter().any(|&b| b == b' ' || b == b'\t')
    }
}

impl<'c> BaggageMember<'c> {
    /// Returns the key. It is a token and is never percent-decoded.
    pub const fn key(&self) -> &'c str {
        self.key
    }

    /// Returns the value in wire form, percent-encoded.
    pub const fn raw_value(&self) -> &'c str {
        self.value
    }

    /// Returns the value, percent-decoded once.
    ///
    /// Invalid UTF-8 becomes U+FFFD. An invalid percent sequence is kept.
    #[cfg(feature = "alloc")]
    pub fn value(&self) -> alloc::borrow::Cow<'c, str> {
        match self.value.contains('%') {
            true => decoded(self.value).text(),
            false => self.value.into(),
        }
    }

    /// Returns the bytes of the value, percent-decoded once, without allocating.
    pub fn value_bytes(&self) -> impl Iterator<Item = u8> + use<'c> {
        decoded(self.value)
    }

    /// Returns the properties. They display in wire form, separated by `;` and without blanks.
    pub const fn properties(&self) -> BaggageProperties<'c> {
        self.properties
    }
}

fn decoded(value: &str) -> Decoded<'_> {
    Decoded::new(value.as_bytes(), Decoding::Lenient)
}

fn is_property(property: &[u8]) -> bool {
    let (key, value) = split_once(property, b'=').map_or((property, &b""[..]), |(key, value)| (key, value));
    let (key, value) = (trim(key), trim(value));
    // A trailing semicolon makes an empty property.
    property.is_empty() || (is_token(key) && is_value(value))
}

impl fmt::Display for BaggageMember<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)?;
        self.properties.iter().try_for_each(|property| write!(f, ";{property}"))
    }
}

/// The properties of a member. Comparison ignores blanks around them.
///
/// # Examples
///
/// ```
/// let baggage = traceprop_core::Baggage::parse(b"tenant=acme; secure ;ttl=30")?;
/// let properties = baggage.get("tenant").expect("the member is there").properties();
/// assert_eq!(properties.to_string(), "secure;ttl=30");
/// assert_eq!(properties.iter().map(|property| property.value).collect::<Vec<_>>(), [None, Some("30")]);
/// # Ok::<(), traceprop_core::InvalidHeader>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BaggageProperties<'c>(&'c str);

impl PartialEq for BaggageProperties<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for BaggageProperties<'_> {}

impl<'c> BaggageProperties<'c> {
    /// Returns the properties in order.
    pub fn iter(&self) -> impl Iterator<Item = BaggageProperty<'c>> + Clone + use<'c> {
        self.0.split(';').filter_map(|property| {
            let property = trim_str(property);
            let (key, value) = match property.split_once('=') {
                Some((key, value)) => (trim_str(key), Some(trim_str(value))),
                None => (property, None),
            };
            (!key.is_empty()).then_some(BaggageProperty { key, value })
        })
    }

    /// Returns `true` if there are no properties.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty() || self.iter().next().is_none()
    }
}

fn trim_str(text: &str) -> &str {
    // Blanks are one byte each, so trimming them leaves whole characters.
    core::str::from_utf8(wire::trim(text.as_bytes())).unwrap_or_default()
}

impl fmt::Display for BaggageProperties<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        wire::put_joined(self.iter(), ";", f)
    }
}

/// One property: a key, with or without a value.
///
/// # Examples
///
/// ```
/// use traceprop_core::{Baggage, baggage::BaggageProperty};
///
/// let baggage = Baggage::parse(b"tenant=acme;ttl=30")?;
/// let member = baggage.get("tenant").expect("the member is there");
/// assert_eq!(member.properties().iter().next(), Some(BaggageProperty { key: "ttl", value: Some("30") }));
/// # Ok::<(), traceprop_core::InvalidHeader>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BaggageProperty<'c> {
    /// The key, a token.
    pub key: &'c str,
    /// The value in wire form, percent-encoded, if there is one.
    pub value: Option<&'c str>,
}

#[cfg(feature = "alloc")]
impl<'c> BaggageProperty<'c> {
    /// Returns the value, decoded as by [`BaggageMember::value`].
    pub fn decoded(&self) -> Option<alloc::borrow::Cow<'c, str>> {
        self.value.map(|value| decoded(value).text())
    }
}

impl fmt::Display for BaggageProperty<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value {
            Some(value) => write!(f, "{}={value}", self.key),
            None => f.write_str(self.key),
        }
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[track_caller]
    fn ok(member: &str) -> BaggageMember<'_> {
        RawMember::parse(member.as_bytes()).unwrap().member()
    }

    #[test]
    fn ok_blanks_around_every_separator() {
        let member = ok("SomeKey \t = \t SomeValue \t ; \t SomeProp \t ; ValueProp \t = \t PropVal");
        assert_eq!((member.key(), member.raw_value()), ("SomeKey", "SomeValue"));
        assert_eq!(member.properties().to_string(), "SomeProp;ValueProp=PropVal");
        assert_eq!(member.to_string(), "SomeKey=SomeValue;SomeProp;ValueProp=PropVal");
    }

    #[test]
    fn ok_equals_signs_belong_to_the_value() {
        assert_eq!(ok("k=a=b==").raw_value(), "a=b==");
        assert_eq!(ok("k=").raw_value(), "");
    }

    #[test]
    fn ok_every_token_byte_in_a_key() {
        assert_eq!(ok("aZ09!#$%&'*+-.^_`|~=1").key(), "aZ09!#$%&'*+-.^_`|~");
    }

    #[test]
    fn ok_properties_keep_wire_form_and_repeats() {
        assert_eq!(ok("k=v;p=%20x%3B;p;p").properties().to_string(), "p=%20x%3B;p;p");
        assert_eq!(ok("k=v;p%20=%20x%3B").properties().iter().next().unwrap().decoded().unwrap(), " x;");
        assert_eq!(ok("k=v;").to_string(), "k=v");
        assert!(ok("k=v;").properties().is_empty() && !ok("k=v;p").properties().is_empty());
    }

    #[test]
    fn ok_comparison_ignores_blanks() {
        assert_eq!(ok("k = v ; p = 1;;q"), ok("k=v;p=1;q"));
        assert_ne!(ok("k=v;p;q"), ok("k=v;q;p"));
    }

    #[test]
    fn err_parts_that_break_the_grammar() {
        let err = |member: &str| RawMember::parse(member.as_bytes()).err().unwrap();
        assert_eq!(err("k"), (InvalidReason::BadMember, 0));
        assert_eq!(err("k;p=1"), (InvalidReason::BadMember, 0));
        assert_eq!(err("a b=1"), (InvalidReason::BadKey, 0));
        assert_eq!(err("k= x y"), (InvalidReason::BadValue, 3));
        assert_eq!(err("k=v;a b"), (InvalidReason::BadMember, 4));
        assert_eq!(err("k=v;p=\"q\""), (InvalidReason::BadMember, 4));
        assert_eq!(err("k=v;=q"), (InvalidReason::BadMember, 4));
    }
}
