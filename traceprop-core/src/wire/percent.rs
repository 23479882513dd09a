//! Percent-encoding of Jaeger's values: decoded once, never a reason to fail.

use core::fmt;

use super::buffer::StackText;
use super::hex::{Letters, digit};

/// The bytes of a value in wire form.
#[derive(Clone)]
pub(crate) struct Decoded<'c> {
    wire: &'c [u8],
    sequences: bool,
    plus: bool,
}

impl<'c> Decoded<'c> {
    /// As Jaeger's clients decode: a raw plus is a space, since all of them write a literal one as `%2B`; a value with
    /// one broken sequence is no encoded one at all, and stays as it is.
    pub(crate) fn of(wire: &'c [u8]) -> Self {
        let encoded = !wire.iter().enumerate().any(|(at, &byte)| byte == b'%' && sequence(&wire[at..]).is_none());
        Self { wire, sequences: encoded, plus: encoded }
    }

    /// As W3C baggage decodes: a plus is a plus, and a broken sequence costs itself alone.
    pub(crate) const fn of_w3c(wire: &'c [u8]) -> Self {
        Self { wire, sequences: true, plus: false }
    }

    /// The text; broken UTF-8 becomes U+FFFD.
    #[cfg(feature = "alloc")]
    pub(crate) fn text(self) -> alloc::borrow::Cow<'c, str> {
        use alloc::borrow::Cow;
        use alloc::string::String;
        use alloc::vec::Vec;

        let changes = |byte: &u8| (*byte == b'%' && self.sequences) || (*byte == b'+' && self.plus);
        if !self.wire.iter().any(changes) {
            return String::from_utf8_lossy(self.wire);
        }
        let decoded: Vec<u8> = self.collect();
        Cow::Owned(match String::from_utf8(decoded) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        })
    }
}

impl Iterator for Decoded<'_> {
    type Item = u8;

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

/// The byte of the sequence that `text` begins with, and what comes behind.
fn sequence(text: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, rest @ ..] = text else {
        return None;
    };
    Some((digit(*high, Letters::AnyCase)? << 4 | digit(*low, Letters::AnyCase)?, rest))
}

/// Bytes in wire form: all but the unreserved characters of RFC 3986 2.3 become `%XX`. So no line end ever reaches a
/// header, and every client reads the same, whatever it takes a plus for.
#[derive(Clone)]
pub(crate) struct Encoded<I>(pub(crate) I);

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

impl<I: Iterator<Item = u8> + Clone> Encoded<I> {
    /// Bytes of the wire form.
    pub(crate) fn len(&self) -> usize {
        self.0.clone().map(|byte| if is_unreserved(byte) { 1 } else { 3 }).sum()
    }
}

impl<I: Iterator<Item = u8> + Clone> fmt::Display for Encoded<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        // A call for every byte took most of the time.
        let mut run = StackText::<64>::new();
        for byte in self.0.clone() {
            let sequence = [b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0x0f)]];
            let plain = [byte];
            let wire: &[u8] = if is_unreserved(byte) { &plain } else { &sequence };
            // Both are ASCII, so the other arm is never taken.
            let wire = core::str::from_utf8(wire).unwrap_or_default();
            if run.push(wire).is_err() {
                f.write_str(run.as_str())?;
                run = StackText::new();
                run.push(wire)?;
            }
        }
        f.write_str(run.as_str())
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
        Decoded::of(wire.as_bytes()).text()
    }

    fn encoded(text: &str) -> String {
        Encoded(text.bytes()).to_string()
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
            assert!(Decoded::of(text.as_bytes()).eq(text.bytes()), "{text}");
        }
    }

    #[test]
    fn ok_decode_w3c_knows_no_plus_and_breaks_sequence_by_sequence() {
        assert_eq!(Decoded::of_w3c(b"a+b%20c%").text(), "a+b c%");
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
            assert_eq!(Encoded(text.bytes()).len(), len + 6);
        }
    }

    proptest! {
        #[test]
        fn ok_decode_is_the_inverse_of_encode(bytes: Vec<u8>) {
            let wire = Encoded(bytes.iter().copied()).to_string();
            prop_assert_eq!(wire.len(), Encoded(bytes.iter().copied()).len());
            prop_assert!(Decoded::of(wire.as_bytes()).eq(bytes.iter().copied()));
        }

        #[test]
        fn ok_text_is_what_the_bytes_say(wire: Vec<u8>) {
            let bytes: Vec<u8> = Decoded::of(&wire).collect();
            prop_assert_eq!(Decoded::of(&wire).text(), String::from_utf8_lossy(&bytes));
        }
    }
}
