//! Tracestate members that preserve data of other formats, for hops that forward only W3C headers.
//!
//! Datadog has a member of its own, `dd`. The other formats share the member `tp`:
//!
//! ```text
//! tp   = "1;" low ";" item *( ";" item )       at most 256 characters
//! low  = 8 lower hex                           the low 32 bits of the trace id
//! item = letter text                           text without ";", "," and "="
//!
//! tp=1;0e0e4736;d;s87.17422198108383774
//! ```
//!
//! `low` binds the member to its trace: a member of another trace is stale and ignored. This does not detect forgery. A
//! restarted trace has an empty tracestate, and so no member.

use core::fmt::Write;

use crate::field::{FormatKind, Preserves};
use crate::id::{Sampling, TraceId};
use crate::tracestate::{Fact, TraceState, TraceStateEdit};
use crate::wire::{StackText, debug_as, hex};

/// The key of our member.
const KEY: &str = "tp";

/// The maximum length of a member's value, in bytes (W3C Trace Context, section 3.3.1.3.2).
pub(crate) const MAX_VALUE: usize = 256;

/// The letter of a debug decision, which W3C cannot express.
pub(crate) const DEBUG: char = 'd';

/// The letter of an open decision, which W3C cannot express.
pub(crate) const DEFERRED: char = 'f';

/// The letter of flags that belong to a sampling decision.
pub(crate) const FLAGS: char = FormatKind::preserving(Preserves::Flags).letter();

/// The letter of the text of a header. A tag of the header's name comes first. Text goes only where its header may go.
pub(crate) const TEXT: char = FormatKind::preserving(Preserves::Text).letter();

/// The length of a tag, in bytes.
pub(crate) const TAG: usize = 4;

/// Returns the tag of a header: its lower-case name as a 32-bit FNV-1a hash, folded to 16 bits.
pub(crate) fn tag(name: &str) -> [u8; TAG] {
    let hash = name
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193));
    let digits = hex::encode_u64(u64::from((hash >> 16) ^ (hash & 0xffff)));
    let mut tag = [0; TAG];
    tag.copy_from_slice(&digits[16 - TAG..]);
    tag
}

/// Our member as it was received, if it belongs to this trace.
#[derive(Clone, Copy)]
pub(crate) struct Preserved<'c>(&'c str);

impl<'c> Preserved<'c> {
    /// Finds the member in a tracestate. Returns `None` if it belongs to another trace.
    pub(crate) fn find(state: &TraceState<'c>, trace_id: TraceId) -> Option<Self> {
        let value = Self::value(state)?.strip_prefix("1;")?;
        let (low, items) = value.split_at_checked(8)?;
        let items = items.strip_prefix(';')?;
        (low.as_bytes() == low_digits(trace_id)).then_some(Self(items))
    }

    /// Returns the text of the first item with this letter.
    pub(crate) fn item(&self, letter: char) -> Option<&'c str> {
        self.items(letter).next()
    }

    /// Returns the value of the member as it was received.
    pub(crate) fn value(state: &TraceState<'c>) -> Option<&'c str> {
        state.facts.has(Fact::Tp).then(|| state.get(KEY)).flatten()
    }

    /// Returns the texts of all items with this letter.
    pub(crate) fn items(&self, letter: char) -> impl Iterator<Item = &'c str> + Clone + use<'c> {
        self.0.split(';').filter_map(move |item| item.strip_prefix(letter))
    }

    /// Returns the preserved decision, if traceparent still has the flag that was written with it.
    pub(crate) fn sampling(&self, flag: Sampling) -> Option<Sampling> {
        match flag {
            Sampling::Sampled => self.item(DEBUG).map(|_| Sampling::Debug),
            Sampling::NotSampled => self.item(DEFERRED).map(|_| Sampling::Deferred),
            Sampling::Debug | Sampling::Deferred => None,
        }
    }
}

fn low_digits(trace_id: TraceId) -> [u8; 8] {
    let mut low = [0; 8];
    low.copy_from_slice(&hex::encode_u64(trace_id.low())[8..]);
    low
}

/// Collects the data that formats preserve: items of our member, and the member of a vendor.
///
/// Our member is written anew each time, and removed if no format has an item. Other members are forwarded as received.
pub(crate) struct PreserveWriter {
    trace_id: TraceId,
    /// A vendor's key and its new value, or `None` to remove the member.
    member: Option<(&'static str, Option<StackText<MAX_VALUE>>)>,
    items: Option<StackText<MAX_VALUE>>,
    pub(crate) omitted: u32,
}

debug_as!(PreserveWriter, |it| trace_id: it.trace_id);

impl PreserveWriter {
    pub(crate) const fn new(trace_id: TraceId) -> Self {
        Self { trace_id, member: None, items: None, omitted: 0 }
    }

    /// Sets a vendor's member; there is room for one.
    ///
    /// Returns `false` if the value is invalid or longer than 256 bytes.
    pub(crate) fn set_member(&mut self, key: &'static str, value: &str) -> bool {
        let mut text = StackText::new();
        if TraceStateEdit::set(key, value).is_none() || text.push(value).is_err() {
            return false;
        }
        self.member = Some((key, Some(text)));
        true
    }

    /// Removes a vendor's member.
    pub(crate) fn remove_member(&mut self, key: &'static str) {
        self.member = Some((key, None));
    }

    /// Reports items that were omitted because a member would be too long with them.
    pub(crate) fn omit(&mut self, count: u32) {
        self.omitted = self.omitted.saturating_add(count);
    }

    /// Adds an item to our member, unless it has one with this letter: formats share letters.
    ///
    /// Returns `false` if the text is invalid or too long. Text is never cut.
    pub(crate) fn item(&mut self, letter: char, text: &str) -> bool {
        self.add(letter, text, |item| item.starts_with(letter))
    }

    /// Adds an item to our member, unless it has one with this letter and text.
    ///
    /// Returns `false` if the text is invalid or too long.
    pub(crate) fn another_item(&mut self, letter: char, text: &str) -> bool {
        self.add(letter, text, |item| item.strip_prefix(letter) == Some(text))
    }

    fn add(&mut self, letter: char, text: &str, is_same: impl Fn(&str) -> bool) -> bool {
        if text.bytes().any(|b| !matches!(b, 0x21..=0x7e) || matches!(b, b';' | b',' | b'=')) {
            return false;
        }
        let mut items = self.items.unwrap_or_else(|| {
            let mut items = StackText::new();
            // Ten bytes fit.
            let _ = items.push("1;").and_then(|()| items.push_ascii(&low_digits(self.trace_id)));
            items
        });
        // The version and the trace id come first.
        if items.as_str().split(';').skip(2).any(is_same) {
            return true;
        }
        let added = write!(items, ";{letter}{text}");
        if added.is_ok() {
            self.items = Some(items);
        }
        added.is_ok()
    }

    /// Returns `true` if our member has this item.
    pub(crate) fn has_item(&self, letter: char, text: &str) -> bool {
        self.items_text().split(';').skip(2).any(|item| item.strip_prefix(letter) == Some(text))
    }

    /// Returns the value of our member. It is empty if there is no item.
    pub(crate) fn items_text(&self) -> &str {
        self.items.as_ref().map_or("", StackText::as_str)
    }

    /// Adds the received items for whose letters `keeps` returns `true`.
    pub(crate) fn keep(&mut self, received: Preserved<'_>, keeps: impl Fn(char) -> bool) {
        for item in received.0.split(';') {
            let mut chars = item.chars();
            if let Some(letter) = chars.next().filter(|letter| keeps(*letter)) {
                self.another_item(letter, chars.as_str());
            }
        }
    }

    /// Returns `true` if text was received that this member lacks.
    pub(crate) fn lacks_text(&self, received: Preserved<'_>) -> bool {
        received.items(TEXT).any(|item| !self.has_item(TEXT, item))
    }

    /// Returns the changes to the tracestate: our member, then the vendor's, which so comes to the left of ours.
    ///
    /// `received` is our member as it was received. It keeps its place if nothing changes, and is removed if no format
    /// has an item.
    pub(crate) fn edits(&self, received: Option<&str>) -> [Option<TraceStateEdit<'_>>; 2] {
        let ours = match &self.items {
            Some(items) if received == Some(items.as_str()) && self.member.is_none() => None,
            Some(items) => TraceStateEdit::set(KEY, items.as_str()),
            None => received.map(|_| TraceStateEdit::delete(KEY)),
        };
        let member = self.member.as_ref().and_then(|(key, value)| match value {
            Some(value) => TraceStateEdit::set(key, value.as_str()),
            None => Some(TraceStateEdit::delete(key)),
        });
        [ours, member]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;

    fn trace() -> TraceId {
        TraceId::new(TRACE).unwrap()
    }

    fn state(line: &str) -> TraceState<'_> {
        TraceState::parse(line.as_bytes()).unwrap()
    }

    #[test]
    fn ok_items_are_read_again() {
        let mut writer = PreserveWriter::new(trace());
        assert!(writer.item(DEBUG, "") && writer.item('s', "87.174"));
        let [ours, member] = writer.edits(None);
        assert_eq!(ours, TraceStateEdit::set("tp", "1;0e0e4736;d;s87.174"));
        assert_eq!(member, None);
        let received = state("tp=1;0e0e4736;d;s87.174");
        let preserved = Preserved::find(&received, trace()).unwrap();
        assert_eq!((preserved.item('s'), preserved.item('j')), (Some("87.174"), None));
    }

    #[test]
    fn ok_untouched_until_something_is_added() {
        let is_untouched = |writer: &PreserveWriter| writer.edits(None) == [None, None] && writer.omitted == 0;
        let touched = |change: fn(&mut PreserveWriter)| {
            let mut writer = PreserveWriter::new(trace());
            assert!(is_untouched(&writer));
            change(&mut writer);
            !is_untouched(&writer)
        };
        assert!(touched(|writer| assert!(writer.item('s', "1"))));
        assert!(touched(|writer| writer.remove_member("dd")));
        assert!(touched(|writer| writer.omit(1)));
        assert!(!touched(|writer| assert!(!writer.item('s', ";"))));
    }

    #[test]
    fn ok_an_item_is_there_by_letter_and_text() {
        let mut writer = PreserveWriter::new(trace());
        assert!(!writer.has_item('c', "1") && writer.another_item('c', "1") && writer.another_item('c', "2"));
        assert!(writer.has_item('c', "1") && writer.has_item('c', "2"));
        assert!(!writer.has_item('c', "3") && !writer.has_item('d', "1") && !writer.has_item('1', ""));
    }

    #[test]
    fn err_debug_holds_no_item() {
        let mut writer = PreserveWriter::new(trace());
        assert!(writer.item('s', "secret"));
        assert_eq!(std::format!("{writer:?}"), std::format!("PreserveWriter {{ trace_id: {:?}, .. }}", trace()));
    }

    #[test]
    fn ok_item_that_two_formats_have_is_written_once() {
        let mut writer = PreserveWriter::new(trace());
        assert!(writer.item(DEBUG, "") && writer.item('s', "d.1") && writer.item(DEBUG, "") && writer.item('s', "d.2"));
        assert_eq!(writer.edits(None)[0], TraceStateEdit::set("tp", "1;0e0e4736;d;sd.1"));
    }

    #[test]
    fn err_stale_or_unreadable_members_are_ignored() {
        for line in ["tp=1;0e0e4737;d", "tp=2;0e0e4736;d", "tp=1;0e0e473", "tp=1", "tp=1;0e0e4736d", "x=1;0e0e4736;d"] {
            assert!(Preserved::find(&state(line), trace()).is_none(), "{line}");
        }
    }

    #[test]
    fn ok_only_a_member_of_our_form_is_ours() {
        for line in ["tp=1;0e0e4736;d", "tp=1;0e0e4737;d", "tp=1;00000000;"] {
            assert!(state(line).facts.has(Fact::Tp), "{line}");
        }
        for line in ["tp=0", "tp=1", "tp=2;0e0e4736;d", "tp=1;0e0e473;d", "tp=1;0E0E4736;d", "x=1;0e0e4736;d"] {
            assert!(!state(line).facts.has(Fact::Tp), "{line}");
        }
    }

    #[test]
    fn ok_member_that_does_not_change_keeps_its_place() {
        let mut writer = PreserveWriter::new(trace());
        let received = state("tp=1;0e0e4736;d;s87.174");
        let preserved = Preserved::find(&received, trace()).unwrap();
        writer.keep(preserved, |letter| letter == DEBUG);
        assert_eq!(writer.edits(received.get("tp"))[0], TraceStateEdit::set("tp", "1;0e0e4736;d"));
        writer.keep(preserved, |_| true);
        assert_eq!(writer.edits(received.get("tp")), [None, None]);
        // A vendor's member that changes moves to the left, and our member comes second.
        assert!(writer.set_member("dd", "s:1"));
        assert_eq!(writer.edits(received.get("tp"))[0], TraceStateEdit::set("tp", "1;0e0e4736;d;s87.174"));
    }

    #[test]
    fn ok_decision_only_with_the_flag_it_was_written_with() {
        let received = state("tp=1;0e0e4736;d;f");
        let preserved = Preserved::find(&received, trace()).unwrap();
        assert_eq!(preserved.sampling(Sampling::Sampled), Some(Sampling::Debug));
        assert_eq!(preserved.sampling(Sampling::NotSampled), Some(Sampling::Deferred));
    }

    #[test]
    fn err_item_that_is_invalid_or_too_long() {
        let mut writer = PreserveWriter::new(trace());
        for text in ["a;d", "a,b=c", "a b", "é"] {
            assert!(!writer.item('s', text));
        }
        let long = [b'x'; MAX_VALUE];
        assert!(!writer.item('s', core::str::from_utf8(&long).unwrap()));
        assert_eq!(writer.edits(None), [None, None]);
        assert_eq!(writer.edits(Some("1;0e0e4736;d")), [Some(TraceStateEdit::delete("tp")), None]);
    }

    #[test]
    fn ok_vendor_member_comes_left_of_ours() {
        let mut writer = PreserveWriter::new(trace());
        assert!(writer.set_member("dd", "s:1") && !writer.set_member("dd", "s:1,x"));
        assert_eq!(writer.edits(None)[1], TraceStateEdit::set("dd", "s:1"));
        writer.remove_member("dd");
        assert_eq!(writer.edits(None)[1], Some(TraceStateEdit::delete("dd")));
    }
}
