//! `sw8-x`: the fields that SkyWalking added to sw8 later.
//!
//! ```text
//! sw8-x = mode "-" time         mode = "1": skip the analysis of this trace; any other: analyse it
//!                               time = decimal, milliseconds since 1970; any other text is no time
//!
//! 1-1768384712345
//! ```
//!
//! The Java agent always writes the header, as `0- ` by default. Servers receive `0-`.
//!
//! Spec: <https://skywalking.apache.org/docs/main/next/en/api/x-process-propagation-headers-v3/>

use core::fmt;

use crate::carrier::HeaderLines;
use crate::field::{Field, InvalidHeader};
use crate::wire::{self, InvalidReason, decimal};

/// Bytes of the longest value.
const MAX_VALUE: usize = 64;

/// An `sw8-x` value.
///
/// # Examples
///
/// ```
/// use traceprop_core::formats::sw8::Sw8Extension;
///
/// let extension = Sw8Extension::parse(b"1-1768384712345")?;
/// assert_eq!(extension, Sw8Extension { skip_analysis: true, sent_at_ms: Some(1_768_384_712_345) });
/// assert_eq!(extension.to_string(), "1-1768384712345");
/// assert_eq!(Sw8Extension::parse(b"0- ")?.to_string(), "0-");
/// # Ok::<(), traceprop_core::InvalidHeader>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sw8Extension {
    /// Tracing mode 1: the backend skips the analysis of this trace.
    pub skip_analysis: bool,
    /// The sending time in milliseconds since 1970, to measure how long a message was in a queue.
    pub sent_at_ms: Option<u64>,
}

impl Sw8Extension {
    /// Parses one value. Fields after the second belong to a later version and are ignored, and so is a time that is not a
    /// number: agents read the mode alone.
    ///
    /// # Errors
    ///
    /// Returns `too-long` above 64 bytes.
    pub fn parse(value: &[u8]) -> Result<Self, InvalidHeader> {
        parse(value, Field::Sw8Extension)
    }

    /// Reads the last value of all lines, which is that of the nearest hop, as for `sw8`.
    pub(super) fn read(lines: HeaderLines<'_>, field: Field) -> Result<Option<Self>, InvalidHeader> {
        if lines.is_over_limit() {
            return Err(InvalidHeader::new(field, InvalidReason::TooManyLines, 0));
        }
        let last = lines.iter().map(last_value).filter(|value| !value.is_empty()).last();
        last.map(|value| parse(value, field)).transpose()
    }
}

fn last_value(line: &[u8]) -> &[u8] {
    let line = wire::trim(line);
    let visible = &line[line.len().saturating_sub(MAX_VALUE + 1)..];
    let value = visible.rsplit(|&b| b == b',').map(wire::trim).find(|value| !value.is_empty());
    value.unwrap_or_default()
}

fn parse(value: &[u8], field: Field) -> Result<Sw8Extension, InvalidHeader> {
    let value = wire::trim(value);
    if value.len() > MAX_VALUE {
        return Err(InvalidHeader::new(field, InvalidReason::TooLong, MAX_VALUE));
    }
    let (mode, rest) = wire::split_once(value, b'-').unwrap_or((value, b""));
    let time = wire::split_once(rest, b'-').map_or(rest, |(time, _)| time);
    let sent_at_ms = decimal::unsigned(wire::trim(time)).ok();
    Ok(Sw8Extension { skip_analysis: wire::trim(mode) == b"1", sent_at_ms })
}

impl fmt::Display for Sw8Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-", u8::from(self.skip_analysis))?;
        self.sent_at_ms.map_or(Ok(()), |time| write!(f, "{time}"))
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;
    use std::{format, vec};

    fn extension(skip_analysis: bool, sent_at_ms: Option<u64>) -> Sw8Extension {
        Sw8Extension { skip_analysis, sent_at_ms }
    }

    fn read(line: &str) -> Option<Sw8Extension> {
        Sw8Extension::read(HeaderLines::one(line.as_bytes()), Field::Sw8Extension).unwrap()
    }

    #[test]
    fn ok_mode_and_time() {
        for (value, expected) in [
            ("0-", extension(false, None)),
            ("0- ", extension(false, None)),
            ("1", extension(true, None)),
            ("x-7", extension(false, Some(7))),
            ("-7", extension(false, Some(7))),
            ("1-7-later", extension(true, Some(7))),
            ("1-test", extension(true, None)),
            ("0-test", extension(false, None)),
            ("1-+7", extension(true, None)),
            ("1-18446744073709551616", extension(true, None)),
            ("0-18446744073709551615", extension(false, Some(u64::MAX))),
        ] {
            assert_eq!(Sw8Extension::parse(value.as_bytes()), Ok(expected), "{value}");
            assert_eq!(Sw8Extension::parse(expected.to_string().as_bytes()), Ok(expected));
        }
    }

    #[test]
    fn err_longer_than_64_bytes() {
        let err = |value: &str| Sw8Extension::parse(value.as_bytes()).map_err(|error| (error.reason(), error.offset()));
        assert_eq!(err(&"1".repeat(65)), Err((InvalidReason::TooLong, 64)));
        assert_eq!(err(&"1".repeat(64)), Ok(extension(false, None)));
    }

    #[test]
    fn ok_64_bytes_and_err_one_more() {
        let value = |len: usize| format!("1-7-{}", "x".repeat(len - 4));
        assert_eq!(read(&value(64)), Some(extension(true, Some(7))));
        for line in [value(65), value(66), format!("0-1,{}", value(65))] {
            let error = Sw8Extension::read(HeaderLines::one(line.as_bytes()), Field::Sw8Extension).unwrap_err();
            assert_eq!((error.reason(), error.offset()), (InvalidReason::TooLong, 64), "{line}");
        }
    }

    #[test]
    fn ok_last_value_that_is_not_blank() {
        assert_eq!((read(""), read(" ,")), (None, None));
        assert_eq!(read("0- , 1-7,"), Some(extension(true, Some(7))));
        assert_eq!(read(&format!("{},1-7", "x".repeat(500))), Some(extension(true, Some(7))));
        let lines = [("sw8-x", "0-1"), ("sw8-x", "1-2"), ("sw8-x", "")];
        let mut names = crate::field::FieldNames::new();
        names.watch(crate::field::FieldSet::of(&[Field::Sw8Extension]));
        let headers = crate::carrier::headers::Headers::collect(&lines, &names);
        let lines = headers.get_all(Field::Sw8Extension);
        assert_eq!(Sw8Extension::read(lines, Field::Sw8Extension), Ok(Some(extension(true, Some(2)))));
        let many = vec![("sw8-x", "0-1"); crate::carrier::headers::MAX_HEADER_LINES + 1];
        let headers = crate::carrier::headers::Headers::collect(&many, &names);
        let lines = headers.get_all(Field::Sw8Extension);
        assert_eq!(Sw8Extension::read(lines, Field::Sw8Extension).unwrap_err().reason(), InvalidReason::TooManyLines);
    }
}
