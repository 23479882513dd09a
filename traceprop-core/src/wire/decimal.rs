//! Decimal numbers: digits with at most one minus sign before them.
//!
//! ```text
//! unsigned = 1*64 DIGIT       signed = [ "-" ] 1*64 DIGIT
//!
//! 11803532876627986230
//! ```
//!
//! The parsers of the standard library also accept a leading `+`, which is not valid in these headers.

use super::reason::{InvalidReason, ReasonAt};

/// The longest number in bytes. It is longer than 64 bits need, so that numbers padded with zeros are valid.
pub(crate) const MAX_LEN: usize = 64;

/// The number of digits that always fit into 64 bits: 10^19 is less than 2^64.
pub(crate) const ALWAYS_FIT: usize = 19;

/// Parses a number without a sign.
#[inline]
pub(crate) fn unsigned(text: &[u8]) -> Result<u64, ReasonAt> {
    value(text).ok_or_else(|| diagnose(text))
}

/// Parses a number without a sign. Returns no reason if it is invalid.
fn value(text: &[u8]) -> Option<u64> {
    let Some((eight, mut rest)) = text.split_first_chunk() else {
        return if text.is_empty() { None } else { short(text) };
    };
    if text.len() > MAX_LEN {
        return None;
    }
    let (mut value, mut illegal) = eight_bytes(u64::from_le_bytes(*eight));
    let mut add = |power: u64, word| {
        let (more, bad) = eight_bytes(word);
        illegal |= bad;
        value = value.checked_mul(power)?.checked_add(more)?;
        Some(())
    };
    while let Some((eight, more)) = rest.split_first_chunk() {
        add(100_000_000, u64::from_le_bytes(*eight))?;
        rest = more;
    }
    if !rest.is_empty() {
        // Reads the last digits as eight too, with zeros in place of digits that are already counted.
        let shift = 8 * (8 - rest.len());
        let last = u64::from_le_bytes(*text.last_chunk()?) >> shift << shift;
        add(POWERS[rest.len() & 7], last | ZEROS >> (64 - shift))?;
    }
    (illegal == 0).then_some(value)
}

/// The factor of a number that a given number of digits follows.
const POWERS: [u64; 8] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/// Parses at most [`ALWAYS_FIT`] digits.
#[inline]
pub(crate) fn short(digits: &[u8]) -> Option<u64> {
    let (mut value, mut rest) = (0, digits.get(..ALWAYS_FIT).unwrap_or(digits));
    while let Some((eight, tail)) = rest.split_first_chunk() {
        value = value * 100_000_000 + eight_digits(*eight)?;
        rest = tail;
    }
    for &byte in rest {
        value = value * 10 + digit(byte)?;
    }
    Some(value)
}

#[inline]
fn digit(byte: u8) -> Option<u64> {
    let digit = byte.wrapping_sub(b'0');
    (digit < 10).then_some(u64::from(digit))
}

/// Parses eight digits at once. One at a time, each would wait for the one before it.
#[inline]
fn eight_digits(digits: [u8; 8]) -> Option<u64> {
    let (value, illegal) = eight_bytes(u64::from_le_bytes(digits));
    (illegal == 0).then_some(value)
}

/// The digit 0, eight times.
const ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);

/// Returns the value of eight digits, and a nonzero number if one of them is not a digit.
#[inline]
const fn eight_bytes(bytes: u64) -> (u64, u64) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // A byte above nine has its highest bit set, before or after the addition.
    let digits = bytes ^ ZEROS;
    let illegal = (digits | digits.wrapping_add(0x76 * ONES)) & (0x80 * ONES);
    // Pairs, then fours, then all. The earlier digit is the lower byte and the more significant one.
    let pairs = digits.wrapping_mul(10 << 8 | 1) >> 8;
    let fours = (pairs & 0x00ff_00ff_00ff_00ff).wrapping_mul(100 << 16 | 1) >> 16;
    ((fours & 0x0000_ffff_0000_ffff).wrapping_mul(10_000 << 32 | 1) >> 32, illegal)
}

/// Returns the reason why text is not a number of 64 bits.
#[cold]
fn diagnose(text: &[u8]) -> ReasonAt {
    if text.is_empty() {
        return InvalidReason::Empty.at(0);
    }
    // Checked first, so that text without meaning is not reported as too long or out of range.
    if let Some(at) = text.iter().take(MAX_LEN).position(|b| !b.is_ascii_digit()) {
        return InvalidReason::BadDecimal.at(at);
    }
    if text.len() > MAX_LEN { InvalidReason::TooLong.at(text.len()) } else { InvalidReason::OutOfRange.at(0) }
}

/// Parses a signed number of 32 bits.
#[inline]
pub(crate) fn signed(text: &[u8]) -> Result<i32, ReasonAt> {
    match text {
        // The priorities that Datadog defines.
        [digit @ b'0'..=b'9'] => Ok(i32::from(digit - b'0')),
        [b'-', digits @ ..] if !digits.is_empty() => long_signed(digits, -1),
        _ => long_signed(text, 1),
    }
}

fn long_signed(digits: &[u8], sign: i64) -> Result<i32, ReasonAt> {
    let magnitude = unsigned(digits).map_err(|error| error.shifted_by(usize::from(sign < 0)))?;
    let value = i64::try_from(magnitude).ok().and_then(|value| i32::try_from(value * sign).ok());
    value.ok_or(InvalidReason::OutOfRange.at(0))
}

/// The digits of a number.
pub(crate) struct Digits {
    bytes: [u8; Self::MAX],
    from: usize,
}

impl Digits {
    /// Three times eight digits: the largest number has twenty.
    const MAX: usize = 24;

    pub(crate) fn of(value: u64) -> Self {
        let mut digits = Self { bytes: [b'0'; Self::MAX], from: Self::MAX };
        let (mut rest, mut end) = (value, Self::MAX);
        while rest > 0 {
            let eight = spread((rest % 100_000_000) as u32);
            end -= 8;
            digits.bytes[end..end + 8].copy_from_slice(&(eight | ZEROS).to_le_bytes());
            digits.from = end + eight.trailing_zeros() as usize / 8;
            rest /= 100_000_000;
        }
        // Zero has one digit.
        digits.from = digits.from.min(Self::MAX - 1);
        digits
    }

    /// Returns the digits of a signed number.
    pub(crate) fn of_signed(value: i32) -> Self {
        let mut digits = Self::of(value.unsigned_abs() as u64);
        if value < 0 {
            digits.from -= 1;
            digits.bytes[digits.from] = b'-';
        }
        digits
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.from..]
    }
}

/// Returns the digits of a number below 10^8, one in each byte, the first digit in the lowest byte.
#[inline]
const fn spread(value: u32) -> u64 {
    // Fours, then pairs, then all. For numbers this small, a multiplication and a shift divide exactly.
    let fours = (value / 10_000) as u64 | ((value % 10_000) as u64) << 32;
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = hundreds | (fours - hundreds * 100) << 16;
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | (pairs - tens * 10) << 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn err(result: Result<impl core::fmt::Debug, ReasonAt>) -> (InvalidReason, u32) {
        let error = result.unwrap_err();
        (error.reason, error.at)
    }

    #[test]
    fn ok_unsigned_up_to_the_last_of_64_bits() {
        assert_eq!(unsigned(b"0"), Ok(0));
        assert_eq!(unsigned(b"0000000000000000000000000000000000000000077"), Ok(77));
        assert_eq!(unsigned(b"9999999999999999999"), Ok(9_999_999_999_999_999_999));
        assert_eq!(unsigned(b"18446744073709551615"), Ok(u64::MAX));
        assert_eq!(err(unsigned(b"18446744073709551616")), (InvalidReason::OutOfRange, 0));
        assert_eq!(err(unsigned(b"99999999999999999999")), (InvalidReason::OutOfRange, 0));
    }

    #[test]
    fn ok_eight_digits_at_once() {
        for digits in ["12345678", "01234567", "99999999", "00000000"] {
            assert_eq!(eight_digits(digits.as_bytes().try_into().unwrap()), digits.parse().ok());
        }
    }

    #[test]
    fn err_eight_digits_with_one_other_byte() {
        for place in 0..8 {
            for byte in (0..=255).filter(|byte: &u8| !byte.is_ascii_digit()) {
                let mut digits = *b"09182736";
                digits[place] = byte;
                assert_eq!(eight_digits(digits), None, "{byte:#04x} at {place}");
            }
        }
    }

    #[test]
    fn ok_unsigned_of_every_length_agrees_with_the_standard_library() {
        let digits = "9182736450918273645091";
        for from in 0..digits.len() {
            for to in from + 1..=digits.len() {
                let text = &digits[from..to];
                assert_eq!(unsigned(text.as_bytes()).ok(), text.parse().ok(), "{text}");
                for place in 0..text.len() {
                    let mut broken = [0; 22];
                    broken[..text.len()].copy_from_slice(text.as_bytes());
                    broken[place] = b':';
                    assert_eq!(err(unsigned(&broken[..text.len()])), (InvalidReason::BadDecimal, place as u32));
                }
            }
        }
    }

    #[test]
    fn err_unsigned_anything_but_digits() {
        assert_eq!(err(unsigned(b"")), (InvalidReason::Empty, 0));
        assert_eq!(err(unsigned(b"+5")), (InvalidReason::BadDecimal, 0));
        assert_eq!(err(unsigned(b"-1")), (InvalidReason::BadDecimal, 0));
        assert_eq!(err(unsigned(b"1_000")), (InvalidReason::BadDecimal, 1));
        assert_eq!(err(unsigned(b"99999999999999999999, 17")), (InvalidReason::BadDecimal, 20));
        assert_eq!(err(unsigned("٣".as_bytes())), (InvalidReason::BadDecimal, 0));
    }

    #[test]
    fn err_unsigned_longer_than_the_limit() {
        assert_eq!(unsigned(&[b'0'; MAX_LEN]), Ok(0));
        assert_eq!(err(unsigned(&[b'9'; MAX_LEN])), (InvalidReason::OutOfRange, 0));
        assert_eq!(err(unsigned(&[b'0'; MAX_LEN + 1])), (InvalidReason::TooLong, MAX_LEN as u32 + 1));
        assert_eq!(err(unsigned(&[b'x'; MAX_LEN + 1])), (InvalidReason::BadDecimal, 0));
    }

    #[test]
    fn ok_signed_to_both_ends() {
        assert_eq!(signed(b"-2147483648"), Ok(i32::MIN));
        assert_eq!(signed(b"2147483647"), Ok(i32::MAX));
        assert_eq!(signed(b"-0"), Ok(0));
        assert_eq!(err(signed(b"-2147483649")), (InvalidReason::OutOfRange, 0));
        assert_eq!(err(signed(b"2147483648")), (InvalidReason::OutOfRange, 0));
        assert_eq!(err(signed(b"-")), (InvalidReason::BadDecimal, 0));
        assert_eq!(err(signed(b"--1")), (InvalidReason::BadDecimal, 1));
        assert_eq!(err(signed(b"1abc")), (InvalidReason::BadDecimal, 1));
    }

    #[test]
    fn ok_digits_agree_with_the_standard_library() {
        let edges = (0..20).map(|power| 10_u64.pow(power)).flat_map(|power| [power - 1, power, power + 1]);
        // `spread` divides numbers of at most four digits by multiplication.
        let all = (0..=9999).flat_map(|four| [four, four * 10_000, four * 10_000_000_000_007]);
        for value in edges.chain(all).chain([8_135_649_041_029_850_614, u64::MAX]) {
            assert_eq!(Digits::of(value).as_bytes(), std::format!("{value}").as_bytes());
        }
        assert_eq!(Digits::of(1234).as_bytes(), b"1234");
        for (value, text) in [(0, "0"), (7, "7"), (-1, "-1"), (i32::MIN, "-2147483648"), (i32::MAX, "2147483647")] {
            assert_eq!(Digits::of_signed(value).as_bytes(), text.as_bytes());
        }
    }
}
