//! A rule: what a host receives.

use std::sync::Arc;

use http::HeaderName;
use traceprop_core::{Allow, Propagator};

/// Highest number of baggage keys of one rule, and of correlation headers: the number of members that W3C Baggage requires.
///
/// ```
/// use traceprop_core::presets;
/// use traceprop_http::{MAX_RULE_KEYS, Rule, Rules, RulesError};
///
/// let keys = (0..MAX_RULE_KEYS + 1).map(|i| i.to_string());
/// let rules = Rules::builder(presets::W3C).rule("*", Rule::trace_context().allow_baggage(keys));
/// assert!(matches!(rules.build(), Err(RulesError::TooManyKeys { .. })));
/// ```
pub const MAX_RULE_KEYS: usize = 64;

/// What a host receives: formats, baggage keys and correlation ids.
///
/// A host that no rule matches receives [`Rule::trace_context`].
///
/// ```
/// use http::{HeaderMap, Uri};
/// use traceprop_core::{InjectOptions, SpanContext, presets};
/// use traceprop_http::{Destination, Rule, Rules};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let rules = Rules::builder(presets::W3C)
///     .rule("*.internal", Rule::trace_context().allow_baggage(["tenant"]).allow_correlation(["x-request-id"]))
///     .rule("*", Rule::nothing())
///     .build()?;
/// let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse()?, "00f067aa0ba902b7".parse()?);
/// let sends_trace = |uri: &'static str| {
///     let mut headers = HeaderMap::new();
///     let uri = Uri::from_static(uri);
///     rules.inject_headers(&span, &InjectOptions::new(), Destination::from_uri(&uri), &mut headers);
///     headers.contains_key("traceparent")
/// };
/// assert!(sends_trace("http://stock.internal/items"));
/// assert!(!sends_trace("http://stranger.example/"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Rule {
    pub(super) formats: Formats,
    pub(super) baggage: Keys,
    pub(super) correlation: Keys,
}

#[derive(Clone, Debug)]
pub(super) enum Formats {
    None,
    /// The formats of the [`Rules`](super::Rules).
    Shared,
    Own(Arc<Propagator>),
}

/// The keys that are allowed. They are owned, because rules are often read from a configuration.
#[derive(Clone, Debug)]
pub(super) enum Keys {
    None,
    All,
    Only(Box<[Box<str>]>),
}

impl Rule {
    /// Creates a rule that sends nothing and removes existing trace headers.
    ///
    /// It removes every field of [`Field::ALL`](traceprop_core::Field::ALL), the headers of custom formats, and names that
    /// become one of them when `_` is read as `-`.
    ///
    /// Use it for third parties that should not see trace headers.
    pub const fn nothing() -> Self {
        Self { formats: Formats::None, baggage: Keys::None, correlation: Keys::None }
    }

    /// Creates a rule that sends trace context, but no baggage and no correlation ids.
    pub const fn trace_context() -> Self {
        Self { formats: Formats::Shared, baggage: Keys::None, correlation: Keys::None }
    }

    /// Creates a rule that sends trace context, all baggage and all correlation ids. Use it for your own hosts.
    pub const fn everything() -> Self {
        Self { formats: Formats::Shared, baggage: Keys::All, correlation: Keys::All }
    }

    /// Sets the formats of this rule: those that `propagator` injects, instead of the formats of the [`Rules`](crate::Rules).
    pub fn propagator(mut self, propagator: impl Into<Arc<Propagator>>) -> Self {
        self.formats = Formats::Own(propagator.into());
        self
    }

    /// Allows the baggage members with these keys, in every format that carries baggage. Keys are case-sensitive.
    pub fn allow_baggage<K: Into<Box<str>>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.baggage = Keys::only(keys);
        self
    }

    /// Allows all baggage.
    pub fn allow_all_baggage(mut self) -> Self {
        self.baggage = Keys::All;
        self
    }

    /// Allows the correlation ids in headers of these names, in any letter case.
    pub fn allow_correlation<K: Into<Box<str>>>(mut self, headers: impl IntoIterator<Item = K>) -> Self {
        self.correlation = Keys::only(headers);
        self
    }

    /// Allows all correlation ids.
    pub fn allow_all_correlation(mut self) -> Self {
        self.correlation = Keys::All;
        self
    }

    pub(super) fn is_nothing(&self) -> bool {
        matches!(self.formats, Formats::None)
    }

    /// Returns whether the rule writes this format of its propagator, if a context has data for it.
    pub(super) fn may_write(&self, format: &str) -> bool {
        match format.strip_prefix("correlation:") {
            Some(header) => self.correlation.lend(|allow| allow.allows_header(header)),
            None => format != "baggage" || !matches!(self.baggage, Keys::None),
        }
    }

    /// Whether any baggage or correlation id is allowed.
    pub(super) fn allows_text(&self) -> bool {
        !matches!((&self.baggage, &self.correlation), (Keys::None, Keys::None))
    }

    /// Whether all baggage and correlation ids that `other` allows are allowed here too.
    pub(super) fn allows_text_of(&self, other: &Self) -> bool {
        let same_key = |a: &str, b: &str| a == b;
        self.baggage.covers(&other.baggage, same_key)
            && self.correlation.covers(&other.correlation, str::eq_ignore_ascii_case)
    }

    /// Returns an error if the rule can have no effect.
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

/// Reason why a rule is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RuleError {
    NoFormatToCarry,
    TooManyKeys,
    BadKey,
}

impl Keys {
    fn only<K: Into<Box<str>>>(keys: impl IntoIterator<Item = K>) -> Self {
        // One more than the limit, so that the check can see it.
        Self::Only(keys.into_iter().take(MAX_RULE_KEYS + 1).map(Into::into).collect())
    }

    fn list(&self) -> Option<&[Box<str>]> {
        match self {
            Self::Only(keys) => Some(keys),
            Self::None | Self::All => None,
        }
    }

    /// Calls `then` with the keys as the core takes them: borrowed, from a list on the stack.
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
