//! Hex of fixed width, many digits at a time, in safe code.
//!
//! ```text
//! u8 = 2 hex       u64 = 16 hex       u128 = 32 hex
//!
//! 4bf92f3577b34da6a3ce929d0e0e4736
//! ```
//!
//! Ids are the hot path of every format. Reading eight digits as one `u64` takes a third of the instructions of a table
//! lookup per byte. The loop over thirty-two digits is plain, because the compiler vectorizes it. The integer parsers of the
//! standard library are not used: they accept a leading `+` and any length.

use super::reason::{InvalidReason, ReasonAt};

const ONES: u64 = 0x0101_0101_0101_0101;

/// The letters that a format accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Letters {
    /// `0-9a-f`.
    Lower,
    /// `0-9a-fA-F`.
    AnyCase,
}

/// Returns true if all bytes are lower-case digits. Without an early exit the compiler vectorizes the loop.
#[inline]
fn are_lower<const N: usize>(digits: &[u8; N]) -> bool {
    let mut legal = true;
    for &byte in digits {
        legal &= (byte.wrapping_sub(b'0') < 10) | (byte.wrapping_sub(b'a') < 6);
    }
    legal
}

/// Returns the value of eight digits, most significant first.
#[inline]
const fn value8(v: u64) -> u64 {
    // The low nibble of '0'..'9' is the value; that of 'a'..'f' is the value less nine, and bit 6 is set.
    let nibbles = (v & (0x0f * ONES)) + 9 * ((v >> 6) & ONES);
    let pairs = (nibbles | (nibbles >> 4)) & 0x00ff_00ff_00ff_00ff;
    let quads = (pairs | (pairs >> 8)) & 0x0000_ffff_0000_ffff;
    (quads | (quads >> 16)) & 0xffff_ffff
}

/// Returns the value of sixteen digits.
#[inline]
const fn value16(digits: &[u8; 16]) -> u64 {
    let [a, b, c, d, e, f, g, h, low @ ..] = *digits;
    (value8(u64::from_be_bytes([a, b, c, d, e, f, g, h])) << 32) | value8(u64::from_be_bytes(low))
}

/// Parses sixteen lower-case digits.
#[inline]
fn lower16(digits: &[u8; 16]) -> Option<u64> {
    are_lower(digits).then(|| value16(digits))
}

/// Parses thirty-two lower-case digits. Inlined, because a value this wide is returned through memory.
#[inline(always)]
fn lower32(digits: &[u8; 32]) -> Option<u128> {
    let bytes = pairs(digits);
    let (high, low) = (u64::from_be_bytes(*bytes.first_chunk()?), u64::from_be_bytes(*bytes.last_chunk()?));
    are_lower(digits).then_some((u128::from(high) << 64) | u128::from(low))
}

/// Returns the value of each pair of lower-case digits. Not inlined, because the compiler then vectorizes the loop.
#[inline(never)]
fn pairs(digits: &[u8; 32]) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = nibble(digits[2 * place]) << 4 | nibble(digits[2 * place + 1]);
    }
    bytes
}

/// Returns the value of a lower-case digit.
#[inline]
const fn nibble(digit: u8) -> u8 {
    (digit & 0x0f) + 9 * (digit >> 6 & 1)
}

/// Parses sixteen digits.
#[inline]
pub(crate) fn u64_16(digits: &[u8; 16], letters: Letters) -> Result<u64, ReasonAt> {
    match lower16(digits) {
        Some(value) => Ok(value),
        None => uppercase(digits, letters, lower16),
    }
}

/// Parses thirty-two digits. Inlined, because a value this wide is returned through memory.
#[inline(always)]
pub(crate) fn u128_32(digits: &[u8; 32], letters: Letters) -> Result<u128, ReasonAt> {
    match lower32(digits) {
        Some(value) => Ok(value),
        None => uppercase(digits, letters, lower32),
    }
}

// Uppercase is rare, so digits are folded only if they are not all lower-case. Not inlined, because that would take
// registers from the usual path.
#[cold]
#[inline(never)]
fn uppercase<const N: usize, T>(
    digits: &[u8; N],
    letters: Letters,
    parse: fn(&[u8; N]) -> Option<T>,
) -> Result<T, ReasonAt> {
    let mut lower = *digits;
    lower.make_ascii_lowercase();
    let value = if letters == Letters::AnyCase { parse(&lower) } else { None };
    value.ok_or_else(|| diagnose(digits, letters))
}

/// Parses 1 to `N` digits as if zeros came first. Offsets count from the first digit of `digits`.
pub(crate) fn padded<const N: usize, T>(
    digits: &[u8],
    parse: impl Fn(&[u8; N]) -> Result<T, ReasonAt>,
) -> Result<T, ReasonAt> {
    let zeros = N.checked_sub(digits.len()).filter(|zeros| *zeros < N);
    let zeros = zeros.ok_or(InvalidReason::BadLength.at(digits.len()))?;
    let mut all = [b'0'; N];
    all[zeros..].copy_from_slice(digits);
    parse(&all).map_err(|error| error.reason.at((error.at as usize).saturating_sub(zeros)))
}

/// Parses two digits.
#[inline]
pub(crate) fn u8_2(digits: &[u8; 2], letters: Letters) -> Result<u8, ReasonAt> {
    match (digit(digits[0], letters), digit(digits[1], letters)) {
        (Some(high), Some(low)) => Ok(high << 4 | low),
        _ => Err(diagnose(digits, letters)),
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// One digit, in the letters that the format takes.
pub(crate) const fn digit(byte: u8, letters: Letters) -> Option<u8> {
    match (byte, letters) {
        (b'0'..=b'9', _) => Some(byte - b'0'),
        (b'a'..=b'f', _) => Some(byte - b'a' + 10),
        (b'A'..=b'F', Letters::AnyCase) => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Returns the reason and the offset of the first invalid digit.
#[cold]
fn diagnose<const N: usize>(digits: &[u8; N], letters: Letters) -> ReasonAt {
    let at = digits.iter().position(|&byte| digit(byte, letters).is_none()).unwrap_or(0);
    match digits.get(at) {
        Some(b'A'..=b'F') => InvalidReason::UppercaseHex.at(at),
        _ => InvalidReason::BadHex.at(at),
    }
}

/// Returns the eight digits of `value`, most significant first.
const fn encode8(value: u32) -> u64 {
    let v = value as u64;
    let quads = (v | (v << 16)) & 0x0000_ffff_0000_ffff;
    let pairs = (quads | (quads << 8)) & 0x00ff_00ff_00ff_00ff;
    let nibbles = (pairs | (pairs << 4)) & (0x0f * ONES);
    // Adding six to a nibble of ten or more sets bit 4, which marks the letters.
    let letters = ((nibbles + 6 * ONES) >> 4) & ONES;
    nibbles + b'0' as u64 * ONES + letters * (b'a' - b'0' - 10) as u64
}

/// Returns sixteen lower-case digits.
#[inline]
pub(crate) const fn encode_u64(value: u64) -> [u8; 16] {
    let digits = ((encode8((value >> 32) as u32) as u128) << 64) | encode8(value as u32) as u128;
    digits.to_be_bytes()
}

/// Returns thirty-two lower-case digits.
#[inline]
pub(crate) const fn encode_u128(value: u128) -> [u8; 32] {
    let mut out = [0; 32];
    if let Some((high, low)) = out.split_first_chunk_mut() {
        *high = encode_u64((value >> 64) as u64);
        if let Some(low) = low.first_chunk_mut() {
            *low = encode_u64(value as u64);
        }
    }
    out
}

/// Returns two lower-case digits.
pub(crate) const fn encode_u8(value: u8) -> [u8; 2] {
    [DIGITS[(value >> 4) as usize], DIGITS[(value & 0x0f) as usize]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_every_byte_in_every_position_agrees_with_a_table() {
        for place in 0..16 {
            for byte in 0..=255u8 {
                for letters in [Letters::Lower, Letters::AnyCase] {
                    let mut digits = *b"0123456789abcdef";
                    digits[place] = byte;
                    let expected =
                        digits.iter().try_fold(0u64, |value, &b| Some(value << 4 | u64::from(digit(b, letters)?)));
                    assert_eq!(u64_16(&digits, letters).ok(), expected, "{byte:#04x} at {place}");
                }
            }
        }
    }

    #[test]
    fn ok_every_pair_of_bytes_agrees_with_a_table() {
        for pair in 0..=u16::MAX {
            let digits = pair.to_be_bytes();
            for letters in [Letters::Lower, Letters::AnyCase] {
                let [high, low] = digits.map(|byte| digit(byte, letters));
                let expected = high.zip(low).map(|(high, low)| high * 16 + low);
                assert_eq!(u8_2(&digits, letters).ok(), expected, "{digits:?}");
            }
        }
    }

    #[test]
    fn ok_encode_is_the_inverse_of_decode() {
        for value in [0, 1, 0x9f, 0xdead_beef_0123_4567, u64::MAX, 0x0a0b_0c0d_0e0f_9999] {
            assert_eq!(u64_16(&encode_u64(value), Letters::Lower), Ok(value));
        }
        assert_eq!(&encode_u128(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736), b"4bf92f3577b34da6a3ce929d0e0e4736");
        for byte in 0..=255 {
            assert_eq!(u8_2(&encode_u8(byte), Letters::Lower), Ok(byte));
        }
    }

    #[test]
    fn err_names_the_first_bad_digit() {
        let error = u128_32(b"4bf92f3577b34da6A3ce929d0e0e473g", Letters::Lower);
        assert_eq!(error, Err(InvalidReason::UppercaseHex.at(16)));
        let error = u64_16(b"+0f067aa0ba902b7", Letters::Lower);
        assert_eq!(error, Err(InvalidReason::BadHex.at(0)));
    }
}
