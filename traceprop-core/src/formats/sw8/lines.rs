//! Selects the `sw8` value to use from several lines and joined values.

use super::header::{MAX_VALUE, Sw8Header, is_husk, parse};
use crate::carrier::HeaderLines;
use crate::field::{Field, InvalidHeader};
use crate::wire::{self, InvalidReason, ReasonAt};

/// The most values of one joined line that are examined, from its end. Only husks lead to more than one.
const MAX_JOINED: usize = 64;

/// Reads the last value that is not a husk, of all lines and of all values joined by commas.
///
/// It is that of the nearest hop: a gateway appended it to the others instead of replacing them. The others are
/// ignored.
pub(super) fn read(lines: HeaderLines<'_>, field: Field) -> Option<Result<Sw8Header<'_>, InvalidHeader>> {
    read_with(lines, field, parse)
}

/// Reads the last value that is not a husk with `parse`.
#[inline]
pub(super) fn read_with<'c, H>(
    lines: HeaderLines<'c>,
    field: Field,
    parse: impl Fn(&'c [u8]) -> Result<H, ReasonAt>,
) -> Option<Result<H, InvalidHeader>> {
    let first = lines.first()?;
    if !lines.is_repeated() {
        let value = wire::trim(first);
        if is_husk(value) {
            return None;
        }
        // No field can contain a comma, so only an invalid value is searched for one.
        match parse(value) {
            Ok(header) => return Some(Ok(header)),
            Err(error) if !has_comma(value) => return Some(Err(error.shifted_by(wire::lead(first)).of(field))),
            Err(_) => {}
        }
    }
    if lines.is_over_limit() {
        return Some(Err(InvalidHeader::new(field, InvalidReason::TooManyLines, 0)));
    }
    let (at, value) = last_of_list(lines)?;
    Some(parse(value).map_err(|error| error.shifted_by(at).of(field)))
}

/// Whether a comma joins the last value to a previous one, within the bytes that are read.
fn has_comma(value: &[u8]) -> bool {
    value[value.len().saturating_sub(MAX_VALUE + 1)..].contains(&b',')
}

#[cold]
fn last_of_list(lines: HeaderLines<'_>) -> Option<(usize, &[u8])> {
    let mut start = 0;
    let mut last = None;
    for line in lines {
        if let Some((at, value)) = last_value(line) {
            last = Some((start + at, value));
        }
        start += line.len() + 1;
    }
    last
}

/// Returns the last value of a line that is not a husk, and its offset.
pub(super) fn last_value(line: &[u8]) -> Option<(usize, &[u8])> {
    let mut rest = line;
    for _ in 0..MAX_JOINED {
        // One byte more than the limit shows whether the value starts within it.
        let from = rest.len().saturating_sub(MAX_VALUE + 1);
        let begin = match rest[from..].iter().rposition(|&b| b == b',') {
            Some(comma) => from + comma + 1,
            None if from > 0 => return Some((from, &rest[from..])),
            None => 0,
        };
        let value = wire::trim(&rest[begin..]);
        if !is_husk(value) {
            return Some((begin + wire::lead(&rest[begin..]), value));
        }
        rest = &rest[..begin.checked_sub(1)?];
    }
    None
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::format;
    use std::string::ToString;

    const VALID: &str = "1-NjEzMWQxNDhiYjY1MTE1ZDkxZjk5NzU2MGFjYThlNjc=-N2M4OWNkZWI2OGE5MTMyZWI0NzI2YWQzZGJhNThkNTA=\
        -1-cmVjby1weQ==-cmVjby1weS01ZjdjOQ==-L3ByZWRpY3Q=-bW9kZWw6ODUwMQ==";

    fn one(line: &str) -> Option<Result<Sw8Header<'_>, InvalidHeader>> {
        read(HeaderLines::one(line.as_bytes()), Field::Sw8)
    }

    #[test]
    fn ok_husks_are_absent() {
        for husk in ["", " \t", "1-------", "0-------", "-------", " 1------- ", ",", ", ,", "1-------, ,1-------"] {
            assert!(one(husk).is_none(), "{husk:?}");
        }
        assert_eq!(one("12-------").unwrap().unwrap_err().reason(), InvalidReason::BadSampling);
        assert_eq!(one("1------").unwrap().unwrap_err().reason(), InvalidReason::FieldCount);
        assert_eq!(one("1--------").unwrap().unwrap_err().reason(), InvalidReason::FieldCount);
    }

    #[test]
    fn ok_last_value_that_is_not_a_husk_is_used() {
        let first = "1-YQ==-Yg==-0-Yw==---";
        let header = |line: &str| one(line).unwrap().map(|header| header.trace_id().to_string());
        assert_eq!(header(&format!("{first},{VALID}")).unwrap().len(), 32);
        assert_eq!(header(&format!("{VALID} ,\t{first}, 1-------,,")).unwrap(), "a");
        let joined = format!("{VALID},1-YQ==-Yg==-x----");
        assert_eq!(header(&joined), Err(InvalidHeader::new(Field::Sw8, InvalidReason::BadSpanId, VALID.len() + 13)));
        let long = format!("{VALID},{}", "x".repeat(5000));
        assert_eq!(header(&long).unwrap_err(), InvalidHeader::new(Field::Sw8, InvalidReason::TooLong, MAX_VALUE));
        let husk = format!("{long},");
        assert_eq!(header(&husk).unwrap_err(), InvalidHeader::new(Field::Sw8, InvalidReason::TooLong, long.len() - 1));
        let longest = format!("1-YQ==-Yg==-0-Yw==-Yw==-Yw==-{}", "A".repeat(2019));
        assert_eq!((longest.len(), header(&format!("{VALID},{longest}")).as_deref()), (MAX_VALUE, Ok("a")));
        let early = format!("{},{VALID}", "x".repeat(5000));
        assert_eq!(header(&early).unwrap().len(), 32);
    }

    #[test]
    fn ok_skip_64_husks() {
        let husks = |n: usize| format!("{VALID}{}", ",".repeat(n));
        assert!(one(&husks(MAX_JOINED - 1)).unwrap().is_ok());
        assert!(one(&husks(MAX_JOINED)).is_none());
    }

    #[test]
    fn ok_lines_are_one_list_and_err_too_many_lines() {
        let read = |lines: &[(&str, &str)]| {
            let mut names = crate::field::FieldNames::new();
            names.watch(crate::field::FieldSet::of(&[Field::Sw8]));
            let headers = crate::carrier::headers::Headers::collect(&lines, &names);
            read(headers.get_all(Field::Sw8), Field::Sw8).map(|read| read.map(|header| header.trace_id().to_string()))
        };
        let other = "1-YQ==-Yg==-0----";
        assert_eq!(read(&[("sw8", other), ("sw8", VALID)]).unwrap().unwrap().len(), 32);
        assert_eq!(read(&[("sw8", VALID), ("SW8", other), ("sw8", ""), ("sw8", "1-------")]).unwrap().unwrap(), "a");
        assert_eq!(read(&[("sw8", ""), ("sw8", "1-------")]), None);
        let error = InvalidHeader::new(Field::Sw8, InvalidReason::BadSampling, VALID.len() + 1);
        assert_eq!(read(&[("sw8", VALID), ("sw8", "x-YQ==-Yg==-0----")]), Some(Err(error)));
        let many = [("sw8", other); crate::carrier::headers::MAX_HEADER_LINES + 1];
        assert_eq!(read(&many[1..]).unwrap().unwrap(), "a");
        assert_eq!(read(&many), Some(Err(InvalidHeader::new(Field::Sw8, InvalidReason::TooManyLines, 0))));
    }

    proptest! {
        #[test]
        fn ok_no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(HeaderLines::one(&bytes), Field::Sw8);
        }

        /// Bytes closer to the grammar.
        #[test]
        fn ok_no_value_panics_and_a_single_value_is_read_as_in_a_list(value in "[01]{0,2}-[A-Za-z0-9+/=]{0,9}(-[A-Za-z0-9=,]{0,5}){0,9}") {
            let whole = one(&value);
            if !value.contains(',') {
                let listed = format!("{VALID},{value}");
                let listed = one(&listed);
                match whole {
                    Some(Ok(header)) => prop_assert_eq!(Some(Ok(header)), listed),
                    Some(Err(error)) => {
                        let reason = listed.unwrap().unwrap_err().reason();
                        prop_assert_eq!(error.reason(), reason);
                    }
                    None => prop_assert_eq!(listed.unwrap().unwrap().trace_id(), "6131d148bb65115d91f997560aca8e67"),
                }
            }
        }
    }
}
