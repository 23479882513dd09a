//! A `dd` member that would be written just as it came, recognized in one look at each byte.
//!
//! Putting a member together item by item, and comparing, took ten times as long as all else that an injection does; on
//! nearly every call the outcome is that nothing changes.

use super::member::DatadogTraceState;
use super::pairs;
use super::tags::{DECISION_MAKER, TID, UPSTREAM_SERVICES};

/// Bytes of a member that is settled. A longer one may not fit when it is written anew.
const MAX_LEN: usize = 200;

/// What of a settled member a decision or a span may still change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) priority: Option<i32>,
    pub(super) has_last_span: bool,
}

impl DatadogTraceState<'_> {
    /// Whether each item is known or carried on, stands once, and is spelt as we spell it. `None` where that is not
    /// plain to see, which costs time and nothing else.
    pub(super) fn settled(&self) -> Option<Settled> {
        if self.text().len() > MAX_LEN {
            return None;
        }
        let mut settled = Settled { priority: None, has_last_span: false };
        let mut seen = 0_u64;
        let mut rest = self.text().as_bytes();
        loop {
            // Keys and items are short: looking at byte after byte finds their ends soonest.
            let colon = rest.iter().position(|&byte| byte == b':' || byte == b';').filter(|at| rest[*at] == b':')?;
            let (key, behind) = (&rest[..colon], &rest[colon + 1..]);
            let end = behind.iter().position(|&byte| byte == b';').unwrap_or(behind.len());
            let value = &behind[..end];
            let (first, last) = (key.first()?, key.last()?);
            // Keys that share a bit may be the same, of which only the last counts.
            let bit = 1 << ((usize::from(*first) * 3 + usize::from(*last) * 7 + key.len()) & 63);
            if value.is_empty() || seen & bit != 0 {
                return None;
            }
            seen |= bit;
            match key {
                b"s" => settled.priority = Some(canonical_priority(value)?),
                b"p" => settled.has_last_span = true,
                [b't', b'.', name @ ..] if !is_settled_tag(name, value) => return None,
                _ => {}
            }
            match behind.get(end + 1..) {
                Some(more) => rest = more,
                None => return Some(settled),
            }
        }
    }
}

/// A number that is written as it is read. All priorities that there are have one digit.
fn canonical_priority(text: &[u8]) -> Option<i32> {
    match text {
        [digit @ b'0'..=b'9'] => Some(i32::from(digit - b'0')),
        [b'-', digit @ b'1'..=b'9'] => Some(-i32::from(digit - b'0')),
        _ => None,
    }
}

/// A tag that is passed on, and whose value no decision replaces.
fn is_settled_tag(name: &[u8], value: &[u8]) -> bool {
    let is_decision_maker = || matches!(value, [b'-', b'0'..=b'9'] | [b'-', b'0'..=b'9', b'0'..=b'9']);
    let is_passed_on = name != TID.as_bytes() && name != UPSTREAM_SERVICES.as_bytes();
    let is_legal = !name.is_empty() && name.iter().all(|&byte| pairs::is_key_byte(byte));
    is_legal && is_passed_on && (name != DECISION_MAKER.as_bytes() || is_decision_maker())
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;

    fn settled(value: &str) -> Option<(Option<i32>, bool)> {
        DatadogTraceState::parse(value).settled().map(|settled| (settled.priority, settled.has_last_span))
    }

    #[test]
    fn ok_what_tracers_write_is_settled() {
        assert_eq!(settled("s:2;o:synthetics;p:4000000000000001;t.dm:-4"), Some((Some(2), true)));
        assert_eq!(settled("s:-1;o:rum;t.usr.id:bWU~~;z:9"), Some((Some(-1), false)));
        assert_eq!(settled("t.dm:-10"), Some((None, false)));
        assert_eq!(settled("s:-2"), Some((Some(-2), false)));
    }

    #[test]
    fn err_what_would_be_written_otherwise() {
        for value in [
            "",
            ";",
            "s:1;",
            "junk;s:1",
            "s:",
            ":1",
            "s:01",
            "s:+1",
            "s:-0",
            "s:x",
            "s:10",
            "s:1;o:a;s:2",
            "t.a:1;t.a:1",
            "t.tid:00000000000000ff",
            "t.upstream_services:a",
            "t.dm:4",
            "t.dm:-x",
            "t.dm:-256",
            "t.:1",
            "t.a b:1",
        ] {
            assert_eq!(settled(value), None, "{value}");
        }
        let long = |len: usize| std::format!("o:{}", "x".repeat(len - 2));
        assert!(settled(&long(MAX_LEN)).is_some() && settled(&long(MAX_LEN + 1)).is_none());
    }
}
