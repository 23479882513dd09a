//! Bytes: what every header is made of. Nothing here knows a header.
//!
//! ```text
//! OWS   = *( SP / HTAB )
//! token = 1*tchar          tchar = ALPHA / DIGIT / "!#$%&'*+-.^_`|~"
//! ```
//!
//! Spec: <https://www.rfc-editor.org/rfc/rfc9110#section-5.6>

use core::fmt;

pub(crate) mod base64;
pub(crate) mod buffer;
pub(crate) mod decimal;
pub(crate) mod hex;
pub(crate) mod percent;
pub(crate) mod reason;
mod shown;
pub(crate) mod uuid;
mod words;

pub(crate) use buffer::{AsciiSink, Counter, StackText};
pub use reason::InvalidReason;
pub(crate) use reason::ReasonAt;
pub(crate) use shown::{Shown, debug_as};
pub(crate) use words::words;

/// Trims the optional white space of RFC 9110 (space and tab) at both ends.
///
/// A Unicode trim would also remove characters that belong to the value.
pub(crate) const fn trim(bytes: &[u8]) -> &[u8] {
    trim_end(trim_start(bytes))
}

/// Trims optional white space at the start.
pub(crate) const fn trim_start(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// Returns the number of bytes of optional white space at the start.
pub(crate) const fn lead(bytes: &[u8]) -> usize {
    bytes.len() - trim_start(bytes).len()
}

/// Trims optional white space at the end.
pub(crate) const fn trim_end(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Returns true if there is nothing but optional white space.
#[inline]
pub(crate) fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| matches!(byte, b' ' | b'\t'))
}

/// Returns true if the bytes are a token.
#[inline]
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| is_token_byte(byte))
}

/// Returns true for a `tchar` (RFC 9110, section 5.6.2). Header names and baggage keys consist of these.
#[inline]
pub(crate) const fn is_token_byte(byte: u8) -> bool {
    /// One load per byte, for any number of ranges.
    static TOKEN: [bool; 256] = {
        let mut table = [false; 256];
        let mut byte = 0;
        while byte < table.len() {
            table[byte] = matches!(byte as u8, b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z'
                | b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~');
            byte += 1;
        }
        table
    };
    TOKEN[byte as usize]
}

/// Returns the offset of the first `wanted`. Most headers are searched to their end, so eight bytes are read at a time.
#[inline]
pub(crate) fn find(bytes: &[u8], wanted: u8) -> Option<usize> {
    let Some(last) = bytes.last_chunk::<8>() else {
        return bytes.iter().position(|&byte| byte == wanted);
    };
    let (mut at, mut rest) = (0, bytes);
    while let Some((chunk, tail)) = rest.split_first_chunk::<8>() {
        if let Some(place) = find_in_eight(*chunk, wanted) {
            return Some(at + place);
        }
        at += 8;
        rest = tail;
    }
    // Some of the last eight bytes were already searched and are not `wanted`.
    if rest.is_empty() { None } else { find_in_eight(*last, wanted).map(|place| bytes.len() - 8 + place) }
}

#[inline]
fn find_in_eight(bytes: [u8; 8], wanted: u8) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // Each wanted byte is zero here. The test finds the lowest zero byte exactly; higher ones can be wrong.
    let differing = u64::from_le_bytes(bytes) ^ (ONES * wanted as u64);
    let zeros = differing.wrapping_sub(ONES) & !differing & (0x80 * ONES);
    (zeros != 0).then_some(zeros.trailing_zeros() as usize / 8)
}

/// Returns true if each byte is ASCII from `lowest` to `~` and none of `others`.
///
/// Sixteen bytes are checked at a time. Some of the last ones are checked twice, so that none is checked alone.
#[inline(always)]
pub(crate) fn is_visible<const K: usize>(bytes: &[u8], lowest: u8, others: [u8; K]) -> bool {
    match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>(), bytes.last_chunk::<16>()) {
        (.., Some(last)) => {
            let mut rest = bytes;
            while let Some((chunk, tail)) = rest.split_first_chunk::<16>() {
                // An exit after each chunk and none within it: without exits the compiler makes one dependency chain.
                if !are_visible(chunk, lowest, others) {
                    return false;
                }
                rest = tail;
            }
            rest.is_empty() || are_visible(last, lowest, others)
        }
        (Some(first), Some(last), None) => are_visible(first, lowest, others) && are_visible(last, lowest, others),
        _ => spread(bytes).is_none_or(|eight| are_visible(&eight, lowest, others)),
    }
}

/// Returns one to seven bytes as eight, some of them repeated.
#[inline]
fn spread(bytes: &[u8]) -> Option<[u8; 8]> {
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return Some((u64::from(last) << 32 | u64::from(first)).to_le_bytes());
    }
    let (first, last) = (*bytes.first()?, *bytes.last()?);
    let middle = bytes[bytes.len() / 2];
    Some([first, middle, last, first, middle, last, first, last])
}

#[inline(always)]
fn are_visible<const N: usize, const K: usize>(bytes: &[u8; N], lowest: u8, others: [u8; K]) -> bool {
    let mut illegal = any(bytes, |byte| byte.wrapping_sub(lowest) > b'~' - lowest);
    for other in others {
        illegal |= any(bytes, |byte| byte == other);
    }
    !illegal
}

/// Returns true if `is_wanted` is true for any byte. Without an early exit the compiler vectorizes the loop.
#[inline(always)]
fn any<const N: usize>(bytes: &[u8; N], is_wanted: impl Fn(u8) -> bool) -> bool {
    let mut found = false;
    for &byte in bytes {
        found |= is_wanted(byte);
    }
    found
}

/// Returns text that is known to be ASCII: digits, tokens, and values that were checked before.
///
/// Other bytes give an empty text instead of a panic. Text that may be UTF-8 is not for this function.
#[inline]
pub(crate) fn ascii(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or_default()
}

/// Splits at the first `separator`. Returns `None` if there is none.
#[inline]
pub(crate) fn split_once(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = find(bytes, separator)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

/// Returns the first value of a list with commas that is not blank, trimmed, and its offset.
pub(crate) fn first_value(list: &[u8]) -> Option<(usize, &[u8])> {
    let mut end = 0;
    list.split(|&byte| byte == b',').find_map(|raw| {
        let (start, value) = (end + lead(raw), trim(raw));
        end += raw.len() + 1;
        (!value.is_empty()).then_some((start, value))
    })
}

/// Writes items with a separator between them.
pub(crate) fn put_joined<T: fmt::Display>(
    items: impl Iterator<Item = T>,
    separator: &str,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    for (i, item) in items.enumerate() {
        if i > 0 {
            f.write_str(separator)?;
        }
        item.fmt(f)?;
    }
    Ok(())
}

/// Returns true if the bytes are visible ASCII and spaces, without control characters.
pub(crate) fn is_visible_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Returns true if the bytes can be written as a header value: visible ASCII, spaces and tabs, and no line ends.
pub(crate) fn is_header_text(bytes: &[u8]) -> bool {
    // Without an early exit the compiler vectorizes the loop.
    bytes.iter().fold(true, |is_text, &byte| is_text & ((byte == b'\t') | matches!(byte, b' '..=b'~')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_trim_space_and_tab_only() {
        assert_eq!(trim(b" \t a b\t "), b"a b");
        assert_eq!(trim(b" \t "), b"");
        assert_eq!(trim(b"\xc2\xa0a\x0b"), b"\xc2\xa0a\x0b");
        assert!(is_blank(b"") && is_blank(b" \t") && !is_blank(b" a ") && !is_blank(b"\x0b"));
    }

    #[test]
    fn ok_ascii_is_text_and_other_bytes_are_none() {
        assert_eq!((ascii(b"a-1"), ascii(b""), ascii(b"a\xff")), ("a-1", "", ""));
    }

    #[test]
    fn ok_token_bytes_are_those_of_the_grammar() {
        for byte in 0..=255 {
            assert_eq!(is_token(&[b'a', byte]), is_token_byte(byte), "{byte:#04x}");
        }
        assert!(!is_token(b""));
    }

    #[test]
    fn ok_find_the_first_at_every_offset() {
        let mut bytes = [b'-'; 40];
        assert_eq!(find(&bytes, b','), None);
        for place in (0..40).rev() {
            bytes[place] = b',';
            assert_eq!(find(&bytes, b','), Some(place));
            assert_eq!(find(&bytes[..place], b','), None);
        }
        // A byte that is one above the wanted one, right after it, is not mistaken for it.
        assert_eq!(find(b"-,-----------", b'-'), Some(0));
        assert_eq!(find(b"..-,-.........", b','), Some(3));
        assert_eq!(find(b"\x80\xac,\xff\x00\x01\x2c\x2c", b','), Some(2));
    }

    #[test]
    fn ok_visible_checks_every_byte() {
        let bytes = [b'-'; 67];
        for len in 0..=bytes.len() {
            assert!(is_visible(&bytes[..len], b'!', *b".,"));
            for place in 0..len {
                let mut bytes = bytes;
                for byte in 0..=255 {
                    bytes[place] = byte;
                    let expected = matches!(byte, b'!'..=b'~') && !matches!(byte, b'.' | b',');
                    assert_eq!(is_visible(&bytes[..len], b'!', *b".,"), expected, "{byte:#04x} at {place} of {len}");
                }
                bytes[place] = b'.';
                assert_eq!(find(&bytes[..len], b'.'), Some(place));
            }
        }
    }

    #[test]
    fn ok_split_once_at_the_first() {
        assert_eq!(split_once(b"a=b=c", b'='), Some((&b"a"[..], &b"b=c"[..])));
        assert_eq!(split_once(b"abc", b'='), None);
    }

    #[test]
    fn err_header_text_with_line_end_or_non_ascii() {
        assert!(is_header_text(b"a b\t~"));
        assert!(!is_header_text(b"a\r\nb"));
        assert!(!is_header_text("é".as_bytes()));
        assert!(!is_header_text(b"\x7f"));
    }
}
