//! Decimal numbers of the wire: digits, at most one minus, and nothing else.
//!
//! The parsers of the standard library take a leading `+`, which is no digit; proxies and browsers join values with
//! commas, which is no number either.

use super::reason::{InvalidReason, ReasonAt};

/// Bytes of a number. Far more than 64 bits need, so that padding with zeros is no reason to refuse one.
pub(crate) const MAX_LEN: usize = 64;

/// Digits that fit into 64 bits whatever they are: 10^19 is below 2^64.
pub(crate) const ALWAYS_FIT: usize = 19;

/// A number without a sign.
#[inline]
pub(crate) fn unsigned(text: &[u8]) -> Result<u64, ReasonAt> {
    value(text).ok_or_else(|| diagnose(text))
}

/// The same without a word about what is wrong.
pub(crate) fn value(text: &[u8]) -> Option<u64> {
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
        // The last ones are eight digits as well, with zeros in place of those that count already.
        let shift = 8 * (8 - rest.len());
        let last = u64::from_le_bytes(*text.last_chunk()?) >> shift << shift;
        add(POWERS[rest.len() & 7], last | ZEROS >> (64 - shift))?;
    }
    (illegal == 0).then_some(value)
}

/// What a number grows by with so many digits behind it.
const POWERS: [u64; 8] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

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
    let (value, illegal) = eight_bytes(u64::from_le_bytes(digits));
    (illegal == 0).then_some(value)
}

/// The digit 0, eight times.
const ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);

/// The value of eight digits, and what is not zero if one of them is none.
#[inline]
const fn eight_bytes(bytes: u64) -> (u64, u64) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // What is above nine has its highest bit, or gets it.
    let digits = bytes ^ ZEROS;
    let illegal = (digits | digits.wrapping_add(0x76 * ONES)) & (0x80 * ONES);
    // Pairs, then fours, then all: the earlier digit is the lower byte, and counts more.
    let pairs = digits.wrapping_mul(10 << 8 | 1) >> 8;
    let fours = (pairs & 0x00ff_00ff_00ff_00ff).wrapping_mul(100 << 16 | 1) >> 16;
    ((fours & 0x0000_ffff_0000_ffff).wrapping_mul(10_000 << 32 | 1) >> 32, illegal)
}

/// Why text is no number of 64 bits.
#[cold]
fn diagnose(text: &[u8]) -> ReasonAt {
    if text.is_empty() {
        return InvalidReason::Empty.at(0);
    }
    // Looked for in what may be read at all, so that garbage is called garbage and not a number beyond the range.
    if let Some(at) = text.iter().take(MAX_LEN).position(|b| !b.is_ascii_digit()) {
        return InvalidReason::BadDecimal.at(at);
    }
    if text.len() > MAX_LEN { InvalidReason::TooLong.at(text.len()) } else { InvalidReason::OutOfRange.at(0) }
}

/// A number of 32 bits, which may be negative, without a word about what is wrong.
#[inline]
pub(crate) fn signed_value(text: &[u8]) -> Option<i32> {
    match text {
        // All priorities that there are.
        [digit @ b'0'..=b'9'] => Some(i32::from(digit - b'0')),
        [b'-', digit @ b'0'..=b'9'] => Some(-i32::from(digit - b'0')),
        _ => signed(text).ok(),
    }
}

/// A number of 32 bits, which may be negative.
pub(crate) fn signed(text: &[u8]) -> Result<i32, ReasonAt> {
    let (digits, lead) = match text {
        [b'-', digits @ ..] if !digits.is_empty() => (digits, 1),
        _ => (text, 0),
    };
    let magnitude = unsigned(digits).map_err(|error| error.behind(lead))?;
    let value = i64::try_from(magnitude).map(|value| if lead == 1 { -value } else { value });
    value.ok().and_then(|value| i32::try_from(value).ok()).ok_or(InvalidReason::OutOfRange.at(0))
}

/// A number as it is written.
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
        // A number without any is one zero.
        digits.from = digits.from.min(Self::MAX - 1);
        digits
    }

    /// The same with a sign, where there has to be one.
    pub(crate) fn of_signed(value: i32) -> Self {
        if (0..=9).contains(&value) {
            let mut bytes = [b'0'; Self::MAX];
            bytes[Self::MAX - 1] |= value as u8;
            return Self { bytes, from: Self::MAX - 1 };
        }
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

/// The digits of a number of at most eight, one in each byte, the first one in the lowest.
#[inline]
const fn spread(value: u32) -> u64 {
    // Fours, then pairs, then all. A multiplication and a shift divide numbers that are so small.
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
    fn err_unsigned_longer_than_is_read() {
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
    fn ok_digits_are_what_the_standard_library_writes() {
        let edges = (0..20).map(|power| 10_u64.pow(power)).flat_map(|power| [power - 1, power, power + 1]);
        // Each part that is divided without a division has at most four digits.
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
