//! Which members of received baggage stay, whatever the format.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use crate::context::inject_options::Allow;
use crate::field::Field;
use crate::wire::trim;

/// Which received baggage stays.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextFilter<'a> {
    /// The keys that are accepted. Members that no reader accepts stay only if all keys are.
    pub(crate) allow: Allow<'a>,
    /// Whether members stay that carry a sampling decision of the caller.
    pub(crate) keeps_decisions: bool,
}

impl<'a> TextFilter<'a> {
    /// Removes only the members that carry a sampling decision of the caller.
    pub(crate) const WITHOUT_DECISIONS: Self = Self { allow: Allow::All, keeps_decisions: false };

    /// Creates a filter by key alone.
    pub(crate) const fn by_key(allow: Allow<'a>) -> Self {
        Self { allow, keeps_decisions: true }
    }
}

/// A received line that may hold baggage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextLine<'n, 'l> {
    pub(crate) field: Field,
    /// The name of a custom header or of a header with a prefix.
    pub(crate) name: &'n str,
    pub(crate) value: &'l [u8],
}

/// What remains of a line of baggage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FilteredLine<'l> {
    /// The members that stay, each as received. Empty if none does.
    pub(crate) rest: Cow<'l, [u8]>,
    /// The number of members that were removed.
    pub(crate) removed: usize,
}

impl<'l> FilteredLine<'l> {
    /// Keeps or removes a line that is one member.
    pub(crate) const fn whole(line: &'l [u8], stays: bool) -> Self {
        match stays {
            true => Self { rest: Cow::Borrowed(line), removed: 0 },
            false => Self { rest: Cow::Borrowed(&[]), removed: 1 },
        }
    }

    /// Keeps the members of a list with commas for which `stays` returns `true`, each as received. `stays` sees them
    /// without blanks around them.
    pub(crate) fn of_list(line: &'l [u8], stays: impl FnMut(&[u8]) -> bool) -> Self {
        Self::of_separated(line, b',', stays)
    }

    /// Keeps the members of a list with another separator, as [`of_list`](Self::of_list) does.
    pub(crate) fn of_separated(line: &'l [u8], separator: u8, mut stays: impl FnMut(&[u8]) -> bool) -> Self {
        let members = || line.split(|&byte| byte == separator).map(trim).filter(|member| !member.is_empty());
        let Some(first_removed) = members().position(|member| !stays(member)) else {
            return Self { rest: Cow::Borrowed(line), removed: 0 };
        };
        let mut rest: Vec<u8> = Vec::new();
        let mut removed = 0;
        for (place, member) in members().enumerate() {
            if place != first_removed && (place < first_removed || stays(member)) {
                if !rest.is_empty() {
                    rest.push(separator);
                }
                rest.extend_from_slice(member);
            } else {
                removed += 1;
            }
        }
        Self { rest: rest.into(), removed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without_x(line: &[u8]) -> (Vec<u8>, usize) {
        let filtered = FilteredLine::of_list(line, |member| !member.starts_with(b"x"));
        (filtered.rest.into_owned(), filtered.removed)
    }

    #[test]
    fn ok_members_that_stay_are_as_received() {
        assert_eq!(without_x(b" a = 1 ;p , x=1,b=%2F\t,,x"), (b"a = 1 ;p,b=%2F".to_vec(), 2));
        assert_eq!(without_x(b"x,x"), (b"".to_vec(), 2));
        assert_eq!(without_x(b"x,a"), (b"a".to_vec(), 1));
    }

    #[test]
    fn ok_a_line_that_loses_nothing_is_not_copied() {
        let line = b" a=1 ,, b=2 ,";
        let filtered = FilteredLine::of_list(line, |_| true);
        assert_eq!(filtered, FilteredLine { rest: Cow::Borrowed(line), removed: 0 });
        assert!(matches!(filtered.rest, Cow::Borrowed(_)));
    }

    #[test]
    fn ok_a_line_of_one_member() {
        assert_eq!(FilteredLine::whole(b"a", true), FilteredLine { rest: b"a"[..].into(), removed: 0 });
        assert_eq!(FilteredLine::whole(b"a", false), FilteredLine { rest: b""[..].into(), removed: 1 });
    }
}
