//! The flag byte of an `uber-trace-id`.
//!
//! ```text
//! flags = 1*2 hex       1 sampled, 2 debug (only with sampled), 8 firehose
//!
//! 0b
//! ```
//!
//! Spec: <https://www.jaegertracing.io/sdk-migration/#propagation-format>

use core::fmt;

use crate::id::Sampling;
use crate::wire::hex::{self, Letters};

/// The flags of an `uber-trace-id`. All bits are kept, even those without a meaning.
///
/// # Examples
///
/// ```
/// use traceprop_core::{Sampling, formats::jaeger::JaegerFlags};
///
/// let flags = JaegerFlags::from_byte(0x0b);
/// assert!(flags.is_sampled() && flags.is_debug() && flags.is_firehose());
/// assert_eq!(flags.to_string(), "b");
/// // The debug bit has no effect without the sampled bit.
/// assert_eq!(JaegerFlags::from_byte(2).sampling(), Sampling::NotSampled);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct JaegerFlags(u8);

impl JaegerFlags {
    /// The bit that says that the sender records the trace.
    pub const SAMPLED: u8 = 0x01;
    /// The bit that overrides samplers. It counts only together with [`JaegerFlags::SAMPLED`].
    pub const DEBUG: u8 = 0x02;
    /// The bit that asks the backend to store spans without indexing them.
    pub const FIREHOSE: u8 = 0x08;

    /// Creates flags with the given bits.
    pub const fn from_byte(byte: u8) -> Self {
        Self(byte)
    }

    /// Creates flags that express a sampling decision.
    ///
    /// Jaeger cannot express [`Sampling::Deferred`]: the result is `0`.
    pub const fn from_sampling(sampling: Sampling) -> Self {
        Self(match sampling {
            Sampling::Deferred | Sampling::NotSampled => 0,
            Sampling::Sampled => Self::SAMPLED,
            Sampling::Debug => Self::SAMPLED | Self::DEBUG,
        })
    }

    /// Returns the flag byte.
    pub const fn to_byte(self) -> u8 {
        self.0
    }

    /// Returns `true` if the sender records the trace.
    pub const fn is_sampled(self) -> bool {
        self.0 & Self::SAMPLED != 0
    }

    /// Returns `true` if samplers are overridden: the debug and the sampled bit are set.
    pub const fn is_debug(self) -> bool {
        self.is_sampled() && self.0 & Self::DEBUG != 0
    }

    /// Returns `true` if the backend stores spans without indexing them.
    pub const fn is_firehose(self) -> bool {
        self.0 & Self::FIREHOSE != 0
    }

    /// Returns the sampling decision, which is never [`Sampling::Deferred`].
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

    pub(super) const fn has_more_than_sampled(self) -> bool {
        self.0 & !Self::SAMPLED != 0
    }
}

/// Displays one or two lower-case hex digits.
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
