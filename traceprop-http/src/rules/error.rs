//! Why rules cannot be built.

use super::{MAX_RULE_KEYS, PatternError};

/// Error of rules that could not be built.
///
/// The fields count rules from 0, the message from 1. The message shows at most 64 bytes of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// The pattern is invalid.
    #[error("rule {} (`{}`): {source}", .place + 1, cut(.pattern))]
    BadPattern {
        /// The position of the rule.
        place: usize,
        /// The pattern of the rule.
        pattern: Box<str>,
        /// The reason.
        source: PatternError,
    },
    /// An earlier rule matches everything that this rule matches.
    #[error(
        "rule {} (`{}`) is never reached: rule {} (`{}`) matches first",
        .place + 1, cut(.pattern), .by + 1, cut(.by_pattern)
    )]
    NeverReached {
        /// The position of the rule.
        place: usize,
        /// The pattern of the rule.
        pattern: Box<str>,
        /// The position of the earlier rule.
        by: usize,
        /// The pattern of the earlier rule.
        by_pattern: Box<str>,
    },
    /// The rule allows baggage or correlation ids, but writes no format.
    #[error("rule {} (`{}`): baggage or correlation ids are allowed, but no format can carry them", .place + 1, cut(.pattern))]
    NoFormatToCarry {
        /// The position of the rule.
        place: usize,
        /// The pattern of the rule.
        pattern: Box<str>,
    },
    /// The rule has more than [`MAX_RULE_KEYS`] keys.
    #[error("rule {} (`{}`): more than {MAX_RULE_KEYS} keys", .place + 1, cut(.pattern))]
    TooManyKeys {
        /// The position of the rule.
        place: usize,
        /// The pattern of the rule.
        pattern: Box<str>,
    },
    /// The rule has an empty key, or a correlation header whose name is invalid.
    #[error("rule {} (`{}`): empty key or invalid header name", .place + 1, cut(.pattern))]
    BadKey {
        /// The position of the rule.
        place: usize,
        /// The pattern of the rule.
        pattern: Box<str>,
    },
}

/// The start of a configured text, so that one mistake cannot fill a log.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(64);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
