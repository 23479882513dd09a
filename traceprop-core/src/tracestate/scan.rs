//! Scanning the bytes of a tracestate: once to check them, and later to find members.
//!
//! ```text
//! list = member *( OWS "," OWS member )
//!
//! rojo=00f067aa0ba902b7,congo=t61rcWkgMzE
//! ```
//!
//! Spec: <https://www.w3.org/TR/trace-context-2/#tracestate-header>

use crate::carrier::{HeaderLines, HeaderLinesIter};
use crate::field::{Field, InvalidHeader};
use crate::wire::hex::{self, Letters};
use crate::wire::{self, InvalidReason, ReasonAt};

use super::grammar::{KEY, KEY_START, MAX_MEMBERS, MAX_PART, is, skip, value_end};

/// The result of checking a tracestate, so that nothing is checked twice.
///
/// One word of two bytes, because it is copied as one and every span holds it. Separate bytes would be written one by one and read together, which stalls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceStateFacts(u16);

impl TraceStateFacts {
    /// The facts of a tracestate without members.
    pub(crate) const NONE: Self = Self(0);

    /// The higher bits are the number of members.
    const LEN_SHIFT: u16 = 8;

    fn set(&mut self, fact: Fact, is_set: bool) {
        self.0 |= if is_set { fact as u16 } else { 0 };
    }

    #[inline]
    pub(crate) const fn has(self, fact: Fact) -> bool {
        self.0 & fact as u16 != 0
    }

    /// Returns the number of members with different keys.
    pub(super) const fn len(self) -> usize {
        (self.0 >> Self::LEN_SHIFT) as usize
    }

    /// Marks the decision of the sender as replaced. `len` members count now.
    pub(super) const fn resampled(self, len: usize) -> Self {
        let is_changed = self.len() != len;
        let flags = self.0 & ((1 << Self::LEN_SHIFT) - 1) & !(if is_changed { Fact::Canonical as u16 } else { 0 });
        Self(flags | Fact::Resampled as u16 | (len as u16) << Self::LEN_SHIFT)
    }
}

/// A fact about a tracestate, as a bit of [`TraceStateFacts`].
#[derive(Clone, Copy)]
#[repr(u16)]
pub(crate) enum Fact {
    /// A key is repeated.
    Duplicates = 1,
    /// There is one line, in canonical form.
    Canonical = 2,
    /// There is a `tp` member of this family, even a stale one of another trace. That of another vendor is left alone.
    Tp = 4,
    /// There is a `dd` member.
    Dd = 8,
    /// The `dd` member has a sampling priority.
    DdPriority = 16,
    /// Another decision replaced that of the sender, so members with a decision of a vendor do not count.
    Resampled = 32,
}

/// Checks lines as one list.
#[inline]
pub(crate) fn check_lines(lines: &HeaderLines<'_>) -> Result<TraceStateFacts, InvalidHeader> {
    match lines.first().filter(|_| !lines.is_repeated()) {
        Some(line) => check_line(line),
        None => check_several(lines),
    }
}

/// Checks a list of one line.
pub(crate) fn check_line(line: &[u8]) -> Result<TraceStateFacts, InvalidHeader> {
    let mut check = Check::NEW;
    match check.line(line) {
        Ok(()) => Ok(check.facts(|| HeaderLines::one(line))),
        Err(error) => Err(error.of(Field::TraceState)),
    }
}

#[cold]
fn check_several(lines: &HeaderLines<'_>) -> Result<TraceStateFacts, InvalidHeader> {
    if lines.is_over_limit() {
        return Err(InvalidHeader::new(Field::TraceState, InvalidReason::TooManyLines, 0));
    }
    let mut check = Check { is_tight: false, ..Check::NEW };
    let mut offset = 0;
    for line in lines.iter() {
        check.line(line).map_err(|error| error.shifted_by(offset).of(Field::TraceState))?;
        offset += line.len() + 1;
    }
    Ok(check.facts(|| *lines))
}

/// The state of a check.
struct Check {
    facts: TraceStateFacts,
    len: usize,
    /// A bit for each key. Different keys can have the same bit.
    keys: u64,
    /// Two members have the same bit, so their keys may be equal.
    maybe_twice: bool,
    /// There are no blanks and no empty members so far.
    is_tight: bool,
}

impl Check {
    const NEW: Self = Self { facts: TraceStateFacts::NONE, len: 0, keys: 0, maybe_twice: false, is_tight: true };

    /// Checks one line, and reads each byte once.
    #[inline]
    fn line(&mut self, line: &[u8]) -> Result<(), ReasonAt> {
        let mut at = 0;
        loop {
            let start = at;
            at = skip(line, start, |byte| is(byte, KEY));
            let key = &line[start..at];
            let (&[first, ..], Some(b'='), ..=MAX_PART) = (key, line.get(at), key.len()) else {
                at = self.gap(line, start, at)?;
                if at == line.len() {
                    return Ok(());
                }
                continue;
            };
            if !is(first, KEY_START) {
                return Err(bad_key(line, start, at));
            }
            let value_start = at + 1;
            let run_end = value_end(line, value_start);
            let mut value = &line[value_start..run_end];
            at = run_end;
            if !matches!(line.get(at), None | Some(b',')) || value.ends_with(b" ") {
                (value, at) = self.blanks(line, value, run_end)?;
            }
            if value.is_empty() || value.len() > MAX_PART {
                return Err(InvalidReason::BadValue.at(value_start));
            }
            if self.len == MAX_MEMBERS {
                return Err(InvalidReason::TooManyMembers.at(start));
            }
            self.len += 1;
            // Most keys have a bit of their own and need no comparison.
            let last = usize::from(key[key.len() - 1]);
            let bit = 1 << ((key.len() + usize::from(first) * 3 + last * 7) & 63);
            self.maybe_twice |= self.keys & bit != 0;
            self.keys |= bit;
            match key {
                b"tp" => self.facts.set(Fact::Tp, is_ours(value)),
                b"dd" => {
                    self.facts.set(Fact::Dd, true);
                    self.facts.set(Fact::DdPriority, has_priority(value));
                }
                _ => {}
            }
            if at == line.len() {
                return Ok(());
            }
            at += 1;
        }
    }

    /// Returns a value without its trailing blanks, and the offset after them. Leading spaces are part of a value.
    #[cold]
    fn blanks<'l>(&mut self, line: &'l [u8], value: &'l [u8], end: usize) -> Result<(&'l [u8], usize), ReasonAt> {
        self.is_tight = false;
        let at = skip(line, end, |byte| matches!(byte, b' ' | b'\t'));
        match line.get(at) {
            None | Some(b',') => Ok((value.trim_ascii_end(), at)),
            // A value cannot contain a tab or the other byte.
            Some(_) => Err(InvalidReason::BadValue.at(end)),
        }
    }

    /// Skips blanks and empty members at `start`, where a member should begin. Returns the offset after them.
    #[cold]
    fn gap(&mut self, line: &[u8], start: usize, legal: usize) -> Result<usize, ReasonAt> {
        self.is_tight = false;
        let at = skip(line, start, |byte| matches!(byte, b',' | b' ' | b'\t'));
        if at == start && at < line.len() { Err(bad_key(line, start, legal)) } else { Ok(at) }
    }

    #[inline]
    fn facts<'l>(&self, lines: impl FnOnce() -> HeaderLines<'l>) -> TraceStateFacts {
        let keys = if self.maybe_twice { count_keys(lines()) } else { self.len };
        let mut facts = self.facts;
        facts.set(Fact::Duplicates, keys < self.len);
        facts.set(Fact::Canonical, self.is_tight && self.len > 0 && keys == self.len);
        facts.0 |= (keys as u16) << TraceStateFacts::LEN_SHIFT;
        facts
    }
}

/// Counts the different keys of the members.
#[cold]
fn count_keys(lines: HeaderLines<'_>) -> usize {
    // A digest of eight bytes tells most keys apart. It is exact for short ones, as no key contains a zero byte.
    let mut known = [(0_u64, ""); MAX_MEMBERS];
    let mut len = 0;
    for TraceStateMember { key, .. } in Members::new(lines).take(MAX_MEMBERS) {
        let digest = key.bytes().fold(0_u64, |digest, byte| digest.rotate_left(8) ^ u64::from(byte));
        if !known[..len].iter().any(|(other, text)| *other == digest && *text == key) {
            known[len] = (digest, key);
            len += 1;
        }
    }
    len
}

/// Returns true if a `tp` value has the form that this family writes.
fn is_ours(value: &[u8]) -> bool {
    let low = value.strip_prefix(b"1;").and_then(|rest| rest.split_at_checked(8));
    low.is_some_and(|(low, items)| {
        low.iter().all(|&b| hex::digit(b, Letters::Lower).is_some()) && items.starts_with(b";")
    })
}

/// Returns true if a `dd` value has an item `s:` with a number.
fn has_priority(value: &[u8]) -> bool {
    value.split(|&byte| byte == b';').any(|item| {
        let number = item.strip_prefix(b"s:").unwrap_or_default();
        let digits = number.strip_prefix(b"-").unwrap_or(number);
        !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
    })
}

/// One member of a tracestate.
///
/// # Examples
///
/// ```
/// use traceprop_core::{TraceState, tracestate::TraceStateMember};
///
/// let state = TraceState::parse(b"rojo=00f067aa0ba902b7")?;
/// assert_eq!(state.iter().next(), Some(TraceStateMember { key: "rojo", value: "00f067aa0ba902b7" }));
/// # Ok::<(), traceprop_core::InvalidHeader>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceStateMember<'c> {
    /// The vendor's key.
    pub key: &'c str,
    /// The vendor's value, including leading spaces.
    pub value: &'c str,
}

/// Iterator over all members of valid lines. It only looks for separators.
#[derive(Clone, Debug)]
pub(super) struct Members<'c> {
    lines: HeaderLinesIter<'c>,
    rest: &'c str,
}

impl<'c> Members<'c> {
    #[inline]
    pub(super) fn new(lines: HeaderLines<'c>) -> Self {
        Self { lines: lines.iter(), rest: "" }
    }
}

impl<'c> Iterator for Members<'c> {
    type Item = TraceStateMember<'c>;

    #[inline]
    fn next(&mut self) -> Option<TraceStateMember<'c>> {
        loop {
            while !self.rest.is_empty() {
                let (member, rest) = split_once(self.rest, b',').unwrap_or((self.rest, ""));
                self.rest = rest;
                // A member can be empty or blank.
                if let Some((key, value)) = split_once(member, b'=') {
                    return Some(TraceStateMember { key: key.trim_ascii_start(), value: value.trim_ascii_end() });
                }
            }
            // Valid lines are ASCII. Converting one at once is cheaper than each of its members.
            self.rest = wire::ascii(self.lines.next()?);
        }
    }
}

/// Splits at the first `separator`, which is ASCII.
#[inline]
fn split_once(text: &str, separator: u8) -> Option<(&str, &str)> {
    let at = wire::find(text.as_bytes(), separator)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// Returns the error of the member at `start`, whose key is valid up to `legal`.
#[cold]
fn bad_key(line: &[u8], start: usize, legal: usize) -> ReasonAt {
    let member = line[start..].split(|&byte| byte == b',').next().unwrap_or_default();
    match member.iter().position(|&byte| byte == b'=') {
        None => InvalidReason::BadMember.at(start),
        // All bytes of the key are valid, so its length or its first byte is at fault.
        Some(end) if start + end == legal => InvalidReason::BadKey.at(start),
        Some(_) => InvalidReason::BadKey.at(legal),
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::headers::Headers;
    use crate::field::{FieldNames, FieldSet};
    use std::format;
    use std::vec::Vec;

    fn checked(lines: &[&str]) -> Result<TraceStateFacts, InvalidHeader> {
        let mut names = FieldNames::new();
        names.watch(FieldSet::of(&[Field::TraceState]));
        let headers: Vec<_> = lines.iter().map(|line| ("tracestate", *line)).collect();
        check_lines(&Headers::collect(&headers, &names).get_all(Field::TraceState))
    }

    /// Duplicates, canonical, `tp`, `dd`, `dd` with a priority.
    fn facts(lines: &[&str]) -> [bool; 5] {
        let facts = checked(lines).unwrap();
        [
            facts.has(Fact::Duplicates),
            facts.has(Fact::Canonical),
            facts.has(Fact::Tp),
            facts.has(Fact::Dd),
            facts.has(Fact::DdPriority),
        ]
    }

    #[test]
    fn ok_each_fact_by_itself() {
        assert_eq!((facts(&[""]), facts(&[" "])), ([false; 5], [false; 5]));
        assert_eq!(facts(&["a=1,b=2"]), [false, true, false, false, false]);
        assert_eq!(facts(&["a=1", "b=2"]), [false; 5]);
        assert_eq!(facts(&["a=1,b=2,a=3"]), [true, false, false, false, false]);
        assert_eq!(facts(&["a=1, tp=1;0123abcd;"]), [false, false, true, false, false]);
        assert_eq!(facts(&["tp=1;0123abcd,b=1"]), [false, true, false, false, false]);
        assert_eq!(facts(&["dd=o:rum"]), [false, true, false, true, false]);
        assert_eq!(facts(&["dd=s:1"]), [false, true, false, true, true]);
    }

    #[test]
    fn ok_every_two_keys_of_one_or_two_letters_are_told_apart() {
        let keys: Vec<_> = ('a'..='z').flat_map(|a| [format!("{a}"), format!("{a}a"), format!("a{a}1")]).collect();
        for key in &keys {
            let list = |count: usize| keys.iter().filter(|other| *other != key).take(count);
            let line: Vec<_> = list(30).chain([key]).map(|key| format!("{key}=1")).collect();
            assert!(!checked(&[&line.join(",")]).unwrap().has(Fact::Duplicates), "{key}");
            let line = [line, [format!("{key}=2")].into()].concat();
            assert!(checked(&[&line.join(",")]).unwrap().has(Fact::Duplicates), "{key}");
        }
    }

    #[test]
    fn ok_a_priority_is_a_number_in_any_position() {
        for (value, has) in [
            ("s:2", true),
            ("s:-1;o:rum", true),
            ("o:rum;p:1;s:0", true),
            ("s:x;s:1", true),
            ("s:", false),
            ("s:-", false),
            ("s:;o:1", false),
            ("s:1x", false),
            ("s:1 ;o:a", false),
            ("ss:1", false),
            ("o:s:1", false),
        ] {
            assert_eq!(facts(&[&format!("dd={value}")])[4], has, "{value}");
        }
    }

    #[test]
    fn err_offset_is_counted_over_all_lines() {
        let bad = |at| Err(InvalidHeader::new(Field::TraceState, InvalidReason::BadKey, at));
        assert_eq!(checked(&["a=1", "b=2,=3"]), bad(8));
        assert_eq!(checked(&["a=1", "", "=3"]), bad(5));
    }
}
