//! One tag, and the maker of the sampling decision.

use super::text::DatadogText;
use crate::wire::decimal;

/// The longest `x-datadog-tags` that is read or written, in bytes of all lines. Every tracer drops longer ones.
pub const MAX_TAGS_LEN: usize = 512;

/// The prefix of every tag that leaves a process.
pub const TAG_PREFIX: &str = "_dd.p.";

/// One tag of [`DatadogTags`](super::DatadogTags).
///
/// ```
/// use traceprop_core::formats::datadog::DatadogTags;
///
/// let tag = DatadogTags::parse(b"_dd.p.dm=-4").iter().next().expect("one tag");
/// assert_eq!((tag.name, tag.value.as_str()), ("dm", Some("-4")));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatadogTag<'c> {
    /// The name after [`TAG_PREFIX`]: `dm` in `_dd.p.dm`.
    pub name: &'c str,
    /// The value.
    pub value: DatadogText<'c>,
}

/// What happens to the tag `dm`, which names the maker of a decision that may have been replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DecisionMaker {
    /// The received decision is in force.
    AsReceived,
    /// Another decision to keep the trace, without a maker in particular.
    Reset,
    /// As [`DecisionMaker::Reset`], if `dm` was received.
    ResetIfNamed,
    /// There is no decision to keep the trace.
    Removed,
}

/// Returns whether a value is a minus and a number of one byte. Releases of the tracers add numbers.
///
/// A hash of the service that decided may come first: ten hex digits in lower case (dd-trace-java).
pub(super) fn is_decision_maker(value: &[u8]) -> bool {
    const HASH: usize = 10;
    match value {
        [b'-', b'0'..=b'9'] | [b'-', b'0'..=b'9', b'0'..=b'9'] => true,
        [b'-', digits @ ..] => decimal::unsigned(digits).is_ok_and(|number| number <= u8::MAX.into()),
        _ => match value.split_at_checked(HASH) {
            Some((hash, maker @ [b'-', ..])) => {
                hash.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) && is_decision_maker(maker)
            }
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_a_decision_maker_with_and_without_a_hash() {
        for value in ["-0", "-4", "-13", "-255", "934086a686-4", "0000000000-255"] {
            assert!(is_decision_maker(value.as_bytes()), "{value}");
        }
        for value in ["", "-", "4", "-256", "--4", "-4 ", "934086a68-4", "934086a6866-4", "934086A686-4", "934086a686-"]
        {
            assert!(!is_decision_maker(value.as_bytes()), "{value}");
        }
    }
}
