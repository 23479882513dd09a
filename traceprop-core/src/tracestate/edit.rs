//! Edits of a tracestate, and the edited list that is written.
//!
//! ```text
//! set acme=7f on rojo=1,congo=2:       acme=7f,rojo=1,congo=2
//! ```
//!
//! Spec: <https://www.w3.org/TR/trace-context-2/#mutating-the-tracestate-field>

use core::fmt;

use super::grammar::{MAX_MEMBERS, is_key, is_value};
use super::list::{TraceState, put_members};
use super::scan::TraceStateMember;
use crate::wire::AsciiSink;

/// Members with more characters are the first to be omitted if a budget is exceeded (W3C tracestate limits).
const BIG_MEMBER: usize = 128;

/// A change to a tracestate: it sets or deletes a vendor's own member.
///
/// # Examples
///
/// ```
/// use traceprop_core::tracestate::TraceStateEdit;
///
/// assert!(TraceStateEdit::set("acme", "7f").is_some());
/// assert!(TraceStateEdit::set("Acme", "7f").is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceStateEdit<'a> {
    key: &'a str,
    value: Option<&'a str>,
}

impl<'a> TraceStateEdit<'a> {
    /// Sets a member, which becomes the first of the list.
    ///
    /// Returns `None` if the key or the value is invalid.
    pub fn set(key: &'a str, value: &'a str) -> Option<Self> {
        let legal = is_key(key) && is_value(value);
        legal.then_some(Self { key, value: Some(value) })
    }

    /// Deletes a member.
    pub const fn delete(key: &'a str) -> Self {
        Self { key, value: None }
    }
}

/// A tracestate with edits, within [`MAX_MEMBERS`] and a budget. Displays as the header value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EditedTraceState<'a> {
    pub(crate) state: TraceState<'a>,
    /// Applied in order, so the member that is set last comes first.
    pub(crate) edits: [&'a [TraceStateEdit<'a>]; 2],
    /// The longest value in characters, including commas. Whole members are omitted until it fits.
    pub(crate) budget: Option<usize>,
}

impl<'a> EditedTraceState<'a> {
    fn edits(&self) -> impl ExactSizeIterator<Item = TraceStateEdit<'a>> + Clone + use<'a> {
        let [first, then] = self.edits;
        (0..first.len() + then.len()).map(move |i| if i < first.len() { first[i] } else { then[i - first.len()] })
    }

    /// Returns the numbers of members that are omitted because of their count and because of the budget.
    pub(crate) fn omitted(&self) -> (u32, u32) {
        // An edit of a received key replaces its member, so this is the largest possible number.
        if self.budget.is_none() && self.edits().len() + self.state.len() <= MAX_MEMBERS {
            return (0, 0);
        }
        let all = self.members().count();
        let within_count = all.min(MAX_MEMBERS);
        let kept = self.kept().count();
        ((all - within_count) as u32, (within_count - kept) as u32)
    }

    /// Returns the members that edits set, the last edit first, then the received members without an edit.
    fn members(&self) -> impl Iterator<Item = TraceStateMember<'a>> + Clone {
        let edits = self.edits();
        let set = (0..edits.len()).rev().filter_map({
            let edits = edits.clone();
            move |i| {
                let edit = edits.clone().nth(i)?;
                let superseded = edits.clone().skip(i + 1).any(|later| later.key == edit.key);
                let value = edit.value.filter(|_| !superseded)?;
                Some(TraceStateMember { key: edit.key, value })
            }
        });
        set.chain(self.state.iter().filter(move |member| edits.clone().all(|edit| edit.key != member.key)))
    }

    fn kept(&self) -> impl Iterator<Item = TraceStateMember<'a>> + Clone {
        let mut drop = [false; MAX_MEMBERS];
        if let Some(budget) = self.budget {
            self.cut(budget, &mut drop);
        }
        let members = self.members().take(MAX_MEMBERS).enumerate();
        members.filter(move |(place, _)| !drop[*place]).map(|(_, member)| member)
    }

    /// Marks members to drop in the W3C order: first those above 128 characters, then all, both from the right.
    fn cut(&self, budget: usize, drop: &mut [bool; MAX_MEMBERS]) {
        let mut sizes = [0; MAX_MEMBERS];
        let mut len = 0;
        for member in self.members().take(MAX_MEMBERS) {
            sizes[len] = member.key.len() + 1 + member.value.len();
            len += 1;
        }
        let mut kept = len;
        let mut chars: usize = sizes[..len].iter().sum();
        for only_big in [true, false] {
            for place in (0..len).rev() {
                if chars + kept.saturating_sub(1) <= budget {
                    return;
                }
                if !drop[place] && (!only_big || sizes[place] > BIG_MEMBER) {
                    drop[place] = true;
                    chars -= sizes[place];
                    kept -= 1;
                }
            }
        }
    }

    /// Writes the header value. Empty if no member is left.
    pub(crate) fn put(&self, sink: &mut impl AsciiSink) -> fmt::Result {
        put_members(self.kept(), sink)
    }
}

impl fmt::Display for EditedTraceState<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.put(f)
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::{String, ToString};

    fn read(line: &str) -> TraceState<'_> {
        TraceState::parse(line.as_bytes()).unwrap()
    }

    fn edited(line: &str, edits: &[TraceStateEdit<'_>], budget: Option<usize>) -> String {
        EditedTraceState { state: read(line), edits: [edits, &[]], budget }.to_string()
    }

    #[test]
    fn ok_edits_come_first_and_keys_are_unique() {
        let set = |key, value| TraceStateEdit::set(key, value).unwrap();
        assert_eq!(edited("rojo=1,congo=2", &[set("mine", "3")], None), "mine=3,rojo=1,congo=2");
        assert_eq!(edited("rojo=1,congo=2", &[set("congo", "9")], None), "congo=9,rojo=1");
        assert_eq!(edited("a=1,b=2", &[set("c", "3"), set("d", "4"), set("c", "5")], None), "c=5,d=4,a=1,b=2");
        assert_eq!(edited("a=1,b=2", &[TraceStateEdit::delete("a")], None), "b=2");
        assert_eq!(edited("a=1", &[set("a", "2"), TraceStateEdit::delete("a")], None), "");
        assert_eq!(edited("a=1", &[TraceStateEdit::delete("a"), set("a", "2")], None), "a=2");
    }

    #[test]
    fn err_edit_that_breaks_the_grammar() {
        assert_eq!(TraceStateEdit::set("a b", "1"), None);
        assert_eq!(TraceStateEdit::set("a", "1,b=2"), None);
        assert_eq!(TraceStateEdit::set("a", "1 "), None);
        assert_eq!(TraceStateEdit::set("a", ""), None);
    }

    #[test]
    fn ok_33rd_member_displaces_the_last() {
        let line = (0..32).map(|i| format!("k{i}=v")).collect::<std::vec::Vec<_>>().join(",");
        let mine = [TraceStateEdit::set("mine", "1").unwrap()];
        let state = EditedTraceState { state: read(&line), edits: [&mine, &[]], budget: None };
        let text = state.to_string();
        assert!(text.starts_with("mine=1,k0=v") && text.ends_with("k30=v"));
        assert_eq!(state.omitted(), (1, 0));
    }

    #[test]
    fn ok_budget_drops_big_members_first_then_from_the_right() {
        let line = format!("a={},big={},c={},d={}", "x".repeat(100), "y".repeat(200), "z".repeat(100), "w".repeat(110));
        let expected = format!("a={},c={},d={}", "x".repeat(100), "z".repeat(100), "w".repeat(110));
        assert_eq!(edited(&line, &[], Some(512)), expected);
        assert_eq!(edited("a=1,b=2,c=3", &[], Some(8)), "a=1,b=2");
        assert_eq!(edited("a=1,b=2,c=3", &[], Some(7)), "a=1,b=2");
        assert_eq!(edited("a=1,b=2,c=3", &[], Some(6)), "a=1");
        let nothing = EditedTraceState { state: read("a=1,b=2"), edits: [&[], &[]], budget: Some(2) };
        assert_eq!(nothing.to_string(), "");
        assert_eq!(nothing.omitted(), (0, 2));
    }
}
