//! W3C `baggage`: key-value pairs of the application that travel with a request, with or without a trace.
//!
//! ```text
//! list     = member *( OWS "," OWS member )            limits over all lines: 64 members, 8192 bytes
//! member   = key OWS "=" OWS value *( OWS ";" OWS property )
//! property = key [ OWS "=" OWS value ]
//! key      = token                                     case-sensitive, never percent-decoded
//! value    = *( 0x21 / 0x23-0x2b / 0x2d-0x3a / 0x3c-0x5b / 0x5d-0x7e )   percent-encoded UTF-8
//!
//! userId=alice,serverNode=DF%2028;secure
//! ```
//!
//! An invalid member is ignored and the others are kept: one bad service must not erase the baggage of all. Duplicate keys
//! are valid and keep their order.
//! Spec: <https://www.w3.org/TR/baggage/>

mod edit;
pub(crate) mod member;
pub(crate) mod prefixed;

#[cfg(feature = "alloc")]
pub use edit::{BaggageEntry, OwnedBaggage};
pub use member::{BaggageMember, BaggageProperties, BaggageProperty};

use crate::carrier::{HeaderLines, HeaderLinesIter};
use crate::field::{Field, InvalidHeader};
use crate::wire::{self, InvalidReason};
use member::{RawMember, is_decision};

/// Limits on the baggage that is read and written.
///
/// The default is [`BaggageLimits::W3C`].
///
/// # Examples
///
/// ```
/// use traceprop_core::{baggage::BaggageLimits, formats::baggage::W3cBaggage};
///
/// static SMALL: W3cBaggage = W3cBaggage::new().limits(BaggageLimits { members: 16, bytes: 1024 });
/// assert_eq!(BaggageLimits::default(), BaggageLimits { members: 64, bytes: 8192 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BaggageLimits {
    /// The maximum number of members.
    pub members: usize,
    /// The maximum length of all lines together in bytes, including commas.
    pub bytes: usize,
}

impl BaggageLimits {
    /// The lowest limits that the specification permits: 64 members and 8,192 bytes ([W3C Baggage, section 3.3.2]).
    ///
    /// [W3C Baggage, section 3.3.2]: https://www.w3.org/TR/baggage/#limits
    pub const W3C: Self = Self { members: 64, bytes: 8192 };
}

impl Default for BaggageLimits {
    fn default() -> Self {
        Self::W3C
    }
}

/// Received baggage, borrowed from the carrier.
///
/// Values are decoded when [`BaggageMember::value`] is called.
///
/// # Examples
///
/// ```
/// use traceprop_core::Baggage;
///
/// let baggage = Baggage::parse(b"userId=Am%C3%A9lie, no-equals-sign, tenant=acme;secure")?;
/// let keys: Vec<_> = baggage.iter().map(|member| member.key()).collect();
/// assert_eq!(keys, ["userId", "tenant"]);
/// assert_eq!(baggage.get("userId").unwrap().raw_value(), "Am%C3%A9lie");
/// # Ok::<(), traceprop_core::InvalidHeader>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Baggage<'c> {
    pub(crate) lines: HeaderLines<'c>,
    limits: BaggageLimits,
    len: usize,
    /// The first error.
    ignored: Option<InvalidHeader>,
    /// The lines are in the form in which they would be written: no errors, blanks or empty members.
    pub(crate) canonical: bool,
    /// Members that carry a sampling decision of the caller count.
    pub(crate) keeps_decisions: bool,
}

/// The placeholder for an entry that code set and that cannot be written. The placeholder is not written either.
pub(crate) const ILLEGAL_ENTRY: &str = "=";

impl<'c> Baggage<'c> {
    /// Baggage without members.
    pub const EMPTY: Self = Self {
        lines: HeaderLines::none(),
        limits: BaggageLimits::W3C,
        len: 0,
        ignored: None,
        canonical: true,
        keeps_decisions: true,
    };

    /// Parses baggage of one line, within the W3C limits.
    ///
    /// # Errors
    ///
    /// Returns `no-valid-member` if no member is valid, and `too-long` if the first member exceeds the limit.
    pub fn parse(line: &'c [u8]) -> Result<Self, InvalidHeader> {
        Self::from_lines(HeaderLines::one(line), BaggageLimits::W3C)
    }

    /// Parses lines as one list. Members beyond a limit are not read.
    ///
    /// # Errors
    ///
    /// Returns `no-valid-member` if no member is valid, `too-long` if the first member exceeds the limit, and
    /// `too-many-lines` if there are more than [`MAX_HEADER_LINES`](crate::format::MAX_HEADER_LINES) lines.
    pub fn from_lines(lines: HeaderLines<'c>, limits: BaggageLimits) -> Result<Self, InvalidHeader> {
        Self::scan(lines, limits, true, |_, _| {}).0
    }

    /// Parses lines as [`from_lines`](Self::from_lines) does. Without `keeps_decisions`, members that carry a sampling
    /// decision of the caller are skipped.
    pub(crate) fn received(
        lines: HeaderLines<'c>,
        limits: BaggageLimits,
        keeps_decisions: bool,
    ) -> Result<Self, InvalidHeader> {
        Self::scan(lines, limits, keeps_decisions, |_, _| {}).0
    }

    /// Parses lines and calls `look` with each member and whether it is in canonical form.
    ///
    /// Also returns the limit that was exceeded, if any, and the number of members beyond it. It does so even if no member
    /// before the limit is valid.
    #[inline]
    pub(crate) fn scan(
        lines: HeaderLines<'c>,
        limits: BaggageLimits,
        keeps_decisions: bool,
        mut look: impl FnMut(&RawMember<'c>, bool),
    ) -> (Result<Self, InvalidHeader>, Option<(InvalidReason, usize)>) {
        if lines.is_over_limit() {
            let reason = InvalidReason::TooManyLines;
            return (Err(InvalidHeader::new(Field::Baggage, reason, 0)), Some((reason, 1)));
        }
        let mut walk = Walk::new(lines, limits, keeps_decisions);
        let mut len = 0;
        let mut ignored = None;
        let mut limit = None;
        let mut canonical = true;
        while let Some(step) = walk.step() {
            match step {
                Step::Member { raw, member } => {
                    len += 1;
                    let is_canonical = member.is_canonical(raw);
                    canonical = canonical && is_canonical;
                    look(&member, is_canonical);
                }
                Step::Empty => canonical = false,
                Step::Bad { reason, at } => {
                    canonical = false;
                    limit = (walk.beyond > 0).then_some((reason, walk.beyond));
                    ignored = ignored.or(Some(InvalidHeader::new(Field::Baggage, reason, at)));
                }
            }
        }
        let read = match ignored {
            Some(invalid) if len == 0 && invalid.reason() == InvalidReason::TooLong => Err(invalid),
            Some(_) if len == 0 => Err(InvalidHeader::new(Field::Baggage, InvalidReason::NoValidMember, 0)),
            _ => Ok(Self { lines, limits, len, ignored, canonical, keeps_decisions }),
        };
        (read, limit)
    }

    /// Returns the members in order, including duplicates.
    #[inline]
    pub fn iter(&self) -> BaggageIter<'c> {
        BaggageIter { walk: Walk::new(self.lines, self.limits, self.keeps_decisions), left: self.len }
    }

    /// Returns the last member with this key. It is the one that counts if a key can only have one value.
    pub fn get(&self, key: &str) -> Option<BaggageMember<'c>> {
        self.iter().filter(|member| member.key() == key).last()
    }

    /// Returns the number of members.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns `true` if there are no members.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the first error: an invalid member, or an exceeded limit.
    pub const fn ignored(&self) -> Option<InvalidHeader> {
        self.ignored
    }
}

impl<'c> IntoIterator for Baggage<'c> {
    type Item = BaggageMember<'c>;
    type IntoIter = BaggageIter<'c>;

    #[inline]
    fn into_iter(self) -> BaggageIter<'c> {
        self.iter()
    }
}

/// Iterator over the members of [`Baggage`].
///
/// # Examples
///
/// ```
/// let baggage = traceprop_core::Baggage::parse(b"tenant=acme,user=7")?;
/// let mut members = baggage.iter();
/// assert_eq!(members.next().map(|member| member.key()), Some("tenant"));
/// assert_eq!(members.len(), 1);
/// # Ok::<(), traceprop_core::InvalidHeader>(())
/// ```
#[derive(Clone, Debug)]
pub struct BaggageIter<'c> {
    walk: Walk<'c>,
    /// The number of remaining members. What follows the last one is not read again.
    left: usize,
}

impl<'c> Iterator for BaggageIter<'c> {
    type Item = BaggageMember<'c>;

    #[inline]
    fn next(&mut self) -> Option<BaggageMember<'c>> {
        self.left = self.left.checked_sub(1)?;
        self.walk.member()
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for BaggageIter<'_> {}

/// A walk over the lines that never reads beyond the limits.
#[derive(Clone, Debug)]
struct Walk<'c> {
    lines: HeaderLinesIter<'c>,
    rest: Option<&'c [u8]>,
    limits: BaggageLimits,
    /// The number of bytes read so far, including commas between lines.
    at: usize,
    members: usize,
    keeps_decisions: bool,
    done: bool,
    /// The number of members beyond a limit, once it is exceeded.
    beyond: usize,
}

enum Step<'c> {
    Member { raw: &'c [u8], member: RawMember<'c> },
    Empty,
    Bad { reason: InvalidReason, at: usize },
}

impl<'c> Walk<'c> {
    #[inline]
    fn new(lines: HeaderLines<'c>, limits: BaggageLimits, keeps_decisions: bool) -> Self {
        Self { lines: lines.iter(), rest: None, limits, at: 0, members: 0, keeps_decisions, done: false, beyond: 0 }
    }

    /// Returns the next valid member.
    fn member(&mut self) -> Option<BaggageMember<'c>> {
        loop {
            match self.step()? {
                Step::Member { member, .. } => return Some(member.member()),
                Step::Empty | Step::Bad { .. } => {}
            }
        }
    }

    /// Ends the walk at a limit. `rest` begins with the first member beyond it. Only the members are counted.
    #[cold]
    fn end_at(&mut self, rest: &[u8]) {
        self.done = true;
        let count = |line: &[u8]| line.split(|&byte| byte == b',').filter(|raw| !wire::trim(raw).is_empty()).count();
        self.beyond = core::iter::once(rest).chain(self.lines.clone()).map(count).sum::<usize>().max(1);
    }

    fn step(&mut self) -> Option<Step<'c>> {
        if self.done {
            return None;
        }
        let rest = match self.rest.take() {
            Some(rest) => rest,
            None => self.lines.next()?,
        };
        if self.at > self.limits.bytes && !rest.is_empty() {
            self.end_at(rest);
            return Some(Step::Bad { reason: InvalidReason::TooLong, at: self.at });
        }
        // One byte beyond the limit shows whether the member ends within it.
        let left = self.limits.bytes.saturating_sub(self.at);
        let visible = &rest[..rest.len().min(left.saturating_add(1))];
        let at = self.at;
        let (raw, more) = match wire::split_once(visible, b',') {
            Some((raw, _)) => (raw, Some(&rest[raw.len() + 1..])),
            None => (visible, None),
        };
        self.rest = more;
        self.at += raw.len() + 1;
        let member = wire::trim(raw);
        if raw.len() > left {
            self.end_at(rest);
            return Some(Step::Bad { reason: InvalidReason::TooLong, at });
        }
        if member.is_empty() {
            return Some(Step::Empty);
        }
        match RawMember::parse(member) {
            Ok(member) if !self.keeps_decisions && is_decision(member.key) => Some(Step::Empty),
            Ok(_) if self.members == self.limits.members => {
                self.end_at(rest);
                Some(Step::Bad { reason: InvalidReason::TooManyMembers, at })
            }
            Ok(member) => {
                self.members += 1;
                Some(Step::Member { raw, member })
            }
            Err((reason, inside)) => Some(Step::Bad { reason, at: at + inside }),
        }
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::String;
    use std::vec::Vec;

    fn keys(line: &str) -> Vec<&str> {
        Baggage::parse(line.as_bytes()).map(|baggage| baggage.iter().map(|member| member.key()).collect()).unwrap()
    }

    #[test]
    fn ok_order_and_duplicates_are_kept() {
        assert_eq!(keys("a=1,b=2,a=3"), ["a", "b", "a"]);
        let baggage = Baggage::parse(b"a=1,b=2,a=3").unwrap();
        assert_eq!(baggage.get("a").unwrap().raw_value(), "3");
        assert_eq!(baggage.len(), 3);
    }

    #[test]
    fn ok_remaining_members_are_counted() {
        let baggage = Baggage::parse(b"a=1,no-equal-sign,,b=2,a=3").unwrap();
        let mut members = baggage.iter();
        for left in [3, 2, 1] {
            assert_eq!((members.len(), members.size_hint()), (left, (left, Some(left))));
            assert!(members.next().is_some());
        }
        assert_eq!((members.len(), members.next()), (0, None));
    }

    #[test]
    fn ok_invalid_members_are_ignored_and_reported() {
        let baggage = Baggage::parse(b"a=1,no-equal-sign,b=2").unwrap();
        assert_eq!(baggage.len(), 2);
        assert_eq!(baggage.ignored(), Some(InvalidHeader::new(Field::Baggage, InvalidReason::BadMember, 4)));
        assert_eq!(keys("a=x y,=x,b=\"q\",c=c\\d,d=é,e=2"), ["e"]);
    }

    #[test]
    fn ok_empty_and_blank_members_do_not_count() {
        assert_eq!(keys("a=1,, ,b=2,"), ["a", "b"]);
        assert!(Baggage::parse(b" ,\t,").unwrap().is_empty());
        assert_eq!(Baggage::parse(b" ,\t,").unwrap().ignored(), None);
    }

    #[test]
    fn err_no_valid_member() {
        let error = Baggage::parse(b"foo,=,;p").unwrap_err();
        assert_eq!(error, InvalidHeader::new(Field::Baggage, InvalidReason::NoValidMember, 0));
    }

    #[test]
    fn ok_64_members_and_the_65th_is_dropped() {
        let line = |n: usize| (0..n).map(|i| format!("k{i}=v")).collect::<Vec<_>>().join(",");
        assert_eq!(keys(&line(64)).len(), 64);
        let long = line(66);
        let baggage = Baggage::parse(long.as_bytes()).unwrap();
        assert_eq!(baggage.len(), 64);
        assert_eq!(baggage.ignored().unwrap().reason(), InvalidReason::TooManyMembers);
    }

    #[test]
    fn ok_8192_bytes_and_the_member_beyond_is_dropped_whole() {
        let exact = format!("a={}", "x".repeat(8190));
        assert_eq!(keys(&exact), ["a"]);
        let over = format!("a=1,b={}", "x".repeat(8187));
        assert_eq!(over.len(), 8193);
        let baggage = Baggage::parse(over.as_bytes()).unwrap();
        assert_eq!(baggage.len(), 1);
        assert_eq!(baggage.ignored(), Some(InvalidHeader::new(Field::Baggage, InvalidReason::TooLong, 4)));
        let first = format!("a={}", "x".repeat(8191));
        assert_eq!(
            Baggage::parse(first.as_bytes()).unwrap_err(),
            InvalidHeader::new(Field::Baggage, InvalidReason::TooLong, 0)
        );
        // A trailing comma beyond the limit is not an error.
        let ended = format!("a={},", "x".repeat(8189));
        assert_eq!(Baggage::parse(format!("{ended},").as_bytes()).unwrap().ignored(), None);
        let after = Baggage::parse(format!("{ended},b=1").as_bytes()).unwrap().ignored();
        assert_eq!(after, Some(InvalidHeader::new(Field::Baggage, InvalidReason::TooLong, 8193)));
        let one_less = format!("a=1,b={}", "x".repeat(8186));
        assert_eq!(keys(&one_less), ["a", "b"]);
    }

    #[test]
    fn ok_work_ends_at_the_byte_limit() {
        for (tail, most) in [("x=y,", 8192 / 4 + 2), (",", 8192 + 2), (" ,", 8192 / 2 + 2)] {
            let mut line = String::from("a=1,");
            line.push_str(&tail.repeat(1_000_000));
            let mut walk =
                Walk::new(HeaderLines::one(line.as_bytes()), BaggageLimits { members: usize::MAX, bytes: 8192 }, true);
            let mut steps = 0;
            while walk.step().is_some() {
                steps += 1;
            }
            assert!(steps <= most, "{steps} for {tail:?}");
        }
    }

    #[test]
    fn ok_members_with_a_decision_are_skipped_where_the_caller_does_not_decide() {
        let line = b"a=1,sentry-sampled=true,b=2,sentry%2Dtrace_id=3,xsentry-=4,sentry-=5;p";
        let baggage = |limits| Baggage::received(HeaderLines::one(line), limits, false).unwrap();
        let read = baggage(BaggageLimits::W3C);
        let keys: Vec<_> = read.iter().map(|member| member.key()).collect();
        assert_eq!((keys, read.len(), read.canonical), (["a", "b", "xsentry-"].into(), 3, false));
        assert_eq!((read.get("sentry-sampled"), read.ignored()), (None, None));
        // They do not count for the limit.
        assert_eq!(baggage(BaggageLimits { members: 3, bytes: 8192 }).ignored(), None);
        assert_eq!(baggage(BaggageLimits { members: 2, bytes: 8192 }).len(), 2);
        assert_eq!(Baggage::parse(line).unwrap().len(), 6);
    }

    #[test]
    fn ok_canonical_lines_are_known() {
        for (line, canonical) in
            [("a=1,b=2;p;q=3", true), ("a=1, b=2", false), ("a=1;p ;q", false), ("a=1,,b=2", false), ("a=1,x", false)]
        {
            assert_eq!(Baggage::parse(line.as_bytes()).unwrap().canonical, canonical, "{line}");
        }
    }
}
