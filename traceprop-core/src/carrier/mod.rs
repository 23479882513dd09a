//! Carriers: what headers are read from and written to.
//!
//! A carrier to read lists all its `(name, value)` pairs, any number of times. It can be a header map, gRPC
//! metadata, Kafka headers, a slice of pairs, the environment of a process. One pass collects every field that the
//! configured formats want; repeated lines need no method of their own.

use core::fmt;

use crate::field::Field;
use crate::wire::{self, Counter, debug_as};

pub(crate) mod headers;
#[cfg(feature = "std")]
mod maps;
#[cfg(feature = "alloc")]
mod pairs;
mod slices;
pub(crate) mod source;
mod stale;
pub(crate) mod table;

pub(crate) use headers::{HeaderLines, HeaderLinesIter, Headers};
#[cfg(feature = "alloc")]
pub use pairs::Pairs;
pub(crate) use source::LineSource;
pub(crate) use stale::HeldNames;
pub use stale::StaleFields;

/// Something that headers can be read from.
///
/// Header maps, message attributes and pairs of strings are carriers. A slice is borrowed once more:
/// `propagator.extract(&slice)`.
///
/// A `http::HeaderMap` needs the wrapper `traceprop_http::HeaderCarrier`, and the compiler says so for a type that is
/// not a carrier:
///
/// ```compile_fail,E0277
/// struct HeaderMap;
/// traceprop_core::presets::W3C.propagator().extract(&HeaderMap);
/// ```
///
/// Implement the trait for the headers of another library:
///
/// ```
/// use traceprop_core::Carrier;
///
/// /// Headers as a message broker hands them over.
/// struct Message {
///     headers: Vec<(String, Vec<u8>)>,
/// }
///
/// impl Carrier for Message {
///     fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
///         self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
///     }
/// }
/// # let message = Message { headers: vec![("b3".into(), b"0".to_vec())] };
/// # assert_eq!(message.fields().count(), 1);
/// ```
#[diagnostic::on_unimplemented(
    message = "headers cannot be read from `{Self}`",
    label = "not a `Carrier`",
    note = "wrap an `http::HeaderMap` in `traceprop_http::HeaderCarrier::new(&headers)`",
    note = "slices, arrays and vectors of `(name, value)` pairs and maps of strings are carriers if they are `Sync`"
)]
pub trait Carrier: Sync {
    /// Returns all pairs of name and value, in order, repeated names included. Each call returns the same pairs.
    ///
    /// Names match in any letter case.
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])>;

    /// Looks up one field in the index of the carrier.
    ///
    /// Carriers without an index keep the default. A carrier with an index answers for every field with a built-in name.
    fn lookup(&self, field: Field) -> Lookup<'_> {
        let _ = field;
        Lookup::Unsupported
    }
}

/// What a carrier with an index found; see [`Carrier::lookup`].
///
/// # Examples
///
/// ```
/// use traceprop_core::{Carrier, Field, carrier::Lookup};
///
/// // A slice has no index, so it is searched from the start.
/// let request = [("b3", "0")];
/// assert_eq!(request.lookup(Field::B3), Lookup::Unsupported);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup<'c> {
    /// The carrier has no index for this field.
    Unsupported,
    /// The field is absent.
    Absent,
    /// The only line of the field.
    One(&'c [u8]),
    /// The first of several lines.
    Several(&'c [u8]),
}

impl<'c> Lookup<'c> {
    /// Returns the first line, and whether there are more.
    #[inline]
    pub(crate) const fn parts(self) -> (Option<&'c [u8]>, bool) {
        match self {
            Self::Unsupported | Self::Absent => (None, false),
            Self::One(value) => (Some(value), false),
            Self::Several(value) => (Some(value), true),
        }
    }
}

impl<C: Carrier + ?Sized> Carrier for &C {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        (**self).fields()
    }

    fn lookup(&self, field: Field) -> Lookup<'_> {
        (**self).lookup(field)
    }
}

/// Something that headers can be written to.
///
/// A `http::HeaderMap` needs the wrapper `traceprop_http::HeaderCarrierMut`. Implement the trait for the headers of
/// another library:
///
/// ```
/// use traceprop_core::{CarrierMut, carrier::{FieldName, FieldValue}};
///
/// #[derive(Default)]
/// struct Message {
///     headers: Vec<(String, Vec<u8>)>,
/// }
///
/// impl CarrierMut for Message {
///     fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
///         self.headers.push((name.as_str().to_owned(), value.to_string().into_bytes()));
///     }
///
///     fn remove_if(&mut self, stale: &mut dyn FnMut(&str) -> bool) {
///         self.headers.retain(|(name, _)| !stale(name));
///     }
/// }
/// # let mut message = Message::default();
/// # message.remove_if(&mut |_| true);
/// ```
#[diagnostic::on_unimplemented(
    message = "headers cannot be written to `{Self}`",
    label = "not a `CarrierMut`",
    note = "wrap an `http::HeaderMap` in `traceprop_http::HeaderCarrierMut::new(&mut headers)`",
    note = "`Pairs`, vectors of `(String, String)` pairs and maps of strings are carriers"
)]
pub trait CarrierMut {
    /// Adds one line. Lines that it replaces were removed before by [`CarrierMut::remove_if`].
    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>);

    /// Removes the lines whose name is `stale`, and calls it with each name at least once.
    ///
    /// A carrier that starts empty may do nothing.
    fn remove_if(&mut self, stale: &mut dyn FnMut(&str) -> bool);

    /// Returns whether any of these fields is present. Called once before anything is written.
    fn contains_any(&mut self, fields: &StaleFields<'_>) -> bool {
        let mut found = false;
        self.remove_if(&mut |name| {
            found |= fields.contains(name);
            false
        });
        found
    }

    /// Returns whether the names are variables of a process, which other programs share. Defaults to `false`.
    ///
    /// A variable like `NEWRELIC` can belong to any program. So an injection leaves the formats that are neither read
    /// nor written, whatever the trust. [`Propagator::strip`](crate::Propagator::strip) removes them too.
    fn is_environment(&self) -> bool {
        false
    }
}

impl<C: CarrierMut + ?Sized> CarrierMut for &mut C {
    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        (**self).append(name, value);
    }

    fn remove_if(&mut self, stale: &mut dyn FnMut(&str) -> bool) {
        (**self).remove_if(stale);
    }

    fn contains_any(&mut self, fields: &StaleFields<'_>) -> bool {
        (**self).contains_any(fields)
    }

    fn is_environment(&self) -> bool {
        (**self).is_environment()
    }
}

/// The name of a line to write: a token in lower case.
///
/// # Examples
///
/// ```
/// use traceprop_core::carrier::{FieldName, FieldValue};
///
/// /// Formats a line as HTTP/1.1 sends it.
/// fn line(name: FieldName<'_>, value: FieldValue<'_>) -> String {
///     format!("{name}: {value}")
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FieldName<'a> {
    field: Field,
    text: &'a str,
}

impl<'a> FieldName<'a> {
    pub(crate) const fn new(field: Field, text: &'a str) -> Self {
        Self { field, text }
    }

    /// Returns the name in lower case.
    pub const fn as_str(&self) -> &'a str {
        self.text
    }

    /// Returns the field, for carriers that have constants for known names.
    pub const fn field(&self) -> Field {
        self.field
    }
}

impl fmt::Display for FieldName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

/// The value of a line to write: visible ASCII and blanks, never empty, no line ends.
///
/// A short value is one piece of text, see [`FieldValue::as_str`]. A long value is written in pieces by its `Display`, so
/// that the core needs no allocator. [`FieldValue::len`] returns how much room it needs.
///
/// # Examples
///
/// ```
/// use traceprop_core::carrier::FieldValue;
///
/// /// Copies a value with one allocation.
/// fn copy(value: FieldValue<'_>) -> String {
///     use std::fmt::Write;
///
///     let mut text = String::with_capacity(value.len());
///     let _ = write!(text, "{value}");
///     text
/// }
/// ```
#[derive(Clone, Copy)]
pub struct FieldValue<'a>(Repr<'a>);

#[derive(Clone, Copy)]
enum Repr<'a> {
    /// Known to be ASCII. A carrier of bytes takes it unchanged. A carrier of text checks it.
    Ascii(&'a [u8]),
    Pieces(&'a dyn fmt::Display),
}

impl<'a> FieldValue<'a> {
    pub(crate) const fn ascii(bytes: &'a [u8]) -> Self {
        Self(Repr::Ascii(bytes))
    }

    pub(crate) const fn pieces(pieces: &'a dyn fmt::Display) -> Self {
        Self(Repr::Pieces(pieces))
    }

    /// Returns the value if it is one piece of text.
    pub fn as_str(&self) -> Option<&'a str> {
        self.as_bytes().map(wire::ascii)
    }

    /// Returns the value as bytes if it is one piece.
    pub const fn as_bytes(&self) -> Option<&'a [u8]> {
        match self.0 {
            Repr::Ascii(bytes) => Some(bytes),
            Repr::Pieces(_) => None,
        }
    }

    /// Returns the length in bytes. A value in pieces is formatted once to count it.
    pub fn len(&self) -> usize {
        match self.0 {
            Repr::Ascii(bytes) => bytes.len(),
            Repr::Pieces(pieces) => {
                let mut counter = Counter::default();
                // A counter takes everything, and the pieces are our own.
                let _ = fmt::write(&mut counter, format_args!("{pieces}"));
                counter.0
            }
        }
    }

    /// Returns whether the value is empty or blank. No such value is written.
    pub fn is_empty(&self) -> bool {
        match self.0 {
            Repr::Ascii(bytes) => wire::is_blank(bytes),
            Repr::Pieces(pieces) => {
                let mut search = NonBlank(false);
                // It stops at the first byte that is not blank.
                let _ = fmt::write(&mut search, format_args!("{pieces}"));
                !search.0
            }
        }
    }
}

/// Finds out whether a text holds more than blanks.
struct NonBlank(bool);

impl fmt::Write for NonBlank {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = !wire::is_blank(text.as_bytes());
        if self.0 { Err(fmt::Error) } else { Ok(()) }
    }
}

impl fmt::Display for FieldValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Repr::Ascii(_) => f.write_str(self.as_str().unwrap_or_default()),
            Repr::Pieces(pieces) => fmt::Display::fmt(pieces, f),
        }
    }
}

// The value can be baggage, which must not be logged.
debug_as!(FieldValue<'_>, |it| "{} bytes", it.len());

#[cfg(feature = "alloc")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{FieldNames, FieldSet};
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;

    #[test]
    fn ok_a_carrier_holds_a_field_or_does_not_and_loses_none() {
        let mut names = FieldNames::new();
        names.watch(FieldSet::of(&[Field::TraceParent]));
        let fields = StaleFields::new(&names, FieldSet::of(&[Field::TraceParent]));
        let headers = |name: &str| Vec::from([(String::from("accept"), String::new()), (name.into(), String::new())]);
        for (name, holds) in [("Traceparent", true), ("tracestate", false)] {
            let mut carrier = headers(name);
            assert_eq!(carrier.contains_any(&fields), holds, "{name}");
            assert_eq!(CarrierMut::contains_any(&mut &mut carrier, &fields), holds, "{name}");
            assert_eq!(carrier, headers(name));
        }
    }

    #[test]
    fn ok_slices_and_trait_objects_are_carriers() {
        let propagator = crate::presets::W3C.propagator();
        let slice: &[(&str, &str)] = &[("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
        let extraction = propagator.extract(&slice);
        assert!(extraction.context().is_some());
        let mut pairs = Pairs::new();
        let carrier: &mut dyn CarrierMut = &mut pairs;
        let options = crate::InjectOptions::new();
        propagator.inject(extraction.passthrough(), &options, carrier);
        assert_eq!((&pairs).into_iter().collect::<Vec<_>>(), slice);
    }

    #[test]
    fn ok_names_and_values_as_text_and_as_bytes() {
        assert_eq!(format!("{}", FieldName::new(Field::B3, "b3")), "b3");
        let pieces = format_args!("a{}", "b");
        let values = [FieldValue::ascii(b"ab"), FieldValue::pieces(&pieces)];
        assert_eq!(values.map(|value| value.as_bytes()), [Some(&b"ab"[..]), None]);
        assert_eq!(values.map(|value| value.as_str()), [Some("ab"), None]);
        assert_eq!(values.map(|value| (value.len(), value.is_empty())), [(2, false); 2]);
        for value in values {
            assert_eq!(format!("{value} {value:?}"), "ab FieldValue(2 bytes)");
        }
        assert!(FieldValue::ascii(b" \t").is_empty() && FieldValue::ascii(b"").is_empty());
        assert!(FieldValue::pieces(&"").is_empty() && FieldValue::pieces(&format_args!(" {}", "\t")).is_empty());
        assert!(!FieldValue::pieces(&format_args!(" {} ", "a")).is_empty());
    }
}
