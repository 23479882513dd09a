//! Datadog words that were made here: how a context built from fields keeps them until they are written.
//!
//! They lie in the lines of the context, where received ones would, but not as wire text: a key or a value may hold
//! anything, also what the header cannot spell, and the writer has to see that. So the tags are one line, with bytes
//! between keys and values that no UTF-8 text contains.

use super::tag::{DatadogTag, TAG_PREFIX};
use super::text::DatadogText;
use crate::wire;

/// Behind a key.
const KEY_END: u8 = 0xff;
/// Behind a value.
const PAIR_END: u8 = 0xfe;

/// Tags that are looked at. The header cannot hold more: 52 of the shortest take 519 bytes.
const MAX_TAGS: usize = 64;

/// Datadog words to put into a context; see [`OwnedContext::with_datadog`](crate::OwnedContext::with_datadog).
#[derive(Clone, Copy, Debug, Default)]
pub struct DatadogParts<'a> {
    pub(crate) priority: Option<i32>,
    pub(crate) origin: Option<&'a str>,
    pub(crate) tags: &'a [(&'a str, &'a str)],
    pub(crate) last_span: Option<&'a str>,
}

impl<'a> DatadogParts<'a> {
    /// No words.
    pub const fn new() -> Self {
        Self { priority: None, origin: None, tags: &[], last_span: None }
    }

    /// The sampling priority, which is also the decision for the trace: above zero it is recorded.
    pub const fn priority(mut self, priority: i32) -> Self {
        self.priority = Some(priority);
        self
    }

    /// Where the trace began: `rum`, `synthetics`, `lambda`.
    pub const fn origin(mut self, origin: &'a str) -> Self {
        self.origin = Some(origin);
        self
    }

    /// Tags with their whole names. Only those that begin with `_dd.p.` leave a process, and `_dd.p.tid` is taken from
    /// the trace id alone.
    pub const fn tags(mut self, tags: &'a [(&'a str, &'a str)]) -> Self {
        self.tags = tags;
        self
    }

    /// The last span on the path that was reported to Datadog, as 16 hex digits.
    pub const fn last_span(mut self, span: &'a str) -> Self {
        self.last_span = Some(span);
        self
    }

    /// The tags as one line.
    pub(crate) fn tags_line(&self) -> alloc::vec::Vec<u8> {
        let mut line = alloc::vec::Vec::new();
        let named = self.tags.iter().filter_map(|(key, value)| Some((key.strip_prefix(TAG_PREFIX)?, value)));
        for (name, value) in named {
            line.extend_from_slice(name.as_bytes());
            line.push(KEY_END);
            line.extend_from_slice(value.as_bytes());
            line.push(PAIR_END);
        }
        line
    }
}

/// The tags of such a line.
#[derive(Clone)]
pub(super) struct BuiltTags<'c> {
    rest: &'c [u8],
    left: usize,
}

impl<'c> BuiltTags<'c> {
    pub(super) const fn new(line: &'c [u8]) -> Self {
        Self { rest: line, left: MAX_TAGS }
    }

    pub(super) fn is_over_limit(line: &[u8]) -> bool {
        line.iter().filter(|&&b| b == PAIR_END).nth(MAX_TAGS).is_some()
    }
}

impl<'c> Iterator for BuiltTags<'c> {
    type Item = DatadogTag<'c>;

    fn next(&mut self) -> Option<DatadogTag<'c>> {
        self.left = self.left.checked_sub(1)?;
        let (pair, rest) = wire::split_once(self.rest, PAIR_END)?;
        self.rest = rest;
        let (name, value) = wire::split_once(pair, KEY_END)?;
        // Both were `str` when they were copied. Blanks at the ends of a value get lost on every wire.
        let name = core::str::from_utf8(name).ok()?;
        let value = core::str::from_utf8(wire::trim(value)).ok()?;
        Some(DatadogTag { name, value: DatadogText::verbatim(value) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_any_text_comes_back() {
        let given = [("_dd.p.a=,b", "1,2\r\n"), ("_dd.p.é", " x "), ("secret", "y"), ("_dd.p.", "z")];
        let line = DatadogParts::new().tags(&given).tags_line();
        let tags: alloc::vec::Vec<_> = BuiltTags::new(&line).map(|tag| (tag.name, tag.value.as_str())).collect();
        assert_eq!(tags, [("a=,b", Some("1,2\r\n")), ("é", Some("x")), ("", Some("z"))]);
    }

    #[test]
    fn ok_64_tags_and_err_one_more() {
        let line = |count| DatadogParts::new().tags(&[("_dd.p.k", "v"); MAX_TAGS + 1][..count]).tags_line();
        assert!(!BuiltTags::is_over_limit(&line(MAX_TAGS)));
        let longer = line(MAX_TAGS + 1);
        assert!(BuiltTags::is_over_limit(&longer));
        assert_eq!(BuiltTags::new(&longer).count(), MAX_TAGS);
    }
}
