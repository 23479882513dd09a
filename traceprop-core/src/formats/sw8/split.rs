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

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

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
}
