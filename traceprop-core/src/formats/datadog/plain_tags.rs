//! Tags in one line of visible ASCII, as nearly all are. No byte between the separators can be invalid, so it is enough
//! to find the separators, eight bytes at a time.

use super::pairs::parse_tid;
use super::tag::{DatadogTag, MAX_TAGS_LEN, TAG_PREFIX, is_decision_maker};
use super::text::DatadogText;
use crate::carrier::HeaderLines;
use crate::wire;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x80 * ONES;

/// The key and `=` before the digits of the upper half of the trace id.
const TID_LEAD: &[u8] = b"_dd.p.tid=";

/// One line of visible ASCII, or the rest of it.
#[derive(Clone, Copy)]
pub(super) struct PlainTags<'c> {
    rest: &'c [u8],
    /// The last eight bytes of the line. A shorter line has zeros before it.
    last: u64,
}

impl<'c> PlainTags<'c> {
    /// Returns `None` for other lines, whose pairs are checked one by one.
    #[inline(always)]
    pub(super) fn of(lines: &HeaderLines<'c>) -> Option<Self> {
        let rest = lines.first().unwrap_or_default();
        if lines.is_repeated() || rest.len() > MAX_TAGS_LEN || !wire::is_visible(rest, b'!', []) {
            return None;
        }
        let last = match rest.last_chunk() {
            Some(last) => u64::from_le_bytes(*last),
            None => rest.iter().fold(0, |last, &byte| last >> 8 | u64::from(byte) << 56),
        };
        Some(Self { rest, last })
    }

    /// Returns the upper half of the trace id, or 0. `None` if any pair is invalid.
    #[inline]
    pub(super) fn trace_id_high(mut self) -> Option<u64> {
        let mut high = 0;
        while !self.rest.is_empty() {
            if let Some((digits, rest)) = self.split_tid() {
                high = parse_tid(digits).ok()?;
                self.rest = rest;
            } else if self.rest.starts_with(TID_LEAD) {
                return None;
            } else if let Some(value) = self.rest.strip_prefix(b"_dd.p.dm=") {
                if !is_decision_maker(self.cut_off(value)) {
                    return None;
                }
            } else {
                let (key, value) = self.rest.split_at_checked(self.find_in(self.rest, key_end))?;
                let [b'=', value @ ..] = value else { return None };
                if key.is_empty() || self.cut_off(value).is_empty() {
                    return None;
                }
            }
        }
        Some(high)
    }

    /// Returns the next tag with the prefix, a name and a value. Skips the upper half of the trace id.
    #[inline(always)]
    pub(super) fn next_tag(&mut self) -> Option<DatadogTag<'c>> {
        while let Some(tag) = self.skip_to_tag() {
            let equals = self.find_in(tag, key_end);
            let Some((b'=', value)) = tag.get(equals..).and_then(<[u8]>::split_first) else {
                self.cut_off(tag);
                continue;
            };
            let len = equals + 1 + self.cut_off(value).len();
            if equals > 0 && equals + 1 < len {
                // All of it is ASCII. It becomes text in one piece, since each conversion has a cost.
                let text = wire::ascii(tag.get(..len)?);
                let (name, value) = (text.get(..equals)?, text.get(equals + 1..)?);
                return Some(DatadogTag { name, value: DatadogText::verbatim(value) });
            }
        }
        None
    }

    /// Returns whether a tag with this name follows.
    #[inline]
    pub(super) fn has(mut self, name: &[u8]) -> bool {
        while let Some(tag) = self.skip_to_tag() {
            // Names usually differ in length, which is the cheaper test.
            let has_value = matches!(tag.get(name.len()..), Some([b'=', value, ..]) if *value != b',');
            if has_value && tag.starts_with(name) {
                return true;
            }
            self.cut_off(tag);
        }
        false
    }

    /// Skips to the next tag, and returns the line from its name on.
    #[inline(always)]
    fn skip_to_tag(&mut self) -> Option<&'c [u8]> {
        while !self.rest.is_empty() {
            if let Some((_, rest)) = self.split_tid() {
                self.rest = rest;
            } else if let Some(tag) = self.rest.strip_prefix(TAG_PREFIX.as_bytes()) {
                return Some(tag);
            } else {
                self.cut_off(self.rest);
            }
        }
        None
    }

    /// Returns the 16 digits of the upper half of the trace id and the line after them, if that pair is next. This pair is
    /// half of most lines, and its length is known.
    #[inline(always)]
    fn split_tid(&self) -> Option<(&'c [u8; 16], &'c [u8])> {
        let (digits, behind) = self.rest.strip_prefix(TID_LEAD)?.split_first_chunk::<16>()?;
        let rest = match behind {
            [] => behind,
            [b',', rest @ ..] => rest,
            _ => return None,
        };
        wire::is_visible(digits, b'!', *b",").then_some((digits, rest))
    }

    /// Returns the text from `value` to the next comma, and continues after it.
    #[inline]
    fn cut_off(&mut self, value: &'c [u8]) -> &'c [u8] {
        let end = self.find_in(value, |word| places_of(word, b','));
        let (value, behind) = value.split_at_checked(end).unwrap_or_default();
        self.rest = behind.get(1..).unwrap_or_default();
        value
    }

    /// Returns the position of the first byte in `end` that `places` finds, or the length of `end`. `end` is an end of
    /// the line.
    #[inline]
    fn find_in(&self, end: &[u8], places: impl Fn(u64) -> u64) -> usize {
        let mut rest = end;
        while let Some((eight, more)) = rest.split_first_chunk() {
            let found = places(u64::from_le_bytes(*eight));
            if found != 0 {
                return end.len() - rest.len() + found.trailing_zeros() as usize / 8;
            }
            rest = more;
        }
        if rest.is_empty() {
            return end.len();
        }
        // The last bytes are at the lower end, with zeros above them.
        let found = places(self.last >> (64 - 8 * rest.len()));
        end.len() - rest.len() + (found.trailing_zeros() as usize / 8).min(rest.len())
    }
}

/// Finds the end of a key: `=`, or a comma if the pair has no value.
#[inline]
const fn key_end(word: u64) -> u64 {
    places_of(word, b'=') | places_of(word, b',')
}

/// Returns the highest bit of each byte that is the wanted one. All bytes are ASCII, so none borrows from its neighbour.
#[inline]
const fn places_of(word: u64, wanted: u8) -> u64 {
    (HIGH_BITS - (word ^ (ONES * wanted as u64))) & HIGH_BITS
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::super::tags::DatadogTags;
    use super::*;
    use std::format;
    use std::string::{String, ToString};
    use std::vec::Vec;

    fn plain(line: &str) -> Option<PlainTags<'_>> {
        PlainTags::of(&HeaderLines::one(line.as_bytes()))
    }

    #[test]
    fn ok_a_separator_is_found_in_every_place() {
        for len in 0..40 {
            for place in 0..len {
                let mut line = [b'-'; 40];
                line[place] = b',';
                let tags = PlainTags::of(&HeaderLines::one(&line[..len])).unwrap();
                for from in 0..=len {
                    let found = tags.find_in(&tags.rest[from..], key_end);
                    assert_eq!(found, if from <= place { place - from } else { len - from }, "{place} of {len}");
                }
            }
        }
    }

    #[test]
    fn err_lines_that_are_not_plain() {
        let long = "x".repeat(MAX_TAGS_LEN + 1);
        for line in [" _dd.p.a=1", "_dd.p.a=1 ", "_dd.p.a=1 2", "_dd.p.a=\t", "_dd.p.a=\x7f", "_dd.p.a=é", &*long] {
            assert!(plain(line).is_none(), "{line:?}");
        }
        assert!(plain(&long[1..]).is_some() && plain("").is_some());
    }

    /// A blank before the line makes the other reader check each pair.
    #[test]
    fn ok_same_tags_as_the_reader_of_pairs() {
        const PAIRS: [&str; 18] = [
            "",
            "=",
            "x",
            "=x",
            "team=core",
            "_dd.p.",
            "_dd.p.=1",
            "_dd.p.a",
            "_dd.p.a=",
            "_dd.p.a=1",
            "_dd.p.a=2",
            "_dd.p.usr.id=bWU==",
            "_dd.p.dm=-4",
            "_dd.p.dm=4",
            "_dd.p.tid=66c1f3a000000000",
            "_dd.p.tid=66C1f3a0000000000",
            "_dd.p.tid=0000000000000000",
            "_dd.p.tid=1",
        ];
        let tags = |tags: DatadogTags<'_>| -> Vec<(String, String)> {
            tags.iter().map(|tag| (tag.name.into(), tag.value.to_string())).collect()
        };
        for (first, second, third) in
            PAIRS.iter().flat_map(|a| PAIRS.iter().flat_map(move |b| PAIRS.iter().map(move |c| (a, b, c))))
        {
            let line = format!("{first},{second},{third}");
            let judged_line = format!(" {line}");
            assert!(plain(&judged_line).is_none());
            let judged = DatadogTags::parse(judged_line.as_bytes());
            assert_eq!(tags(DatadogTags::parse(line.as_bytes())), tags(judged), "{line}");
            if let Some(high) = plain(&line).unwrap().trace_id_high() {
                assert_eq!((judged.check().invalid, judged.trace_id_high().unwrap_or(0)), (None, high), "{line}");
            }
        }
    }

    #[test]
    fn ok_upper_half_if_every_pair_is_valid() {
        let high = |line: &'static str| plain(line).unwrap().trace_id_high();
        assert_eq!(high("_dd.p.dm=-4,_dd.p.tid=66c1f3a000000000,team=core"), Some(0x66c1_f3a0_0000_0000));
        assert_eq!(high("_dd.p.tid=66c1f3a000000000,_dd.p.tid=00000000000000ff"), Some(0xff));
        assert_eq!((high("_dd.p.usr.id=bWU=="), high("")), (Some(0), Some(0)));
        for line in
            ["x", "x=", "_dd.p.dm=4", "_dd.p.tid=1", "_dd.p.tid=0000000000000000", "_dd.p.tid=,2345678901234567"]
        {
            assert_eq!(high(line), None, "{line}");
        }
    }
}
