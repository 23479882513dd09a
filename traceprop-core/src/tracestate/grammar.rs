//! The bytes of keys and values.
//!
//! ```text
//! key   = ( a-z / 0-9 ) 0*255( a-z / 0-9 / "_" / "-" / "*" / "/" / "@" )
//! value = 0*255( 0x20-0x7e except "," and "=" ) and a last one that is not a space
//!
//! rojo=00f067aa0ba902b7
//! ```
//!
//! Spec: <https://www.w3.org/TR/trace-context-2/#list>

/// The maximum number of members of a tracestate. W3C: "There can be a maximum of 32 list-members".
pub const MAX_MEMBERS: usize = 32;

/// The longest key and the longest value in bytes.
pub(super) const MAX_PART: usize = 256;

pub(super) const KEY: u8 = 1;
pub(super) const KEY_START: u8 = 2;
const VALUE: u8 = 4;

/// The classes of each byte.
const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        class[byte] = match byte as u8 {
            b'a'..=b'z' | b'0'..=b'9' => KEY | KEY_START | VALUE,
            b'_' | b'-' | b'*' | b'/' | b'@' => KEY | VALUE,
            b',' | b'=' => 0,
            b' '..=b'~' => VALUE,
            _ => 0,
        };
        byte += 1;
    }
    class
};

#[inline]
pub(super) const fn is(byte: u8, class: u8) -> bool {
    CLASS[byte as usize] & class != 0
}

pub(super) fn is_key(key: &str) -> bool {
    let bytes = key.as_bytes();
    (1..=MAX_PART).contains(&bytes.len()) && is(bytes[0], KEY_START) && bytes.iter().all(|&b| is(b, KEY))
}

pub(super) fn is_value(value: &str) -> bool {
    let bytes = value.as_bytes();
    (1..=MAX_PART).contains(&bytes.len()) && value_end(bytes, 0) == bytes.len() && !bytes.ends_with(b" ")
}

/// Returns the first offset from `from` whose byte is not in a class, or the end.
#[inline]
pub(super) fn skip(line: &[u8], from: usize, is_one: impl Fn(u8) -> bool) -> usize {
    let mut at = from;
    while line.get(at).is_some_and(|&byte| is_one(byte)) {
        at += 1;
    }
    at
}

/// Returns the first offset from `from` whose byte cannot be part of a value, or the end. Reads eight bytes at a time.
#[inline]
pub(super) fn value_end(line: &[u8], from: usize) -> usize {
    let mut at = from;
    let mut rest = &line[from..];
    while let Some((chunk, tail)) = rest.split_first_chunk::<8>() {
        let others = no_value_bytes(u64::from_le_bytes(*chunk));
        if others != 0 {
            return at + others.trailing_zeros() as usize / 8;
        }
        at += 8;
        rest = tail;
    }
    match line.last_chunk::<8>() {
        // The last eight bytes without those before `at`. The shift adds zeros after them, which end a value.
        Some(chunk) if !rest.is_empty() => {
            let last = u64::from_le_bytes(*chunk) >> (8 * (8 - rest.len()));
            at + no_value_bytes(last).trailing_zeros() as usize / 8
        }
        _ => skip(line, at, |byte| is(byte, VALUE)),
    }
}

/// Returns a bit in the lowest of eight bytes that cannot be part of a value. Higher bytes can have a bit by mistake.
///
/// Returns zero if all bytes can be part of a value.
#[inline]
const fn no_value_bytes(bytes: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // Borrows and carries reach the byte above only from a byte that ends a value.
    let below_blank = bytes.wrapping_sub(b' ' as u64 * ONES) & !bytes;
    let above_tilde = bytes.wrapping_add(ONES) | bytes;
    let commas = bytes ^ (b',' as u64 * ONES);
    let equals = bytes ^ (b'=' as u64 * ONES);
    let separators = (commas.wrapping_sub(ONES) & !commas) | (equals.wrapping_sub(ONES) & !equals);
    (below_blank | above_tilde | separators) & (0x80 * ONES)
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_a_value_ends_at_the_first_other_byte() {
        for len in [7, 8, 9, 16, 21] {
            for place in 0..len {
                // Neither the byte nor the one above it hides the other.
                for above in [b'a', b' ', b'~', 0, b',', b'=', 0x7f, 0xff] {
                    for byte in 0..=255 {
                        let mut line = [b'v'; 21];
                        line[place] = byte;
                        if place + 1 < len {
                            line[place + 1] = above;
                        }
                        let line = &line[..len];
                        let end = line.iter().position(|&byte| !is(byte, VALUE)).unwrap_or(len);
                        assert_eq!(value_end(line, 0), end, "{byte:#04x} and {above:#04x} at {place} of {len}");
                    }
                }
            }
        }
    }
}
