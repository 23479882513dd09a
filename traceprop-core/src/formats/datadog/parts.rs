//! Datadog data that code gives to a context.

use alloc::string::String;

use super::tag::TAG_PREFIX;
use super::tags::MAX_GIVEN;

/// Datadog data for a context that has no received headers.
///
/// [`OwnedContext::with_datadog`](crate::OwnedContext::with_datadog) keeps it as header text. A value may hold anything:
/// text that the headers cannot hold is omitted when it is written. A comma in a tag and an `=` in its name separate
/// tags there, so they become U+FFFD.
///
/// ```
/// use traceprop_core::formats::datadog::DatadogParts;
/// use traceprop_core::{OwnedContext, SpanContext, SpanId, TraceId};
///
/// let parts = DatadogParts::new().priority(2).origin("lambda").tags(&[("_dd.p.dm", "-4")]);
/// let context = OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::MIN)).with_datadog(&parts);
/// assert_eq!(context.datadog().priority(), Some(2));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct DatadogParts<'a> {
    pub(crate) priority: Option<i32>,
    pub(crate) origin: Option<&'a str>,
    pub(crate) tags: &'a [(&'a str, &'a str)],
    pub(crate) last_span: Option<&'a str>,
}

impl<'a> DatadogParts<'a> {
    /// Creates parts that hold nothing.
    pub const fn new() -> Self {
        Self { priority: None, origin: None, tags: &[], last_span: None }
    }

    /// Sets the sampling priority. It is also the sampling decision of the trace: above zero the trace is sampled.
    pub const fn priority(self, priority: i32) -> Self {
        Self { priority: Some(priority), ..self }
    }

    /// Sets where the trace began: `rum`, `synthetics`, `lambda`.
    pub const fn origin(self, origin: &'a str) -> Self {
        Self { origin: Some(origin), ..self }
    }

    /// Sets the tags, by their whole keys.
    ///
    /// Only tags with [`TAG_PREFIX`](super::TAG_PREFIX) leave a process. `_dd.p.tid` is always made from the trace id.
    pub const fn tags(mut self, tags: &'a [(&'a str, &'a str)]) -> Self {
        self.tags = tags;
        self
    }

    /// Sets the last span that was reported to Datadog, as 16 hex digits.
    pub const fn last_span(self, span: &'a str) -> Self {
        Self { last_span: Some(span), ..self }
    }

    /// Returns the tags as the text of `x-datadog-tags`, with one tag more than can be written, if there are so many.
    pub(crate) fn tags_text(&self) -> String {
        let named = self.tags.iter().filter_map(|(key, value)| Some((key.strip_prefix(TAG_PREFIX)?, value)));
        let pairs = named.take(MAX_GIVEN + 1).map(|(name, value)| {
            // A header cannot hold blanks at the end of a value. Those at its start are part of it.
            let value = value.trim_end_matches([' ', '\t']).replace(',', "\u{fffd}");
            alloc::format!("{TAG_PREFIX}{}={value}", name.replace([',', '='], "\u{fffd}"))
        });
        pairs.collect::<alloc::vec::Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::super::tags::DatadogTags;
    use super::*;
    use crate::carrier::headers::HeaderLines;

    #[test]
    fn ok_given_tags_are_header_text() {
        let given = [("_dd.p.a=,b", "1,2\r\n"), ("_dd.p.é", " x "), ("secret", "y"), ("_dd.p.", "z=")];
        let text = DatadogParts::new().tags(&given).tags_text();
        assert_eq!(text, "_dd.p.a\u{fffd}\u{fffd}b=1\u{fffd}2\r\n,_dd.p.é= x,_dd.p.=z=");
        let tags = DatadogTags::from_parts(HeaderLines::one(text.as_bytes()));
        let tags: alloc::vec::Vec<_> = tags.iter().map(|tag| (tag.name, tag.value.as_str())).collect();
        assert_eq!(tags, [("a\u{fffd}\u{fffd}b", Some("1\u{fffd}2\r\n")), ("é", Some(" x")), ("", Some("z="))]);
    }

    #[test]
    fn ok_64_tags_and_err_one_more() {
        let text = |count| DatadogParts::new().tags(&[("_dd.p.k", "v"); MAX_GIVEN + 2][..count]).tags_text();
        let is_over_limit = |text: &str| DatadogTags::from_parts(HeaderLines::one(text.as_bytes())).is_over_limit();
        assert!(!is_over_limit(&text(MAX_GIVEN)));
        assert!(is_over_limit(&text(MAX_GIVEN + 1)));
        assert_eq!(text(MAX_GIVEN + 2), text(MAX_GIVEN + 1));
    }
}
