//! What went wrong with the tags, in the words of Datadog's tracers.

use core::fmt;

use crate::context::inject_options::{InjectReport, OmitReason};
use crate::field::Field;

/// What Datadog's tracers put into the tag `_dd.propagation_error` of a local root span. It is local, never sent.
///
/// Two of the values end with the text that was refused. That is text of the request: it is here for the tag, and in no
/// [`InvalidHeader`](crate::InvalidHeader), no `Display` and no `Debug`, which end up in logs.
///
/// ```
/// use traceprop_core::formats::datadog::{DatadogTags, PropagationError};
///
/// let tags = DatadogTags::parse(b"_dd.p.tid=66c1f3a0,_dd.p.ts=02");
/// let error = tags.propagation_error().expect("eight digits are too few");
/// assert_eq!((error.as_str(), error.tid()), ("malformed_tid", Some("66c1f3a0")));
/// assert_eq!(PropagationError::DecodingError.as_str(), "decoding_error");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PropagationError<'c> {
    /// The tags header is switched off, and there was something to write.
    Disabled,
    /// The tags that came are longer than is read: none was.
    ExtractMaxSize,
    /// The tags are longer than may be written: none was.
    InjectMaxSize,
    /// A tag that came breaks the grammar and was left out.
    DecodingError,
    /// A tag breaks the grammar, so none was written.
    EncodingError,
    /// The upper half of the trace id is no 16 lower-case hex digits, or zero.
    MalformedTid(&'c str),
    /// The `dd` member names another upper half than the traceparent beside it.
    InconsistentTid(&'c str),
}

impl<'c> PropagationError<'c> {
    /// The word for it. Where [`PropagationError::tid`] is there, the tag is this word, a space and that text.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::ExtractMaxSize => "extract_max_size",
            Self::InjectMaxSize => "inject_max_size",
            Self::DecodingError => "decoding_error",
            Self::EncodingError => "encoding_error",
            Self::MalformedTid(_) => "malformed_tid",
            Self::InconsistentTid(_) => "inconsistent_tid",
        }
    }

    /// The text that is no upper half of this trace id, as it came.
    pub const fn tid(&self) -> Option<&'c str> {
        match self {
            Self::MalformedTid(text) | Self::InconsistentTid(text) => Some(text),
            _ => None,
        }
    }

    /// What an injection left out of the tags, if anything.
    pub fn from_report(omissions: &InjectReport<'_>) -> Option<PropagationError<'static>> {
        let of_tags = omissions.iter().find(|omission| omission.field == Field::DatadogTags)?;
        Self::of_omission(of_tags.reason)
    }

    pub(super) const fn of_omission(reason: OmitReason) -> Option<PropagationError<'static>> {
        match reason {
            OmitReason::Disabled => Some(PropagationError::Disabled),
            OmitReason::TooLong => Some(PropagationError::InjectMaxSize),
            OmitReason::BadKey | OmitReason::BadValue => Some(PropagationError::EncodingError),
            _ => None,
        }
    }
}

impl fmt::Display for PropagationError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for PropagationError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tid() {
            Some(text) => write!(f, "{}({} bytes)", self.as_str(), text.len()),
            None => f.write_str(self.as_str()),
        }
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::inject_options::OmissionList;
    use crate::field::FieldNames;
    use std::format;

    #[test]
    fn err_neither_display_nor_debug_holds_the_text() {
        let error = PropagationError::MalformedTid("secret");
        assert_eq!(format!("{error} {error:?}"), "malformed_tid malformed_tid(6 bytes)");
        assert_eq!(error.tid(), Some("secret"));
    }

    #[test]
    fn ok_only_omissions_of_the_tags_count() {
        let (mut list, names) = (OmissionList::default(), FieldNames::new());
        list.add(Field::DatadogOrigin, OmitReason::BadValue, 1);
        assert_eq!(PropagationError::from_report(&list.clone().of(&names)), None);
        list.add(Field::DatadogTags, OmitReason::TooLong, 1);
        assert_eq!(PropagationError::from_report(&list.of(&names)), Some(PropagationError::InjectMaxSize));
    }
}
