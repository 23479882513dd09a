//! What may go where: rules, the first of which that matches a destination decides.

mod cidr;
mod guard;
mod pattern;
#[cfg(test)]
mod properties;
mod rule;
mod write;

use std::sync::Arc;

use reqwest::Url;
use traceprop_core::Propagator;

use guard::Guard;
use pattern::Pattern;
pub use pattern::PatternError;
use rule::{Formats, RuleError};
pub use rule::{MAX_RULE_KEYS, Rule};
pub(crate) use write::{Hop, child_of};

/// Which destinations get what: formats, baggage keys and correlation ids.
///
/// Rules are asked in order, and the first that matches decides. A destination that no rule is about gets trace
/// context, and no text of your users: that goes only where a rule allows it.
///
/// ```
/// use traceprop_reqwest::{Rules, Propagator, Rule, presets};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let old = Propagator::from_names("none", "b3multi")?;
/// let destinations = Rules::builder(presets::W3C)
///     .rule("https://*.internal", Rule::trace_context().allow_baggage(["tenant"]))
///     .rule("10.0.0.0/8", Rule::everything())
///     .rule("legacy.example:8080", Rule::trace_context().propagator(old))
///     .rule("*.example", Rule::trace_context())
///     .rule("*", Rule::nothing())
///     .build()?;
/// # let _ = destinations;
/// # Ok(())
/// # }
/// ```
///
/// # Patterns
///
/// `[scheme://]host[:port]`. What a pattern does not name, it does not restrict.
///
/// | host | means |
/// |---|---|
/// | `stock.internal` | this name; letter case and a dot at the end do not count |
/// | `*.internal` | every name below `internal`, at any depth, and not `internal` itself |
/// | `10.0.0.0/8`, `[fd00::]/8` | addresses that stand in the URL as such; no name is looked up |
/// | `10.0.0.1`, `[::1]` | one address, in any spelling |
/// | `*` | every host |
///
/// The scheme is `http` or `https`. `api.example:443` also matches `https://api.example/`, whose port that is.
///
/// # Headers that your code has set
///
/// A request may have trace headers before this crate sees it: set by hand, or copied from a request that came in.
/// 1. What is written replaces them, in the formats that are written to this destination.
/// 2. Where nothing is written (there is no context, or the format is not one of those), your headers go out as they
///    are, as far as the rule allows them.
/// 3. **The rule stands above both.** Where it says nothing, no trace header of any dialect goes out. A header of baggage
///    that you set goes only where all baggage may go, since nobody looks into it; one of a correlation id goes where
///    that id may go. So does a default header of a [`Client`](crate::Client).
#[derive(Clone, Debug)]
pub struct Rules(Arc<RuleList>);

#[derive(Debug)]
struct RuleList {
    shared: Arc<Propagator>,
    rules: Vec<(Pattern, Rule)>,
    /// For a destination that no rule is about.
    otherwise: Rule,
    guard: Guard,
}

impl Rules {
    /// Rules over the formats of `propagator`, which rules can replace for their hosts.
    pub fn builder(propagator: impl Into<Arc<Propagator>>) -> RulesBuilder {
        RulesBuilder { shared: propagator.into(), rules: Vec::new() }
    }

    /// The rule for a destination.
    pub(crate) fn rule(&self, url: &Url) -> &Rule {
        let found = self.0.rules.iter().find(|(pattern, _)| pattern.matches(url));
        found.map_or(&self.0.otherwise, |(_, rule)| rule)
    }

    /// Whether a request that was made for `first` may be sent to `next` as it is, with all its headers.
    pub(crate) fn may_move(&self, first: &Url, next: &Url) -> bool {
        let (from, to) = (self.rule(first), self.rule(next));
        let downgraded = first.scheme() == "https" && next.scheme() != "https";
        !to.is_nothing() && to.allows_text_of(from) && !(downgraded && from.allows_text())
    }

    /// What the rule writes with.
    fn propagator<'r>(&'r self, rule: &'r Rule) -> Option<&'r Propagator> {
        match &rule.formats {
            Formats::None => None,
            Formats::Shared => Some(&self.0.shared),
            Formats::Own(propagator) => Some(propagator),
        }
    }
}

/// Trace context to every host, and nothing else.
impl<P: Into<Arc<Propagator>>> From<P> for Rules {
    fn from(propagator: P) -> Self {
        Rules::builder(propagator).finish(Vec::new())
    }
}

/// Puts [`Rules`] together.
#[derive(Clone, Debug)]
pub struct RulesBuilder {
    shared: Arc<Propagator>,
    rules: Vec<(Box<str>, Rule)>,
}

impl RulesBuilder {
    /// A rule for the destinations that `pattern` matches and no rule before this one.
    pub fn rule(mut self, pattern: &str, rule: Rule) -> Self {
        self.rules.push((pattern.into(), rule));
        self
    }

    /// The destinations.
    ///
    /// # Errors
    /// When a pattern is none, or a rule can never do what it says.
    pub fn build(self) -> Result<Rules, RulesError> {
        let mut rules: Vec<(Pattern, Rule)> = Vec::with_capacity(self.rules.len());
        for (place, (text, rule)) in self.rules.iter().enumerate() {
            let pattern = Pattern::parse(text).map_err(|error| RulesError::BadPattern { place, error })?;
            if let Some(by) = rules.iter().position(|(earlier, _)| earlier.covers(&pattern)) {
                return Err(RulesError::NeverReached { place, by });
            }
            rule.check().map_err(|error| match error {
                RuleError::NoFormatToCarry => RulesError::NoFormatToCarry { place },
                RuleError::TooManyKeys => RulesError::TooManyKeys { place },
                RuleError::BadKey => RulesError::BadKey { place },
            })?;
            rules.push((pattern, rule.clone()));
        }
        Ok(self.finish(rules))
    }

    fn finish(self, rules: Vec<(Pattern, Rule)>) -> Rules {
        let mut guard = Guard::default();
        guard.watch(&self.shared);
        for (_, rule) in &rules {
            if let Formats::Own(propagator) = &rule.formats {
                guard.watch(propagator);
            }
        }
        Rules(Arc::new(RuleList { shared: self.shared, rules, otherwise: Rule::trace_context(), guard }))
    }
}

/// Why rules cannot mean what they say. Rules are counted from 0 in the fields, and from 1 in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// A host pattern that is none.
    #[error("rule {}: {error}", .place + 1)]
    BadPattern {
        /// The place of the rule.
        place: usize,
        /// What is wrong with it.
        error: PatternError,
    },
    /// An earlier rule matches all that this one does.
    #[error("rule {} is never reached: rule {} matches all its destinations", .place + 1, .by + 1)]
    NeverReached {
        /// The place of the rule.
        place: usize,
        /// The place of the one that hides it.
        by: usize,
    },
    /// Baggage or correlation ids are allowed where no format is written that could carry them.
    #[error("rule {} allows baggage or correlation ids and no format to carry them", .place + 1)]
    NoFormatToCarry {
        /// The place of the rule.
        place: usize,
    },
    /// More than [`MAX_RULE_KEYS`] keys.
    #[error("rule {} lists more than {MAX_RULE_KEYS} keys", .place + 1)]
    TooManyKeys {
        /// The place of the rule.
        place: usize,
    },
    /// An empty key, or a correlation header that no header can be named.
    #[error("rule {} lists a key that nothing can have", .place + 1)]
    BadKey {
        /// The place of the rule.
        place: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use traceprop_core::presets;

    fn builder() -> RulesBuilder {
        Rules::builder(presets::W3C)
    }

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn ok_the_first_rule_that_matches_decides() {
        let destinations =
            builder().rule("a.internal", Rule::nothing()).rule("*.internal", Rule::everything()).build().unwrap();
        let kind = |text: &str| {
            let rule = destinations.rule(&url(text));
            (rule.is_nothing(), rule.allows_text())
        };
        assert_eq!(kind("http://a.internal/"), (true, false));
        assert_eq!(kind("http://b.internal/"), (false, true));
        assert_eq!(kind("http://b.example/"), (false, false));
    }

    #[test]
    fn ok_may_move_where_no_less_is_allowed() {
        let destinations = builder()
            .rule("none.example", Rule::nothing())
            .rule("*.internal", Rule::trace_context().allow_baggage(["tenant"]))
            .rule("own.internal.example", Rule::everything())
            .build()
            .unwrap();
        for (first, next, may) in [
            ("http://a.example/", "http://b.example/", true),
            ("https://a.example/", "http://b.example/", true),
            ("http://a.example/", "http://none.example/", false),
            ("http://none.example/", "http://none.example/", false),
            ("http://a.internal/", "http://b.internal/", true),
            ("http://a.internal/", "https://b.internal/", true),
            ("https://a.internal/", "http://b.internal/", false),
            ("http://a.internal/", "http://a.example/", false),
            ("http://a.internal/", "http://own.internal.example/", true),
            ("http://own.internal.example/", "http://a.internal/", false),
        ] {
            assert_eq!(destinations.may_move(&url(first), &url(next)), may, "{first} {next}");
        }
    }

    #[test]
    fn err_build_what_cannot_mean_what_it_says() {
        let ok = || builder().rule("*.internal", Rule::everything());
        let err = |pattern: &str, rule: Rule| ok().rule(pattern, rule).build().unwrap_err();
        let bad = PatternError::BadPort;
        assert_eq!(err("a:", Rule::nothing()), RulesError::BadPattern { place: 1, error: bad });
        assert_eq!(err("a.internal:80", Rule::nothing()), RulesError::NeverReached { place: 1, by: 0 });
        assert_eq!(err("*", Rule::nothing().allow_all_baggage()), RulesError::NoFormatToCarry { place: 1 });
        let many = Rule::trace_context().allow_baggage(vec!["k"; MAX_RULE_KEYS + 1]);
        assert_eq!(err("*", many), RulesError::TooManyKeys { place: 1 });
        assert_eq!(err("*", Rule::trace_context().allow_baggage([""])), RulesError::BadKey { place: 1 });
        assert!(ok().rule("internal", Rule::everything()).build().is_ok());
        assert_eq!(
            err("a.internal", Rule::nothing()).to_string(),
            "rule 2 is never reached: rule 1 matches all its destinations"
        );
    }
}
