//! Percent-encoding of baggage values: decoded once, never a reason to fail.

use core::fmt;

use crate::wire::hex::{Letters, digit};

/// `baggage-octet` of the specification.
#[cfg_attr(not(feature = "alloc"), allow(dead_code, reason = "only owned baggage is encoded byte by byte"))]
pub(crate) const fn is_value_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e)
}

/// The bytes of a value. A percent sign without two hex digits behind it stays as it is.
pub(crate) fn bytes(value: &str) -> impl Iterator<Item = u8> {
    let mut rest = value.as_bytes();
    core::iter::from_fn(move || {
        let (byte, tail) = next_byte(rest)?;
        rest = tail;
        Some(byte)
    })
}

#[inline]
fn next_byte(text: &[u8]) -> Option<(u8, &[u8])> {
    if let [b'%', high, low, tail @ ..] = text {
        let (high, low) = (HEX[usize::from(*high)], HEX[usize::from(*low)]);
        if high | low < 16 {
            return Some((high << 4 | low, tail));
        }
    }
    text.split_first().map(|(byte, tail)| (*byte, tail))
}

/// The values of hex digits; 255 is none.
const HEX: [u8; 256] = {
    let mut values = [u8::MAX; 256];
    let mut byte = 0;
    while byte < 256 {
        if let Some(value) = digit(byte as u8, Letters::AnyCase) {
            values[byte] = value;
        }
        byte += 1;
    }
    values
};

/// The text of a value; broken UTF-8 becomes U+FFFD.
#[cfg(feature = "alloc")]
pub(crate) fn decode(value: &str) -> alloc::borrow::Cow<'_, str> {
    use alloc::borrow::Cow;
    use alloc::string::String;
    use alloc::vec::Vec;

    use crate::wire;

    if !value.contains('%') {
        return Cow::Borrowed(value);
    }
    let mut decoded = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while !rest.is_empty() {
        // Eight bytes are copied at once, and those taken back that have to be decoded.
        if let (Some(eight), [not_percent, ..]) = (rest.first_chunk::<8>(), rest) {
            if *not_percent != b'%' {
                let plain = wire::find(eight, b'%').unwrap_or(8);
                decoded.extend_from_slice(eight);
                decoded.truncate(decoded.len() - 8 + plain);
                rest = &rest[plain..];
                continue;
            }
        }
        let Some((byte, tail)) = next_byte(rest) else { break };
        decoded.push(byte);
        rest = tail;
    }
    Cow::Owned(match String::from_utf8(decoded) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

/// Text as a value: everything outside the legal octets, and the percent sign itself, becomes `%XX` of its UTF-8.
/// So CR and LF never reach a header.
#[cfg_attr(not(feature = "alloc"), allow(dead_code, reason = "only owned baggage holds decoded text"))]
pub(crate) struct Encoded<'a>(pub(crate) &'a str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.bytes().position(|b| b == b'%' || !is_value_byte(b)) {
            // A byte that is no legal octet may begin a longer character; those before it are ASCII.
            let (plain, tail) = rest.split_at(at);
            f.write_str(plain)?;
            let mut chars = tail.chars();
            if let Some(character) = chars.next() {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    write!(f, "%{byte:02X}")?;
                }
            }
            rest = chars.as_str();
        }
        f.write_str(rest)
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn ok_decode_once_and_leave_broken_sequences() {
        assert_eq!(decode("DF%2028"), "DF 28");
        assert_eq!(decode("%2541"), "%41");
        assert_eq!(decode("100%,%zz,%4"), "100%,%zz,%4");
        assert_eq!(decode("%c3%a9%2c"), "é,");
        assert_eq!(decode("a+b"), "a+b");
        assert_eq!(decode("a%FFb"), "a\u{fffd}b");
    }

    #[test]
    fn ok_decode_leaves_a_sequence_of_which_one_digit_is_none() {
        for value in ["%g1", "%1g", "%0:", "%/9", "%f\u{7f}", "%%00"] {
            let kept = if value == "%%00" { "%\0" } else { value };
            assert_eq!(decode(value), kept);
            assert!(bytes(value).eq(kept.bytes()), "{value}");
        }
    }

    #[test]
    fn ok_decode_agrees_with_one_byte_at_a_time() {
        let piece = "ab%20%C3%A9cdefghij%%4klmnopqrstuvwxyz%c3%a9%";
        for from in 0..piece.len() {
            for to in from..=piece.len() {
                let value = &piece[from..to];
                let decoded: std::vec::Vec<u8> = bytes(value).collect();
                assert_eq!(decode(value), std::string::String::from_utf8_lossy(&decoded), "{value}");
            }
        }
    }

    #[test]
    fn ok_encode_only_what_must_be() {
        assert_eq!(Encoded("DF 28").to_string(), "DF%2028");
        assert_eq!(Encoded("100%").to_string(), "100%25");
        assert_eq!(Encoded("a,b;c\"d\\e").to_string(), "a%2Cb%3Bc%22d%5Ce");
        assert_eq!(Encoded("a\r\nx: y").to_string(), "a%0D%0Ax:%20y");
        assert_eq!(Encoded("Amélie😀").to_string(), "Am%C3%A9lie%F0%9F%98%80");
        assert_eq!(Encoded("!#$&'()*+-./09:<=>?@AZ[]^_`az{|}~").to_string(), "!#$&'()*+-./09:<=>?@AZ[]^_`az{|}~");
    }
}
