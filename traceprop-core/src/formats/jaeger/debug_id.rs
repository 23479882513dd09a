//! The value of a `jaeger-debug-id`.
//!
//! ```text
//! jaeger-debug-id = text of at most 256 bytes, percent-encoded
//!
//! ticket-4711
//! ```

use crate::carrier::Headers;
use crate::field::{Field, InvalidHeader};
use crate::wire::percent::{Decoded, Decoding};
use crate::wire::{self, InvalidReason, debug_as};

/// The id by which a caller wants to find a new debug trace. Set it as tag `jaeger-debug-id` on the root span.
///
/// The caller chooses the text, so check it before you log it.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use traceprop_core::{formats::jaeger::Jaeger, Propagator, Sampling};
///
/// let propagator = Propagator::builder().with_format(Jaeger::new()).build()?;
/// let request = [("jaeger-debug-id", "ticket-4711")];
/// let extraction = propagator.extract(&request);
/// assert_eq!((extraction.context(), extraction.sampling()), (None, Sampling::Debug));
/// assert_eq!(extraction.jaeger().debug_id().map(|id| id.value().into_owned()).as_deref(), Some("ticket-4711"));
/// # }
/// # Ok::<(), traceprop_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct JaegerDebugId<'c>(&'c [u8]);

impl<'c> JaegerDebugId<'c> {
    /// The length of the longest value that is read, in bytes.
    pub const MAX_LEN: usize = 256;

    /// Reads the debug id of a request. Returns `None` if it is blank or the request has an `uber-trace-id`.
    pub(crate) fn read(headers: &Headers<'c>) -> Option<Result<Self, InvalidHeader>> {
        let value = wire::trim(headers.get(Field::JaegerDebugId)?);
        if value.is_empty() || headers.get(Field::UberTraceId).is_some() {
            return None;
        }
        Some(match value.len() <= Self::MAX_LEN {
            true => Ok(Self(value)),
            false => Err(InvalidHeader::new(Field::JaegerDebugId, InvalidReason::TooLong, Self::MAX_LEN)),
        })
    }

    /// Returns the value in wire form.
    pub const fn raw_value(&self) -> &'c [u8] {
        self.0
    }

    /// Returns the value, percent-decoded, with `+` as a space.
    ///
    /// Invalid UTF-8 becomes U+FFFD. A value with an invalid percent sequence is not decoded.
    #[cfg(feature = "alloc")]
    pub fn value(&self) -> alloc::borrow::Cow<'c, str> {
        Decoded::new(self.0, Decoding::Form).text()
    }

    /// Returns the bytes of the decoded value without allocating.
    pub fn value_bytes(&self) -> impl Iterator<Item = u8> + use<'c> {
        Decoded::new(self.0, Decoding::Form)
    }
}

debug_as!(JaegerDebugId<'_>, |it| "{} bytes", it.0.len());

#[cfg(feature = "alloc")]
#[cfg(test)]
mod tests {
    use crate::formats::jaeger::Jaeger;
    use crate::propagator::Propagator;
    use alloc::vec::Vec;

    #[test]
    fn ok_the_bytes_of_a_value_are_those_of_its_text() {
        let propagator = Propagator::builder().with_format(Jaeger::new()).inject_none().build().unwrap();
        for (value, decoded) in [("ticket-1", "ticket-1"), (" a+b%2F%c3%a9 ", "a b/é"), ("100%", "100%")] {
            let request = [("jaeger-debug-id", value)];
            let extraction = propagator.extract(&request);
            let id = extraction.jaeger().debug_id().unwrap();
            assert_eq!(id.value_bytes().collect::<Vec<_>>(), decoded.as_bytes());
            assert_eq!(id.value(), decoded);
        }
    }
}
