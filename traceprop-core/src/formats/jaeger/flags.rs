//! The flag byte of an `uber-trace-id`.

use core::fmt;

use crate::id::sampling::Sampling;
use crate::wire::hex::{self, Letters};

/// The flags of an `uber-trace-id`. All eight bits are kept, those without a meaning too.
///
/// ```
/// use traceprop_core::{JaegerFlags, Sampling};
///
/// let flags = JaegerFlags::from_byte(0x0b);
/// assert!(flags.is_sampled() && flags.is_debug() && flags.is_firehose());
/// assert_eq!(flags.to_string(), "b");
/// // The debug bit alone says nothing: the trace is not sampled.
/// assert_eq!(JaegerFlags::from_byte(2).sampling(), Sampling::NotSampled);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct JaegerFlags(u8);

impl JaegerFlags {
    /// The sender records the trace.
    pub const SAMPLED: u8 = 0x01;
    /// Whatever samplers would say. Counts only beside [`JaegerFlags::SAMPLED`].
    pub const DEBUG: u8 = 0x02;
    /// Spans are stored and not indexed.
    pub const FIREHOSE: u8 = 0x08;

    /// These bits.
    pub const fn from_byte(byte: u8) -> Self {
        Self(byte)
    }

    /// The bits that say a decision, and no others. Jaeger cannot say `Deferred`, and writes `0`.
    pub const fn from_sampling(sampling: Sampling) -> Self {
        Self(match sampling {
            Sampling::Deferred | Sampling::NotSampled => 0,
            Sampling::Sampled => Self::SAMPLED,
            Sampling::Debug => Self::SAMPLED | Self::DEBUG,
        })
    }

    /// The flag byte.
    pub const fn to_byte(self) -> u8 {
        self.0
    }

    /// Whether the sender records the trace.
    pub const fn is_sampled(self) -> bool {
        self.0 & Self::SAMPLED != 0
    }

    /// Whether samplers are overruled: both the debug and the sampled bit are set.
    pub const fn is_debug(self) -> bool {
        self.is_sampled() && self.0 & Self::DEBUG != 0
    }

    /// Whether spans are to be stored and not indexed.
    pub const fn is_firehose(self) -> bool {
        self.0 & Self::FIREHOSE != 0
    }

    /// The decision. Never `Deferred`: Jaeger has no word for it.
    pub const fn sampling(self) -> Sampling {
        match (self.is_sampled(), self.is_debug()) {
            (false, _) => Sampling::NotSampled,
            (true, false) => Sampling::Sampled,
            (true, true) => Sampling::Debug,
        }
    }

    /// Parses one or two hex digits.
    pub(super) fn parse(digits: &[u8]) -> Option<Self> {
        let byte = match *digits {
            [digit] => hex::digit(digit, Letters::AnyCase),
            [high, low] => hex::u8_2(&[high, low], Letters::AnyCase).ok(),
            _ => None,
        };
        byte.map(Self)
    }

    pub(super) const fn says_more_than_sampled(self) -> bool {
        self.0 & !Self::SAMPLED != 0
    }
}

/// One or two lower-case hex digits.
impl fmt::Display for JaegerFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_every_byte_has_one_decision() {
        for byte in 0..=255u8 {
            let flags = JaegerFlags::from_byte(byte);
            let expected = match byte & 3 {
                0 | 2 => Sampling::NotSampled,
                1 => Sampling::Sampled,
                _ => Sampling::Debug,
            };
            assert_eq!((flags.sampling(), flags.is_firehose()), (expected, byte & 8 != 0), "{byte:#x}");
        }
    }
}
