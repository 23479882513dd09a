//! The spellings of a UUID.
//!
//! ```text
//! id         = hyphenated / 32HEXDIG / "{" hyphenated "}" / "urn:uuid:" hyphenated      in any case
//!
//! d19931bb-f235-4dcb-2e2f-b9d31225d62e
//! {D19931BB-F235-4DCB-2E2F-B9D31225D62E}
//! ```
//!
//! The whole text must be one of these. A prefix is not enough: Kong's `uuid#counter` has one UUID for all requests of
//! a worker, which would merge them into one trace.

use crate::wire::hex::{self, Letters};
use crate::wire::{InvalidReason, ReasonAt, StackText, uuid};

/// Bytes of the longest spelling, `urn:uuid:` and the hyphenated form.
pub(super) const MAX_LEN: usize = URN.len() + uuid::LEN;

const URN: &str = "urn:uuid:";
const BRACED_LEN: usize = uuid::LEN + 2;

/// Parses the 128 bits, which may be zero.
pub(super) fn parse(text: &[u8]) -> Result<u128, ReasonAt> {
    if let Ok(digits) = text.try_into() {
        return hex::u128_32(digits, Letters::AnyCase);
    }
    match text.len() {
        uuid::LEN => hyphenated(text, 0),
        BRACED_LEN => match text {
            [b'{', inner @ .., b'}'] => hyphenated(inner, 1),
            [b'{', ..] => Err(InvalidReason::BadFormat.at(BRACED_LEN - 1)),
            _ => Err(InvalidReason::BadFormat.at(0)),
        },
        MAX_LEN => match text.split_at(URN.len()) {
            // RFC 8141 3.1: scheme and namespace are equal in any case.
            (prefix, rest) if prefix.eq_ignore_ascii_case(URN.as_bytes()) => hyphenated(rest, URN.len()),
            _ => Err(InvalidReason::BadFormat.at(0)),
        },
        len => Err(InvalidReason::BadLength.at(len)),
    }
}

fn hyphenated(text: &[u8], offset: usize) -> Result<u128, ReasonAt> {
    let text = text.try_into().map_err(|_| InvalidReason::BadLength.at(text.len()))?;
    uuid::parse(text).map_err(|error| error.shifted_by(offset))
}

/// A spelling that a letter can name. A letter in upper case means text in upper case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spelling {
    /// `u`, `h`, `b` or `n`, in upper case for upper case.
    pub(super) letter: char,
    before: &'static str,
    after: &'static str,
}

impl Spelling {
    /// Hyphenated and lower case, which is written if no text was received.
    pub(super) const CANONICAL: Self = Self { letter: 'u', before: "", after: "" };

    /// The forms: a UUID with hyphens, bare digits, a UUID in braces and a URN.
    const LOWERCASE: [Self; 4] = [
        Self::CANONICAL,
        Self { letter: 'h', ..Self::CANONICAL },
        Self { letter: 'b', before: "{", after: "}" },
        Self { letter: 'n', before: URN, after: "" },
    ];

    /// Returns all spellings, the canonical one first. If two give the same text, the first is used.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let uppercase = |lower: Self| Self { letter: lower.letter.to_ascii_uppercase(), ..lower };
        Self::LOWERCASE.into_iter().chain(Self::LOWERCASE.map(uppercase))
    }

    /// Spells an id.
    pub(super) fn spell(self, id: u128) -> StackText<MAX_LEN> {
        let hyphenated = uuid::hyphenate(id);
        let hex = hex::encode_u128(id);
        let digits: &[u8] = if matches!(self.letter, 'h' | 'H') { &hex } else { &hyphenated };
        let mut text = StackText::new();
        for part in [self.before.as_bytes(), digits, self.after.as_bytes()] {
            // The longest spelling fits.
            let _ = text.push_ascii(part);
        }
        if self.letter.is_ascii_uppercase() {
            text.make_ascii_uppercase();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::String;

    const ID: u128 = 0xd199_31bb_f235_4dcb_2e2f_b9d3_1225_d62e;

    #[test]
    fn ok_parse_every_spelling() {
        let texts = [
            "d19931bb-f235-4dcb-2e2f-b9d31225d62e",
            "d19931bbf2354dcb2e2fb9d31225d62e",
            "{d19931bb-f235-4dcb-2e2f-b9d31225d62e}",
            "urn:uuid:d19931bb-f235-4dcb-2e2f-b9d31225d62e",
            "D19931BB-F235-4DCB-2E2F-B9D31225D62E",
            "D19931BBF2354DCB2E2FB9D31225D62E",
            "{D19931BB-F235-4DCB-2E2F-B9D31225D62E}",
            "URN:UUID:D19931BB-F235-4DCB-2E2F-B9D31225D62E",
        ];
        for (text, spelling) in texts.into_iter().zip(Spelling::all()) {
            assert_eq!(parse(text.as_bytes()), Ok(ID), "{text}");
            assert_eq!(spelling.spell(ID).as_str(), text);
        }
        assert_eq!(parse(b"Urn:uUiD:d19931bb-F235-4dcb-2e2f-b9D31225d62e"), Ok(ID));
    }

    #[test]
    fn ok_each_spelling_has_its_letter() {
        let letters: String = Spelling::all().map(|spelling| spelling.letter).collect();
        assert_eq!(letters, "uhbnUHBN");
        assert_eq!(Spelling::all().next(), Some(Spelling::CANONICAL));
    }

    #[test]
    fn err_parse_other_text() {
        let cases: [(&str, InvalidReason, u32); 9] = [
            ("", InvalidReason::BadLength, 0),
            ("1445b4db447242cd8cb907f25792265", InvalidReason::BadLength, 31),
            ("1445b4db447242cd8cb907f257922654f", InvalidReason::BadLength, 33),
            ("d19931bb-f235-4dcb-2e2f-b9d31225d62e#7", InvalidReason::BadFormat, 0),
            ("{d19931bb-f235-4dcb-2e2f-b9d31225d62e ", InvalidReason::BadFormat, 37),
            ("{891e94fc77-8743-56-a740-7d5bc3a62de3}", InvalidReason::BadFormat, 9),
            ("urn:uuix:d19931bb-f235-4dcb-2e2f-b9d31225d62e", InvalidReason::BadFormat, 0),
            ("urn:uuid:d19931bb-f235-4dcb-2e2f-b9d31225d62g", InvalidReason::BadHex, 44),
            ("+19931bbf2354dcb2e2fb9d31225d62e", InvalidReason::BadHex, 0),
        ];
        for (text, reason, at) in cases {
            assert_eq!(parse(text.as_bytes()), Err(reason.at(at as usize)), "{text}");
        }
    }

    proptest! {
        #[test]
        fn ok_roundtrip_every_spelling_of_any_id(id: u128) {
            for spelling in Spelling::all() {
                prop_assert_eq!(parse(spelling.spell(id).as_str().as_bytes()), Ok(id));
            }
        }

        #[test]
        fn err_any_other_length(digits in "[0-9a-f]{0,64}") {
            let read = parse(digits.as_bytes());
            match digits.len() {
                32 => prop_assert_eq!(read.ok(), u128::from_str_radix(&digits, 16).ok()),
                36 | 38 | 45 => prop_assert_eq!(read.map_err(|error| error.reason), Err(InvalidReason::BadFormat)),
                len => prop_assert_eq!(read, Err(InvalidReason::BadLength.at(len))),
            }
        }

        #[test]
        fn err_any_prefix_or_suffix(id: u128, more in "[ -~]{1,8}") {
            let text = Spelling::CANONICAL.spell(id);
            let (before, after) = (more.clone() + text.as_str(), text.as_str().to_owned() + &more);
            // The text has at most eight characters, and the prefix of a UUID has nine.
            prop_assert!(parse(before.as_bytes()).is_err() && parse(after.as_bytes()).is_err());
        }
    }
}
