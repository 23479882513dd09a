//! Decimal numbers of the wire: digits, at most one minus, and nothing else.
//!
//! The parsers of the standard library take a leading `+`, which is no digit; proxies and browsers join values with
//! commas, which is no number either.

use crate::reject::{Reason, ReasonAt};

/// Bytes of a number. Far more than 64 bits need, so that padding with zeros is no reason to refuse one.
pub(crate) const MAX_LEN: usize = 64;

/// Digits that fit into 64 bits whatever they are: 10^19 is below 2^64.
pub(crate) const ALWAYS_FIT: usize = 19;

/// A number without a sign.
#[inline]
pub(crate) fn unsigned(text: &[u8]) -> Result<u64, ReasonAt> {
    value(text).ok_or_else(|| diagnose(text))
}

fn value(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > MAX_LEN {
        return None;
    }
    let (head, tail) = text.split_at(text.len().min(ALWAYS_FIT));
    tail.iter().try_fold(short(head)?, |value, &byte| value.checked_mul(10)?.checked_add(digit(byte)?))
}

/// The value of so few digits that they fit whatever they are.
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

/// Eight digits at once: of one at a time each waits for the one before it.
#[inline]
fn eight_digits(digits: [u8; 8]) -> Option<u64> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let v = u64::from_le_bytes(digits);
    // A digit has 3 in its upper half, and still has it when six are added.
    if (v & (0xf0 * ONES)) | (v.wrapping_add(0x06 * ONES) & (0xf0 * ONES)) >> 4 != 0x33 * ONES {
        return None;
    }
    // Pairs, then fours, then all: the earlier digit is the lower byte, and counts more.
    let pairs = (v & (0x0f * ONES)).wrapping_mul(10 << 8 | 1) >> 8;
    let fours = (pairs & 0x00ff_00ff_00ff_00ff).wrapping_mul(100 << 16 | 1) >> 16;
    Some((fours & 0x0000_ffff_0000_ffff).wrapping_mul(10_000 << 32 | 1) >> 32)
}

/// Why text is no number of 64 bits.
#[cold]
fn diagnose(text: &[u8]) -> ReasonAt {
    if text.is_empty() {
        return Reason::Empty.at(0);
    }
    // Looked for in what may be read at all, so that garbage is called garbage and not a number beyond the range.
    if let Some(at) = text.iter().take(MAX_LEN).position(|b| !b.is_ascii_digit()) {
        return Reason::BadDecimal.at(at);
    }
    if text.len() > MAX_LEN { Reason::TooLong.at(text.len()) } else { Reason::OutOfRange.at(0) }
}

/// A number of 32 bits, which may be negative.
pub(crate) fn signed(text: &[u8]) -> Result<i32, ReasonAt> {
    let (digits, lead) = match text {
        [b'-', digits @ ..] if !digits.is_empty() => (digits, 1),
        _ => (text, 0),
    };
    let magnitude = unsigned(digits).map_err(|error| error.behind(lead))?;
    let value = i64::try_from(magnitude).map(|value| if lead == 1 { -value } else { value });
    value.ok().and_then(|value| i32::try_from(value).ok()).ok_or(Reason::OutOfRange.at(0))
}

/// `00` to `99`.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < pairs.len() {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

/// A number as it is written.
pub(crate) struct Digits {
    bytes: [u8; Self::MAX],
    from: usize,
}

impl Digits {
    /// Digits of the largest number, or a sign and fewer.
    const MAX: usize = 20;

    pub(crate) const fn of(value: u64) -> Self {
        let mut digits = Self { bytes: [b'0'; Self::MAX], from: Self::MAX };
        let mut rest = value;
        // Two digits for each division.
        while rest > 9 {
            let [tens, ones] = PAIRS[(rest % 100) as usize];
            digits.from -= 2;
            digits.bytes[digits.from] = tens;
            digits.bytes[digits.from + 1] = ones;
            rest /= 100;
        }
        if rest > 0 || value == 0 {
            digits.from -= 1;
            digits.bytes[digits.from] = b'0' + rest as u8;
        }
        digits
    }

    /// The same with a sign, where there has to be one.
    pub(crate) const fn of_signed(value: i32) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn err(result: Result<impl core::fmt::Debug, ReasonAt>) -> (Reason, u32) {
        let error = result.unwrap_err();
        (error.reason, error.at)
    }

    #[test]
    fn ok_unsigned_up_to_the_last_of_64_bits() {
        assert_eq!(unsigned(b"0"), Ok(0));
        assert_eq!(unsigned(b"0000000000000000000000000000000000000000077"), Ok(77));
        assert_eq!(unsigned(b"9999999999999999999"), Ok(9_999_999_999_999_999_999));
        assert_eq!(unsigned(b"18446744073709551615"), Ok(u64::MAX));
        assert_eq!(err(unsigned(b"18446744073709551616")), (Reason::OutOfRange, 0));
        assert_eq!(err(unsigned(b"99999999999999999999")), (Reason::OutOfRange, 0));
    }

    #[test]
    fn ok_eight_digits_at_once() {
        for digits in ["12345678", "01234567", "99999999", "00000000"] {
            assert_eq!(eight_digits(digits.as_bytes().try_into().unwrap()), digits.parse().ok());
        }
    }

    #[test]
    fn err_eight_digits_with_any_other_byte_in_any_place() {
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
                    assert_eq!(err(unsigned(&broken[..text.len()])), (Reason::BadDecimal, place as u32));
                }
            }
        }
    }

    #[test]
    fn err_unsigned_anything_but_digits() {
        assert_eq!(err(unsigned(b"")), (Reason::Empty, 0));
        assert_eq!(err(unsigned(b"+5")), (Reason::BadDecimal, 0));
        assert_eq!(err(unsigned(b"-1")), (Reason::BadDecimal, 0));
        assert_eq!(err(unsigned(b"1_000")), (Reason::BadDecimal, 1));
        assert_eq!(err(unsigned(b"99999999999999999999, 17")), (Reason::BadDecimal, 20));
        assert_eq!(err(unsigned("٣".as_bytes())), (Reason::BadDecimal, 0));
    }

    #[test]
    fn err_unsigned_longer_than_is_read() {
        assert_eq!(unsigned(&[b'0'; MAX_LEN]), Ok(0));
        assert_eq!(err(unsigned(&[b'0'; MAX_LEN + 1])), (Reason::TooLong, MAX_LEN as u32 + 1));
        assert_eq!(err(unsigned(&[b'x'; MAX_LEN + 1])), (Reason::BadDecimal, 0));
    }

    #[test]
    fn ok_signed_to_both_ends() {
        assert_eq!(signed(b"-2147483648"), Ok(i32::MIN));
        assert_eq!(signed(b"2147483647"), Ok(i32::MAX));
        assert_eq!(signed(b"-0"), Ok(0));
        assert_eq!(err(signed(b"-2147483649")), (Reason::OutOfRange, 0));
        assert_eq!(err(signed(b"2147483648")), (Reason::OutOfRange, 0));
        assert_eq!(err(signed(b"-")), (Reason::BadDecimal, 0));
        assert_eq!(err(signed(b"--1")), (Reason::BadDecimal, 1));
        assert_eq!(err(signed(b"1abc")), (Reason::BadDecimal, 1));
    }

    #[test]
    fn ok_digits_are_what_is_read() {
        for value in [0, 9, 10, 255, 8_135_649_041_029_850_614, u64::MAX] {
            assert_eq!(unsigned(Digits::of(value).as_bytes()), Ok(value));
        }
        assert_eq!(Digits::of(1234).as_bytes(), b"1234");
        for (value, text) in [(0, "0"), (7, "7"), (-1, "-1"), (i32::MIN, "-2147483648"), (i32::MAX, "2147483647")] {
            assert_eq!(Digits::of_signed(value).as_bytes(), text.as_bytes());
        }
    }
}
