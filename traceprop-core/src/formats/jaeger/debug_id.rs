//! The value of a `jaeger-debug-id`.

use core::fmt;

use crate::carrier::headers::Headers;
use crate::field::Field;
use crate::field::invalid::InvalidHeader;
use crate::wire;
use crate::wire::percent::{Decoded, Decoding};
use crate::wire::reason::InvalidReason;

/// What the sender of a `jaeger-debug-id` wants to find its trace by: the new root has it as tag `jaeger-debug-id`.
///
/// It is text of the caller's: judge it before it becomes part of a log.
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
    /// Bytes of the longest value that is read.
    pub const MAX_LEN: usize = 256;

    /// The debug id of a request, if it counts: there is no `uber-trace-id`, and it is not blank.
    pub(crate) fn read(slots: &Headers<'c>) -> Option<Result<Self, InvalidHeader>> {
        let value = wire::trim(slots.get(Field::JaegerDebugId)?);
        if value.is_empty() || slots.get(Field::UberTraceId).is_some() {
            return None;
        }
        Some(match value.len() <= Self::MAX_LEN {
            true => Ok(Self(value)),
            false => Err(InvalidHeader::new(Field::JaegerDebugId, InvalidReason::TooLong, Self::MAX_LEN)),
        })
    }

    /// The value in wire form.
    pub const fn raw_value(&self) -> &'c [u8] {
        self.0
    }

    /// The value, percent-decoded, a `+` as a space. Broken UTF-8 becomes U+FFFD; with a broken percent sequence the
    /// text stays as it is.
    #[cfg(feature = "alloc")]
    pub fn value(&self) -> alloc::borrow::Cow<'c, str> {
        Decoded::new(self.0, Decoding::Form).text()
    }

    /// The bytes of the value, decoded, for where nothing may allocate.
    pub fn value_bytes(&self) -> impl Iterator<Item = u8> + use<'c> {
        Decoded::new(self.0, Decoding::Form)
    }
}

impl fmt::Debug for JaegerDebugId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JaegerDebugId({} bytes)", self.0.len())
    }
}

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
