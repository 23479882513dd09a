//! One item of Jaeger's baggage: key and value, in wire form.

use core::fmt;

use crate::wire::percent::{Decoded, Decoding};
use crate::wire::reason::InvalidReason;
use crate::wire::{split_once, trim};

/// What every name of an item's line begins with.
pub(super) const PREFIX: &str = "uberctx-";

/// Where an item was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A line of its own.
    Line,
    /// `jaeger-baggage`.
    List,
    /// W3C `baggage`, which is written in Jaeger's words where that was asked for.
    W3c,
}

/// One item of a [`JaegerBaggage`](super::JaegerBaggage), borrowed from the carrier.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct JaegerBaggageItem<'c> {
    key: &'c str,
    value: &'c [u8],
    source: Source,
}

impl<'c> JaegerBaggageItem<'c> {
    pub(super) const fn of_line(key: &'c str, value: &'c [u8]) -> Self {
        Self { key, value, source: Source::Line }
    }

    /// Reads one member of a list; none if there is nothing. The clients decode first and split then, which breaks an
    /// encoded comma and base64.
    pub(super) fn parse_member(member: &'c [u8]) -> Result<Option<Self>, InvalidReason> {
        if member.is_empty() {
            return Ok(None);
        }
        let (key, value) = split_once(member, b'=').ok_or(InvalidReason::BadMember)?;
        let key = core::str::from_utf8(trim(key)).map_err(|_| InvalidReason::BadKey)?;
        match key.is_empty() {
            true => Err(InvalidReason::BadKey),
            false => Ok(Some(Self { key, value: trim(value), source: Source::List })),
        }
    }

    pub(super) const fn of_w3c(key: &'c str, value: &'c str) -> Self {
        Self { key, value: value.as_bytes(), source: Source::W3c }
    }

    /// Whether this is its key. Keys are parts of header names: letter case does not count.
    pub fn has_key(&self, key: &str) -> bool {
        self.key.eq_ignore_ascii_case(key)
    }

    /// The key in lower case.
    #[cfg(feature = "alloc")]
    pub fn key(&self) -> alloc::borrow::Cow<'c, str> {
        use alloc::borrow::Cow;
        match self.key.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => Cow::Owned(self.key.to_ascii_lowercase()),
            false => Cow::Borrowed(self.key),
        }
    }

    /// The key as it is spelt.
    pub const fn raw_key(&self) -> &'c str {
        self.key
    }

    /// The value, percent-decoded, a `+` as a space. Broken UTF-8 becomes U+FFFD; with a broken percent sequence the
    /// text stays as it is.
    #[cfg(feature = "alloc")]
    pub fn value(&self) -> alloc::borrow::Cow<'c, str> {
        self.decoded().text()
    }

    /// The bytes of the value, decoded, for where nothing may allocate.
    pub fn value_bytes(&self) -> impl Iterator<Item = u8> + use<'c> {
        self.decoded()
    }

    /// The value in wire form.
    pub const fn raw_value(&self) -> &'c [u8] {
        self.value
    }

    pub(super) fn decoded(&self) -> Decoded<'c> {
        let decoding = match self.source {
            // A plus is a space: every client writes a literal one as `%2B`.
            Source::Line | Source::List => Decoding::Form,
            Source::W3c => Decoding::Lenient,
        };
        Decoded::new(self.value, decoding)
    }

    pub(super) const fn source(&self) -> Source {
        self.source
    }
}

impl fmt::Debug for JaegerBaggageItem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The value is nobody's business in a log.
        write!(f, "JaegerBaggageItem({} bytes)", self.value.len())
    }
}
