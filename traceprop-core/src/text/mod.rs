//! The alphabet that every header is made of: blanks, tokens, hex and percent runs.

pub(crate) mod decimal;
pub(crate) mod hex;
pub(crate) mod stack;
pub(crate) mod uuid;

/// A class of bytes as a table: one load a byte, however many ranges it has.
macro_rules! table {
    ($is_in:path) => {{
        let mut table = [false; 256];
        let mut byte = 0;
        while byte < table.len() {
            table[byte] = $is_in(byte as u8);
            byte += 1;
        }
        table
    }};
}
pub(crate) use table;

/// Strips the optional white space of RFC 9110 (space and tab) from both ends, and nothing else: a Unicode trim would
/// also take characters that belong to the value.
pub(crate) const fn trim(bytes: &[u8]) -> &[u8] {
    trim_end(trim_start(bytes))
}

/// The same at the left end alone.
pub(crate) const fn trim_start(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// The same at the right end alone.
pub(crate) const fn trim_end(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Whether there is nothing but optional white space.
#[inline]
pub(crate) fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| matches!(byte, b' ' | b'\t'))
}

/// `tchar` of RFC 9110 5.6.2: what header names and baggage keys are made of.
#[inline]
pub(crate) const fn is_token_byte(byte: u8) -> bool {
    const fn is_token(byte: u8) -> bool {
        matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z'
            | b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~')
    }
    static TOKEN: [bool; 256] = table!(is_token);
    TOKEN[byte as usize]
}

/// Where `wanted` stands first. Eight bytes at a time: most headers are searched to their end.
#[inline]
pub(crate) fn find(bytes: &[u8], wanted: u8) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let mut at = 0;
    let mut rest = bytes;
    while let Some((chunk, tail)) = rest.split_first_chunk::<8>() {
        // Zero in the place of each wanted byte; the lowest zero byte is found without a doubt.
        let differing = u64::from_le_bytes(*chunk) ^ (ONES * wanted as u64);
        let zeros = differing.wrapping_sub(ONES) & !differing & (0x80 * ONES);
        if zeros != 0 {
            return Some(at + zeros.trailing_zeros() as usize / 8);
        }
        at += 8;
        rest = tail;
    }
    rest.iter().position(|&byte| byte == wanted).map(|place| at + place)
}

/// Splits at the first `separator`; without one the whole text comes before it.
#[inline]
pub(crate) fn split_once(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = find(bytes, separator)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

/// Whether text may be written as a header value: visible ASCII, spaces and tabs inside, no line ends.
pub(crate) fn is_header_text(bytes: &[u8]) -> bool {
    // Without a way out in between, sixteen bytes are looked at together.
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
    fn ok_find_the_first_in_every_place() {
        let mut bytes = [b'-'; 40];
        assert_eq!(find(&bytes, b','), None);
        for place in (0..40).rev() {
            bytes[place] = b',';
            assert_eq!(find(&bytes, b','), Some(place));
            assert_eq!(find(&bytes[..place], b','), None);
        }
        // A byte of one above the wanted one behind it must not be mistaken.
        assert_eq!(find(b"-,-----------", b'-'), Some(0));
        assert_eq!(find(b"..-,-.........", b','), Some(3));
        assert_eq!(find(b"\x80\xac,\xff\x00\x01\x2c\x2c", b','), Some(2));
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
