//! Why a header was turned down: which field, why, where. Never its bytes.

use core::fmt;

use crate::field::Field;
use crate::wire::reason::{InvalidReason, ReasonAt};

/// Why a header was turned down.
///
/// It holds no byte of the header: values can be secret, and rejects end up in logs and metrics.
///
/// ```
/// use traceprop_core::{Field, InvalidReason, TraceParent};
///
/// let reject = TraceParent::parse(b"00-00000000000000000000000000000000-00f067aa0ba902b7-01").unwrap_err();
/// assert_eq!((reject.field(), reject.reason(), reject.offset()), (Field::TraceParent, InvalidReason::ZeroTraceId, 3));
/// assert_eq!(reject.to_string(), "traceparent: zero-trace-id at byte 3");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InvalidHeader {
    field: Field,
    reason: InvalidReason,
    at: u32,
}

impl InvalidHeader {
    /// A reject of `field`, seen at byte `at` of its value (of its lines put together, where there are several).
    pub const fn new(field: Field, reason: InvalidReason, at: usize) -> Self {
        let at = if at > u32::MAX as usize { u32::MAX } else { at as u32 };
        Self { field, reason, at }
    }

    /// The header field that was turned down.
    pub const fn field(self) -> Field {
        self.field
    }

    /// What is wrong with it.
    pub const fn reason(self) -> InvalidReason {
        self.reason
    }

    /// The byte of the value where it shows. For a bad length: the length.
    pub const fn offset(self) -> u32 {
        self.at
    }
}

impl fmt::Display for InvalidHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} at byte {}", self.field, self.reason, self.at)
    }
}

impl core::error::Error for InvalidHeader {}

impl ReasonAt {
    pub(crate) const fn of(self, field: Field) -> InvalidHeader {
        InvalidHeader::new(field, self.reason, self.at as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_words_are_unique_and_plain() {
        for (i, reason) in InvalidReason::ALL.iter().enumerate() {
            let word = reason.as_str();
            assert!(word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{word}");
            assert!(InvalidReason::ALL[i + 1..].iter().all(|other| other.as_str() != word), "{word} twice");
        }
    }

    #[test]
    fn ok_offset_beyond_u32_saturates() {
        let reject = InvalidHeader::new(Field::Baggage, InvalidReason::TooLong, usize::MAX);
        assert_eq!(reject.offset(), u32::MAX);
        let beyond = u64::from(u32::MAX) + 8;
        if let Ok(beyond) = usize::try_from(beyond) {
            assert_eq!(InvalidHeader::new(Field::Baggage, InvalidReason::TooLong, beyond).offset(), u32::MAX);
            assert_eq!(InvalidReason::TooLong.at(beyond).at, u32::MAX);
        }
    }

    #[test]
    fn ok_reject_is_two_words() {
        assert!(size_of::<Option<InvalidHeader>>() <= 8);
    }
}
