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
pub(super) fn is_decision_maker(value: &[u8]) -> bool {
    match value {
        [b'-', b'0'..=b'9'] | [b'-', b'0'..=b'9', b'0'..=b'9'] => true,
        [b'-', digits @ ..] => decimal::unsigned(digits).is_ok_and(|number| number <= u8::MAX.into()),
        _ => false,
    }
}
