//! The `dd` member of a tracestate: Datadog data for hops that forward only W3C headers.

use super::error::PropagationError;
use super::pairs;
use super::tag::DatadogTag;
use super::tags::{DatadogTags, TID};
use super::text::{DatadogLastSpan, DatadogText};
use crate::id::TraceId;
use crate::tracestate::{Fact, TraceState};
use crate::wire::{debug_as, decimal};

/// The key of the member.
pub(super) const KEY: &str = "dd";

/// The value of a `dd` member.
///
/// ```
/// use traceprop_core::formats::datadog::DatadogTraceState;
///
/// let member = DatadogTraceState::parse("s:2;o:rum;p:00f067aa0ba902b7;t.dm:-4;t.usr.id:bWU~~");
/// assert_eq!(member.priority(), Some(2));
/// assert_eq!(member.last_span().map(|span| span.to_string()), Some("00f067aa0ba902b7".to_owned()));
/// assert_eq!(member.tags().get("usr.id").expect("the tag exists"), "bWU==");
/// ```
#[derive(Clone, Copy)]
pub struct DatadogTraceState<'c>(&'c str);

impl<'c> DatadogTraceState<'c> {
    /// The longest value that is read, in bytes. It is the maximum of every tracestate member.
    pub const MAX_LEN: usize = 256;

    /// Reads the value of a member.
    ///
    /// Ignores items that are invalid, and the whole value if no tracestate can hold it. If a key is repeated, its last
    /// item counts.
    pub fn parse(value: &'c str) -> Self {
        let legal = value.len() <= Self::MAX_LEN && value.bytes().all(|b| matches!(b, b' '..=b'~') && b != b',');
        Self(if legal { value } else { "" })
    }

    /// Returns the `dd` member of a tracestate.
    pub fn from_tracestate(state: &TraceState<'c>) -> Option<Self> {
        state.facts.has(Fact::Dd).then(|| state.get(KEY)).flatten().map(Self)
    }

    /// Returns the sampling priority, `s`. It is valid only if the sampled flag of traceparent agrees.
    pub fn priority(&self) -> Option<i32> {
        self.priority_and_origin().0
    }

    /// Returns the origin, `o`.
    pub fn origin(&self) -> Option<DatadogText<'c>> {
        self.priority_and_origin().1
    }

    /// Returns the priority and the origin in one pass over the items.
    pub(super) fn priority_and_origin(&self) -> (Option<i32>, Option<DatadogText<'c>>) {
        let (mut priority, mut origin) = (None, None);
        for item in self.items() {
            match item {
                Item::Priority(text) => priority = Some(text),
                Item::Origin(text) => origin = Some(DatadogText::of_member(text)),
                _ => {}
            }
        }
        (priority.and_then(|text| decimal::signed(text.as_bytes()).ok()), origin)
    }

    /// Returns the last span that was reported to Datadog, `p`, as received.
    pub fn last_span(&self) -> Option<DatadogLastSpan<'c>> {
        let spans = self.items().filter_map(|item| match item {
            Item::LastSpan(text) => Some(DatadogLastSpan::raw(text)),
            _ => None,
        });
        spans.last()
    }

    /// Returns the tags, `t.*`. Skips one with the name `tid`, because traceparent has the whole trace id.
    pub const fn tags(&self) -> DatadogTags<'c> {
        DatadogTags::from_member(self.0)
    }

    /// Returns what is wrong with the tag `tid`. The tag is ignored, because traceparent has the whole trace id.
    pub(super) fn propagation_error(&self, trace_id: TraceId) -> Option<PropagationError<'c>> {
        let tid = self.items().filter_map(|item| match item {
            Item::Tag(tag) if tag.name == TID => tag.value.as_str(),
            _ => None,
        });
        let text = tid.last()?;
        match pairs::parse_tid(text.as_bytes()) {
            Ok(high) if high == trace_id.high() => None,
            Ok(_) => Some(PropagationError::InconsistentTid(text)),
            Err(_) => Some(PropagationError::MalformedTid(text)),
        }
    }

    /// Returns the items with unknown keys.
    pub(super) fn others(&self) -> impl Iterator<Item = &'c str> + use<'c> {
        self.items().filter_map(|item| match item {
            Item::Other(text) => Some(text),
            _ => None,
        })
    }

    pub(super) fn items(&self) -> impl Iterator<Item = Item<'c>> + use<'c> {
        let mut rest = self.0;
        core::iter::from_fn(move || next_item(&mut rest))
    }

    /// Returns whether an item of the member has exactly these bytes.
    pub(super) fn has(&self, item: &[u8]) -> bool {
        self.0.as_bytes().split(|&byte| byte == b';').any(|own| own == item)
    }
}

debug_as!(DatadogTraceState<'_>, |it| "{} bytes", it.0.len());

/// One item of a member.
#[derive(Clone, Copy)]
pub(super) enum Item<'c> {
    Priority(&'c str),
    Origin(&'c str),
    LastSpan(&'c str),
    Tag(DatadogTag<'c>),
    /// An item with an unknown key, which is forwarded as received.
    Other(&'c str),
}

/// Removes the next item from `rest` and returns it. Skips items without a colon, a key or a value.
pub(super) fn next_item<'c>(rest: &mut &'c str) -> Option<Item<'c>> {
    while !rest.is_empty() {
        let (item, more) = split_once(rest, b';').unwrap_or((rest, ""));
        *rest = more;
        let Some((key, value)) = split_once(item, b':').filter(|(key, value)| !key.is_empty() && !value.is_empty())
        else {
            continue;
        };
        return Some(match key {
            "s" => Item::Priority(value),
            "o" => Item::Origin(value),
            "p" => Item::LastSpan(value),
            _ => match key.strip_prefix("t.") {
                // A name or a value that the header cannot hold would omit all tags there, the upper half of the trace id
                // included. The header has no blanks at the end of a value, so a value of blanks would be empty.
                Some(name) if is_name(name) && value.bytes().any(|byte| byte != b' ') => {
                    Item::Tag(DatadogTag { name, value: DatadogText::of_member(value) })
                }
                _ => Item::Other(item),
            },
        });
    }
    None
}

/// Splits at the first separator. Parts of a member are short, so a search byte by byte is the fastest.
fn split_once(text: &str, separator: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == separator)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(pairs::is_key_byte)
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use std::string::{String, ToString};
    use std::vec::Vec;

    fn tags(value: &str) -> Vec<(&str, String)> {
        DatadogTraceState::parse(value).tags().iter().map(|tag| (tag.name, tag.value.to_string())).collect()
    }

    #[test]
    fn ok_items_without_a_colon_or_a_side_are_skipped() {
        let member = DatadogTraceState::parse("junk;s:2;;o:rum;:x;p:;t.a:1");
        assert_eq!(
            (member.priority(), member.origin(), member.last_span().is_none()),
            (Some(2), Some(DatadogText::verbatim("rum")), true)
        );
        assert_eq!(tags("junk;s:2;;o:rum;:x;p:;t.a:1"), [("a", "1".into())]);
        assert_eq!(member.others().count(), 0);
    }

    #[test]
    fn ok_256_bytes_and_err_more_or_others() {
        let value = |len: usize| std::format!("o:{}", "x".repeat(len - 2));
        assert!(DatadogTraceState::parse(&value(256)).origin().is_some());
        assert!(DatadogTraceState::parse(&value(257)).origin().is_none());
        assert!(DatadogTraceState::parse("s:1;o:é").priority().is_none());
        assert!(DatadogTraceState::parse("s:1,dd=s:2").priority().is_none());
    }

    #[test]
    fn ok_value_with_a_colon() {
        assert_eq!(tags("t.url:http://h/p?q~1"), [("url", "http://h/p?q=1".into())]);
    }

    #[test]
    fn ok_last_of_repeated_keys_counts() {
        let member = DatadogTraceState::parse("s:1;o:a;p:1;t.x:1;t.y:2;s:-2;o:b;p:2;t.x:3");
        assert_eq!((member.priority(), member.origin()), (Some(-2), Some(DatadogText::verbatim("b"))));
        assert_eq!(member.last_span().map(|span| span.to_string()), Some("2".into()));
        assert_eq!(tags("t.x:1;t.y:2;t.x:3"), [("y", "2".into()), ("x", "3".into())]);
    }

    #[test]
    fn ok_tid_is_not_a_tag_and_has_an_error() {
        let trace = TraceId::new(0x66c1_f3a0_0000_0000_70e7_8dd3_418d_b497).unwrap();
        let error = |value: &'static str| DatadogTraceState::parse(value).propagation_error(trace);
        assert!(tags("t.tid:66c1f3a000000000").is_empty());
        assert_eq!(error("t.tid:66c1f3a000000000"), None);
        assert_eq!(error("t.tid:ffffffff00000000"), Some(PropagationError::InconsistentTid("ffffffff00000000")));
        assert_eq!(error("t.tid:66C1"), Some(PropagationError::MalformedTid("66C1")));
        assert_eq!(error("t.tid:66c1f3a000000000;t.x:1"), None, "another tag is not the upper half");
    }

    #[test]
    fn ok_unknown_keys_and_names_that_the_header_cannot_hold_are_others() {
        let member = DatadogTraceState::parse("s:1;z:9;t.:1;t.a b:2;t.c:3;ab:c:d");
        assert_eq!(member.others().collect::<Vec<_>>(), ["z:9", "t.:1", "t.a b:2", "ab:c:d"]);
        assert_eq!(tags("t.a b:2;t.c:3"), [("c", "3".into())]);
    }

    #[test]
    fn err_debug_holds_no_text() {
        assert_eq!(std::format!("{:?}", DatadogTraceState::parse("o:secret")), "DatadogTraceState(8 bytes)");
    }

    #[test]
    fn ok_value_of_blanks_is_not_a_tag() {
        assert_eq!(tags("t.a: ;t.b:  ;t.c: 3 "), [("c", " 3 ".into())]);
        assert_eq!(DatadogTraceState::parse("t.a: ;t.b:1").others().collect::<Vec<_>>(), ["t.a: "]);
    }
}
