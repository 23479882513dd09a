//! The sampling decision of a trace.

use crate::wire::words;

words! {
    /// The sampling decision that travels with a trace.
    ///
    /// W3C has only `NotSampled` and `Sampled`. B3 has all four.
    ///
    /// ```
    /// use traceprop_core::Sampling;
    ///
    /// assert!(Sampling::Debug.is_sampled());
    /// assert_eq!(Sampling::Deferred.decision(), None);
    /// ```
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Sampling {
        /// No decision yet. The receiver decides.
        Deferred = "deferred",
        /// The trace is not recorded. It is still propagated.
        NotSampled = "not-sampled",
        /// The trace is recorded.
        Sampled = "sampled",
        /// The trace is recorded, whatever samplers downstream decide (B3 `d`, Jaeger's debug bit).
        Debug = "debug",
    }

    /// Returns the word for reports, logs and metrics: `deferred`, `not-sampled`, `sampled`, `debug`.
    pub fn as_str;
}

impl Sampling {
    /// Returns the decision that a flag means.
    pub(crate) const fn from_flag(is_sampled: bool) -> Self {
        if is_sampled { Self::Sampled } else { Self::NotSampled }
    }

    /// Returns the decision that `0` or `1` means.
    pub(crate) const fn from_digit(text: &[u8]) -> Option<Self> {
        match text {
            b"0" => Some(Self::NotSampled),
            b"1" => Some(Self::Sampled),
            _ => None,
        }
    }

    /// Returns the decision that `0` or `1` means, or `false` or `true` in any letter case.
    pub(crate) fn from_word(text: &[u8]) -> Option<Self> {
        match Self::from_digit(text) {
            None if text.eq_ignore_ascii_case(b"false") => Some(Self::NotSampled),
            None if text.eq_ignore_ascii_case(b"true") => Some(Self::Sampled),
            decision => decision,
        }
    }

    /// Returns `true` for `Sampled` and `Debug`.
    pub const fn is_sampled(self) -> bool {
        matches!(self, Self::Sampled | Self::Debug)
    }

    /// Returns the decision as a `bool`, or `None` if it is open.
    pub const fn decision(self) -> Option<bool> {
        match self {
            Self::Deferred => None,
            Self::NotSampled => Some(false),
            Self::Sampled | Self::Debug => Some(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_each_state_says_what_it_is() {
        let states = [Sampling::Deferred, Sampling::NotSampled, Sampling::Sampled, Sampling::Debug];
        assert_eq!(states.map(Sampling::decision), [None, Some(false), Some(true), Some(true)]);
        assert_eq!(states.map(Sampling::is_sampled), [false, false, true, true]);
        assert_eq!(states.map(Sampling::as_str), ["deferred", "not-sampled", "sampled", "debug"]);
    }
}
