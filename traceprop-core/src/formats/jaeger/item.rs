//! One baggage item of Jaeger: a key and a value.
//!
//! ```text
//! line   = "uberctx-" key ": " value       member = key "=" value       values are percent-encoded
//!
//! uberctx-tenant: acme%20inc
//! ```

use crate::wire::percent::{Decoded, Decoding};
use crate::wire::{InvalidReason, debug_as, split_once, trim};

/// The prefix of the header names of baggage items.
pub(super) const PREFIX: &str = "uberctx-";

/// Where an item was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A `uberctx-*` line.
    Line,
    /// A member of `jaeger-baggage`.
    List,
    /// A member of W3C `baggage`, which [`Jaeger::with_w3c_baggage`](super::Jaeger::with_w3c_baggage) writes too.
    W3c,
}

/// One item of a [`JaegerBaggage`](super::JaegerBaggage), borrowed from the carrier.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use traceprop_core::{Propagator, formats::jaeger::Jaeger};
///
/// let propagator = Propagator::builder().with_format(Jaeger::new()).build()?;
/// let request = [("Uberctx-Tenant", "acme%20inc")];
/// let item = propagator.extract(&request).jaeger().baggage().get("tenant").ok_or("the item is there")?;
/// assert_eq!((item.key().as_ref(), item.value().as_ref()), ("tenant", "acme inc"));
/// assert_eq!((item.raw_key(), item.raw_value()), ("Tenant", &b"acme%20inc"[..]));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct JaegerBaggageItem<'c> {
    key: &'c str,
    value: &'c [u8],
    pub(super) source: Source,
}

impl<'c> JaegerBaggageItem<'c> {
    pub(super) const fn of_line(key: &'c str, value: &'c [u8]) -> Self {
        Self { key, value, source: Source::Line }
    }

    /// Parses one member of a list. Returns `None` if it is empty.
    ///
    /// Members are split before they are decoded. The clients do it the other way round, which breaks base64 and encoded
    /// commas.
    pub(super) fn parse_member(member: &'c [u8]) -> Result<Option<Self>, InvalidReason> {
        if member.is_empty() {
            return Ok(None);
        }
        let (key, value) = split_once(member, b'=').ok_or(InvalidReason::BadMember)?;
        let key = core::str::from_utf8(trim(key)).ok().filter(|key| !key.is_empty()).ok_or(InvalidReason::BadKey)?;
        Ok(Some(Self { key, value: trim(value), source: Source::List }))
    }

    pub(super) const fn of_w3c(key: &'c str, value: &'c str) -> Self {
        Self { key, value: value.as_bytes(), source: Source::W3c }
    }

    /// Returns `true` if the item has this key. Case is ignored, because keys are parts of header names.
    pub fn has_key(&self, key: &str) -> bool {
        self.has_key_of(&JaegerBaggageItem::of_line(key, b""))
    }

    /// Returns `true` if the items have one key.
    pub(super) fn has_key_of(&self, other: &JaegerBaggageItem<'_>) -> bool {
        match (self.decoded_key(), other.decoded_key()) {
            (None, None) => self.key.eq_ignore_ascii_case(other.key),
            _ => self.key_bytes().eq(other.key_bytes()),
        }
    }

    /// Returns the bytes of the [`key`](Self::key) without allocating.
    pub(super) fn key_bytes(&self) -> impl Iterator<Item = u8> + use<'c> {
        let decoded = self.decoded_key();
        let plain = if decoded.is_some() { "" } else { self.key };
        decoded.into_iter().flatten().chain(plain.bytes()).map(|byte| byte.to_ascii_lowercase())
    }

    /// Returns the decoded key of a member, if there is something to decode. A key in a header name is not encoded.
    fn decoded_key(&self) -> Option<Decoded<'c>> {
        let is_encoded = self.source == Source::List && self.key.bytes().any(|byte| matches!(byte, b'%' | b'+'));
        is_encoded.then(|| Decoded::new(self.key.as_bytes(), Decoding::Form))
    }

    /// Returns the key in lower case. That of a member of `jaeger-baggage` is percent-decoded.
    #[cfg(feature = "alloc")]
    pub fn key(&self) -> alloc::borrow::Cow<'c, str> {
        use alloc::borrow::Cow;
        let key = self.decoded_key().map_or(Cow::Borrowed(self.key), |decoded| decoded.text());
        let has_uppercase = key.bytes().any(|byte| byte.is_ascii_uppercase());
        if has_uppercase { Cow::Owned(key.to_ascii_lowercase()) } else { key }
    }

    /// Returns the key as received.
    pub const fn raw_key(&self) -> &'c str {
        self.key
    }

    /// Returns the value, percent-decoded, with `+` as a space.
    ///
    /// Invalid UTF-8 becomes U+FFFD. A value with an invalid percent sequence is not decoded.
    #[cfg(feature = "alloc")]
    pub fn value(&self) -> alloc::borrow::Cow<'c, str> {
        self.decoded().text()
    }

    /// Returns the bytes of the decoded value without allocating.
    pub fn value_bytes(&self) -> impl Iterator<Item = u8> + use<'c> {
        self.decoded()
    }

    /// Returns the value in wire form.
    pub const fn raw_value(&self) -> &'c [u8] {
        self.value
    }

    pub(super) fn decoded(&self) -> Decoded<'c> {
        let decoding = match self.source {
            // Every client writes a literal plus as `%2B`.
            Source::Line | Source::List => Decoding::Form,
            Source::W3c => Decoding::Lenient,
        };
        Decoded::new(self.value, decoding)
    }
}

// Values can be personal data, which does not belong in logs.
debug_as!(JaegerBaggageItem<'_>, |it| "{} bytes", it.value.len());
