//! The rejection threshold: a probability in 56 bits.
//!
//! ```text
//! th = 1*14 lower hex       padded with zeros on the right
//!
//! fd70a4
//! ```
//!
//! Spec: <https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/>

use core::fmt;

use crate::wire;
use crate::wire::hex::{self, Letters};

/// The number of bits of a threshold and of randomness.
pub(super) const BITS: u32 = 56;

/// The number of hex digits of that many bits.
pub(super) const DIGITS: u32 = BITS / 4;

/// One more than the highest randomness.
pub(super) const ONE: u64 = 1 << BITS;

/// The number of digits after leading `f`s that OpenTelemetry recommends. More digits make the member longer.
const PRECISION: u32 = 4;

/// The least randomness with which a trace is sampled. Of 2^56 traces, this many are not sampled.
///
/// # Examples
///
/// ```
/// use traceprop_core::sampler::Threshold;
///
/// let tenth = Threshold::from_ratio(0.1).unwrap();
/// assert_eq!(tenth.to_string(), "e666");
/// assert!(tenth.keeps(0xe6_6600_0000_0000) && !tenth.keeps(0xe6_65ff_ffff_ffff));
/// assert_eq!(Threshold::from_ratio(1.0), Some(Threshold::ALWAYS_SAMPLE));
/// assert_eq!(Threshold::from_ratio(0.0), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Threshold(pub(super) u64);

impl Threshold {
    /// The threshold that samples all traces.
    pub const ALWAYS_SAMPLE: Self = Self(0);

    /// Returns the threshold that samples this fraction of all traces.
    ///
    /// It has four digits after leading `f`s, as in OpenTelemetry's SDKs. Returns `None` unless the ratio is between 2^-56
    /// and 1. There is no threshold that samples nothing.
    pub const fn from_ratio(ratio: f64) -> Option<Self> {
        Self::from_ratio_with_digits(ratio, PRECISION)
    }

    /// Returns the threshold for a ratio, with 1 to 14 digits after leading `f`s.
    ///
    /// Returns `None` if `digits` is 0, or if [`from_ratio`](Self::from_ratio) does.
    pub const fn from_ratio_with_digits(ratio: f64, digits: u32) -> Option<Self> {
        /// The number of bits after the 56 that an f64 of at least 2^-56 may need.
        const FRACTION: u32 = 64;
        if !(ratio <= 1.0 && ratio >= 1.0 / ONE as f64) || digits == 0 {
            return None;
        }
        if ratio == 1.0 {
            return Some(Self::ALWAYS_SAMPLE);
        }
        let bits = ratio.to_bits();
        let mantissa = (bits & 0x000f_ffff_ffff_ffff | 0x0010_0000_0000_0000) as u128;
        // The ratio is mantissa * 2^(exponent - 1075), and below 2^(exponent - 1022).
        let exponent = (bits >> 52) as u32;
        let kept = mantissa << (exponent + BITS + FRACTION - 1075);
        let rejected = (1 << (BITS + FRACTION)) - kept;
        let leading = (1022 - exponent) / 4;
        let digits = if digits + leading < DIGITS { digits + leading } else { DIGITS };
        let unit = FRACTION + 4 * (DIGITS - digits);
        // The ratio is at least one unit of the last digit, so this never rounds up to 1.
        Some(Self(((rejected + (1 << (unit - 1))) >> unit << (unit - FRACTION)) as u64))
    }

    /// Parses the digits of a `th`. Returns `None` unless they are 1 to 14 lower-case hex digits.
    pub fn parse(digits: &str) -> Option<Self> {
        let mut padded = *b"0000000000000000";
        let places = padded.get_mut(2..2 + digits.len()).filter(|places| !places.is_empty())?;
        places.copy_from_slice(digits.as_bytes());
        hex::u64_16(&padded, Letters::Lower).ok().map(Self)
    }

    /// Returns `true` if a trace with this randomness is sampled.
    pub const fn keeps(self, randomness: u64) -> bool {
        randomness >= self.0
    }

    /// Returns the number of traces, of 2^56, that are not sampled.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Returns the fraction of all traces that is sampled.
    pub const fn ratio(self) -> f64 {
        (ONE - self.0) as f64 / ONE as f64
    }
}

/// Displays the digits of a `th`.
impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = hex::encode_u64(self.0 << 8);
        let digits = wire::ascii(&digits).trim_end_matches('0');
        f.pad(if digits.is_empty() { "0" } else { digits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::{String, ToString};

    fn threshold(ratio: f64, digits: u32) -> String {
        Threshold::from_ratio_with_digits(ratio, digits).map(|th| th.to_string()).unwrap_or_default()
    }

    /// The table of the specification: 1 in N, with 3, 4 and 5 digits.
    #[test]
    fn ok_thresholds_are_those_of_the_specification() {
        let table: [(f64, [&str; 3]); 13] = [
            (1.0, ["0", "0", "0"]),
            (2.0, ["8", "8", "8"]),
            (3.0, ["aab", "aaab", "aaaab"]),
            (4.0, ["c", "c", "c"]),
            (5.0, ["ccd", "cccd", "ccccd"]),
            (8.0, ["e", "e", "e"]),
            (10.0, ["e66", "e666", "e6666"]),
            (16.0, ["f", "f", "f"]),
            (100.0, ["fd71", "fd70a", "fd70a4"]),
            (1000.0, ["ffbe7", "ffbe77", "ffbe76d"]),
            (10_000.0, ["fff972", "fff9724", "fff97247"]),
            (100_000.0, ["ffff584", "ffff583a", "ffff583a5"]),
            (1_000_000.0, ["ffffef4", "ffffef39", "ffffef391"]),
        ];
        for (n, expected) in table {
            assert_eq!([3, 4, 5].map(|digits| threshold(1.0 / n, digits)), expected, "1 in {n}");
        }
    }

    fn below(ratio: f64) -> f64 {
        f64::from_bits(ratio.to_bits() - 1)
    }

    #[test]
    fn ok_the_ends_of_the_range() {
        let least = 1.0 / ONE as f64;
        assert_eq!(Threshold::from_ratio(least), Some(Threshold(ONE - 1)));
        assert_eq!(Threshold::from_ratio(below(least)), None);
        assert_eq!(Threshold::from_ratio(1.0), Some(Threshold::ALWAYS_SAMPLE));
        assert_eq!(threshold(below(1.0), 4), "0");
        assert_eq!(threshold(below(1.0), 14), "00000000000008");
        for none in [0.0, -0.0, -1.0, f64::from_bits(1.0_f64.to_bits() + 1), f64::NAN, f64::INFINITY] {
            assert_eq!(Threshold::from_ratio(none), None, "{none}");
        }
        assert_eq!(Threshold::from_ratio_with_digits(0.5, 0), None);
    }

    #[test]
    fn ok_parse_and_write_digits() {
        for digits in ["0", "8", "00000000000001", "fffffffffffffe", "fd70a4"] {
            assert_eq!(Threshold::parse(digits).unwrap().to_string(), digits);
        }
        assert_eq!(Threshold::parse("c").unwrap().get(), 0xc0_0000_0000_0000);
        assert_eq!(Threshold::parse("c000"), Threshold::parse("c"));
        for bad in ["", "g", "C", "+1", "000000000000000", "0x1"] {
            assert_eq!(Threshold::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn ok_threshold_is_exact_to_its_digits(ratio in 1e-9..1.0_f64, digits in 1..=14_u32) {
            let threshold = Threshold::from_ratio_with_digits(ratio, digits).unwrap();
            // With n digits behind the leading f's, the ratio is off by half of the last one at most.
            let leading = 16_f64.powi((-ratio.log2().ceil() as i32) / 4);
            let unit = 16_f64.powi(-(digits as i32)) / leading;
            prop_assert!((threshold.ratio() - ratio).abs() <= unit * 0.5 + 1e-16, "{threshold} {}", threshold.ratio());
            prop_assert_eq!(Threshold::parse(&threshold.to_string()), Some(threshold));
        }

        #[test]
        fn ok_a_higher_ratio_keeps_no_less(one in 1e-12..1.0_f64, other in 1e-12..1.0_f64, near in 0.0..1e-6_f64) {
            for (low, high) in [(one.min(other), one.max(other)), (one, (one + near).min(1.0))] {
                let (low, high) = (Threshold::from_ratio(low).unwrap(), Threshold::from_ratio(high).unwrap());
                prop_assert!(low >= high, "{low} {high}");
            }
        }
    }
}
