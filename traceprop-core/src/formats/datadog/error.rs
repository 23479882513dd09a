//! What is wrong with the tags, as Datadog's tracers name it.

use core::fmt;

use crate::context::{InjectReport, OmitReason};
use crate::field::Field;

/// The value of the tag `_dd.propagation_error`, which Datadog's tracers set on a local root span and never send.
///
/// Two of the values end with invalid text of the request. It is here for the tag alone: `Display`, `Debug` and
/// [`InvalidHeader`](crate::InvalidHeader) end up in logs, and do not hold it.
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
    /// The tags header is disabled, and there are tags to write.
    Disabled,
    /// The received tags are too long, and ignored.
    ExtractMaxSize,
    /// The tags are too long to be written, and omitted.
    InjectMaxSize,
    /// A received tag breaks the grammar, and is ignored.
    DecodingError,
    /// A tag breaks the grammar, so all are omitted.
    EncodingError,
    /// The upper half of the trace id is not 16 lower-case hex digits, or is zero.
    MalformedTid(&'c str),
    /// The upper half in the `dd` member differs from that in traceparent.
    InconsistentTid(&'c str),
}

impl<'c> PropagationError<'c> {
    /// Returns the error as a word. If [`PropagationError::tid`] is `Some`, the tag is this word, a space and that text.
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

    /// Returns the received text that is not the upper half of this trace id.
    pub const fn tid(&self) -> Option<&'c str> {
        match self {
            Self::MalformedTid(text) | Self::InconsistentTid(text) => Some(text),
            _ => None,
        }
    }

    /// Returns why an injection omitted the tags, if it did.
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
    use crate::context::OmissionList;
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
        assert_eq!(PropagationError::from_report(&list.clone().report(&names)), None);
        list.add(Field::DatadogTags, OmitReason::TooLong, 1);
        assert_eq!(PropagationError::from_report(&list.report(&names)), Some(PropagationError::InjectMaxSize));
    }
}
