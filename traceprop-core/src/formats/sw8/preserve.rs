//! Item `s` of the `tp` tracestate member: the part of a trace id text that the W3C trace id lacks.
//!
//! ```text
//! item  = [ "X" ] ( A "." B | "u" | "" ) | "d" | "l" text | "b" base64
//!
//! A.B   32hex.A.B (Java, Go, .NET): the hex is the trace id without A and B
//! u     a UUID with hyphens (browsers, Envoy, nginx)       X   upper-case hex digits
//! d     the trace id in decimal (Rust, PHP)                    32 lower-case hex digits need no item
//! l     any other text of legal bytes (a Request-Id)       b   any other text, base64 without padding
//!
//! s87.17422198108383774
//! ```
//!
//! The restored text must map to the trace id, otherwise the item is stale or forged and is ignored. A text that does
//! not fit into the member (about 240 characters, 180 bytes in base64) is lost, and the receiver uses 32 hex digits.

use core::fmt::{self, Write};

use super::ids;
use super::text::Sw8Text;
use crate::id::TraceId;
use crate::tracestate::preserve::MAX_VALUE;
use crate::wire::base64::Encoded;
use crate::wire::{StackText, ascii, hex, uuid};

/// The letter of the item.
pub(super) const LETTER: char = crate::field::FormatKind::Sw8.letter();

/// Text restored from a tracestate.
pub(super) type Restored = StackText<MAX_VALUE>;

/// Returns the item for a text, or `None` if the trace id suffices or the item is too long.
pub(super) fn item(text: Sw8Text<'_>) -> Option<StackText<MAX_VALUE>> {
    let mut item = StackText::new();
    text.with(|text| write_item(text, &mut item)).ok()?;
    (!item.as_str().is_empty()).then_some(item)
}

fn write_item(text: &str, item: &mut StackText<MAX_VALUE>) -> fmt::Result {
    match by_rule(text) {
        Some((true, rest)) => item.push("X").and_then(|()| item.push(rest)),
        Some((false, rest)) => item.push(rest),
        None if text.bytes().all(|b| matches!(b, 0x21..=0x7e) && !matches!(b, b';' | b',' | b'=')) => {
            item.push("l").and_then(|()| item.push(text))
        }
        None => {
            let mut encoded = StackText::<MAX_VALUE>::new();
            write!(encoded, "{}", Encoded(text.as_bytes()))?;
            item.push("b").and_then(|()| item.push(encoded.as_str().trim_end_matches('=')))
        }
    }
}

/// Returns whether the hex digits are upper case, and the rest of the item. `None` if no rule restores the spelling.
fn by_rule(text: &str) -> Option<(bool, &str)> {
    let bytes = text.as_bytes();
    if ids::hyphenated(bytes).is_some() {
        return Some((is_upper(text)?, "u"));
    }
    if let Some((head, tail)) = text.split_at_checked(32).filter(|(head, _)| ids::hex32(head.as_bytes()).is_some()) {
        if tail.is_empty() {
            return Some((is_upper(text)?, ""));
        }
        let tail = tail.strip_prefix('.').filter(|tail| ids::mask(tail.as_bytes()).is_some());
        if let Some(tail) = tail {
            return Some((is_upper(head)?, tail));
        }
    }
    // Leading zeros would be lost.
    (ids::decimal(bytes).is_some() && !text.starts_with('0')).then_some((false, "d"))
}

/// Returns whether hex digits are upper case, or `None` if they are mixed.
fn is_upper(hex: &str) -> Option<bool> {
    let upper = hex.bytes().any(|b| b.is_ascii_uppercase());
    let mixed = upper && hex.bytes().any(|b| b.is_ascii_lowercase());
    (!mixed).then_some(upper)
}

/// Returns the text of an item if it maps to this trace id.
pub(super) fn restore(item: &str, trace_id: TraceId) -> Option<Restored> {
    let mut text = Restored::new();
    write_text(item, trace_id.get(), &mut text).ok()?;
    (ids::trace_id(text.as_str().as_bytes()) == Some(trace_id)).then_some(text)
}

fn write_text(item: &str, value: u128, text: &mut Restored) -> fmt::Result {
    if let Some(literal) = item.strip_prefix('l') {
        return text.push(literal);
    }
    if let Some(encoded) = item.strip_prefix('b') {
        return write!(text, "{}", Sw8Text::read(encoded.as_bytes()).map_err(|_| fmt::Error)?);
    }
    if item == "d" {
        return write!(text, "{value}");
    }
    let (upper, form) = match item.strip_prefix('X') {
        Some(form) => (true, form),
        None => (false, item),
    };
    match form {
        "" => push_hex(text, upper, &hex::encode_u128(value)),
        "u" => push_hex(text, upper, &uuid::hyphenate(value)),
        tail => {
            let mask = ids::mask(tail.as_bytes()).ok_or(fmt::Error)?;
            push_hex(text, upper, &hex::encode_u128(value ^ mask))?;
            text.push(".")?;
            text.push(tail)
        }
    }
}

fn push_hex<const N: usize>(text: &mut Restored, upper: bool, digits: &[u8; N]) -> fmt::Result {
    let digits = if upper { digits.map(|digit| digit.to_ascii_uppercase()) } else { *digits };
    text.push(ascii(&digits))
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::format;
    use std::string::{String, ToString};

    fn item(text: &str) -> Option<String> {
        let encoded = Encoded(text.as_bytes()).to_string();
        super::item(Sw8Text::read(encoded.as_bytes()).unwrap()).map(|item| item.as_str().into())
    }

    /// Returns the item of a text after restoring that text from it.
    #[track_caller]
    fn roundtrip(text: &str) -> Option<String> {
        let item = item(text);
        let trace_id = ids::trace_id(text.as_bytes()).unwrap();
        match &item {
            Some(item) => assert_eq!(restore(item, trace_id).unwrap().as_str(), text),
            None => assert_eq!(trace_id.to_string(), text),
        }
        item
    }

    #[test]
    fn ok_ids_of_agents_need_only_the_spelling() {
        for (text, expected) in [
            ("4afaa8a6341c4ac086962a353a63290e.87.17422198108383774", Some("87.17422198108383774")),
            ("4AFAA8A6341C4AC086962A353A63290E.87.17422198108383774", Some("X87.17422198108383774")),
            ("4afaa8a6341c4ac086962a353a63290e.0087.00", Some("0087.00")),
            ("6131d148bb65115d91f997560aca8e67", None),
            ("6131D148BB65115D91F997560ACA8E67", Some("X")),
            ("12345678901234567890123456789012", None),
            ("a92938ef-1d19-40ed-b058-a6c6a76a46a0", Some("u")),
            ("A92938EF-1D19-40ED-B058-A6C6A76A46A0", Some("Xu")),
            ("328184291030819378811539062623745250102", Some("d")),
            ("7", Some("d")),
        ] {
            assert_eq!(roundtrip(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn ok_other_text_is_preserved_whole() {
        for (text, expected) in [
            ("ticket-20260114-000045-retry2", "lticket-20260114-000045-retry2"),
            ("6131d148BB65115d91f997560aca8e67", "l6131d148BB65115d91f997560aca8e67"),
            ("A92938ef-1d19-40ed-b058-a6c6a76a46a0", "lA92938ef-1d19-40ed-b058-a6c6a76a46a0"),
            ("007", "l007"),
            ("4afaa8a6341c4ac086962a353a63290e.1", "l4afaa8a6341c4ac086962a353a63290e.1"),
            ("a=b", "bYT1i"),
            ("é", "bw6k"),
            ("a b", "bYSBi"),
        ] {
            assert_eq!(roundtrip(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn err_text_that_does_not_fit_is_not_cut() {
        assert!(item(&"x".repeat(255)).is_some() && item(&"x".repeat(256)).is_none());
        assert!(item(&" ".repeat(191)).is_some() && item(&" ".repeat(193)).is_none());
    }

    #[test]
    fn err_item_of_another_trace_is_ignored() {
        let trace_id = ids::trace_id(b"ticket-1").unwrap();
        assert!(restore("lticket-1", trace_id).is_some());
        for item in ["lticket-2", "l", "b", "b%", "bYQ", "x", "uu", "dd", "1.", "1.2.3", "X1.-2", "é"] {
            assert!(restore(item, trace_id).is_none(), "{item}");
        }
        // 32 digits are hex, so a decimal id never has 32.
        let trace_id = TraceId::new(12_345_678_901_234_567_890_123_456_789_012).unwrap();
        assert!(restore("d", trace_id).is_none());
    }

    proptest! {
        #[test]
        fn ok_roundtrip_any_text(text in ".{0,40}") {
            prop_assume!(ids::trace_id(text.as_bytes()).is_some());
            roundtrip(&text);
        }

        #[test]
        fn ok_roundtrip_any_id_of_an_agent(hex in 1u128.., a in 0..1u64 << 63, b in 0..1u64 << 63) {
            let text = format!("{hex:032x}.{a}.{b}");
            prop_assume!(ids::trace_id(text.as_bytes()).is_some());
            prop_assert_eq!(roundtrip(&text), Some(format!("{a}.{b}")));
            prop_assert_eq!(roundtrip(&text.to_uppercase()).is_some(), true);
            roundtrip(&format!("{hex}"));
        }

        #[test]
        fn ok_any_item_is_read_without_panic(item in ".{0,60}", value in 1u128..) {
            let _ = restore(&item, TraceId::new(value).unwrap());
        }
    }
}
