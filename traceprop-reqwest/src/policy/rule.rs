//! What a destination gets.

use std::sync::Arc;

use http::HeaderName;
use traceprop_core::{Allow, Propagator};

/// Names that one rule can list, of baggage and of correlation headers each: as many as a baggage has members.
pub const MAX_RULE_KEYS: usize = 64;

/// What a destination gets. [`Rule::trace_context`] is what every destination gets that no rule is about.
#[derive(Clone, Debug)]
pub struct Rule {
    pub(super) formats: Formats,
    pub(super) baggage: Keys,
    pub(super) correlation: Keys,
}

#[derive(Clone, Debug)]
pub(super) enum Formats {
    None,
    /// Those of the list of rules.
    Shared,
    Own(Arc<Propagator>),
}

/// Which keys may go along. They are owned, since rules are often read from a configuration.
#[derive(Clone, Debug)]
pub(super) enum Keys {
    None,
    All,
    Only(Box<[Box<str>]>),
}

impl Rule {
    /// Nothing at all: a host that need not even know that we trace.
    pub const fn nothing() -> Self {
        Self { formats: Formats::None, baggage: Keys::None, correlation: Keys::None }
    }

    /// Trace context, and nothing of the user's own.
    pub const fn trace_context() -> Self {
        Self { formats: Formats::Shared, baggage: Keys::None, correlation: Keys::None }
    }

    /// Trace context, all baggage and all correlation ids: a host of your own.
    pub const fn everything() -> Self {
        Self { formats: Formats::Shared, baggage: Keys::All, correlation: Keys::All }
    }

    /// In the formats that this propagator writes, in place of those that all rules share.
    pub fn propagator(mut self, propagator: impl Into<Arc<Propagator>>) -> Self {
        self.formats = Formats::Own(propagator.into());
        self
    }

    /// The baggage members with these keys, in every format that carries baggage. Keys differ in case.
    pub fn allow_baggage<K: Into<Box<str>>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.baggage = Keys::only(keys);
        self
    }

    /// All baggage.
    pub fn allow_all_baggage(mut self) -> Self {
        self.baggage = Keys::All;
        self
    }

    /// The correlation ids in headers of these names.
    pub fn allow_correlation<K: Into<Box<str>>>(mut self, headers: impl IntoIterator<Item = K>) -> Self {
        self.correlation = Keys::only(headers);
        self
    }

    /// All correlation ids.
    pub fn allow_all_correlation(mut self) -> Self {
        self.correlation = Keys::All;
        self
    }

    pub(super) fn is_nothing(&self) -> bool {
        matches!(self.formats, Formats::None)
    }

    /// Whether text of the user's own may go along.
    pub(super) fn allows_text(&self) -> bool {
        !matches!((&self.baggage, &self.correlation), (Keys::None, Keys::None))
    }

    /// Whether whatever `other` allows of the user's own text is allowed here too.
    pub(super) fn allows_text_of(&self, other: &Self) -> bool {
        let same_key = |a: &str, b: &str| a == b;
        self.baggage.covers(&other.baggage, same_key)
            && self.correlation.covers(&other.correlation, str::eq_ignore_ascii_case)
    }

    /// What can never do what it says.
    pub(super) fn check(&self) -> Result<(), RuleError> {
        if self.is_nothing() && self.allows_text() {
            return Err(RuleError::NoFormatToCarry);
        }
        let lists = [&self.baggage, &self.correlation].into_iter().filter_map(Keys::list);
        if lists.clone().any(|keys| keys.len() > MAX_RULE_KEYS) {
            return Err(RuleError::TooManyKeys);
        }
        let is_name = |name: &str| HeaderName::from_bytes(name.as_bytes()).is_ok();
        let bad_name = self.correlation.list().is_some_and(|names| !names.iter().all(|name| is_name(name)));
        if bad_name || lists.flatten().any(|key| key.is_empty()) {
            return Err(RuleError::BadKey);
        }
        Ok(())
    }
}

/// What is wrong with a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RuleError {
    NoFormatToCarry,
    TooManyKeys,
    BadKey,
}

impl Keys {
    fn only<K: Into<Box<str>>>(keys: impl IntoIterator<Item = K>) -> Self {
        // One more than there may be, for the check to see.
        Self::Only(keys.into_iter().take(MAX_RULE_KEYS + 1).map(Into::into).collect())
    }

    fn list(&self) -> Option<&[Box<str>]> {
        match self {
            Self::Only(keys) => Some(keys),
            Self::None | Self::All => None,
        }
    }

    /// Lends the keys in the shape that the core takes. It borrows a list of borrowed ones, which stands on the stack.
    pub(super) fn lend<R>(&self, then: impl FnOnce(Allow<'_>) -> R) -> R {
        match self {
            Self::None => then(Allow::None),
            Self::All => then(Allow::All),
            Self::Only(keys) => {
                let mut list = [""; MAX_RULE_KEYS];
                let mut len = 0;
                for (place, key) in list.iter_mut().zip(keys) {
                    *place = key;
                    len += 1;
                }
                then(Allow::Only(&list[..len]))
            }
        }
    }

    fn covers(&self, other: &Self, same: impl Fn(&str, &str) -> bool) -> bool {
        match (self, other) {
            (Self::All, _) | (_, Self::None) => true,
            (Self::None, Self::Only(keys)) => keys.is_empty(),
            (Self::None | Self::Only(_), Self::All) => false,
            (Self::Only(keys), Self::Only(others)) => {
                others.iter().all(|other| keys.iter().any(|key| same(key, other)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_lend_gives_every_key_and_no_more() {
        let keys: Vec<_> = (0..MAX_RULE_KEYS).map(|n| n.to_string()).collect();
        let is_allowed = |keys: &Keys, key: &str| keys.lend(|allow| allow.allows_key(key));
        let only = Keys::only(keys.clone());
        assert!(keys.iter().all(|key| is_allowed(&only, key)) && !is_allowed(&only, ""));
        assert!(is_allowed(&Keys::All, "x") && !is_allowed(&Keys::None, "x") && !is_allowed(&Keys::only([""; 0]), ""));
    }

    #[test]
    fn ok_allows_text_of_a_rule_that_allows_no_more() {
        let rule = || Rule::trace_context();
        let some = rule().allow_baggage(["tenant", "user"]).allow_correlation(["X-Request-Id"]);
        assert!(Rule::everything().allows_text_of(&some) && !some.allows_text_of(&Rule::everything()));
        assert!(some.allows_text_of(&rule().allow_baggage(["user"]).allow_correlation(["x-request-id"])));
        assert!(
            !some.allows_text_of(&rule().allow_baggage(["User"]))
                && !rule().allows_text_of(&rule().allow_baggage(["user"]))
        );
        assert!(Rule::nothing().allows_text_of(&rule()));
    }

    #[test]
    fn err_check_what_can_never_do_what_it_says() {
        let keys = |n: usize| Rule::trace_context().allow_baggage((0..n).map(|n| n.to_string()));
        assert_eq!(Rule::nothing().allow_baggage(["tenant"]).check(), Err(RuleError::NoFormatToCarry));
        assert_eq!(Rule::nothing().allow_all_correlation().check(), Err(RuleError::NoFormatToCarry));
        assert_eq!(
            (keys(MAX_RULE_KEYS).check(), keys(MAX_RULE_KEYS + 1).check()),
            (Ok(()), Err(RuleError::TooManyKeys))
        );
        assert_eq!(Rule::trace_context().allow_baggage(["tenant", ""]).check(), Err(RuleError::BadKey));
        assert_eq!(Rule::trace_context().allow_correlation(["no token"]).check(), Err(RuleError::BadKey));
    }
}
