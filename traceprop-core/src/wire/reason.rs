//! Why bytes are not what they should be, and where.

use core::fmt;

/// A reason and a place, before it is known which field it concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReasonAt {
    pub(crate) reason: InvalidReason,
    pub(crate) at: u32,
}

impl ReasonAt {
    /// The same, `offset` bytes further on.
    pub(crate) const fn behind(self, offset: usize) -> Self {
        self.reason.at(self.at as usize + offset)
    }
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal,)+) => {
        /// What is wrong with a header. The word of each is stable: test vectors, logs and metric labels share it.
        ///
        /// ```
        /// use traceprop_core::InvalidReason;
        ///
        /// assert_eq!(InvalidReason::UppercaseHex.as_str(), "uppercase-hex");
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum InvalidReason {
            $($(#[doc = $doc])+ $name,)+
        }

        impl InvalidReason {
            /// The word for it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }

            /// Every reason there is, for metrics that register their labels up front.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];
        }
    };
}

reasons! {
    /// Nothing there, where something must be.
    Empty = "empty",
    /// Too short or too long for its grammar.
    BadLength = "bad-length",
    /// A byte that is no hex digit.
    BadHex = "bad-hex",
    /// A capital, where the format knows only lower-case hex.
    UppercaseHex = "uppercase-hex",
    /// A byte that is no decimal digit.
    BadDecimal = "bad-decimal",
    /// A number beyond its type.
    OutOfRange = "out-of-range",
    /// A version that may not occur.
    BadVersion = "bad-version",
    /// Another byte where a separator belongs.
    BadDelimiter = "bad-delimiter",
    /// More behind the end of the grammar.
    TrailingData = "trailing-data",
    /// Several `traceparent` lines, or several values in one.
    MultipleTraceparent = "multiple-traceparent",
    /// Several lines of a field that may occur once.
    RepeatedField = "repeated-field",
    /// A trace id of zeros.
    ZeroTraceId = "zero-trace-id",
    /// A parent id of zeros.
    ZeroParentId = "zero-parent-id",
    /// A span id of zeros.
    ZeroSpanId = "zero-span-id",
    /// A span id without a trace id.
    MissingTraceId = "missing-trace-id",
    /// A trace id without a span id.
    MissingSpanId = "missing-span-id",
    /// A sampling state that the format does not have.
    BadSampling = "bad-sampling",
    /// Flags that are no number of the format's width.
    BadFlags = "bad-flags",
    /// A parent id that cannot be read.
    BadParentId = "bad-parent-id",
    /// A field of a composite value that is empty.
    EmptyField = "empty-field",
    /// The wrong number of fields.
    FieldCount = "field-count",
    /// No form that the format knows.
    BadFormat = "bad-format",
    /// A member of a list that breaks the grammar.
    BadMember = "bad-member",
    /// A key that breaks the grammar.
    BadKey = "bad-key",
    /// A value that breaks the grammar.
    BadValue = "bad-value",
    /// More members than the limit.
    TooManyMembers = "too-many-members",
    /// More lines of one field than are read ([`MAX_HEADER_LINES`](crate::MAX_HEADER_LINES)).
    TooManyLines = "too-many-lines",
    /// Longer than the limit.
    TooLong = "too-long",
    /// A list of which nothing can be used.
    NoValidMember = "no-valid-member",
    /// A segment id that is empty.
    EmptySegmentId = "empty-segment-id",
    /// Text that is no base64.
    BadBase64 = "bad-base64",
    /// Bytes that are no UTF-8.
    BadUtf8 = "bad-utf8",
    /// A span id that is no number of the format's range.
    BadSpanId = "bad-span-id",
    /// A byte outside the characters that the format allows.
    BadCharacter = "bad-character",
}

impl InvalidReason {
    pub(crate) const fn at(self, at: usize) -> ReasonAt {
        let at = if at > u32::MAX as usize { u32::MAX } else { at as u32 };
        ReasonAt { reason: self, at }
    }
}

impl fmt::Display for InvalidReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
