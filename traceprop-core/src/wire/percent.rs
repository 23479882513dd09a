//! Percent-encoding (RFC 3986 2.1): decoded once, and never a reason to reject a value.
//!
//! ```text
//! sequence = "%" 2HEXDIG
//!
//! Am%C3%A9lie
//! ```
//!
//! A percent sign without two hex digits after it is kept as it is. What to do with a `+`, and which bytes are encoded,
//! differs between formats: [`Decoding`] and [`Encoded`] take that as arguments.

use core::fmt;

use super::buffer::AsciiSink;
use super::hex::{Letters, digit};

/// The rules by which a format decodes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decoding {
    /// A broken sequence is kept, the others are decoded. A `+` is a plus.
    Lenient,
    /// A `+` is a space. A value with a broken sequence is not encoded at all and is kept whole.
    Form,
}

/// A value in wire form. Iterates over its decoded bytes.
#[derive(Clone)]
pub(crate) struct Decoded<'c> {
    wire: &'c [u8],
    sequences: bool,
    plus: bool,
}

impl<'c> Decoded<'c> {
    pub(crate) fn new(wire: &'c [u8], decoding: Decoding) -> Self {
        match decoding {
            Decoding::Lenient => Self { wire, sequences: true, plus: false },
            Decoding::Form => {
                let is_broken = |(at, &byte): (usize, &u8)| byte == b'%' && sequence(&wire[at..]).is_none();
                let encoded = !wire.iter().enumerate().any(is_broken);
                Self { wire, sequences: encoded, plus: encoded }
            }
        }
    }

    #[cfg(feature = "alloc")]
    fn is_changed(&self, byte: u8) -> bool {
        (byte == b'%' && self.sequences) || (byte == b'+' && self.plus)
    }

    /// Returns the text. Invalid UTF-8 becomes U+FFFD.
    #[cfg(feature = "alloc")]
    pub(crate) fn text(self) -> alloc::borrow::Cow<'c, str> {
        use alloc::borrow::Cow;
        use alloc::string::String;
        use alloc::vec::Vec;

        if !self.wire.iter().any(|&byte| self.is_changed(byte)) {
            return String::from_utf8_lossy(self.wire);
        }
        let mut decoded = Vec::with_capacity(self.wire.len());
        let mut rest = self;
        loop {
            // Most bytes are copied in runs.
            let plain = rest.wire.iter().position(|&byte| rest.is_changed(byte)).unwrap_or(rest.wire.len());
            decoded.extend_from_slice(&rest.wire[..plain]);
            rest.wire = &rest.wire[plain..];
            match rest.next() {
                Some(byte) => decoded.push(byte),
                None => break,
            }
        }
        Cow::Owned(match String::from_utf8(decoded) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        })
    }
}

impl Iterator for Decoded<'_> {
    type Item = u8;

    #[inline]
    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.wire.split_first()?;
        let (byte, rest) = match first {
            b'%' if self.sequences => sequence(self.wire).unwrap_or((first, rest)),
            b'+' if self.plus => (b' ', rest),
            byte => (byte, rest),
        };
        self.wire = rest;
        Some(byte)
    }
}

/// Returns the byte of the sequence at the start of `text`, and what follows it.
#[inline]
fn sequence(text: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, rest @ ..] = text else { return None };
    Some((digit(*high, Letters::AnyCase)? << 4 | digit(*low, Letters::AnyCase)?, rest))
}

/// Displays bytes in wire form: those that `is_plain` are written as they are, all others as `%XX`.
///
/// Line ends are never plain, so they never reach a header.
#[derive(Clone)]
pub(crate) struct Encoded<I> {
    bytes: I,
    is_plain: fn(u8) -> bool,
}

/// Returns true for the unreserved characters of RFC 3986 2.3, which every client reads alike.
pub(crate) const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

impl<I: Iterator<Item = u8> + Clone> Encoded<I> {
    pub(crate) const fn new(bytes: I, is_plain: fn(u8) -> bool) -> Self {
        Self { bytes, is_plain }
    }

    /// Returns the length of the wire form in bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.clone().map(|byte| if (self.is_plain)(byte) { 1 } else { 3 }).sum()
    }
}

impl<I: Iterator<Item = u8> + Clone> fmt::Display for Encoded<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        // A call for every byte would take most of the time, so bytes are written in runs.
        let mut run = [0; 64];
        let mut len = 0;
        for byte in self.bytes.clone() {
            if len + 3 > run.len() {
                f.put(&run[..len])?;
                len = 0;
            }
            if (self.is_plain)(byte) {
                run[len] = byte;
                len += 1;
            } else {
                let sequence = [b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0x0f)]];
                run[len..len + 3].copy_from_slice(&sequence);
                len += 3;
            }
        }
        f.put(&run[..len])
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::borrow::Cow;
    use std::string::{String, ToString};
    use std::vec::Vec;

    #[track_caller]
    fn decoded(wire: &str) -> Cow<'_, str> {
        Decoded::new(wire.as_bytes(), Decoding::Form).text()
    }

    fn lenient(wire: &str) -> Cow<'_, str> {
        Decoded::new(wire.as_bytes(), Decoding::Lenient).text()
    }

    fn encoded(text: &str) -> String {
        Encoded::new(text.bytes(), is_unreserved).to_string()
    }

    #[test]
    fn ok_decode_as_the_clients_do() {
        assert_eq!(decoded("value%201%20%2F%20blah"), "value 1 / blah");
        assert_eq!(decoded("a+b%2Bc"), "a b+c");
        assert_eq!(decoded("%c3%a9%2541"), "é%41");
        assert_eq!(decoded("a%FFb"), "a\u{fffd}b");
        assert!(matches!(decoded("plain-é"), Cow::Borrowed("plain-é")));
    }

    #[test]
    fn ok_decode_a_broken_sequence_keeps_all_of_the_text() {
        for text in ["100%", "%zz", "a%20b%2", "a+b%", "%+1", "%%20"] {
            assert_eq!(decoded(text), text);
            assert!(Decoded::new(text.as_bytes(), Decoding::Form).eq(text.bytes()), "{text}");
        }
    }

    #[test]
    fn ok_decode_leniently_keeps_a_plus_and_a_broken_sequence() {
        assert_eq!(Decoded::new(b"a+b%20c%", Decoding::Lenient).text(), "a+b c%");
    }

    #[test]
    fn ok_encode_all_but_the_unreserved() {
        assert_eq!(encoded("value 1 / blah"), "value%201%20%2F%20blah");
        assert_eq!(encoded("aZ09-._~"), "aZ09-._~");
        assert_eq!(encoded("a+b,c=d%\r\nx: é"), "a%2Bb%2Cc%3Dd%25%0D%0Ax%3A%20%C3%A9");
    }

    #[test]
    fn ok_encode_values_longer_than_a_run() {
        for len in 60..70 {
            let text = "x".repeat(len) + "é";
            assert_eq!(encoded(&text), "x".repeat(len) + "%C3%A9");
            assert_eq!(Encoded::new(text.bytes(), is_unreserved).len(), len + 6);
        }
    }

    #[test]
    fn ok_decode_leniently_and_keep_broken_sequences() {
        assert_eq!(lenient("DF%2028"), "DF 28");
        assert_eq!(lenient("%2541"), "%41");
        assert_eq!(lenient("100%,%zz,%4"), "100%,%zz,%4");
        assert_eq!(lenient("%c3%a9%2c"), "é,");
        assert_eq!(lenient("a+b"), "a+b");
        assert_eq!(lenient("a%FFb"), "a\u{fffd}b");
    }

    #[test]
    fn ok_decode_leniently_keeps_a_sequence_with_a_bad_digit() {
        for value in ["%g1", "%1g", "%0:", "%/9", "%f\u{7f}", "%%00"] {
            let kept = if value == "%%00" { "%\0" } else { value };
            assert_eq!(lenient(value), kept);
            assert!(Decoded::new(value.as_bytes(), Decoding::Lenient).eq(kept.bytes()), "{value}");
        }
    }

    #[test]
    fn ok_decode_leniently_agrees_with_one_byte_at_a_time() {
        let piece = "ab%20%C3%A9cdefghij%%4klmnopqrstuvwxyz%c3%a9%";
        for from in 0..piece.len() {
            for to in from..=piece.len() {
                let value = &piece[from..to];
                let decoded: std::vec::Vec<u8> = Decoded::new(value.as_bytes(), Decoding::Lenient).collect();
                assert_eq!(lenient(value), std::string::String::from_utf8_lossy(&decoded), "{value}");
            }
        }
    }

    proptest! {
        #[test]
        fn ok_decode_is_the_inverse_of_encode(bytes: Vec<u8>) {
            let wire = Encoded::new(bytes.iter().copied(), is_unreserved).to_string();
            prop_assert_eq!(wire.len(), Encoded::new(bytes.iter().copied(), is_unreserved).len());
            prop_assert!(Decoded::new(wire.as_bytes(), Decoding::Form).eq(bytes.iter().copied()));
        }

        #[test]
        fn ok_text_agrees_with_the_bytes(wire: Vec<u8>) {
            let bytes: Vec<u8> = Decoded::new(&wire, Decoding::Form).collect();
            prop_assert_eq!(Decoded::new(&wire, Decoding::Form).text(), String::from_utf8_lossy(&bytes));
        }
    }
}
