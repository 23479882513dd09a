//! A received tracestate and its members.

use core::fmt;

use super::decision::is_of_a_vendor_decision;
use super::scan::{Fact, Members, TraceStateFacts, TraceStateMember, check_lines};
use crate::carrier::HeaderLines;
use crate::field::InvalidHeader;
use crate::wire::AsciiSink;

/// A received tracestate, borrowed from the carrier.
///
/// # Examples
///
/// ```
/// use traceprop_core::TraceState;
///
/// let state = TraceState::parse(b"rojo=00f067aa0ba902b7, congo=t61rcWkgMzE,rojo=old")?;
/// assert_eq!(state.get("rojo"), Some("00f067aa0ba902b7"));
/// assert_eq!(state.to_string(), "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
/// # Ok::<(), traceprop_core::InvalidHeader>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TraceState<'c> {
    lines: HeaderLines<'c>,
    pub(crate) facts: TraceStateFacts,
}

impl<'c> TraceState<'c> {
    /// A tracestate without members.
    pub const EMPTY: Self = Self { lines: HeaderLines::none(), facts: TraceStateFacts::NONE };

    /// Parses a tracestate of one line.
    ///
    /// # Errors
    ///
    /// Returns `bad-member` (no `=`), `bad-key`, `bad-value` or `too-many-members`, with the offset of the byte at fault.
    pub fn parse(line: &'c [u8]) -> Result<Self, InvalidHeader> {
        Self::from_lines(HeaderLines::one(line))
    }

    /// Parses lines as one list.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`TraceState::parse`], and `too-many-lines`. Offsets count over the lines joined by commas.
    pub fn from_lines(lines: HeaderLines<'c>) -> Result<Self, InvalidHeader> {
        let facts = check_lines(&lines)?;
        Ok(Self { lines, facts })
    }

    /// Creates a tracestate of lines that were parsed before.
    #[inline]
    pub(crate) const fn known(lines: HeaderLines<'c>, facts: TraceStateFacts) -> Self {
        Self { lines, facts }
    }

    /// Returns the facts of this tracestate after another decision replaced that of the sender: members that are known to
    /// carry a decision of a vendor do not count any more.
    pub(crate) fn resampled(&self) -> TraceStateFacts {
        let kept = self.iter().filter(|member| !is_of_a_vendor_decision(member.key)).count();
        self.facts.resampled(kept)
    }

    /// Returns the members, newest first. If a key is repeated, only its first member is returned.
    #[inline]
    pub fn iter(&self) -> TraceStateIter<'c> {
        TraceStateIter {
            members: Members::new(self.lines),
            place: 0,
            left: self.facts.len(),
            repeats: self.facts.has(Fact::Duplicates).then_some(self.lines),
            is_resampled: self.facts.has(Fact::Resampled),
        }
    }

    /// Returns the value of the first member with this key.
    pub fn get(&self, key: &str) -> Option<&'c str> {
        if self.facts.has(Fact::Resampled) && is_of_a_vendor_decision(key) {
            return None;
        }
        Members::new(self.lines).find(|member| member.key == key).map(|member| member.value)
    }

    /// Returns the number of members.
    #[inline]
    pub const fn len(&self) -> usize {
        self.facts.len()
    }

    /// Returns `true` if there are no members.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the received line if it is in canonical form and not longer than `budget` characters.
    pub(crate) fn as_received(&self, budget: Option<usize>) -> Option<&'c [u8]> {
        let line = self.lines.first().filter(|_| self.facts.has(Fact::Canonical))?;
        budget.is_none_or(|budget| line.len() <= budget).then_some(line)
    }
}

impl fmt::Display for TraceState<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        put_members(self.iter(), f)
    }
}

/// Writes members with commas between them.
pub(super) fn put_members<'c>(
    members: impl Iterator<Item = TraceStateMember<'c>>,
    sink: &mut impl AsciiSink,
) -> fmt::Result {
    for (i, member) in members.enumerate() {
        if i > 0 {
            sink.put(b",")?;
        }
        sink.put(member.key.as_bytes())?;
        sink.put(b"=")?;
        sink.put(member.value.as_bytes())?;
    }
    Ok(())
}

impl<'c> IntoIterator for TraceState<'c> {
    type Item = TraceStateMember<'c>;
    type IntoIter = TraceStateIter<'c>;

    fn into_iter(self) -> TraceStateIter<'c> {
        self.iter()
    }
}

/// Iterator over the members of a [`TraceState`].
///
/// # Examples
///
/// ```
/// let state = traceprop_core::TraceState::parse(b"rojo=1,congo=2")?;
/// let mut members = state.iter();
/// assert_eq!(members.next().map(|member| (member.key, member.value)), Some(("rojo", "1")));
/// assert_eq!(members.len(), 1);
/// # Ok::<(), traceprop_core::InvalidHeader>(())
/// ```
#[derive(Clone, Debug)]
pub struct TraceStateIter<'c> {
    members: Members<'c>,
    /// The index of the next member.
    place: usize,
    /// The number of remaining members.
    left: usize,
    /// The lines, if a key is repeated in them.
    repeats: Option<HeaderLines<'c>>,
    /// Members with a decision of a vendor do not count.
    is_resampled: bool,
}

impl<'c> Iterator for TraceStateIter<'c> {
    type Item = TraceStateMember<'c>;

    #[inline]
    fn next(&mut self) -> Option<TraceStateMember<'c>> {
        loop {
            let member = self.members.next()?;
            let place = self.place;
            self.place += 1;
            // Compares the index of the first member with this key. Comparing addresses would fail for two lines that
            // are the same constant.
            let is_first = self
                .repeats
                .is_none_or(|lines| Members::new(lines).position(|known| known.key == member.key) == Some(place));
            if is_first {
                if self.is_resampled && is_of_a_vendor_decision(member.key) {
                    continue;
                }
                self.left = self.left.saturating_sub(1);
                return Some(member);
            }
        }
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }

    #[inline]
    fn count(self) -> usize {
        self.left
    }
}

impl ExactSizeIterator for TraceStateIter<'_> {}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Field;
    use crate::wire::reason::InvalidReason;
    use std::format;
    use std::string::ToString;

    #[track_caller]
    fn ok(line: &str) -> TraceState<'_> {
        TraceState::parse(line.as_bytes()).unwrap()
    }

    #[test]
    fn ok_remaining_members_are_counted() {
        let state = ok("a=1,b=2,a=3,c=4");
        assert!(!state.is_empty() && TraceState::EMPTY.is_empty());
        let mut members = state.iter();
        for left in [3, 2, 1] {
            assert_eq!((members.len(), members.size_hint()), (left, (left, Some(left))));
            assert_eq!(members.clone().count(), left);
            assert!(members.next().is_some());
        }
        assert_eq!((members.len(), members.next()), (0, None));
    }

    #[track_caller]
    fn err(line: &str) -> (InvalidReason, u32) {
        let reject = TraceState::parse(line.as_bytes()).unwrap_err();
        assert_eq!(reject.field(), Field::TraceState);
        (reject.reason(), reject.offset())
    }

    #[test]
    fn ok_blanks_and_empty_members_are_skipped() {
        assert_eq!(ok("\tfoo=1 \t , \t bar=2,, ,baz=3 ,").to_string(), "foo=1,bar=2,baz=3");
        assert!(ok("").is_empty() && ok(" , ,\t").is_empty());
    }

    #[test]
    fn ok_leading_spaces_belong_to_the_value() {
        assert_eq!(ok("foo=  1 ,bar=2").get("foo"), Some("  1"));
    }

    #[test]
    fn ok_first_of_duplicates_counts() {
        let state = ok("foo=1,bar=2,foo=3,foo=1");
        assert_eq!((state.to_string(), state.len()), ("foo=1,bar=2".into(), 2));
        assert_eq!(state.get("foo"), Some("1"));
    }

    #[test]
    fn ok_similar_keys_are_told_apart() {
        // All have the same bit, and the last two have the same digest.
        let keys = ["m00", "m01", "m10", "m11", "abcdefghijklmnop", "ijklmnopabcdefgh"];
        let line = keys.map(|key| format!("{key}=1")).join(",");
        assert_eq!(ok(&line).as_received(None), Some(line.as_bytes()));
        for key in keys {
            let state = format!("{line},{key}=2");
            assert_eq!((ok(&state).len(), ok(&state).get(key)), (keys.len(), Some("1")), "{key}");
        }
    }

    #[test]
    fn ok_level_2_keys() {
        for key in ["1foo", "foo@", "a@@b", "x@y@z", "a_-*/@9"] {
            assert_eq!(ok(&format!("{key}=1")).get(key), Some("1"));
        }
    }

    #[test]
    fn err_keys_and_values_that_break_the_grammar() {
        assert_eq!(err("a=1,@foo=1"), (InvalidReason::BadKey, 4));
        assert_eq!(err("FOO=1"), (InvalidReason::BadKey, 0));
        assert_eq!(err("foo.bar=1"), (InvalidReason::BadKey, 3));
        assert_eq!(err("foo =1"), (InvalidReason::BadKey, 3));
        assert_eq!(err("=1"), (InvalidReason::BadKey, 0));
        assert_eq!(err("foo"), (InvalidReason::BadMember, 0));
        assert_eq!(err("foo="), (InvalidReason::BadValue, 4));
        assert_eq!(err("foo=a=b"), (InvalidReason::BadValue, 5));
        assert_eq!(err("foo=a\tb"), (InvalidReason::BadValue, 5));
        assert_eq!(err("foo=é"), (InvalidReason::BadValue, 4));
    }

    #[test]
    fn ok_lengths_up_to_256_and_err_beyond() {
        let long = "z".repeat(256);
        assert_eq!(ok(&format!("{long}={long}")).get(&long), Some(long.as_str()));
        assert_eq!(err(&format!("{long}z=1")), (InvalidReason::BadKey, 0));
        assert_eq!(err(&format!("a={long}z")), (InvalidReason::BadValue, 2));
    }

    #[test]
    fn ok_32_members_and_err_33() {
        let line = (0..32).map(|i| format!("k{i}=v")).collect::<std::vec::Vec<_>>().join(",,");
        assert_eq!(ok(&line).len(), 32);
        let (reason, _) = err(&format!("{line},last=v"));
        assert_eq!(reason, InvalidReason::TooManyMembers);
    }

    #[test]
    fn ok_canonical_line_is_forwarded_verbatim() {
        let as_received = |line: &'static str| ok(line).as_received(None);
        assert_eq!(as_received("a= 1,b=2 x"), Some(&b"a= 1,b=2 x"[..]));
        for odd in ["a=1, b=2", "a=1 ,b=2", "a=1,,b=2", ",a=1", "a=1,", " a=1", "a=1\t", "a=1,a=2", ""] {
            assert_eq!(as_received(odd), None, "{odd:?}");
        }
    }
}
