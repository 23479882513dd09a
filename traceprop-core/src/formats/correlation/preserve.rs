//! Item `c` of the `tp` tracestate member: the spelling of a correlation id, which the W3C trace id lacks.
//!
//! ```text
//! item = "c" tag ( letter / ":" text )     tag = 4 lower hex, of the header's lower-case name
//!
//! c10f3B         the trace id in braces and upper case
//! c10f3:|4bf9…   text without a letter, such as a Request-Id without ";", "," and "="
//! ```
//!
//! The text that a span makes from the trace id needs no item. That is the canonical spelling, `u`, by default. The tag is the 32-bit FNV-1a hash folded to 16 bits, because services
//! configure different headers. Two names share a tag once in 65,536 pairs. Text of another trace is ignored, since it
//! must name the trace id.

use core::fmt::{self, Write};

use super::id::{CorrelationId, unmarked};
use super::uuid::Spelling;
use super::{request_id, uuid};
use crate::id::TraceId;
use crate::tracestate::preserve::{PreserveWriter, Preserved, TAG, TEXT, tag};
use crate::wire::{self, StackText};

/// Returns the received item for this header, without its letter and tag.
fn item_of<'c>(preserved: Preserved<'c>, header: &str) -> Option<&'c str> {
    let tag = tag(header);
    preserved.items(TEXT).find_map(|item| {
        let (known, spelling) = item.split_at_checked(TAG)?;
        (known.as_bytes() == tag).then_some(spelling)
    })
}

/// Writes the item for `text`. Nothing is cut: an item that does not fit is omitted.
///
/// `made` is the id that services after the hop send if they receive none.
pub(super) fn put(
    writer: &mut PreserveWriter,
    header: &str,
    text: &str,
    trace_id: TraceId,
    made: Option<CorrelationId<'_>>,
) {
    if made.is_some_and(|made| made.as_str() == text) {
        return;
    }
    match Spelling::all().find(|spelling| spelling.spell(trace_id.get()).as_str() == text) {
        Some(spelling) => write_item(writer, header, spelling.letter, ""),
        None => write_item(writer, header, ':', text),
    }
}

/// Writes the received item again.
pub(super) fn put_received(writer: &mut PreserveWriter, preserved: Preserved<'_>, header: &str) {
    if let Some(spelling) = item_of(preserved, header) {
        write_item(writer, header, spelling, "");
    }
}

fn write_item(writer: &mut PreserveWriter, header: &str, spelling: impl fmt::Display, text: &str) {
    let mut item = StackText::<{ crate::tracestate::preserve::MAX_VALUE }>::new();
    if write!(item, "{}{spelling}{text}", wire::ascii(&tag(header))).is_ok() {
        writer.another_item(TEXT, item.as_str());
    }
}

/// Returns the text of this header before the hop.
pub(super) fn restore<'c>(preserved: Preserved<'c>, header: &str, trace_id: TraceId) -> Option<CorrelationId<'c>> {
    let spelling = item_of(preserved, header)?;
    if let Some(text) = spelling.strip_prefix(':') {
        // The member is bound to the trace by 32 bits only, but the text has all 128.
        let id = match text.as_bytes() {
            [b'|', ..] => request_id::root(text.as_bytes()),
            text => uuid::parse(text),
        };
        let id = id.ok()?;
        return [id, unmarked(text.as_bytes(), id)].contains(&trace_id.get()).then_some(CorrelationId::received(text));
    }
    let mut letters = spelling.chars();
    let letter = letters.next().filter(|_| letters.next().is_none())?;
    let spelling = Spelling::all().find(|spelling| spelling.letter == letter)?;
    Some(CorrelationId::spelt(spelling, trace_id.get()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::inject_options::Allow;
    use crate::format::keep_text;
    use crate::tracestate::TraceState;
    use std::format;
    use std::string::{String, ToString};

    const ID: u128 = 0xd199_31bb_f235_4dcb_2e2f_b9d3_1225_d62e;
    const HEADER: &str = "x-plumbr-transactionid";

    fn trace() -> TraceId {
        TraceId::new(ID).unwrap()
    }

    fn item(text: &str) -> Option<String> {
        let mut writer = PreserveWriter::new(trace());
        put(&mut writer, HEADER, text, trace(), Some(CorrelationId::from_trace_id(trace())));
        writer.edits(None)[0].map(|_| writer.items_text().to_string())
    }

    fn restored(value: &str) -> Option<String> {
        let line = format!("tp={value}");
        let state = TraceState::parse(line.as_bytes()).unwrap();
        let preserved = Preserved::find(&state, trace())?;
        restore(preserved, HEADER, trace()).map(|id| id.to_string())
    }

    #[test]
    fn ok_roundtrip_every_spelling() {
        let member = |spelling: &str| format!("1;1225d62e;c10f3{spelling}");
        for (text, spelling) in [
            ("d19931bbf2354dcb2e2fb9d31225d62e", "h"),
            ("{D19931BB-F235-4DCB-2E2F-B9D31225D62E}", "B"),
            ("urn:uuid:d19931bb-f235-4dcb-2e2f-b9d31225d62e", "n"),
            ("D19931bb-f235-4dcb-2e2f-b9d31225d62e", ":D19931bb-f235-4dcb-2e2f-b9d31225d62e"),
            ("|d19931bbf2354dcb2e2fb9d31225d62e.1.", ":|d19931bbf2354dcb2e2fb9d31225d62e.1."),
        ] {
            assert_eq!(item(text), Some(member(spelling)), "{text}");
            assert_eq!(restored(&member(spelling)).as_deref(), Some(text));
        }
    }

    #[test]
    fn ok_canonical_spelling_needs_no_item() {
        assert_eq!(item("d19931bb-f235-4dcb-2e2f-b9d31225d62e"), None);
    }

    #[test]
    fn err_text_that_does_not_fit_is_omitted() {
        assert_eq!(item("|d19931bbf2354dcb2e2fb9d31225d62e.a=."), None);
        let long = format!("|d19931bbf2354dcb2e2fb9d31225d62e.{}", "1".repeat(256));
        assert_eq!(item(&long), None);
    }

    #[test]
    fn err_restore_item_of_another_header_or_trace_or_invalid() {
        for value in [
            "1;1225d62e;c10f4h",
            "1;1225d62e;c10f3",
            "1;1225d62e;c10f3x",
            "1;1225d62e;c10f3hh",
            "1;1225d62e;c10f3:e19931bbf2354dcb2e2fb9d31225d62e",
            "1;1225d62e;c10f3:req-1",
            "1;1225d62e;c10f",
            "1;1225d62f;c10f3h",
        ] {
            assert_eq!(restored(value), None, "{value}");
        }
    }

    #[test]
    fn ok_items_of_unknown_headers_are_kept_where_allowed() {
        let received = "tp=1;1225d62e;c10f3h;c0000b";
        let state = TraceState::parse(received.as_bytes()).unwrap();
        let preserved = Preserved::find(&state, trace()).unwrap();
        let kept = |known: &[&str], allow| {
            let mut writer = PreserveWriter::new(trace());
            keep_text(&mut writer, preserved, || known.iter().copied(), allow);
            (writer.items_text().to_string(), writer.lacks_text(preserved))
        };
        assert_eq!(kept(&[], Allow::All), ("1;1225d62e;c10f3h;c0000b".into(), false));
        assert_eq!(kept(&[], Allow::Only(&["X-Plumbr-TransactionId"])), ("1;1225d62e;c10f3h".into(), true));
        assert_eq!(kept(&[HEADER], Allow::All), ("1;1225d62e;c0000b".into(), true));
        assert_eq!(kept(&[], Allow::None), (String::new(), true));
    }
}
