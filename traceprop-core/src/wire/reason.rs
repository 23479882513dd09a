//! Why bytes are invalid, and where.

use super::words;

/// A reason and an offset, without the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReasonAt {
    pub(crate) reason: InvalidReason,
    pub(crate) at: u32,
}

impl ReasonAt {
    /// Adds `offset` to the offset.
    pub(crate) const fn shifted_by(self, offset: usize) -> Self {
        self.reason.at(self.at as usize + offset)
    }
}

words! {
    /// The reason why a header is invalid.
    ///
    /// The text of each reason is stable, so it can be a metric label.
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_core::InvalidReason;
    ///
    /// assert_eq!(InvalidReason::UppercaseHex.as_str(), "uppercase-hex");
    /// ```
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum InvalidReason {
        /// The value is empty.
        Empty = "empty",
        /// The value is shorter or longer than its grammar permits.
        BadLength = "bad-length",
        /// A byte is not a hex digit.
        BadHex = "bad-hex",
        /// A hex digit is uppercase, and the format permits only lower case.
        UppercaseHex = "uppercase-hex",
        /// A byte is not a decimal digit.
        BadDecimal = "bad-decimal",
        /// A number is out of the range of the format.
        OutOfRange = "out-of-range",
        /// The version is forbidden.
        BadVersion = "bad-version",
        /// A separator is missing.
        BadDelimiter = "bad-delimiter",
        /// A field of a binary value is cut short.
        Truncated = "truncated",
        /// There is data after the end of the value.
        TrailingData = "trailing-data",
        /// There are several `traceparent` lines, or several values in one line.
        MultipleTraceparent = "multiple-traceparent",
        /// There are several lines of a field that may occur once.
        RepeatedField = "repeated-field",
        /// The trace id is all zeros.
        ZeroTraceId = "zero-trace-id",
        /// The parent id is all zeros.
        ZeroParentId = "zero-parent-id",
        /// The span id is all zeros.
        ZeroSpanId = "zero-span-id",
        /// There is a span id without a trace id.
        MissingTraceId = "missing-trace-id",
        /// There is a trace id without a span id.
        MissingSpanId = "missing-span-id",
        /// The format does not define the sampling state.
        BadSampling = "bad-sampling",
        /// The flags are not a number of the expected width.
        BadFlags = "bad-flags",
        /// The parent id is invalid.
        BadParentId = "bad-parent-id",
        /// A field of a composite value is empty.
        EmptyField = "empty-field",
        /// The number of fields is wrong.
        FieldCount = "field-count",
        /// The value has none of the forms of the format.
        BadFormat = "bad-format",
        /// A member of a list is invalid.
        BadMember = "bad-member",
        /// A key is invalid.
        BadKey = "bad-key",
        /// A value is invalid.
        BadValue = "bad-value",
        /// There are more members than the limit.
        TooManyMembers = "too-many-members",
        /// A field has more lines than [`MAX_HEADER_LINES`](crate::format::MAX_HEADER_LINES).
        TooManyLines = "too-many-lines",
        /// The value is longer than the limit.
        TooLong = "too-long",
        /// No member of a list is valid.
        NoValidMember = "no-valid-member",
        /// The segment id is empty.
        EmptySegmentId = "empty-segment-id",
        /// The text is not base64.
        BadBase64 = "bad-base64",
        /// The text is not JSON, or nested too deep.
        BadJson = "bad-json",
        /// A required field is missing or of another type.
        MissingField = "missing-field",
        /// The bytes are not UTF-8.
        BadUtf8 = "bad-utf8",
        /// The span id is not a number of the format's range.
        BadSpanId = "bad-span-id",
        /// The trace belongs to another organisation.
        OrgMismatch = "org-mismatch",
        /// The trace belongs to another account.
        UntrustedAccount = "untrusted-account",
        /// A character is not permitted by the format.
        BadCharacter = "bad-character",
    }

    /// Returns the text of the reason, such as `uppercase-hex`.
    pub fn as_str;
}

impl InvalidReason {
    /// All reasons, for metrics that register their labels at startup.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    pub(crate) const fn at(self, at: usize) -> ReasonAt {
        let at = if at > u32::MAX as usize { u32::MAX } else { at as u32 };
        ReasonAt { reason: self, at }
    }
}
