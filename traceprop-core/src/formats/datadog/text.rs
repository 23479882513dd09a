//! Text of Datadog headers and of the `dd` member, borrowed.

use core::fmt::{self, Write};

use crate::id::SpanId;
use crate::wire::hex::{self, Letters};
use crate::wire::{StackText, debug_as};

/// Text of a header or of the `dd` member. The member writes `=` as `~`; displayed and compared, it is `=`.
///
/// ```
/// use traceprop_core::formats::datadog::DatadogTraceState;
///
/// let member = DatadogTraceState::parse("o:a~b;t.dm:-4");
/// assert_eq!(member.origin().expect("an origin"), "a=b");
/// assert_eq!(member.origin().map(|origin| origin.to_string()), Some("a=b".to_owned()));
/// ```
#[derive(Clone, Copy)]
pub struct DatadogText<'c> {
    pub(super) raw: &'c str,
    tilde_is_equals: bool,
}

impl<'c> DatadogText<'c> {
    pub(super) const fn verbatim(raw: &'c str) -> Self {
        Self { raw, tilde_is_equals: false }
    }

    pub(super) const fn of_member(raw: &'c str) -> Self {
        Self { raw, tilde_is_equals: true }
    }

    /// Returns the text, if it is borrowed in one piece: always from a header, and from a member if it has no `=`.
    pub fn as_str(&self) -> Option<&'c str> {
        (!self.tilde_is_equals || !self.raw.contains('~')).then_some(self.raw)
    }

    /// Removes blanks at the ends, which a header cannot hold.
    pub(super) fn without_outer_blanks(self) -> Self {
        Self { raw: self.raw.trim_matches(' '), ..self }
    }

    /// Returns the length of the text in bytes.
    pub const fn len(&self) -> usize {
        self.raw.len()
    }

    /// Returns whether the text is empty.
    pub const fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// Returns the characters of the text, decoded.
    pub(super) fn chars(&self) -> impl Iterator<Item = char> + use<'c> {
        let tilde = if self.tilde_is_equals { '=' } else { '~' };
        self.raw.chars().map(move |character| if character == '~' { tilde } else { character })
    }
}

impl fmt::Display for DatadogText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_str() {
            Some(text) => f.write_str(text),
            None => self.chars().try_for_each(|character| f.write_char(character)),
        }
    }
}

debug_as!(DatadogText<'_>, |it| "{} bytes", it.len());

impl PartialEq<str> for DatadogText<'_> {
    fn eq(&self, other: &str) -> bool {
        self.chars().eq(other.chars())
    }
}

impl PartialEq<&str> for DatadogText<'_> {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

impl PartialEq for DatadogText<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.chars().eq(other.chars())
    }
}

impl Eq for DatadogText<'_> {}

/// The last span that was reported to Datadog. Displays as 16 hex digits, or as received.
///
/// ```
/// use traceprop_core::formats::datadog::DatadogTraceState;
///
/// let member = DatadogTraceState::parse("s:1;p:00000000000000fe");
/// let span = member.last_span().expect("a span");
/// assert_eq!(span.span_id().map(|id| id.get()), Some(0xfe));
/// assert_eq!(span.to_string(), "00000000000000fe");
/// ```
#[derive(Clone, Copy)]
pub struct DatadogLastSpan<'c>(Span<'c>);

#[derive(Clone, Copy)]
enum Span<'c> {
    /// `p` of the member. It is forwarded even if it is not hex.
    Raw(&'c str),
    Id(SpanId),
}

impl<'c> DatadogLastSpan<'c> {
    pub(super) const fn raw(text: &'c str) -> Self {
        Self(Span::Raw(text))
    }

    pub(super) const fn id(id: SpanId) -> Self {
        Self(Span::Id(id))
    }

    /// Returns the span id. `None` if the text is not one.
    pub fn span_id(&self) -> Option<SpanId> {
        match self.0 {
            Span::Id(id) => Some(id),
            Span::Raw(text) => {
                let digits = text.as_bytes().try_into().ok()?;
                SpanId::new(hex::u64_16(digits, Letters::Lower).ok()?)
            }
        }
    }

    /// Appends it as displayed.
    pub(super) fn push_to<const N: usize>(&self, text: &mut StackText<N>) -> fmt::Result {
        match self.0 {
            Span::Raw(raw) => text.push(raw),
            Span::Id(id) => text.push_ascii(&id.to_hex()),
        }
    }

    /// Returns whether a member can hold it. This is always true for received text, but not for text that code gives.
    pub(super) fn is_legal(&self) -> bool {
        match self.0 {
            Span::Id(_) => true,
            Span::Raw(text) => {
                !text.is_empty() && text.bytes().all(|b| matches!(b, b' '..=b'~') && !matches!(b, b',' | b';' | b'='))
            }
        }
    }
}

impl fmt::Display for DatadogLastSpan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Span::Raw(text) => f.write_str(text),
            Span::Id(id) => id.fmt(f),
        }
    }
}

debug_as!(DatadogLastSpan<'_>, |it| "{:?}", it.span_id());

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn ok_tilde_is_equals_only_in_a_member() {
        assert_eq!(DatadogText::of_member("~a~~b~").to_string(), "=a==b=");
        assert_eq!(DatadogText::verbatim("~a").to_string(), "~a");
        assert_eq!(DatadogText::of_member("a~b"), DatadogText::verbatim("a=b"));
        assert_eq!(DatadogText::of_member("a~b"), "a=b");
        assert_ne!(DatadogText::verbatim("a~b"), "a=b");
        assert_ne!(DatadogText::verbatim("a~b"), DatadogText::of_member("a~b"));
    }

    #[test]
    fn ok_text_in_one_piece_is_borrowed() {
        assert_eq!(DatadogText::verbatim("a~b").as_str(), Some("a~b"));
        assert_eq!(DatadogText::of_member("ab").as_str(), Some("ab"));
        assert_eq!(DatadogText::of_member("a~b").as_str(), None);
    }

    #[test]
    fn ok_last_span_is_an_id_if_valid() {
        let id = SpanId::new(0xfe).unwrap();
        assert_eq!(DatadogLastSpan::raw("00000000000000fe").span_id(), Some(id));
        assert_eq!(DatadogLastSpan::id(id).to_string(), "00000000000000fe");
        let odd = DatadogLastSpan::raw("n0t-hex");
        assert_eq!((odd.span_id(), odd.to_string().as_str()), (None, "n0t-hex"));
    }

    #[test]
    fn err_debug_holds_no_text() {
        assert_eq!(std::format!("{:?}", DatadogText::verbatim("secret")), "DatadogText(6 bytes)");
        assert_eq!(std::format!("{:?}", DatadogLastSpan::raw("secret")), "DatadogLastSpan(None)");
    }

    #[test]
    fn err_last_span_that_would_forge_an_item() {
        for text in ["", "1;s:2", "1,x", "a=b", "a\nb", "é"] {
            assert!(!DatadogLastSpan::raw(text).is_legal(), "{text:?}");
        }
        assert!(DatadogLastSpan::raw("n0t hex").is_legal());
    }
}
