//! Base64 in the standard alphabet (RFC 4648 section 4): what the text fields of sw8 and of its correlation are.
//!
//! Written here, since the core has no dependency and a crate for this would be larger than all of sw8: no engine, no
//! alphabets to choose from, no allocation. Every agent writes padding, so it is always written; some leave out what
//! they can, so it may be missing as a whole. Bits that a last group has too many are not looked at, as in the
//! decoders of Java, Go and Python.

use core::fmt;

use crate::text::stack::AsciiSink;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What a byte outside the alphabet has in place of its six bits: wherever they go in a group, something of it lands
/// above the 24 bits.
const BAD: u32 = 0xffff_ffc0;

const BITS: [u32; 256] = {
    let mut bits = [BAD; 256];
    let mut i = 0;
    while i < 64 {
        bits[ALPHABET[i] as usize] = i as u32;
        i += 1;
    }
    bits
};

/// Encoded bytes that are decoded at all: the longest sw8 value, of which a field is a part.
pub(super) const MAX_ENCODED: usize = 2048;

/// Encoded bytes of nearly every field. Ids of the Java and Go agents take 72.
const SHORT_ENCODED: usize = 176;

/// The digits without their padding, if there can be so many of them.
fn digits(encoded: &[u8]) -> Result<&[u8], usize> {
    let digits = match encoded {
        [digits @ .., b'=', b'='] | [digits @ .., b'='] if encoded.len() % 4 == 0 => digits,
        digits => digits,
    };
    // Six bits of a byte are none.
    if digits.len() % 4 == 1 { Err(digits.len()) } else { Ok(digits) }
}

const fn bits(digit: u8) -> u32 {
    BITS[digit as usize]
}

/// The 24 bits of a group, and more if a digit of it is none.
const fn group([a, b, c, d]: [u8; 4]) -> u32 {
    bits(a) << 18 | bits(b) << 12 | bits(c) << 6 | bits(d)
}

/// The same of a last group of two or three digits: its bits stand at the upper end too.
fn last_group(digits: &[u8]) -> u32 {
    let mut four = [b'A'; 4];
    for (place, digit) in four.iter_mut().zip(digits) {
        *place = *digit;
    }
    group(four)
}

const fn is_bad(groups: u32) -> bool {
    groups >> 24 != 0
}

/// The place of the first byte that is no digit.
#[cold]
fn bad_digit(digits: &[u8]) -> usize {
    digits.iter().position(|&digit| BITS[usize::from(digit)] == BAD).unwrap_or(digits.len())
}

/// Bytes of what `encoded` holds.
pub(super) fn decoded_len(encoded: &[u8]) -> usize {
    digits(encoded).map_or(0, |digits| digits.len() * 3 / 4)
}

/// Whether every byte that `encoded` holds is ASCII, found without decoding it.
///
/// # Errors
/// The place of what is no base64.
pub(super) fn is_ascii(encoded: &[u8]) -> Result<bool, usize> {
    let digits = digits(encoded)?;
    let mut rest = digits;
    // What the digits at each place of a group have, together.
    let [mut first, mut second, mut third, mut fourth] = [0; 4];
    while let Some(([a, b, c, d], tail)) = rest.split_first_chunk() {
        first |= bits(*a);
        second |= bits(*b);
        third |= bits(*c);
        fourth |= bits(*d);
        rest = tail;
    }
    // The high bits of the three bytes stand in three of the digits.
    let mut high = (first & 0x20) | (second & 0x08) | (third & 0x02);
    let mut all = first | second | third | fourth;
    match *rest {
        // Only whole bytes count.
        [a, b] => {
            high |= bits(a) & 0x20;
            all |= bits(a) | bits(b);
        }
        [a, b, c] => {
            high |= (bits(a) & 0x20) | (bits(b) & 0x08);
            all |= bits(a) | bits(b) | bits(c);
        }
        _ => {}
    }
    if all & BAD != 0 { Err(bad_digit(digits)) } else { Ok(high == 0) }
}

/// Decodes into `room` and gives the part that was filled.
///
/// # Errors
/// The place of what is no base64, or the end where the room is too small.
pub(super) fn decode<'r>(encoded: &[u8], room: &'r mut [u8]) -> Result<&'r [u8], usize> {
    let digits = digits(encoded)?;
    let room = room.get_mut(..digits.len() * 3 / 4).ok_or(encoded.len())?;
    let mut all = 0;
    // Two groups at once.
    let (eights, rest) = digits.split_at(digits.len() / 8 * 8);
    let (sixes, last) = room.split_at_mut(eights.len() / 8 * 6);
    for (eight, six) in eights.chunks_exact(8).zip(sixes.chunks_exact_mut(6)) {
        let [a, b, c, d, e, f, g, h] = *eight else { break };
        let (high, low) = (group([a, b, c, d]), group([e, f, g, h]));
        six.copy_from_slice(&(u64::from(high) << 24 | u64::from(low)).to_be_bytes()[2..]);
        all |= high | low;
    }
    for (digits, bytes) in rest.chunks(4).zip(last.chunks_mut(3)) {
        let bits = last_group(digits);
        bytes.copy_from_slice(&bits.to_be_bytes()[1..=bytes.len()]);
        all |= bits;
    }
    if is_bad(all) { Err(bad_digit(digits)) } else { Ok(room) }
}

/// Shows `then` what `encoded` holds, in a buffer on the stack; or the place of what is no base64, or of the first byte
/// beyond [`MAX_ENCODED`].
pub(super) fn with<R>(encoded: &[u8], then: impl FnOnce(Result<&[u8], usize>) -> R) -> R {
    if encoded.len() > SHORT_ENCODED {
        return with_long(encoded, then);
    }
    then(decode(encoded, &mut [0; SHORT_ENCODED / 4 * 3]))
}

#[cold]
fn with_long<R>(encoded: &[u8], then: impl FnOnce(Result<&[u8], usize>) -> R) -> R {
    if encoded.len() > MAX_ENCODED {
        return then(Err(MAX_ENCODED));
    }
    then(decode(encoded, &mut [0; MAX_ENCODED / 4 * 3]))
}

/// Whether `encoded` is just what [`Encoded`] would write of what it holds: padded, no bit too many.
pub(super) fn is_canonical(encoded: &[u8]) -> bool {
    let leftover = |digit: u8, mask: u32| BITS[usize::from(digit)] & mask == 0;
    encoded.len() % 4 == 0
        && match encoded {
            [.., digit, b'=', b'='] => leftover(*digit, 0x0f),
            [.., digit, b'='] => leftover(*digit, 0x03),
            _ => true,
        }
}

/// Displays as the base64 of these bytes, padded.
pub(super) struct Encoded<'a>(pub(super) &'a [u8]);

impl Encoded<'_> {
    pub(super) fn put(&self, sink: &mut impl AsciiSink) -> fmt::Result {
        let mut room = [b'='; ROOM];
        self.0.chunks(ROOM / 4 * 3).try_for_each(|bytes| sink.put(encode(bytes, &mut room)))
    }
}

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.put(f)
    }
}

/// Digits that are put together before they are handed on.
const ROOM: usize = 64;

/// The digits of so many bytes as have room.
fn encode<'r>(bytes: &[u8], room: &'r mut [u8; ROOM]) -> &'r [u8] {
    let mut len = 0;
    for (group, four) in bytes.chunks(3).zip(room.chunks_exact_mut(4)) {
        let bits = match *group {
            [a, b, c] => u32::from_be_bytes([0, a, b, c]),
            [a, b] => u32::from_be_bytes([0, a, b, 0]),
            _ => u32::from_be_bytes([0, group[0], 0, 0]),
        };
        let digit = |shift: u32| ALPHABET[(bits >> shift & 0x3f) as usize];
        four[0] = digit(18);
        four[1] = digit(12);
        four[2] = if group.len() > 1 { digit(6) } else { b'=' };
        four[3] = if group.len() > 2 { digit(0) } else { b'=' };
        len += 4;
    }
    &room[..len]
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;
    use std::vec::Vec;

    fn decoded(encoded: &str) -> Result<Vec<u8>, usize> {
        with(encoded.as_bytes(), |text| text.map(<[u8]>::to_vec))
    }

    #[test]
    fn ok_the_vectors_of_rfc_4648() {
        let pairs =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")];
        for (text, encoded) in pairs {
            assert_eq!(Encoded(text.as_bytes()).to_string(), encoded);
            assert_eq!(decoded(encoded).as_deref(), Ok(text.as_bytes()));
            assert_eq!(decoded(encoded.trim_end_matches('=')).as_deref(), Ok(text.as_bytes()));
            assert!(is_canonical(encoded.as_bytes()), "{encoded}");
        }
    }

    #[test]
    fn err_what_is_no_base64() {
        let cases = [("A", 1), ("AAAAA", 5), ("A===", 1), ("=", 1), ("====", 0), ("Zg=", 2), ("Zm8==", 5)];
        for (encoded, at) in cases {
            assert_eq!(decoded(encoded), Err(at), "{encoded}");
            assert_eq!(is_ascii(encoded.as_bytes()), Err(at), "{encoded}");
        }
        for byte in (0..=255).filter(|byte| !ALPHABET.contains(byte)) {
            assert_eq!(is_ascii(&[b'Z', byte, b'8']), Err(1), "{byte:#04x}");
            assert_eq!(is_ascii(&[b'Z', b'm', b'9', b'v', b'Z', byte, b'9', b'v']), Err(5), "{byte:#04x}");
        }
        // Two in one group must not make up for each other.
        for bad in 1..16u8 {
            let group = [0, 1, 2, 3].map(|place| if bad >> place & 1 == 1 { b'-' } else { b'A' });
            let at = bad.trailing_zeros() as usize;
            assert_eq!((is_ascii(&group), with(&group, |text| text.err())), (Err(at), Some(at)), "{bad:#06b}");
        }
    }

    #[test]
    fn ok_surplus_bits_are_read_and_never_written() {
        assert_eq!(decoded("Zh=="), Ok(b"f".to_vec()));
        assert!(!is_canonical(b"Zh==") && !is_canonical(b"Zm9=") && !is_canonical(b"Zg"));
        // They are no byte, so they do not count as one that is not ASCII.
        assert_eq!((is_ascii(b"Zj=="), is_ascii(b"Zj+=")), (Ok(true), Ok(true)));
        assert_eq!((is_ascii(b"Zv=="), is_ascii(b"Zm/=")), (Ok(true), Ok(true)), "all of them set");
    }

    #[test]
    fn ok_a_byte_that_is_not_ascii_is_seen_in_every_place() {
        for len in 1..8 {
            for place in 0..len {
                let mut bytes = [b'~'; 8];
                bytes[place] = 0x80;
                let encoded = Encoded(&bytes[..len]).to_string();
                assert_eq!(is_ascii(encoded.as_bytes()), Ok(false), "{place} of {len}");
                bytes[place] = 0x7f;
                let encoded = Encoded(&bytes[..len]).to_string();
                assert_eq!(is_ascii(encoded.as_bytes()), Ok(true), "{place} of {len}");
            }
        }
    }

    #[test]
    fn ok_the_longest_field_is_decoded_and_err_one_longer() {
        assert_eq!(with(&[b'A'; MAX_ENCODED], |text| text.map(<[u8]>::len)), Ok(1536));
        assert_eq!(with(&[b'A'; MAX_ENCODED + 1], |text| text.map(<[u8]>::len)), Err(MAX_ENCODED));
        for len in [SHORT_ENCODED, SHORT_ENCODED + 4] {
            let long = "A".repeat(len);
            assert_eq!(with(long.as_bytes(), |text| text.map(<[u8]>::len)), Ok(len / 4 * 3));
        }
    }

    proptest! {
        #[test]
        fn ok_encode_and_decode_are_inverse(text in ".{0,200}") {
            let encoded = Encoded(text.as_bytes()).to_string();
            prop_assert_eq!(decoded(&encoded), Ok(text.as_bytes().to_vec()));
            prop_assert_eq!(decoded_len(encoded.as_bytes()), text.len());
            prop_assert_eq!(is_ascii(encoded.as_bytes()), Ok(text.is_ascii()));
            prop_assert!(is_canonical(encoded.as_bytes()));
        }

        #[test]
        fn ok_any_bytes_are_judged_alike(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let decoded = with(&bytes, |text| text.map(<[u8]>::is_ascii));
            prop_assert_eq!(decoded, is_ascii(&bytes));
        }
    }
}
