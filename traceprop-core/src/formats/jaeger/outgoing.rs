//! The flag byte of an outgoing `uber-trace-id`.

use super::flags::JaegerFlags;
use super::header::UberTraceId;
use crate::field::FormatKind;
use crate::format::InjectContext;
use crate::id::Sampling;
use crate::tracestate::preserve;

/// The letter of the flag byte in this family's tracestate member.
pub(super) const FLAGS_ITEM: char = preserve::FLAGS;

/// Returns the flags to write: the sampling decision, and the received bits that still apply.
pub(super) fn flags(context: &InjectContext<'_>) -> JaegerFlags {
    let is_own = context.source.received.built.contains(FormatKind::Jaeger);
    if context.is_resampled() && !is_own {
        // Each of the other bits tells somebody to record, or not to.
        return JaegerFlags::from_sampling(context.sampling_or_received_bit());
    }
    merge(context.sampling(), context.is_local_decision(), received(context))
}

fn merge(sampling: Sampling, decided_here: bool, received: Option<JaegerFlags>) -> JaegerFlags {
    const DECISION: u8 = JaegerFlags::SAMPLED | JaegerFlags::DEBUG;
    let decided = JaegerFlags::from_sampling(sampling);
    let Some(received) = received else { return decided };
    let mut byte = decided.to_byte() | (received.to_byte() & !DECISION);
    // The debug bit is half of a decision. It still applies if the other half is as received and no new decision was made.
    if !decided_here && received.is_sampled() == decided.is_sampled() {
        byte |= received.to_byte() & JaegerFlags::DEBUG;
    }
    JaegerFlags::from_byte(byte)
}

/// Returns the received flags: those of the header, or those preserved in the `tracestate` by a W3C-only hop.
fn received(context: &InjectContext<'_>) -> Option<JaegerFlags> {
    if context.agrees(FormatKind::Jaeger) {
        return UberTraceId::flags_of_valid(context.received());
    }
    let digits = context.preserved()?.item(FLAGS_ITEM)?;
    let flags = JaegerFlags::parse(digits.as_bytes())?;
    // The preserved byte belongs to the sampled bit of a traceparent. If that bit has changed, on the way or here, the
    // byte belongs to another decision.
    (flags.is_sampled() == context.sampling().is_sampled()).then_some(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Sampling; 4] = [Sampling::Deferred, Sampling::NotSampled, Sampling::Sampled, Sampling::Debug];

    #[test]
    fn ok_every_byte_is_unchanged_while_its_decision_applies() {
        for byte in 0..=255u8 {
            let flags = JaegerFlags::from_byte(byte);
            assert_eq!(merge(flags.sampling(), false, Some(flags)), flags);
        }
    }

    #[test]
    fn ok_every_byte_under_every_local_decision() {
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
    fn ok_debug_bit_depends_on_the_received_decision() {
        let merged = |sampling, byte| merge(sampling, false, Some(JaegerFlags::from_byte(byte))).to_byte();
        // A traceparent has precedence over the header, and has no debug bit.
        assert_eq!(merged(Sampling::Sampled, 0x0b), 0x0b);
        assert_eq!(merged(Sampling::NotSampled, 0x0b), 0x08);
        assert_eq!(merged(Sampling::Sampled, 0x02), 0x01);
    }

    #[test]
    fn ok_without_received_flags_only_the_decision() {
        assert_eq!(ALL.map(|sampling| merge(sampling, false, None).to_byte()), [0, 0, 1, 3]);
    }
}
