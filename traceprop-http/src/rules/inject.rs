//! Writes what the rule of a destination allows.

use http::HeaderMap;
use traceprop_core::{Allow, InjectOptions, format::InjectSource, report::InjectReport};

use super::rule::{Keys, Rule};
use super::{Destination, Rules};
use crate::HeaderCarrierMut;

impl Rules {
    /// Writes a context into the headers of a request to `destination`, as far as its rule allows. Returns what was omitted.
    ///
    /// `options` sets everything but the baggage and correlation ids that are allowed, which the rule decides. [`Rules`]
    /// describes what happens to trace headers that the request already has.
    ///
    /// ```
    /// use http::HeaderMap;
    /// use traceprop_core::{InjectOptions, SpanContext, presets};
    /// use traceprop_http::{Destination, Rule, Rules};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let rules = Rules::builder(presets::W3C).rule("*.example", Rule::nothing()).build()?;
    /// let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse()?, "00f067aa0ba902b7".parse()?);
    /// let (options, mut headers) = (InjectOptions::new(), HeaderMap::new());
    /// rules.inject_headers(&span, &options, Destination::new("http", "api.example", None), &mut headers);
    /// assert!(headers.is_empty());
    /// rules.inject_headers(&span, &options, Destination::new("http", "stock.internal", None), &mut headers);
    /// assert_eq!(headers["traceparent"], "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
    /// # Ok(())
    /// # }
    /// ```
    pub fn inject_headers<'s>(
        &self,
        source: impl Into<InjectSource<'s>>,
        options: &InjectOptions<'_>,
        destination: Destination<'_>,
        headers: &mut HeaderMap,
    ) -> InjectReport<'_> {
        let rule = self.rule(&destination);
        self.0.guard.withhold(headers, rule, destination.withholds_text);
        let Some(propagator) = self.propagator(rule) else {
            if !headers.is_empty() {
                // The context names the custom headers of the listener. What is written goes too.
                self.0.shared.inject(source, &InjectOptions::new(), &mut HeaderCarrierMut::new(headers));
                self.0.guard.withhold(headers, rule, true);
            }
            return InjectReport::default();
        };
        lend_text(rule, destination.withholds_text, options, |options| {
            propagator.inject(source, options, &mut HeaderCarrierMut::new(headers))
        })
    }

    /// Removes all trace headers: those of every format, and the custom headers of the propagators of these rules.
    ///
    /// Use it for a request that must not tell of a trace, whatever its destination.
    ///
    /// ```
    /// use http::{HeaderMap, HeaderValue};
    /// use traceprop_core::presets;
    /// use traceprop_http::Rules;
    ///
    /// let mut headers = HeaderMap::new();
    /// headers.insert("x_b3_traceid", HeaderValue::from_static("1"));
    /// Rules::from(presets::W3C).strip(&mut headers);
    /// assert!(headers.is_empty());
    /// ```
    pub fn strip(&self, headers: &mut HeaderMap) {
        self.0.guard.withhold(headers, &Rule::nothing(), true);
    }

    /// Removes the trace headers that the rule of `destination` does not allow, and writes nothing.
    ///
    /// Use it for a request that has no context.
    ///
    /// ```
    /// use http::{HeaderMap, HeaderValue};
    /// use traceprop_core::presets;
    /// use traceprop_http::{Destination, Rule, Rules};
    ///
    /// let rules = Rules::builder(presets::W3C).rule("*.example", Rule::nothing()).build()?;
    /// let mut headers = HeaderMap::new();
    /// headers.insert("b3", HeaderValue::from_static("0"));
    /// rules.withhold(Destination::new("http", "api.example", None), &mut headers);
    /// assert!(headers.is_empty());
    /// # Ok::<(), traceprop_http::RulesError>(())
    /// ```
    pub fn withhold(&self, destination: Destination<'_>, headers: &mut HeaderMap) {
        self.0.guard.withhold(headers, self.rule(&destination), destination.withholds_text);
    }
}

/// Calls `then` with the options, and what the rule allows in addition to trace context.
fn lend_text<R>(
    rule: &Rule,
    withholds_text: bool,
    options: &InjectOptions<'_>,
    then: impl FnOnce(&InjectOptions<'_>) -> R,
) -> R {
    let options = options.allow_baggage(Allow::None).allow_correlation(Allow::None);
    if withholds_text {
        return then(&options);
    }
    rule.baggage.lend(|baggage| match &rule.correlation {
        Keys::None => then(&options.allow_baggage(baggage)),
        keys => keys.lend(|correlation| then(&options.allow_baggage(baggage).allow_correlation(correlation))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderValue, Uri};
    use traceprop_core::{OwnedBaggage, OwnedContext, Propagator, SpanContext, baggage::BaggageEntry};

    fn context() -> OwnedContext {
        let trace_id = "4bf92f3577b34da6a3ce929d0e0e4736".parse().expect("an id");
        let mut baggage = OwnedBaggage::new();
        for key in ["tenant", "session"] {
            baggage.push(BaggageEntry { key: key.into(), value: "x".into(), properties: String::new() });
        }
        let span = SpanContext::new(trace_id, "00f067aa0ba902b7".parse().expect("an id"));
        OwnedContext::new(span).with_baggage(&baggage)
    }

    fn rules() -> Rules {
        let propagator = Propagator::from_names("none", "tracecontext,baggage,correlation:x-request-id");
        Rules::builder(propagator.expect("known names"))
            .rule("own.internal", Rule::everything())
            .rule("*.internal", Rule::trace_context().allow_baggage(["tenant"]))
            .rule("b3.example", Rule::trace_context().propagator(Propagator::from_names("none", "b3").expect("a name")))
            .rule("none.example", Rule::nothing())
            .build()
            .expect("good rules")
    }

    /// Writes the context to a destination without text where asked.
    fn inject(context: &OwnedContext, uri: &'static str, withholds_text: bool, headers: &mut HeaderMap) -> String {
        let uri = Uri::from_static(uri);
        let destination = Destination::from_uri(&uri);
        let destination = if withholds_text { destination.without_text() } else { destination };
        rules().inject_headers(context, &InjectOptions::everything(), destination, headers).to_string()
    }

    #[track_caller]
    fn names(uri: &'static str, withholds_text: bool) -> Vec<String> {
        let mut headers = HeaderMap::new();
        inject(&context(), uri, withholds_text, &mut headers);
        let mut names: Vec<_> = headers.keys().map(ToString::to_string).collect();
        names.sort();
        names
    }

    #[test]
    fn ok_each_destination_gets_what_its_rule_says() {
        for (uri, expected) in [
            ("http://own.internal/", &["baggage", "traceparent", "x-request-id"][..]),
            ("http://a.internal/", &["baggage", "traceparent"]),
            ("http://b3.example/", &["b3"]),
            ("http://none.example/", &[]),
            ("http://stranger.example/", &["traceparent"]),
        ] {
            assert_eq!(names(uri, false), expected, "{uri}");
        }
        assert_eq!(names("http://own.internal/", true), ["traceparent"]);
    }

    #[test]
    fn ok_nothing_is_also_no_custom_header_that_only_the_listener_reads() {
        let reader = Propagator::from_names("tracecontext,correlation:x-order-id", "none").expect("known names");
        let request = [("x-order-id", "order-77"), ("x-mine", "1")];
        let extraction = reader.extract(&request);
        let context = OwnedContext::from_span(&extraction, &extraction.new_span(&traceprop_core::RandomIds));
        let mut headers = HeaderMap::new();
        for (name, value) in request {
            headers.insert(name, HeaderValue::from_static(value));
        }
        inject(&context, "http://none.example/", false, &mut headers);
        assert!(headers.keys().eq(["x-mine"]), "{headers:?}");
    }

    #[test]
    fn ok_inject_says_what_was_left_out() {
        let mut headers = HeaderMap::new();
        let omitted = inject(&context(), "http://a.internal/", false, &mut headers);
        assert_eq!(headers["baggage"], "tenant=x");
        assert!(omitted.contains("baggage: 1 member omitted (not-allowed)"), "{omitted}");
    }

    #[test]
    fn ok_a_header_that_another_rule_writes_is_judged_too() {
        let own = Propagator::from_names("none", "tracecontext,correlation:x-other-id").expect("known names");
        let rules = Rules::builder(traceprop_core::presets::W3C)
            .rule("own.internal", Rule::everything().propagator(own))
            .build()
            .expect("good rules");
        for (host, expected) in [("own.internal", true), ("stranger.example", false)] {
            let mut headers = HeaderMap::new();
            headers.insert("x-other-id", HeaderValue::from_static("mine"));
            rules.withhold(Destination::new("http", host, None), &mut headers);
            assert_eq!(headers.contains_key("x-other-id"), expected, "{host}");
        }
    }

    #[test]
    fn ok_a_header_of_the_user_is_replaced_or_judged() {
        let set = |uri: &'static str| {
            let mut headers = HeaderMap::new();
            for name in ["traceparent", "b3", "baggage"] {
                headers.insert(name, HeaderValue::from_static("mine"));
            }
            inject(&context().with_baggage(&OwnedBaggage::new()), uri, false, &mut headers);
            let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
            let [traceparent, b3, baggage] = ["traceparent", "b3", "baggage"].map(text);
            (traceparent.map(|value| value == "mine"), b3, baggage)
        };
        let mine = || Some("mine".to_owned());
        assert_eq!(set("http://own.internal/"), (Some(false), mine(), None));
        assert_eq!(set("http://a.internal/"), (Some(false), mine(), None));
        assert_eq!(set("http://none.example/"), (None, None, None));
    }
}
