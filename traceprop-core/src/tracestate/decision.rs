//! What members of vendors say about a sampling decision. It is void once another decision replaces that of the sender.

use super::grammar::MAX_PART;
use crate::wire::StackText;

/// Members that are known to carry a vendor's decision. A `*` is the id of any account.
///
/// Elastic's sample rate, SolarWinds' flags, and the priorities of New Relic and Dynatrace. SECURITY.md names them.
const MEMBERS: &[&str] = &["es", "sw", "*@nr", "*@dt"];

/// The member that holds a decision and also facts about the trace. The format that knows it writes it anew.
pub(crate) const MIXED_MEMBER: &str = "dd";

/// The items of [`MIXED_MEMBER`] that belong to the decision: its priority, who made it, at which rate, and for which products.
const ITEMS: &[&str] = &["s", "t.dm", "t.ksr", "t.ts"];

/// Returns whether a member is known to carry a vendor's decision and nothing that has to be kept.
pub(super) fn is_of_a_vendor_decision(key: &str) -> bool {
    MEMBERS.iter().any(|member| match member.strip_prefix('*') {
        Some(end) => key.ends_with(end),
        None => key == *member,
    })
}

/// Returns whether an item of [`MIXED_MEMBER`] belongs to the decision.
///
/// Blanks in its key are ignored, because some tracers remove them.
pub(crate) fn is_of_the_decision(item: &str) -> bool {
    let key = item.split(':').next().unwrap_or_default().bytes().filter(|byte| *byte != b' ');
    ITEMS.iter().any(|item| key.clone().eq(item.bytes()))
}

/// Returns a value of [`MIXED_MEMBER`] without the items of the decision. For propagators that do not know its format.
pub(crate) fn without_decision(value: &str) -> StackText<MAX_PART> {
    let mut kept = StackText::new();
    for item in value.split(';') {
        if item.is_empty() || is_of_the_decision(item) {
            continue;
        }
        // All of the value fits, so a part of it does.
        let separator = if kept.is_empty() { Ok(()) } else { kept.push(";") };
        let _ = separator.and_then(|()| kept.push(item));
    }
    // A value must not end with a space.
    let len = kept.as_str().trim_end_matches(' ').len();
    kept.truncate(len);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::HeaderLines;
    use crate::tracestate::Fact;
    use crate::tracestate::TraceState;
    use std::string::ToString;

    fn resampled(line: &str) -> TraceState<'_> {
        let state = TraceState::parse(line.as_bytes()).unwrap();
        TraceState::known(HeaderLines::one(line.as_bytes()), state.resampled())
    }

    #[test]
    fn ok_members_of_four_vendors_carry_decisions() {
        for key in ["es", "sw", "33@nr", "1234567-7654321@dt", "a@b@nr"] {
            assert!(is_of_a_vendor_decision(key), "{key}");
        }
        for key in ["esx", "e", "sws", "nr", "33@nrx", "dt", "dd", "ot", "tp", "rojo", "es@vendor", "az"] {
            assert!(!is_of_a_vendor_decision(key), "{key}");
        }
    }

    #[test]
    fn ok_a_resampled_tracestate_lacks_them() {
        let resampled = resampled("es=s:1,rojo=1,33@nr=0-0,a@dt=fw4,rojo=2,sw=1-01,congo=2");
        assert_eq!((resampled.to_string().as_str(), resampled.len()), ("rojo=1,congo=2", 2));
        assert_eq!((resampled.get("es"), resampled.get("33@nr"), resampled.get("rojo")), (None, None, Some("1")));
        let mut members = resampled.iter();
        assert_eq!((members.next().map(|member| member.key), members.len()), (Some("rojo"), 1));
        assert_eq!(resampled.as_received(None), None);
        // Nothing is left, or nothing has to go.
        assert!(self::resampled("es=s:1").is_empty());
        let resampled = self::resampled("rojo=1,dd=s:2");
        assert_eq!((resampled.as_received(None), resampled.len()), (Some(&b"rojo=1,dd=s:2"[..]), 2));
        assert!(resampled.facts.has(Fact::DdPriority) && resampled.facts.has(Fact::Resampled));
    }

    #[test]
    fn ok_items_of_the_decision_go_and_all_others_stay() {
        for (value, kept) in [
            (
                "s:2;o:rum;p:00f067aa0ba902b7;t.dm:-4;t.usr.id:bWU~;x:y;t.ksr:0.5;t.ts:02",
                "o:rum;p:00f067aa0ba902b7;t.usr.id:bWU~;x:y",
            ),
            ("s:2", ""),
            ("s:2;;t.dmx:1;sx:1;", "t.dmx:1;sx:1"),
            ("o:a ;s:1", "o:a"),
            ("s", ""),
            (" s:2;s :2;t.dm :-4;t. ksr:1;x: s", "x: s"),
        ] {
            assert_eq!(without_decision(value).as_str(), kept, "{value}");
        }
    }
}
