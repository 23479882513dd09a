//! The flag byte: what it says, and what of a received one still holds when another is written.

use core::fmt;

use super::FLAGS_ITEM;
use super::header::{UberTraceId, parse_flags};
use crate::field::FormatKind;
use crate::format::InjectContext;
use crate::id::sampling::Sampling;

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

/// The flag byte to write: the sampled bit as it was decided, and what came beside it as far as it still holds.
pub(super) fn outgoing(context: &InjectContext<'_>) -> JaegerFlags {
    merge(context.sampling(), context.is_local_decision(), received(context))
}

fn merge(sampling: Sampling, decided_here: bool, received: Option<JaegerFlags>) -> JaegerFlags {
    const DECISION: u8 = JaegerFlags::SAMPLED | JaegerFlags::DEBUG;
    let decided = JaegerFlags::from_sampling(sampling);
    let Some(received) = received else {
        return decided;
    };
    let mut byte = decided.to_byte() | (received.to_byte() & !DECISION);
    // The debug bit is half of a decision. It stays while the other half is the one it came with, and nobody here has
    // decided anew.
    if !decided_here && received.is_sampled() == decided.is_sampled() {
        byte |= received.to_byte() & JaegerFlags::DEBUG;
    }
    JaegerFlags::from_byte(byte)
}

/// What came: in a header of this trace, else across a hop that speaks only W3C.
fn received(context: &InjectContext<'_>) -> Option<JaegerFlags> {
    if context.agrees(FormatKind::Jaeger) {
        return UberTraceId::flags_of_good(context.received());
    }
    let digits = context.preserved()?.item(FLAGS_ITEM)?;
    let flags = JaegerFlags::from_byte(parse_flags(digits.as_bytes())?);
    // The byte crossed beside the sampled bit of a traceparent. If that one was changed on the way, or is changed now,
    // the byte speaks of another decision.
    (flags.is_sampled() == context.sampling().is_sampled()).then_some(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Sampling; 4] = [Sampling::Deferred, Sampling::NotSampled, Sampling::Sampled, Sampling::Debug];

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

    #[test]
    fn ok_every_byte_goes_out_unchanged_while_its_decision_stands() {
        for byte in 0..=255u8 {
            let flags = JaegerFlags::from_byte(byte);
            assert_eq!(merge(flags.sampling(), false, Some(flags)), flags);
        }
    }

    #[test]
    fn ok_every_byte_under_every_decision_of_ours() {
        for byte in 0..=255u8 {
            for sampling in ALL {
                let out = merge(sampling, true, Some(JaegerFlags::from_byte(byte))).to_byte();
                assert_eq!(out & 1 != 0, sampling.is_sampled(), "{byte:#x} {sampling}");
                assert_eq!(out & 2 != 0, sampling == Sampling::Debug, "{byte:#x} {sampling}");
                assert_eq!(out & !3, byte & !3, "{byte:#x} {sampling}");
            }
        }
    }

    #[test]
    fn ok_debug_bit_goes_with_the_decision_it_came_with() {
        let merged = |sampling, byte| merge(sampling, false, Some(JaegerFlags::from_byte(byte))).to_byte();
        // A traceparent beside the header has the say, and says less, or something else.
        assert_eq!(merged(Sampling::Sampled, 0x0b), 0x0b);
        assert_eq!(merged(Sampling::NotSampled, 0x0b), 0x08);
        assert_eq!(merged(Sampling::Sampled, 0x02), 0x01);
    }

    #[test]
    fn ok_without_a_byte_the_decision_alone() {
        assert_eq!(ALL.map(|sampling| merge(sampling, false, None).to_byte()), [0, 0, 1, 3]);
    }
}
