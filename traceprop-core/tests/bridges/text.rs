//! Encodings, written down once more.

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Encodes standard base64 with padding.
pub(crate) fn base64(text: &str) -> String {
    encoded(text.as_bytes())
}

/// Encodes bytes.
pub(crate) fn encoded(bytes: &[u8]) -> String {
    let mut encoded = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = LETTERS[(group >> (18 - 6 * place) & 63) as usize];
            encoded.push(if place > chunk.len() { '=' } else { char::from(letter) });
        }
    }
    encoded
}

/// Decodes standard base64.
pub(crate) fn decoded(base64: &str) -> String {
    String::from_utf8(decoded_bytes(base64)).expect("text")
}

/// Decodes standard base64 to bytes.
pub(crate) fn decoded_bytes(base64: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0u32, 0);
    for letter in base64.trim_end_matches('=').bytes() {
        let place = LETTERS.iter().position(|known| *known == letter).expect("base64");
        bits = (bits << 6 | place as u32) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}

/// Returns the spelling of a UUID.
pub(crate) fn hyphenated(id: u128) -> String {
    let hex = format!("{id:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// Returns the number of `32hex.A.B` as the OpenTelemetry collector makes it: the bytes XOR A and B, lowest byte first.
pub(crate) fn mixed(hex: u128, a: u64, b: u64) -> u128 {
    let mut bytes = hex.to_be_bytes();
    bytes[4..8].iter_mut().zip(a.to_le_bytes()).for_each(|(byte, other)| *byte ^= other);
    bytes[8..].iter_mut().zip(b.to_le_bytes()).for_each(|(byte, other)| *byte ^= other);
    u128::from_be_bytes(bytes)
}

#[test]
fn ok_the_collectors_own_example() {
    let hex = 0xde59_80b8_fce3_4a37_aab9_b4ac_3af7_eedd;
    assert_eq!(mixed(hex, 1, 16_563_474_296_430_001), 0xde59_80b8_fde3_4a37_1be4_1bcd_5e2f_d4dd);
    assert_eq!((base64("ticket-1").as_str(), decoded("dGlja2V0LTE=").as_str()), ("dGlja2V0LTE=", "ticket-1"));
}
