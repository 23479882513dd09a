//! Why a header is invalid: field, reason and offset. Never its text.

use core::fmt;

use crate::field::Field;
use crate::wire::{InvalidReason, ReasonAt, Shown};

/// Why a header is invalid: its field, the reason and the offset of the fault.
///
/// It holds no byte of the header, because values can be secret and this ends up in logs and metrics.
///
/// ```
/// use traceprop_core::{Field, InvalidReason, formats::tracecontext::TraceParent};
///
/// let invalid = TraceParent::parse(b"00-00000000000000000000000000000000-00f067aa0ba902b7-01").unwrap_err();
/// assert_eq!((invalid.field(), invalid.reason(), invalid.offset()), (Field::TraceParent, InvalidReason::ZeroTraceId, 3));
/// assert_eq!(invalid.to_string(), "invalid traceparent: zero-trace-id at byte 3");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InvalidHeader {
    field: Field,
    reason: InvalidReason,
    at: u32,
}

impl InvalidHeader {
    /// Creates an error about `field`.
    ///
    /// `offset` is the byte of the value where the fault is. If the field has several lines, it counts in the lines put
    /// together.
    pub const fn new(field: Field, reason: InvalidReason, offset: usize) -> Self {
        let at = if offset > u32::MAX as usize { u32::MAX } else { offset as u32 };
        Self { field, reason, at }
    }

    /// Returns the header field that is invalid.
    pub const fn field(self) -> Field {
        self.field
    }

    /// Returns the reason why it is invalid.
    pub const fn reason(self) -> InvalidReason {
        self.reason
    }

    /// Returns the byte of the value where the fault is. For [`InvalidReason::BadLength`] the value ends there.
    pub const fn offset(self) -> u32 {
        self.at
    }

    /// Displays the reason and the offset, without the field.
    pub(crate) fn place(self) -> impl fmt::Display {
        Shown(move |f: &mut fmt::Formatter<'_>| match self {
            Self { reason: InvalidReason::BadLength, at: end, .. } => write!(f, "{}, ends at byte {end}", self.reason),
            Self { reason, at, .. } => write!(f, "{reason} at byte {at}"),
        })
    }
}

impl fmt::Display for InvalidHeader {
    /// A custom header has a number here. [`ExtractReport`](crate::report::ExtractReport) knows its name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid {}: {}", self.field, self.place())
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
        let invalid = InvalidHeader::new(Field::Baggage, InvalidReason::TooLong, usize::MAX);
        assert_eq!(invalid.offset(), u32::MAX);
        let beyond = u64::from(u32::MAX) + 8;
        if let Ok(beyond) = usize::try_from(beyond) {
            assert_eq!(InvalidHeader::new(Field::Baggage, InvalidReason::TooLong, beyond).offset(), u32::MAX);
            assert_eq!(InvalidReason::TooLong.at(beyond).at, u32::MAX);
        }
    }

    #[test]
    fn ok_invalid_header_is_two_words() {
        assert!(size_of::<Option<InvalidHeader>>() <= 8);
    }
}
