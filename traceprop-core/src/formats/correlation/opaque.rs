//! Text that names no trace, forwarded in addition to the trace and never hashed into a trace id.
//!
//! ```text
//! opaque = 1*128( ALPHA / DIGIT / "-" / "_" / "." / ":" / "+" / "/" / "=" / "|" / "#" / "{" / "}" )
//!
//! req-2026-01-14-000123
//! ```
//!
//! Heroku, Kong, Rails and .NET make their ids of these characters. Quotes, blanks, commas and others that are unsafe
//! in a log or a shell are invalid.

use crate::wire::{InvalidReason, ReasonAt};

/// Bytes of the longest text.
const MAX_LEN: usize = 128;

pub(super) fn check(text: &[u8]) -> Result<(), ReasonAt> {
    if text.is_empty() {
        return Err(InvalidReason::Empty.at(0));
    }
    if text.len() > MAX_LEN {
        return Err(InvalidReason::TooLong.at(text.len()));
    }
    match text.iter().position(|&b| !is_legal(b)) {
        Some(at) => Err(InvalidReason::BadCharacter.at(at)),
        None => Ok(()),
    }
}

const fn is_legal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'_' | b'.' | b':' | b'+' | b'/' | b'=' | b'|' | b'#' | b'{' | b'}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_ids_of_several_products() {
        for text in
            ["req-2026-01-14-000123", "8b0f0acb-c24d-4587-bed0-dd01025dc27a#17", "{a}:1", "a+b/c=", "10.0.0.1-80-7"]
        {
            assert_eq!(check(text.as_bytes()), Ok(()), "{text}");
        }
        assert_eq!(check(&[b'a'; MAX_LEN]), Ok(()));
    }

    #[test]
    fn err_empty_longer_or_other_characters() {
        assert_eq!(check(b""), Err(InvalidReason::Empty.at(0)));
        assert_eq!(check(&[b'a'; MAX_LEN + 1]), Err(InvalidReason::TooLong.at(MAX_LEN + 1)));
        for byte in [b' ', b'\t', b',', b';', b'"', b'\'', b'%', b'<', b'$', b'\\', 0, 0x7f, 0x80, b'\r', b'\n'] {
            assert_eq!(check(&[b'a', byte, b'b']), Err(InvalidReason::BadCharacter.at(1)), "{byte:#04x}");
        }
    }
}
