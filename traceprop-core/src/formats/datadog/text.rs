//! Text of Datadog's, borrowed from where it was read: as it stands in a header, or as the `dd` member spells it.

use core::fmt;

use crate::id::SpanId;
use crate::wire::buffer::StackText;
use crate::wire::hex::{self, Letters};

/// Text in one of the two spellings: headers have it verbatim, the `dd` member writes `~` for `=`.
///
/// ```
/// use traceprop_core::formats::datadog::DatadogTraceState;
///
/// let member = DatadogTraceState::parse("o:a~b;t.dm:-4");
/// assert_eq!(member.origin().expect("there is one"), "a=b");
/// assert_eq!(member.origin().map(|origin| origin.to_string()), Some("a=b".to_owned()));
/// ```
#[derive(Clone, Copy)]
pub struct DatadogText<'c> {
    raw: &'c str,
    tilde_is_equals: bool,
}

impl<'c> DatadogText<'c> {
    pub(super) const fn verbatim(raw: &'c str) -> Self {
        Self { raw, tilde_is_equals: false }
    }

    pub(super) const fn of_member(raw: &'c str) -> Self {
        Self { raw, tilde_is_equals: true }
    }

    /// The text as it is spelt.
    pub(super) const fn raw(&self) -> &'c str {
        self.raw
    }

    /// The text, where it stands in one piece: always in a header, and in a member if it has no `=`.
    pub fn as_str(&self) -> Option<&'c str> {
        (!self.tilde_is_equals || !self.raw.contains('~')).then_some(self.raw)
    }

    /// The same as a header can hold it.
    pub(super) fn without_outer_blanks(self) -> Self {
        Self { raw: self.raw.trim_matches(' '), ..self }
    }

    /// Bytes of the text.
    pub const fn len(&self) -> usize {
        self.raw.len()
    }

    /// Whether there is no text.
    pub const fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    pub(super) fn bytes(&self) -> impl Iterator<Item = u8> + use<'c> {
        let tilde = if self.tilde_is_equals { b'=' } else { b'~' };
        self.raw.bytes().map(move |byte| if byte == b'~' { tilde } else { byte })
    }

    /// The text in the pieces that it is made of.
    pub(super) fn pieces(&self) -> impl Iterator<Item = &'c str> + use<'c> {
        let mut rest = Some(self.raw);
        let mut separate = false;
        let tilde_is_equals = self.tilde_is_equals;
        core::iter::from_fn(move || {
            if core::mem::take(&mut separate) {
                return Some("=");
            }
            let text = rest.take()?;
            if tilde_is_equals {
                if let Some((piece, more)) = text.split_once('~') {
                    separate = true;
                    rest = Some(more);
                    return Some(piece);
                }
            }
            Some(text)
        })
    }
}

impl fmt::Display for DatadogText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces().try_for_each(|piece| f.write_str(piece))
    }
}

impl fmt::Debug for DatadogText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It is text of a request, which has no place in a log.
        write!(f, "DatadogText({} bytes)", self.len())
    }
}

impl PartialEq<str> for DatadogText<'_> {
    fn eq(&self, other: &str) -> bool {
        self.bytes().eq(other.bytes())
    }
}

impl PartialEq<&str> for DatadogText<'_> {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

impl PartialEq for DatadogText<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes().eq(other.bytes())
    }
}

impl Eq for DatadogText<'_> {}

/// The last span on the path that was reported to Datadog. Displays as it is written: 16 hex digits, or what came.
#[derive(Clone, Copy)]
pub struct DatadogLastSpan<'c>(Span<'c>);

#[derive(Clone, Copy)]
enum Span<'c> {
    /// `p` of the member, which is passed on even if it is no hex.
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

    /// The id, if it is one.
    pub fn span_id(&self) -> Option<SpanId> {
        match self.0 {
            Span::Id(id) => Some(id),
            Span::Raw(text) => {
                let digits = text.as_bytes().try_into().ok()?;
                SpanId::new(hex::u64_16(digits, Letters::Lower).ok()?)
            }
        }
    }

    /// Puts it behind other text, as it is displayed.
    pub(super) fn push_to<const N: usize>(&self, text: &mut StackText<N>) -> fmt::Result {
        match self.0 {
            Span::Raw(raw) => text.push(raw),
            Span::Id(id) => text.push_ascii(&id.to_hex()),
        }
    }

    /// Whether it can stand in a member: what came always can, what was made here need not.
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

impl fmt::Debug for DatadogLastSpan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatadogLastSpan({:?})", self.span_id())
    }
}

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
    fn ok_one_piece_is_borrowed() {
        assert_eq!(DatadogText::verbatim("a~b").as_str(), Some("a~b"));
        assert_eq!(DatadogText::of_member("ab").as_str(), Some("ab"));
        assert_eq!(DatadogText::of_member("a~b").as_str(), None);
    }

    #[test]
    fn ok_last_span_is_an_id_where_it_can_be() {
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
    fn err_last_span_that_would_forge() {
        for text in ["", "1;s:2", "1,x", "a=b", "a\nb", "é"] {
            assert!(!DatadogLastSpan::raw(text).is_legal(), "{text:?}");
        }
        assert!(DatadogLastSpan::raw("n0t hex").is_legal());
    }
}
