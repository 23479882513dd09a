//! Base64 in the standard alphabet.
//!
//! ```text
//! group = 4 digits of A-Z a-z 0-9 + /       the last one is padded with "="
//!
//! Zm9vYg==
//! ```
//!
//! Padding may be absent as a whole, because some agents omit it. Surplus bits of the last group are ignored, as in the
//! decoders of Java, Go and Python. Padding is always written, and surplus bits are zero.
//!
//! The core has no dependencies, and it needs neither other alphabets nor allocation.
//! Spec: <https://www.rfc-editor.org/rfc/rfc4648#section-4>

use core::{fmt, mem};

use super::buffer::AsciiSink;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The mark of a byte outside the alphabet: bits above the three bytes of a group.
const BAD: u32 = 0xff00_0000;

/// The highest bit of each of the three bytes of a group.
const HIGH: u32 = 0x0080_8080;

/// The bits that each digit adds to its group, by position. They are already shifted, so a digit costs one load.
/// The first byte of a group is the lowest.
static GROUP: [[u32; 256]; 4] = {
    let mut tables = [[BAD; 256]; 4];
    let mut place = 0;
    while place < 4 {
        let mut digit = 0;
        while digit < 64 {
            let bits = (digit as u32) << (18 - 6 * place);
            tables[place][ALPHABET[digit] as usize] = bits.swap_bytes() >> 8;
            digit += 1;
        }
        place += 1;
    }
    tables
};

/// The longest encoded text that is decoded, in bytes: the limit of a whole sw8 value.
pub(crate) const MAX_ENCODED: usize = 2048;

/// The longest encoded text, in bytes, with a small buffer. Ids of the Java and Go agents take 72 bytes.
const SHORT_ENCODED: usize = 176;

/// Returns the digits without padding. Fails if their number is impossible.
fn digits(encoded: &[u8]) -> Result<&[u8], usize> {
    let digits = match encoded {
        [digits @ .., b'=', b'='] | [digits @ .., b'='] if encoded.len() % 4 == 0 => digits,
        digits => digits,
    };
    // One digit has six bits, which is less than a byte.
    if digits.len() % 4 == 1 { Err(digits.len()) } else { Ok(digits) }
}

/// Returns the three bytes of a group. The bits of `BAD` are set if a byte is not a digit.
#[inline]
fn group([a, b, c, d]: [u8; 4]) -> u32 {
    GROUP[0][usize::from(a)] | GROUP[1][usize::from(b)] | GROUP[2][usize::from(c)] | GROUP[3][usize::from(d)]
}

/// Splits off the last group, of one to four bytes.
#[inline]
fn split_last(encoded: &[u8]) -> (&[u8], &[u8]) {
    encoded.split_at(encoded.len().saturating_sub(1) / 4 * 4)
}

/// Returns the bytes of the last group, padded or not.
#[inline]
fn last_group(last: &[u8]) -> u32 {
    // Surplus bits are ignored.
    match *last {
        [a, b, b'=', b'='] | [a, b] => group([a, b, b'A', b'A']) & (BAD | 0xff),
        [a, b, c, b'='] | [a, b, c] => group([a, b, c, b'A']) & (BAD | 0xffff),
        [a, b, c, d] => group([a, b, c, d]),
        [] => 0,
        // One digit has six bits, which is less than a byte.
        _ => BAD,
    }
}

/// Returns whether all bytes are ASCII, given the bitwise or of all groups. Fails if a byte is not a digit.
#[inline]
fn check(groups: u32, encoded: &[u8]) -> Result<bool, usize> {
    if groups & BAD != 0 { Err(bad_digit(encoded)) } else { Ok(groups & HIGH == 0) }
}

/// Returns the offset of the first byte that is not a digit.
#[cold]
fn bad_digit(encoded: &[u8]) -> usize {
    let digits = match digits(encoded) {
        Ok(digits) => digits,
        Err(at) => return at,
    };
    digits.iter().position(|&digit| GROUP[0][usize::from(digit)] == BAD).unwrap_or(digits.len())
}

/// Returns the length of the decoded text.
pub(crate) fn decoded_len(encoded: &[u8]) -> usize {
    digits(encoded).map_or(0, |digits| digits.len() * 3 / 4)
}

/// Returns whether the decoded text is ASCII, without decoding it.
///
/// # Errors
///
/// Returns the offset of the byte at fault.
#[inline]
pub(crate) fn is_ascii(encoded: &[u8]) -> Result<bool, usize> {
    let (mut rest, last) = split_last(encoded);
    let mut all = last_group(last);
    while let Some((four, tail)) = rest.split_first_chunk() {
        all |= group(*four);
        rest = tail;
    }
    check(all, encoded)
}

/// Decoded text.
pub(crate) struct Decoded<'r> {
    pub(crate) bytes: &'r [u8],
    pub(crate) is_ascii: bool,
}

/// Decodes into `room` and returns the part that was filled.
///
/// # Errors
///
/// Returns the offset of the byte at fault, or the end if `room` is too small.
pub(crate) fn decode<'r>(encoded: &[u8], room: &'r mut [u8]) -> Result<Decoded<'r>, usize> {
    let len = digits(encoded)?.len() * 3 / 4;
    let room = room.get_mut(..len).ok_or(encoded.len())?;
    let (whole, last) = split_last(encoded);
    let (bytes, rest) = room.split_at_mut(whole.len() / 4 * 3);
    let (groups, last) = (decode_groups(whole, bytes), last_group(last));
    for (to, from) in rest.iter_mut().zip(last.to_le_bytes()) {
        *to = from;
    }
    check(groups | last, encoded).map(|is_ascii| Decoded { bytes: room, is_ascii })
}

/// Decodes groups without padding. Returns their bitwise or.
#[inline]
fn decode_groups(mut digits: &[u8], mut room: &mut [u8]) -> u32 {
    let mut all = 0;
    while let Some((eight, tail)) = digits.split_first_chunk() {
        let Some((bytes, free)) = mem::take(&mut room).split_first_chunk_mut() else { return BAD };
        *bytes = eight_groups(eight, &mut all);
        (digits, room) = (tail, free);
    }
    while let Some((four, tail)) = digits.split_first_chunk() {
        let Some((three, free)) = mem::take(&mut room).split_first_chunk_mut() else { return BAD };
        let group = group(*four);
        let [bytes @ .., _] = group.to_le_bytes();
        *three = bytes;
        all |= group;
        (digits, room) = (tail, free);
    }
    all
}

/// Returns the bytes of eight groups, and adds the groups to `all` by bitwise or.
///
/// The bytes are assembled in words, because the digits of an id are read as words right after. A word that was written
/// in pieces would stall that read.
#[inline(always)]
fn eight_groups(digits: &[u8; 32], all: &mut u32) -> [u8; 24] {
    let mut groups = [0; 8];
    for (place, four) in groups.iter_mut().zip(digits.chunks_exact(4)) {
        let group = four.first_chunk().map_or(BAD, |four| group(*four));
        *all |= group;
        *place = u64::from(group);
    }
    let [a, b, c, d, e, f, g, h] = groups;
    let words = [a | b << 24 | c << 48, c >> 16 | d << 8 | e << 32 | f << 56, f >> 8 | g << 16 | h << 40];
    let mut bytes = [0; 24];
    for (eight, word) in bytes.chunks_exact_mut(8).zip(words) {
        eight.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

/// The encoded length of 32 bytes.
pub(crate) const LEN_OF_32: usize = 44;

/// Decodes 32 ASCII bytes, the length of most ids.
///
/// Returns `None` for any other input, which [`decode`] reads. The fixed length saves all checks of lengths.
#[inline(always)]
pub(crate) fn ascii_32(encoded: &[u8]) -> Option<[u8; 32]> {
    let encoded: &[u8; LEN_OF_32] = encoded.try_into().ok()?;
    let (first, [a, b, c, d, e, f, g, h, i, j, k, b'=']) = encoded.split_first_chunk()? else { return None };
    let mut all = 0;
    let mut bytes = [0; 32];
    bytes[..24].copy_from_slice(&eight_groups(first, &mut all));
    let last = [group([*a, *b, *c, *d]), group([*e, *f, *g, *h]), last_group(&[*i, *j, *k])];
    all |= last[0] | last[1] | last[2];
    let [first, second, third] = last.map(u64::from);
    bytes[24..].copy_from_slice(&(first | second << 24 | third << 48).to_le_bytes());
    (all & (BAD | HIGH) == 0).then_some(bytes)
}

/// Calls `then` with the decoded text, in a buffer on the stack.
///
/// If the text is invalid, `then` gets the offset of the byte at fault, or [`MAX_ENCODED`] if the text is longer.
pub(crate) fn with<R>(encoded: &[u8], then: impl FnOnce(Result<Decoded<'_>, usize>) -> R) -> R {
    if encoded.len() > SHORT_ENCODED {
        return with_long(encoded, then);
    }
    then(decode(encoded, &mut [0; SHORT_ENCODED / 4 * 3]))
}

#[cold]
fn with_long<R>(encoded: &[u8], then: impl FnOnce(Result<Decoded<'_>, usize>) -> R) -> R {
    if encoded.len() > MAX_ENCODED {
        return then(Err(MAX_ENCODED));
    }
    then(decode(encoded, &mut [0; MAX_ENCODED / 4 * 3]))
}

/// Returns true if `encoded` is in the form that [`Encoded`] writes: padded, and surplus bits are zero.
pub(crate) fn is_canonical(encoded: &[u8]) -> bool {
    encoded.len() % 4 == 0
        && match encoded {
            [.., digit, b'=', b'='] => GROUP[1][usize::from(*digit)] & 0xff00 == 0,
            [.., digit, b'='] => GROUP[2][usize::from(*digit)] & 0x00ff_0000 == 0,
            _ => true,
        }
}

/// Displays bytes as padded base64.
pub(crate) struct Encoded<'a>(pub(crate) &'a [u8]);

impl Encoded<'_> {
    pub(crate) fn put(&self, sink: &mut impl AsciiSink) -> fmt::Result {
        let mut room = [b'='; ROOM];
        self.0.chunks(ROOM / 4 * 3).try_for_each(|bytes| sink.put(encode(bytes, &mut room)))
    }
}

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.put(f)
    }
}

/// The number of digits that are written at a time.
const ROOM: usize = 64;

/// Returns the digits of as many bytes as fit into `room`.
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
        with(encoded.as_bytes(), |text| text.map(|text| text.bytes.to_vec()))
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
    fn err_invalid_base64() {
        let cases = [
            ("A", 1),
            ("AAAAA", 5),
            ("A===", 1),
            ("=", 1),
            ("====", 0),
            ("Zg=", 2),
            ("Zm8==", 5),
            ("Zg==Zm9v", 2),
            ("Zm9vZm8=Zm9v", 7),
        ];
        for (encoded, at) in cases {
            assert_eq!(decoded(encoded), Err(at), "{encoded}");
            assert_eq!(is_ascii(encoded.as_bytes()), Err(at), "{encoded}");
        }
        for byte in (0..=255).filter(|byte| !ALPHABET.contains(byte)) {
            assert_eq!(is_ascii(&[b'Z', byte, b'8']), Err(1), "{byte:#04x}");
            assert_eq!(is_ascii(&[b'Z', b'm', b'9', b'v', b'Z', byte, b'9', b'v']), Err(5), "{byte:#04x}");
        }
        // Two invalid bytes in one group do not cancel each other.
        for bad in 1..16u8 {
            let group = [0, 1, 2, 3].map(|place| if bad >> place & 1 == 1 { b'-' } else { b'A' });
            let at = bad.trailing_zeros() as usize;
            assert_eq!((is_ascii(&group), with(&group, |text| text.err())), (Err(at), Some(at)), "{bad:#06b}");
        }
    }

    #[test]
    fn ok_surplus_bits_are_ignored_and_never_written() {
        assert_eq!(decoded("Zh=="), Ok(b"f".to_vec()));
        assert!(!is_canonical(b"Zh==") && !is_canonical(b"Zm9=") && !is_canonical(b"Zg"));
        // Surplus bits are not a byte, so they do not count as a byte that is not ASCII.
        assert_eq!((is_ascii(b"Zj=="), is_ascii(b"Zj+=")), (Ok(true), Ok(true)));
        assert_eq!((is_ascii(b"Zv=="), is_ascii(b"Zm/=")), (Ok(true), Ok(true)), "all of them set");
    }

    #[test]
    fn ok_a_byte_that_is_not_ascii_is_found_at_every_offset() {
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
    fn ok_32_ascii_bytes_and_nothing_else() {
        let text = *b"4bf92f3577b34da6~\x00ce929d0e0e4736";
        let encoded = Encoded(&text).to_string();
        assert_eq!((encoded.len(), ascii_32(encoded.as_bytes())), (LEN_OF_32, Some(text)));
        for place in 0..32 {
            let mut text = text;
            text[place] = 0x80;
            assert_eq!(ascii_32(Encoded(&text).to_string().as_bytes()), None, "{place}");
        }
        for place in 0..LEN_OF_32 {
            for bad in *b"-=\xff" {
                let mut encoded = encoded.clone().into_bytes();
                let is_padding = encoded[place] == bad;
                encoded[place] = bad;
                assert_eq!(ascii_32(&encoded).is_some(), is_padding, "{bad:#04x} at {place}");
            }
        }
        for len in [30, 31, 33] {
            assert_eq!(ascii_32(Encoded(&[b'a'; 33][..len]).to_string().as_bytes()), None, "{len}");
        }
        assert_eq!(ascii_32(encoded.trim_end_matches('=').as_bytes()), None, "`decode` reads it");
    }

    #[test]
    fn ok_the_longest_field_is_decoded_and_err_one_longer() {
        assert_eq!(with(&[b'A'; MAX_ENCODED], |text| text.map(|text| text.bytes.len())), Ok(1536));
        assert_eq!(with(&[b'A'; MAX_ENCODED + 1], |text| text.map(|text| text.bytes.len())), Err(MAX_ENCODED));
        for len in [SHORT_ENCODED, SHORT_ENCODED + 4] {
            let long = "A".repeat(len);
            assert_eq!(with(long.as_bytes(), |text| text.map(|text| text.bytes.len())), Ok(len / 4 * 3));
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
            let decoded = with(&bytes, |text| text.map(|text| (text.bytes.is_ascii(), text.is_ascii)));
            prop_assert_eq!(decoded, is_ascii(&bytes).map(|is_ascii| (is_ascii, is_ascii)));
        }
    }

    #[test]
    fn err_32_bytes_with_one_fault_in_two_groups() {
        let encoded = *b"NjEzMWQxNDhiYjY1MTE1ZDkxZjk5NzU2MGFjYThlNjc=";
        for (one, other) in (0..11).flat_map(|one| (0..one).map(move |other| (4 * one, 4 * other))) {
            // A byte outside the alphabet, and a digit that starts a byte above 127.
            for fault in [b'.', b'/'] {
                let mut broken = encoded;
                (broken[one], broken[other]) = (fault, fault);
                assert_eq!(ascii_32(&broken), None, "at {one} and {other}");
            }
        }
    }
}
