//! Where the fields of an `sw8` value begin and end.

use crate::wire;
use crate::wire::base64::{LEN_OF_32, MAX_ENCODED};
use crate::wire::reason::{InvalidReason, ReasonAt};

/// Bytes of an `sw8` value: "the whole header value must be under 2k" of the protocol's text.
pub(super) const MAX_VALUE: usize = MAX_ENCODED;

/// The eight fields.
pub(super) type Fields<'c> = [&'c [u8]; 8];

/// The fields, found by a search.
pub(super) fn search(value: &[u8]) -> Result<Fields<'_>, ReasonAt> {
    if value.len() > MAX_VALUE {
        return Err(InvalidReason::TooLong.at(MAX_VALUE));
    }
    let mut fields = [&value[..0]; 8];
    let mut rest = value;
    for field in &mut fields[..7] {
        (*field, rest) = wire::split_once(rest, b'-').ok_or(InvalidReason::FieldCount.at(value.len()))?;
    }
    fields[7] = rest;
    match wire::find(rest, b'-') {
        Some(at) => Err(InvalidReason::FieldCount.at(value.len() - rest.len() + at)),
        None => Ok(fields),
    }
}

/// What most likely are the fields; whoever asks has to make sure of it.
///
/// Padded base64 ends behind a group of four, so a dash is looked for only there. That is less to look at, and where a
/// field begins does not depend on what was made of the bytes before it: the processor need not wait.
#[inline(always)]
pub(super) fn guess(value: &[u8]) -> Option<Fields<'_>> {
    if value.len() > MAX_VALUE {
        return None;
    }
    let (sample, rest) = guess_digits(value)?;
    let (trace_id, rest) = guess_id(rest)?;
    let (segment_id, rest) = guess_id(rest)?;
    let (span, rest) = guess_digits(rest)?;
    let (service, rest) = guess_text(rest)?;
    let (instance, rest) = guess_text(rest)?;
    let (endpoint, peer) = guess_text(rest)?;
    Some([sample, trace_id, segment_id, span, service, instance, endpoint, peer])
}

/// A guess that is right without a look at the fields: there are no other dashes.
#[inline(always)]
pub(super) fn sure_guess(value: &[u8]) -> Option<Fields<'_>> {
    guess(value).filter(|_| dashes(value) == 7)
}

/// Sample or span, one digit as a rule, and what comes behind it.
#[inline(always)]
fn guess_digits(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    match rest {
        [_, b'-', tail @ ..] => Some((&rest[..1], tail)),
        _ => wire::split_once(rest, b'-'),
    }
}

/// An id and what comes behind it. Most have one of a few lengths: 32 characters, or those of the agent for Java.
#[inline(always)]
fn guess_id(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    for usual in [LEN_OF_32, 72, 76] {
        if let Some((id, [b'-', tail @ ..])) = rest.split_at_checked(usual) {
            return Some((id, tail));
        }
    }
    guess_text(rest)
}

#[inline(always)]
fn guess_text(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut end = 0;
    while *rest.get(end)? != b'-' {
        end += 4;
    }
    Some((&rest[..end], &rest[end + 1..]))
}

/// How many dashes there are.
fn dashes(value: &[u8]) -> usize {
    // Of so few bytes the count is a byte too, and sixteen of them are counted together.
    let of_chunk = |chunk: &[u8]| chunk.iter().fold(0u8, |count, &byte| count + u8::from(byte == b'-'));
    value.chunks(usize::from(u8::MAX)).map(|chunk| usize::from(of_chunk(chunk))).sum()
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::format;

    #[test]
    fn ok_dashes_are_counted_however_many() {
        let mut value = [b'-'; MAX_VALUE];
        for len in [0, 1, 15, 254, 255, 256, 263, MAX_VALUE] {
            assert_eq!(dashes(&value[..len]), len);
        }
        value[300] = b',';
        assert_eq!(dashes(&value), MAX_VALUE - 1);
    }

    #[test]
    fn ok_a_guess_is_sure_where_there_are_no_other_dashes() {
        let fields = |value: &str| sure_guess(value.as_bytes()).map(|fields| fields.map(<[u8]>::len));
        let (short, java) = ("1-YQ==-Yg==-0-Yw==---", "A".repeat(72));
        assert_eq!(fields(short), Some([1, 4, 4, 1, 4, 0, 0, 0]));
        assert_eq!(fields(&format!("0-{java}-{java}AAAA-123----YQ")), Some([1, 72, 76, 3, 0, 0, 0, 2]));
        // All dashes of a guess stand where they could, and one between them is not seen.
        assert_eq!(fields(&format!("1-Y-==-{}-AAAA-0-Yw==---", "A".repeat(39))), None);
        assert_eq!(fields(&format!("{short}-")), None);
        assert_eq!(fields(&format!("{short},{short}")), None);
        assert_eq!(fields("1-YQ-Yg-0----"), None, "unpadded");
        assert_eq!(fields(&format!("{short}{}", "A".repeat(MAX_VALUE))), None);
    }

    #[test]
    fn ok_the_longest_value_is_split_and_no_longer_one() {
        let of_len = |len: usize| format!("1000-YQ==-Yg==-0-{}---", "A".repeat(len - "1000-YQ==-Yg==-0----".len()));
        let longest = of_len(MAX_VALUE);
        let fields = search(longest.as_bytes()).unwrap();
        assert_eq!(fields.map(<[u8]>::len), [4, 4, 4, 1, MAX_VALUE - 20, 0, 0, 0]);
        assert_eq!(guess(longest.as_bytes()), Some(fields));
        assert_eq!(search(of_len(MAX_VALUE + 1).as_bytes()), Err(InvalidReason::TooLong.at(MAX_VALUE)));
        assert_eq!(guess(of_len(MAX_VALUE + 4).as_bytes()), None);
    }

    proptest! {
        #[test]
        fn ok_a_sure_guess_is_what_a_search_finds(value in "[01-]?-([A-Z]{44}|[A-Z-]{0,9}|[A-Z]{60,76})-[A-Z-]{0,44}(-[0-9A-Z]{0,9}){3,6}") {
            if let Some(fields) = sure_guess(value.as_bytes()) {
                prop_assert_eq!(Ok(fields), search(value.as_bytes()));
            }
        }
    }
}
