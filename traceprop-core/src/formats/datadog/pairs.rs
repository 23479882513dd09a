//! The grammar of `x-datadog-tags`: pairs, keys, values, and the upper half of a trace id.

use crate::carrier::{HeaderLines, HeaderLinesIter};
use crate::wire::hex::{self, Letters};
use crate::wire::{self, InvalidReason, ReasonAt};

/// Iterator over the pairs of all lines, without the blanks around them.
#[derive(Clone)]
pub(super) struct Pairs<'c> {
    rest: &'c [u8],
    more: HeaderLinesIter<'c>,
    /// Where `rest` begins in the lines joined by commas.
    at: usize,
    pub(super) is_received: bool,
}

impl<'c> Pairs<'c> {
    /// Creates the iterator. Text that code gives is split but not checked: see [`Pairs::split`].
    pub(super) fn new(lines: &HeaderLines<'c>, is_received: bool) -> Self {
        Self { rest: &[], more: lines.iter(), at: 0, is_received }
    }

    /// Returns the next pair, and where it begins in the lines joined by commas.
    pub(super) fn next(&mut self) -> Option<(usize, &'c [u8])> {
        loop {
            if self.rest.is_empty() {
                self.rest = wire::trim(self.more.next()?);
            }
            let len = wire::find(self.rest, b',').unwrap_or(self.rest.len());
            let (raw, rest) = self.rest.split_at_checked(len)?;
            self.at += len + 1;
            self.rest = rest.get(1..).unwrap_or_default();
            // A proxy that joins lines makes empty pairs, which are not an error.
            let pair = wire::trim_start(raw);
            if !pair.is_empty() {
                return Some((self.at - 1 - pair.len(), wire::trim_end(pair)));
            }
        }
    }

    /// Splits the pair that was returned last into key and value. Checks them if they were received.
    pub(super) fn split<'p>(&self, pair: &'p [u8]) -> Result<(&'p [u8], &'p [u8]), ReasonAt> {
        let (key, value) = wire::split_once(pair, b'=').ok_or(InvalidReason::BadMember.at(0))?;
        if self.is_received {
            check(key, value)?;
        }
        Ok((key, value))
    }
}

pub(super) const fn is_key_byte(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && !matches!(byte, b',' | b'=')
}

pub(super) const fn is_value_byte(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b','
}

fn check(key: &[u8], value: &[u8]) -> Result<(), ReasonAt> {
    let bad_key = key.iter().position(|&b| !is_key_byte(b));
    if key.is_empty() || bad_key.is_some() {
        return Err(InvalidReason::BadKey.at(bad_key.unwrap_or(0)));
    }
    let bad_value = value.iter().position(|&b| !is_value_byte(b));
    if value.is_empty() || bad_value.is_some() {
        return Err(InvalidReason::BadValue.at(key.len() + 1 + bad_value.unwrap_or(0)));
    }
    Ok(())
}

/// Reads the upper half of a trace id: 16 lower-case hex digits, not all zero.
pub(super) fn parse_tid(text: &[u8]) -> Result<u64, ReasonAt> {
    let digits = text.try_into().map_err(|_| InvalidReason::BadLength.at(text.len()))?;
    match hex::u64_16(digits, Letters::Lower)? {
        0 => Err(InvalidReason::ZeroTraceId.at(0)),
        high => Ok(high),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_pair(pair: &[u8]) -> Result<(&[u8], &[u8]), ReasonAt> {
        Pairs::new(&HeaderLines::one(pair), true).split(pair)
    }

    #[test]
    fn ok_pairs_and_where_they_begin() {
        let mut pairs = Pairs::new(&HeaderLines::one(b" \ta=1 ,,\t , b=2,"), true);
        assert_eq!(pairs.next(), Some((0, &b"a=1"[..])));
        assert_eq!(pairs.next(), Some((10, &b"b=2"[..])));
        assert_eq!(pairs.next(), None);
    }

    #[test]
    fn ok_first_equals_sign_splits() {
        assert_eq!(parse_pair(b"a=b=c d"), Ok((&b"a"[..], &b"b=c d"[..])));
    }

    #[test]
    fn err_every_byte_that_a_key_or_a_value_cannot_hold() {
        for byte in 0..=255u8 {
            assert_eq!(
                parse_pair(&[b'k', byte, b'=', b'v']).is_ok(),
                (0x21..=0x7e).contains(&byte) && byte != b',',
                "{byte:#x}"
            );
            assert_eq!(
                parse_pair(&[b'k', b'=', byte]).is_ok(),
                (0x20..=0x7e).contains(&byte) && byte != b',',
                "{byte:#x}"
            );
        }
    }
}
