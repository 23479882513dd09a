//! The numbers that other formats use for the ids of sw8, which are free text.
//!
//! ```text
//! trace id    32 hex | hyphenated UUID, any case    those 16 bytes
//!             32hex.A.B                             the bytes with A and B mixed in (below)
//!             1 to 39 decimal digits < 2^128        that number, unless it is 32 digits long and so hex
//!             anything else                         FNV-1a, 128 bits, over the UTF-8 bytes: "derived"
//! 32hex.A.B   bytes 4..8 XOR the low four bytes of A, 8..16 XOR the eight of B, lowest first; A, B < 2^63
//! span id     the 16 bytes of the segment id by the same rules, bytes 0..4 XOR the span number, lowest first; then the
//!             upper half XOR the lower. Where no rule maps the segment, or zero comes out: FNV-1a over the segment's
//!             bytes and the four of the span number, lowest first, the upper half XOR the lower
//!
//! de5980b8fce34a37aab9b4ac3af7eedd.1.16563474296430001 = de5980b8fde34a371be41bcd5e2fd4dd
//! ```
//!
//! The OpenTelemetry collector computes these ids too, so spans with them and spans of SkyWalking agents share one
//! trace. It uses zeros for decimal ids (Rust and PHP agents) and for free text, and one span id for all spans of a
//! hyphenated segment.

use crate::id::{SpanId, TraceId};
use crate::wire::hex::{self, Letters};
use crate::wire::{decimal, uuid};

/// Returns the trace id for a text, or `None` if a rule maps it to zero.
#[inline]
pub(super) fn trace_id(text: &[u8]) -> Option<TraceId> {
    match mapped(text) {
        Some(value) => TraceId::new(value),
        // Zero is not a valid id.
        None => Some(TraceId::new(fnv1a(FNV_OFFSET, text)).unwrap_or(TraceId::MIN)),
    }
}

/// Returns the span id for a span number in a segment.
#[inline]
pub(super) fn span_id(segment: &[u8], span: u32) -> SpanId {
    let by_rule = mapped(segment).and_then(|value| fold(value ^ u128::from(span.swap_bytes()) << 96));
    // Zero is not a valid id.
    let derived = || fold(fnv1a(fnv1a(FNV_OFFSET, segment), &span.to_le_bytes())).unwrap_or(SpanId::MIN);
    by_rule.unwrap_or_else(derived)
}

fn fold(value: u128) -> Option<SpanId> {
    SpanId::new((value >> 64) as u64 ^ value as u64)
}

/// Returns the 16 bytes of a text that a rule maps without loss.
#[inline]
fn mapped(text: &[u8]) -> Option<u128> {
    match text.len() {
        0..=31 => decimal(text),
        32 => hex32(text),
        36 => hyphenated(text).or_else(|| dotted(text)).or_else(|| decimal(text)),
        33..=39 => dotted(text).or_else(|| decimal(text)),
        _ => dotted(text),
    }
}

/// Parses 32 hex digits.
#[inline]
pub(super) fn hex32(text: &[u8]) -> Option<u128> {
    let digits = text.try_into().ok()?;
    hex::u128_32(digits, Letters::AnyCase).ok()
}

/// Parses a UUID with hyphens.
pub(super) fn hyphenated(text: &[u8]) -> Option<u128> {
    uuid::parse(text.try_into().ok()?).ok()
}

fn dotted(text: &[u8]) -> Option<u128> {
    let (head, tail) = text.split_at_checked(32)?;
    Some(hex32(head)? ^ mask(tail.strip_prefix(b".")?)?)
}

/// Returns the bits that `A.B` mixes into the 16 bytes before it.
pub(super) fn mask(tail: &[u8]) -> Option<u128> {
    let (a, b) = crate::wire::split_once(tail, b'.')?;
    let (a, b) = (positive_i64(a)?, positive_i64(b)?);
    Some(u128::from((a as u32).swap_bytes()) << 64 | u128::from(b.swap_bytes()))
}

fn positive_i64(digits: &[u8]) -> Option<u64> {
    let value = match digits {
        // So few digits cannot overflow.
        [_, ..] if digits.len() <= decimal::ALWAYS_FIT => decimal::short(digits)?,
        _ => decimal_digits(digits, |value: u64, digit| value.checked_mul(10)?.checked_add(u64::from(digit)))?,
    };
    (value < 1 << 63).then_some(value)
}

/// Parses 1 to 39 decimal digits.
pub(super) fn decimal(text: &[u8]) -> Option<u128> {
    if text.len() > 39 {
        return None;
    }
    decimal_digits(text, |value: u128, digit| value.checked_mul(10)?.checked_add(u128::from(digit)))
}

/// Parses digits only. The standard library also accepts a sign.
fn decimal_digits<N: Default>(text: &[u8], add: impl Fn(N, u8) -> Option<N>) -> Option<N> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(N::default(), |value, &byte| match byte {
        b'0'..=b'9' => add(value, byte - b'0'),
        _ => None,
    })
}

const FNV_OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const FNV_PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// FNV-1a with 128 bits, which every language has, so that other programs can derive these ids.
fn fnv1a(start: u128, bytes: &[u8]) -> u128 {
    bytes.iter().fold(start, |hash, &byte| (hash ^ u128::from(byte)).wrapping_mul(FNV_PRIME))
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::format;
    use std::string::ToString;

    #[track_caller]
    fn trace(text: &str, hex: &str) {
        let id = trace_id(text.as_bytes()).map(|id| id.to_string());
        assert_eq!(id.as_deref(), Some(hex), "{text}");
    }

    #[track_caller]
    fn span(segment: &str, number: u32, hex: &str) {
        assert_eq!(span_id(segment.as_bytes(), number).to_string(), hex, "{segment} {number}");
    }

    #[test]
    fn ok_values_from_the_tests_of_the_collector() {
        trace("de5980b8fce34a37aab9b4ac3af7eedd.1.16563474296430001", "de5980b8fde34a371be41bcd5e2fd4dd");
        span("4f2f27748b8e44ecaf18fe0347194e86.33.16560607369950066", 123, "e9c455a82542306a");
        span("4f2f27748b8e44ecaf18fe0347194e86", 123, "9b37d977cc970a6a");
    }

    #[test]
    fn ok_ids_of_the_agents() {
        trace("6131d148bb65115d91f997560aca8e67", "6131d148bb65115d91f997560aca8e67");
        trace("6131D148BB65115D91F997560ACA8E67", "6131d148bb65115d91f997560aca8e67");
        trace("a92938ef-1d19-40ed-b058-a6c6a76a46a0", "a92938ef1d1940edb058a6c6a76a46a0");
        trace("328184291030819378811539062623745250102", "f6e5fece6e2247afb5f8d43bad129336");
        trace("4afaa8a6341c4ac086962a353a63290e.87.17422198108383774", "4afaa8a6631c4ac0987c5eac5f86140e");
        span("c7ac3a61-2d73-4932-92a3-dff70d1b32dc", 0, "550fe59620687bee");
        span("21480018536455020247127777842745807097", 5, "a342e5d57288d057");
    }

    #[test]
    fn ok_numbers_at_their_bounds() {
        trace("1", "00000000000000000000000000000001");
        trace("0001", "00000000000000000000000000000001");
        trace("340282366920938463463374607431768211455", "ffffffffffffffffffffffffffffffff");
        trace("12345678901234567890123456789012", "12345678901234567890123456789012");
        let hex = "4f2f27748b8e44ecaf18fe0347194e86";
        trace(&format!("{hex}.0.0"), hex);
        trace(&format!("{hex}.9223372036854775807.1"), "4f2f27747471bb13ae18fe0347194e86");
        trace(&format!("{hex}.01.9223372036854775807"), "4f2f27748a8e44ec50e701fcb8e6b1f9");
        // Twenty digits can exceed 64 bits, and forty always do.
        for digits in ["9223372036854775808", "18446744073709551616", "99999999999999999999", &"9".repeat(40)] {
            assert_eq!(mask(format!("{digits}.1").as_bytes()), None, "{digits}");
        }
        // Leading zeros can make it longer than the largest number.
        trace(&format!("{hex}.000000000000000000000000000000001.2"), "4f2f27748a8e44ecad18fe0347194e86");
        // As long as a hyphenated UUID, and as the longest number, in bytes.
        trace(&format!("{hex}.1.2"), "4f2f27748a8e44ecad18fe0347194e86");
        trace(&format!("{hex}.12.345"), "4f2f2774878e44ecf619fe0347194e86");
    }

    #[test]
    fn err_ids_that_a_rule_maps_to_zero() {
        let zeros = "00000000000000000000000000000000";
        let texts = ["0", "000", zeros, "00000000-0000-0000-0000-000000000000", &format!("{zeros}.0.0")];
        for text in texts {
            assert_eq!(trace_id(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn ok_free_text_is_hashed() {
        // FNV-1a of nothing, of "a" and of "foobar", from the draft that describes it.
        trace("", "6c62272e07bb014262b821756295c58d");
        trace("a", "d228cb696f1a8caf78912b704e4a8964");
        trace("foobar", "343e1662793c64bf6f0d3597ba446f18");
        let hex = "4f2f27748b8e44ecaf18fe0347194e86";
        for text in [
            "340282366920938463463374607431768211456",
            "0000000000000000000000000000000000000001",
            &format!("{hex}.1"),
            &format!("{hex}.1.2.3"),
            &format!("{hex}.+1.2"),
            &format!("{hex}..2"),
            &format!("{hex}.9223372036854775808.1"),
            "4f2f2774-8b8e-44ec-af18_fe0347194e86",
            "4f2f2774-8b8e-44ec-af18-fe0347194e8g",
            "4f2f27748b8e-44ec-af18-fe0347194e86",
            "+1",
        ] {
            assert_eq!(trace_id(text.as_bytes()).map(TraceId::get), Some(fnv1a(FNV_OFFSET, text.as_bytes())), "{text}");
        }
    }

    #[test]
    fn ok_a_span_id_of_zero_is_derived_instead() {
        let zeros = [b'0'; 32];
        assert_eq!(mapped(&zeros), Some(0));
        assert_ne!(span_id(&zeros, 0), span_id(b"1", 0));
        assert_eq!(span_id(&zeros, 0).get() as u128, {
            let hash = fnv1a(FNV_OFFSET, &[&zeros[..], &[0; 4]].concat());
            (hash >> 64) ^ u128::from(hash as u64)
        });
    }

    proptest! {
        #[test]
        fn ok_numbers_are_those_of_the_standard_library(value in 0..1u64 << 63, zeros in 0usize..9) {
            let text = format!("{}{value}", "0".repeat(zeros));
            prop_assert_eq!(positive_i64(text.as_bytes()), Some(value));
        }

        /// The segment id that this crate writes maps back to the span id.
        #[test]
        fn ok_roundtrip_written_segment(id in 1..=u64::MAX) {
            let segment = format!("{id:016x}0000000000000000");
            prop_assert_eq!(span_id(segment.as_bytes(), 0).get(), id);
        }

        #[test]
        fn ok_spans_of_a_segment_differ(segment in ".{1,60}", a: u32, b: u32) {
            prop_assume!(a != b);
            prop_assert_ne!(span_id(segment.as_bytes(), a), span_id(segment.as_bytes(), b));
        }

        #[test]
        fn ok_a_uuid_is_the_same_in_every_spelling(value in 1..=u128::MAX) {
            let hex = format!("{value:032x}");
            let uuid = format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
            let decimal = format!("{value}");
            for text in [&hex, &hex.to_uppercase(), &uuid, &uuid.to_uppercase()] {
                prop_assert_eq!(trace_id(text.as_bytes()), TraceId::new(value));
            }
            if decimal.len() != 32 {
                prop_assert_eq!(trace_id(decimal.as_bytes()), TraceId::new(value));
            }
        }
    }
}
