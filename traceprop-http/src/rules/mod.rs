//! Rules about what each host receives. The first rule that matches a destination decides.

mod cidr;
mod destination;
mod error;
mod guard;
mod inject;
mod pattern;
#[cfg(test)]
mod properties;
mod rule;

use std::sync::Arc;

use traceprop_core::Propagator;

pub use destination::Destination;
pub use error::RulesError;
use guard::Guard;
use pattern::Pattern;
pub use pattern::PatternError;
use rule::{Formats, RuleError};
pub use rule::{MAX_RULE_KEYS, Rule};

/// Rules about what each host receives: formats, baggage keys and correlation ids.
///
/// The first rule whose pattern matches a [`Destination`] decides. If none matches, the host receives trace context, but no baggage and no
/// correlation ids.
///
/// ```
/// use traceprop_core::{Propagator, presets};
/// use traceprop_http::{Rule, Rules};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let b3 = Propagator::from_names("none", "b3multi")?;
/// let rules = Rules::builder(presets::W3C)
///     .rule("https://*.internal", Rule::trace_context().allow_baggage(["tenant"]))
///     .rule("10.0.0.0/8", Rule::everything())
///     .rule("legacy.example:8080", Rule::trace_context().propagator(b3))
///     .rule("*.example", Rule::trace_context())
///     .rule("*", Rule::nothing())
///     .build()?;
/// # let _ = rules;
/// # Ok(())
/// # }
/// ```
///
/// # Patterns
///
/// `[scheme://]host[:port]`. A part that is missing matches everything.
///
/// | host | matches |
/// |---|---|
/// | `stock.internal` | this name, in any letter case and with or without a final dot |
/// | `*.internal` | every name below `internal`, at any depth, but not `internal` itself |
/// | `10.0.0.0/8`, `[fd00::]/8` | literal addresses; names are not resolved |
/// | `127.0.0.0/8` | in addition `0.0.0.0` and `[::]`, as each block with `127.0.0.1` or `::1`: they are this host |
/// | `[::ffff:10.0.0.0]/104` | the same addresses as `10.0.0.0/8`, which are IPv4-mapped |
/// | `10.0.0.1`, `[::1]` | one address, also as an IPv4-mapped one |
/// | `*` | every host |
///
/// A host whose last label is a number and that is not an address as in `10.0.0.1` receives nothing, whatever the rules say:
/// resolvers read it as different addresses. Clients that parse URLs as browsers do, such as reqwest, have no such host.
///
/// A [destination without a host](Destination::UNKNOWN) receives nothing, unless the first pattern is `*` or there are no
/// rules.
///
/// A name that is not ASCII is written in its `xn--` form, or as it is with the feature `idna`.
///
/// The scheme is `http` or `https`. `api.example:443` also matches `https://api.example/`, because 443 is the default port.
///
/// # Headers that a request already has
///
/// A request may already have trace headers, set by your code or copied from an incoming request.
///
/// 1. The headers of the formats that are written to this host are replaced.
/// 2. Other trace headers are sent unchanged, as far as the rule allows. So are all of them if there is no context.
/// 3. **The rule decides first.** [`Rule::nothing`] removes the trace headers of every format, and those that no format here
///    reads, such as `sentry-trace`. Of a baggage header the members remain that the rule allows. The header of a
///    correlation id is sent if the rule allows it.
/// 4. Some servers read `_` in a name as `-`, so `x_datadog_trace_id` is judged as `x-datadog-trace-id`.
///
/// Default headers of a client are treated alike.
#[derive(Clone, Debug)]
pub struct Rules(Arc<RuleList>);

#[derive(Debug)]
struct RuleList {
    shared: Arc<Propagator>,
    rules: Vec<(Pattern, Rule)>,
    /// For a host that no rule matches.
    otherwise: Rule,
    guard: Guard,
}

/// The rule of a host that no pattern can judge.
static NOTHING: Rule = Rule::nothing();

impl Rules {
    /// Creates a builder of rules. Hosts receive the formats of `propagator` unless [`Rule::propagator`] sets others.
    pub fn builder(propagator: impl Into<Arc<Propagator>>) -> RulesBuilder {
        RulesBuilder { shared: propagator.into(), rules: Vec::new() }
    }

    /// Returns the rule for a destination.
    fn rule(&self, destination: &Destination<'_>) -> &Rule {
        let rules = &self.0.rules;
        let found = match destination.is_known() {
            // The patterns of names and addresses cannot tell where such a host leads.
            true if destination.has_uncertain_address() => return &NOTHING,
            true => rules.iter().find(|(pattern, _)| pattern.matches(destination)),
            false => match rules.first() {
                Some((pattern, _)) if !pattern.is_any() => return &NOTHING,
                first => first,
            },
        };
        found.map_or(&self.0.otherwise, |(_, rule)| rule)
    }

    /// Returns `true` if a request for `first` may be sent to `next` with all its headers.
    ///
    /// Use it in a client that follows redirects without new headers for each hop. It returns `false` if `next`
    ///
    /// * receives [nothing](Rule::nothing),
    /// * may receive less baggage or fewer correlation ids than `first`,
    /// * lacks a format that `first` receives,
    /// * is called without TLS, if `first` is called with TLS and may receive baggage or correlation ids.
    ///
    /// ```
    /// use traceprop_core::presets;
    /// use traceprop_http::{Destination, Rule, Rules};
    ///
    /// let rules = Rules::builder(presets::W3C).rule("*.internal", Rule::everything()).build()?;
    /// let [stock, orders, other] =
    ///     ["stock.internal", "orders.internal", "a.example"].map(|host| Destination::new("https", host, None));
    /// assert!(rules.may_move(&stock, &orders) && !rules.may_move(&stock, &other));
    /// # Ok::<(), traceprop_http::RulesError>(())
    /// ```
    pub fn may_move(&self, first: &Destination<'_>, next: &Destination<'_>) -> bool {
        let (from, to) = (self.rule(first), self.rule(next));
        let downgraded = first.scheme == "https" && next.scheme != "https";
        !to.is_nothing()
            && to.allows_text_of(from)
            && !(downgraded && from.allows_text())
            && self.writes_formats_of(to, from)
    }

    /// Returns whether `to` writes every format that `from` writes.
    fn writes_formats_of(&self, to: &Rule, from: &Rule) -> bool {
        let Some(written) = self.propagator(from) else { return true };
        let Some(allowed) = self.propagator(to) else { return false };
        let mut names = written.inject_names().filter(|format| from.may_write(format));
        std::ptr::eq(written, allowed) || names.all(|name| allowed.inject_names().any(|allowed| allowed == name))
    }

    /// Returns the propagator that injects for this rule.
    fn propagator<'r>(&'r self, rule: &'r Rule) -> Option<&'r Propagator> {
        match &rule.formats {
            Formats::None => None,
            Formats::Shared => Some(&self.0.shared),
            Formats::Own(propagator) => Some(propagator),
        }
    }
}

/// Creates rules that send trace context to every host, and nothing else.
impl<P: Into<Arc<Propagator>>> From<P> for Rules {
    fn from(propagator: P) -> Self {
        Rules::builder(propagator).finish(Vec::new())
    }
}

/// Builder of [`Rules`].
///
/// ```
/// use traceprop_core::presets;
/// use traceprop_http::{Rule, Rules};
///
/// let rules = Rules::builder(presets::W3C).rule("*.internal", Rule::everything()).rule("a.internal", Rule::nothing());
/// assert_eq!(
///     rules.build().unwrap_err().to_string(),
///     "rule 2 (`a.internal`) is never reached: rule 1 (`*.internal`) matches first",
/// );
/// ```
#[derive(Clone, Debug)]
pub struct RulesBuilder {
    shared: Arc<Propagator>,
    rules: Vec<(Box<str>, Rule)>,
}

impl RulesBuilder {
    /// Adds a rule for the destinations that `pattern` matches and no earlier rule does.
    ///
    /// See [`Rules`] for patterns.
    pub fn rule(mut self, pattern: &str, rule: Rule) -> Self {
        self.rules.push((pattern.into(), rule));
        self
    }

    /// Builds the rules.
    ///
    /// # Errors
    ///
    /// Returns [`RulesError`] if a pattern or a key is invalid, or if a rule can have no effect.
    pub fn build(self) -> Result<Rules, RulesError> {
        let mut rules: Vec<(Pattern, Rule)> = Vec::with_capacity(self.rules.len());
        for (place, (text, rule)) in self.rules.iter().enumerate() {
            let text = || text.clone();
            let pattern =
                Pattern::parse(&text()).map_err(|source| RulesError::BadPattern { place, pattern: text(), source })?;
            if let Some(by) = rules.iter().position(|(earlier, _)| earlier.covers(&pattern)) {
                let by_pattern = self.rules[by].0.clone();
                return Err(RulesError::NeverReached { place, pattern: text(), by, by_pattern });
            }
            rule.check().map_err(|error| match error {
                RuleError::NoFormatToCarry => RulesError::NoFormatToCarry { place, pattern: text() },
                RuleError::TooManyKeys => RulesError::TooManyKeys { place, pattern: text() },
                RuleError::BadKey => RulesError::BadKey { place, pattern: text() },
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

#[cfg(test)]
mod tests {
    use super::*;
    use traceprop_core::presets;

    fn builder() -> RulesBuilder {
        Rules::builder(presets::W3C)
    }

    fn uri(text: &str) -> http::Uri {
        text.parse().unwrap()
    }

    fn may_move(rules: &Rules, first: &str, next: &str) -> bool {
        rules.may_move(&Destination::from_uri(&uri(first)), &Destination::from_uri(&uri(next)))
    }

    #[test]
    fn ok_the_first_rule_that_matches_decides() {
        let rules =
            builder().rule("a.internal", Rule::nothing()).rule("*.internal", Rule::everything()).build().unwrap();
        let kind = |text: &str| {
            let uri = uri(text);
            let rule = rules.rule(&Destination::from_uri(&uri));
            (rule.is_nothing(), rule.allows_text())
        };
        assert_eq!(kind("http://a.internal/"), (true, false));
        assert_eq!(kind("http://b.internal/"), (false, true));
        assert_eq!(kind("http://b.example/"), (false, false));
    }

    #[test]
    fn ok_a_number_in_a_resolvers_notation_gets_nothing() {
        for rules in [builder(), builder().rule("127.0.0.0/8", Rule::everything()).rule("*", Rule::everything())] {
            let rules = rules.build().unwrap();
            let is_nothing = |host| rules.rule(&Destination::new("http", host, None)).is_nothing();
            for host in ["127.1", "2130706433", "0x7f.1", "127.0.0.01", "stock.internal.1"] {
                assert!(is_nothing(host), "{host}");
            }
            assert!(!["127.0.0.1", "[::1]", "stock.internal", "1.internal"].into_iter().any(is_nothing));
        }
    }

    #[test]
    fn ok_an_unknown_host_gets_what_every_host_gets() {
        let is_nothing = |rules: RulesBuilder| rules.build().unwrap().rule(&Destination::UNKNOWN).is_nothing();
        assert!(!is_nothing(builder()));
        assert!(!is_nothing(builder().rule("*", Rule::everything())));
        assert!(is_nothing(builder().rule("*", Rule::nothing())));
        assert!(is_nothing(builder().rule("*.internal", Rule::nothing()).rule("*", Rule::everything())));
        for narrower in ["https://*", "*:443", "*.internal"] {
            assert!(is_nothing(builder().rule(narrower, Rule::everything())), "{narrower}");
        }
    }

    #[test]
    fn ok_may_move_where_no_less_is_allowed() {
        let rules = builder()
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
            assert_eq!(may_move(&rules, first, next), may, "{first} {next}");
        }
    }

    #[test]
    fn ok_may_move_where_the_formats_are_written_too() {
        let rule = |names: &str| Rule::trace_context().propagator(Propagator::from_names("none", names).unwrap());
        let id = "correlation:x-request-id";
        let rules = builder()
            .rule("dd.example", rule("datadog"))
            .rule("b3.example", rule("b3"))
            .rule("b3multi.example", rule("b3multi"))
            .rule("both.example", rule("b3,datadog"))
            .rule("w3c.example", rule("tracecontext"))
            .rule("id.example", rule(&format!("b3,{id}")))
            .rule("id-sent.example", rule(&format!("b3,{id}")).allow_correlation(["X-Request-Id"]))
            .rule("b3-text.example", rule("b3").allow_all_baggage().allow_all_correlation())
            .rule("w3c-text.example", rule("tracecontext").allow_all_baggage())
            .rule("shared-text.example", Rule::trace_context().allow_all_baggage())
            .rule("none.example", Rule::nothing())
            .build()
            .unwrap();
        for (first, next, may) in [
            ("dd", "dd", true),
            ("dd", "b3", false),
            ("dd", "w3c", false),
            ("w3c", "dd", false),
            ("b3", "b3multi", false),
            ("b3multi", "b3", false),
            ("dd", "both", true),
            ("both", "dd", false),
            ("both", "b3", false),
            // The shared formats are tracecontext and baggage.
            ("dd", "other", false),
            ("other", "dd", false),
            ("w3c", "other", true),
            ("other", "w3c", true),
            ("shared-text", "w3c-text", false),
            ("w3c-text", "shared-text", true),
            ("id", "b3", true),
            ("id-sent", "b3-text", false),
            ("id-sent", "id-sent", true),
            ("b3", "none", false),
            ("none", "b3", true),
        ] {
            let [first_uri, next_uri] = [first, next].map(|name| format!("http://{name}.example/"));
            assert_eq!(may_move(&rules, &first_uri, &next_uri), may, "{first} {next}");
        }
    }

    #[test]
    fn err_build_what_cannot_mean_what_it_says() {
        let ok = || builder().rule("*.internal", Rule::everything());
        let err = |pattern: &str, rule: Rule| ok().rule(pattern, rule).build().unwrap_err();
        let (place, any) = (1, || Box::from("*"));
        let source = PatternError::BadPort;
        assert_eq!(err("a:", Rule::nothing()), RulesError::BadPattern { place, pattern: "a:".into(), source });
        let (pattern, by_pattern) = ("a.internal:80".into(), "*.internal".into());
        let hidden = RulesError::NeverReached { place, pattern, by: 0, by_pattern };
        assert_eq!(err("a.internal:80", Rule::nothing()), hidden);
        let no_format = RulesError::NoFormatToCarry { place, pattern: any() };
        assert_eq!(err("*", Rule::nothing().allow_all_baggage()), no_format);
        let many = Rule::trace_context().allow_baggage(vec!["k"; MAX_RULE_KEYS + 1]);
        assert_eq!(err("*", many), RulesError::TooManyKeys { place, pattern: any() });
        assert_eq!(err("*", Rule::trace_context().allow_baggage([""])), RulesError::BadKey { place, pattern: any() });
        assert!(ok().rule("internal", Rule::everything()).build().is_ok());
    }

    #[test]
    fn err_build_says_which_rule_and_why() {
        let err = |pattern: &str, rule: Rule| {
            let builder = builder().rule("*.internal", Rule::everything()).rule(pattern, rule);
            builder.build().unwrap_err().to_string()
        };
        assert_eq!(
            err("a.internal", Rule::nothing()),
            "rule 2 (`a.internal`) is never reached: rule 1 (`*.internal`) matches first"
        );
        let bad_key = Rule::trace_context().allow_baggage([""]);
        assert_eq!(err("*.x", bad_key), "rule 2 (`*.x`): empty key or invalid header name");
        assert_eq!(err("a:", Rule::nothing()), "rule 2 (`a:`): the port is not a number from 1 to 65535");
        let long = format!("{}\u{e9}/", "a".repeat(63));
        assert_eq!(err(&long, Rule::nothing()), format!("rule 2 (`{}`): no address before the slash", "a".repeat(63)));
    }
}
