//! The floor: the least safe code that finds, or writes, the same facts by hand.
//!
//! It knows which request it is for. It looks up or walks, whichever was faster, and takes the first line of a name. It
//! gives no reason for an invalid header, merges no formats, and keeps nothing of the request. So no library can be as
//! fast, but how far one is from it does not depend on the machine.

pub mod all;
pub mod b3;
pub mod cloudtrace;
pub mod correlation;
pub mod datadog;
pub mod elastic;
pub mod grpc_trace_bin;
pub mod instana;
pub mod jaeger;
pub mod newrelic;
pub mod ottrace;
pub mod sentry;
pub mod server;
pub mod sw8;
pub mod w3c;
pub mod xray;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::Found;

/// The ids and the decision, if they are valid.
type Ids = Option<(u128, u64, bool)>;

/// Returns the first line of a header.
#[inline(always)]
fn line<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h [u8]> {
    headers.get(name).map(HeaderValue::as_bytes)
}

/// Writes a line. What the floor writes is always valid.
#[inline(always)]
fn put(headers: &mut HeaderMap, name: HeaderName, value: &[u8]) {
    headers.insert(name, HeaderValue::from_bytes(value).expect("visible ASCII"));
}

/// Returns what was found, if the ids are valid.
#[inline(always)]
fn found(ids: Ids) -> Found {
    match ids {
        Some((trace_id, span_id, sampled)) if trace_id != 0 && span_id != 0 => {
            Found { trace_id, span_id, sampled, ..Found::default() }
        }
        _ => Found::default(),
    }
}

/// Parses 8 lowercase hex digits at once. The second number is zero if all of them are valid.
#[inline(always)]
fn hex8(digits: u64) -> (u32, u64) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // A digit holds its value in the low half; a letter is 9 less than its value.
    let values = (digits & (ONES * 15)) + (digits >> 6 & ONES) * 9;
    let letters = (values + ONES * 6) >> 4 & ONES;
    // No value is above 15, and writing the values gives the same digits, or one of them was invalid.
    let invalid = ((values + ONES * 0x30 + letters * 0x27) ^ digits) | (values & (ONES * 16));
    let pairs = values.swap_bytes();
    let pairs = (pairs | pairs >> 4) & 0x00ff_00ff_00ff_00ff;
    let quads = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    ((quads | quads >> 16) as u32, invalid)
}

#[inline(always)]
fn hex16(digits: &[u8; 16]) -> (u64, u64) {
    let (halves, _) = digits.as_chunks::<8>();
    let (upper, lower) = (hex8(u64::from_le_bytes(halves[0])), hex8(u64::from_le_bytes(halves[1])));
    (u64::from(upper.0) << 32 | u64::from(lower.0), upper.1 | lower.1)
}

/// Parses 32 digits.
#[inline(always)]
fn hex32(digits: &[u8; 32]) -> (u128, u64) {
    let (halves, _) = digits.as_chunks::<16>();
    let (upper, lower) = (hex16(&halves[0]), hex16(&halves[1]));
    (u128::from(upper.0) << 64 | u128::from(lower.0), upper.1 | lower.1)
}

#[inline(always)]
fn trace_id(text: &[u8]) -> Option<u128> {
    let (id, invalid) = hex32(text.try_into().ok()?);
    (invalid == 0).then_some(id)
}

#[inline(always)]
fn span_id(text: &[u8]) -> Option<u64> {
    let (id, invalid) = hex16(text.try_into().ok()?);
    (invalid == 0).then_some(id)
}

/// Parses a trace id of 128 or 64 bits.
#[inline(always)]
fn either_trace_id(text: &[u8]) -> Option<u128> {
    if text.len() == 16 { span_id(text).map(u128::from) } else { trace_id(text) }
}

/// Parses up to 20 decimal digits.
#[inline(always)]
fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 20 {
        return None;
    }
    text.iter().try_fold(0_u64, |number, &byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const INVALID: u8 = 0x80;

/// The value of each base64 digit; padding is 0.
static DIGITS: [u8; 256] = {
    let mut digits = [INVALID; 256];
    let mut value = 0;
    while value < 64 {
        digits[BASE64[value] as usize] = value as u8;
        value += 1;
    }
    digits[b'=' as usize] = 0;
    digits
};

/// Decodes base64, padded. Returns whether all digits are valid.
#[inline(always)]
fn base64(blocks: &[[u8; 4]], bytes: &mut [[u8; 3]]) -> bool {
    let mut invalid = 0;
    for (four, three) in blocks.iter().zip(bytes) {
        let [a, b, c, d] = four.map(|byte| DIGITS[byte as usize]);
        invalid |= a | b | c | d;
        let bits = u32::from(a) << 18 | u32::from(b) << 12 | u32::from(c) << 6 | u32::from(d & 63);
        three.copy_from_slice(&bits.to_be_bytes()[1..]);
    }
    invalid & INVALID == 0
}

#[inline(always)]
fn base64_of([a, b, c]: [u8; 3]) -> [u8; 4] {
    let bits = u32::from_be_bytes([0, a, b, c]);
    [18, 12, 6, 0].map(|shift| BASE64[(bits >> shift & 63) as usize])
}

/// Returns a number as text.
#[inline(always)]
fn digits(mut number: u64, buffer: &mut [u8; 20]) -> &[u8] {
    let mut start = buffer.len();
    loop {
        start -= 1;
        buffer[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &buffer[start..];
        }
    }
}

/// Writes the 16 digits of an id.
#[inline(always)]
fn put_hex(mut id: u64, text: &mut [u8]) {
    for digit in text.iter_mut().rev() {
        let value = (id & 15) as u8;
        *digit = value + if value > 9 { b'a' - 10 } else { b'0' };
        id >>= 4;
    }
}

#[inline(always)]
fn put_trace_id(id: u128, text: &mut [u8]) {
    put_hex((id >> 64) as u64, &mut text[..16]);
    put_hex(id as u64, &mut text[16..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_hex_is_read_as_the_standard_library_reads_it() {
        for value in [0, 1, 0x0123_4567_89ab_cdef, u64::MAX, 0xa0f9_9f0a_0909_afaf] {
            let text = format!("{value:016x}");
            assert_eq!(span_id(text.as_bytes()), Some(value));
            let mut written = [0; 16];
            put_hex(value, &mut written);
            assert_eq!(written, text.as_bytes());
        }
    }

    #[test]
    fn err_hex_with_another_byte_at_any_place() {
        for at in 0..16 {
            for byte in (0..=255_u8).filter(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
                let mut text = *b"0123456789abcdef";
                text[at] = byte;
                assert_eq!(span_id(&text), None, "{byte} at {at}");
            }
        }
    }
}
