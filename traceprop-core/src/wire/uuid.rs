//! The hyphenated form of a UUID.
//!
//! ```text
//! uuid = 8HEXDIG "-" 4HEXDIG "-" 4HEXDIG "-" 4HEXDIG "-" 12HEXDIG
//!
//! d19931bb-f235-4dcb-2e2f-b9d31225d62e
//! ```
//!
//! Any version and variant is valid: many ids in this form set neither.
//! Spec: <https://www.rfc-editor.org/rfc/rfc9562#section-4>

use super::hex::{self, Letters};
use super::reason::{InvalidReason, ReasonAt};

/// The length of the hyphenated form in bytes.
pub(crate) const LEN: usize = 36;

const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// Parses the form in any letter case.
pub(crate) fn parse(text: &[u8; LEN]) -> Result<u128, ReasonAt> {
    if let Some(at) = HYPHENS.into_iter().find(|&at| text[at] != b'-') {
        return Err(InvalidReason::BadFormat.at(at));
    }
    let mut digits = [0; 32];
    digits[..8].copy_from_slice(&text[..8]);
    digits[8..12].copy_from_slice(&text[9..13]);
    digits[12..16].copy_from_slice(&text[14..18]);
    digits[16..20].copy_from_slice(&text[19..23]);
    digits[20..].copy_from_slice(&text[24..]);
    hex::u128_32(&digits, Letters::AnyCase).map_err(|error| {
        // Offsets in the digits do not count the hyphens before them.
        let at = HYPHENS.into_iter().fold(error.at as usize, |at, hyphen| if at >= hyphen { at + 1 } else { at });
        error.reason.at(at)
    })
}

/// Writes the form in lower case.
pub(crate) fn hyphenate(value: u128) -> [u8; LEN] {
    let digits = hex::encode_u128(value);
    let mut text = [b'-'; LEN];
    text[..8].copy_from_slice(&digits[..8]);
    text[9..13].copy_from_slice(&digits[8..12]);
    text[14..18].copy_from_slice(&digits[12..16]);
    text[19..23].copy_from_slice(&digits[16..20]);
    text[24..].copy_from_slice(&digits[20..]);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8; LEN] = b"d19931bb-f235-4dcb-2e2f-b9d31225d62e";
    const VALUE: u128 = 0xd199_31bb_f235_4dcb_2e2f_b9d3_1225_d62e;

    #[test]
    fn ok_parse_and_hyphenate_are_inverse() {
        assert_eq!(parse(TEXT), Ok(VALUE));
        assert_eq!(&hyphenate(VALUE), TEXT);
        assert_eq!(parse(&TEXT.to_ascii_uppercase().try_into().unwrap()), Ok(VALUE));
    }

    #[test]
    fn err_every_single_byte_outside_the_grammar() {
        for at in 0..LEN {
            for byte in 0..=255u8 {
                let mut text = *TEXT;
                text[at] = byte;
                let expected = match HYPHENS.contains(&at) {
                    true if byte == b'-' => Ok(VALUE),
                    true => Err(InvalidReason::BadFormat.at(at)),
                    false if byte.is_ascii_hexdigit() => continue,
                    false => Err(InvalidReason::BadHex.at(at)),
                };
                assert_eq!(parse(&text), expected, "{byte:#04x} at {at}");
            }
        }
    }
}
