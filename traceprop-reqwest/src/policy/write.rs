//! Writes what the rule of a URL allows.

use http::HeaderMap;
use reqwest::{Request, Url};
use traceprop_core::{IdGenerator, InjectOptions, OwnedContext, RandomIds, format::InjectSource, report::InjectReport};
use traceprop_http::HeaderCarrierMut;

use super::Rules;
use super::rule::{Keys, Rule};
use crate::call::authority;

/// Returns a child of the context's span, or the received context of a service that has no span.
pub(crate) fn child_of<'a>(context: &'a OwnedContext, ids: &(impl IdGenerator + ?Sized)) -> InjectSource<'a> {
    match context.span() {
        Some(span) => (&span.child(ids.new_span_id())).into(),
        None => context.into(),
    }
}

/// Data of one hop in addition to its URL.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hop<'a> {
    /// The endpoint of the caller.
    pub(crate) endpoint: Option<&'a str>,
    /// The chain of redirects went from https to http, so no baggage and no correlation id is sent, whatever the rule says.
    pub(crate) withholds_text: bool,
}

impl Rules {
    /// Writes a child of `context` into a built request, as far as the rule of its URL allows. Returns what was omitted.
    ///
    /// The child has a new span id. [`Rules`] describes what happens to trace headers that the request already has.
    ///
    /// A [`Client`](crate::Client) does this for each hop. If another client sends the request, disable its redirects or set
    /// [`Rules::redirect_policy`].
    ///
    /// ```
    /// use traceprop_reqwest::{OwnedContext, Rule, Rules, SpanContext, presets};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let rules = Rules::builder(presets::W3C).rule("*.example", Rule::nothing()).build()?;
    /// let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse()?, "00f067aa0ba902b7".parse()?);
    /// let mut request = reqwest::Request::new(reqwest::Method::GET, "http://stock.internal/items".parse()?);
    /// rules.inject(&OwnedContext::new(span), &mut request);
    /// assert!(request.headers()["traceparent"].to_str()?.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn inject(&self, context: &OwnedContext, request: &mut Request) -> InjectReport<'_> {
        let hop = Hop { endpoint: context.endpoint(), withholds_text: false };
        self.write(Some(child_of(context, &RandomIds)), hop, request)
    }

    pub(crate) fn write(
        &self,
        source: Option<InjectSource<'_>>,
        hop: Hop<'_>,
        request: &mut Request,
    ) -> InjectReport<'_> {
        // The map is moved out and in, so that the URL can be borrowed meanwhile. An empty one costs nothing.
        let mut headers = std::mem::take(request.headers_mut());
        let report = self.write_headers(source, hop, request.url(), &mut headers);
        *request.headers_mut() = headers;
        report
    }

    fn write_headers(
        &self,
        source: Option<InjectSource<'_>>,
        hop: Hop<'_>,
        url: &Url,
        headers: &mut HeaderMap,
    ) -> InjectReport<'_> {
        let rule = self.rule(url);
        self.0.guard.withhold(headers, rule, hop.withholds_text);
        let Some(propagator) = self.propagator(rule) else {
            return InjectReport::default();
        };
        lend_text(rule, hop.withholds_text, |allowed| {
            let outgoing = allowed.peer(authority(url));
            let outgoing = hop.endpoint.map_or(outgoing, |endpoint| outgoing.endpoint(endpoint));
            let mut headers = HeaderCarrierMut::new(headers);
            source.map_or_else(InjectReport::default, |source| propagator.inject(source, &outgoing, &mut headers))
        })
    }
}

/// Calls `then` with what the rule allows in addition to trace context.
fn lend_text<R>(rule: &Rule, withholds_text: bool, then: impl FnOnce(InjectOptions<'_>) -> R) -> R {
    if withholds_text {
        return then(InjectOptions::new());
    }
    rule.baggage.lend(|baggage| match &rule.correlation {
        Keys::None => then(InjectOptions::new().allow_baggage(baggage)),
        keys => {
            keys.lend(|correlation| then(InjectOptions::new().allow_baggage(baggage).allow_correlation(correlation)))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::Method;
    use traceprop_core::{OwnedBaggage, Propagator, SpanContext, baggage::BaggageEntry};

    use crate::Rule;

    fn request(url: &str) -> Request {
        Request::new(Method::GET, url.parse().expect("a URL"))
    }

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

    #[track_caller]
    fn names(url: &str, hop: Hop<'_>) -> Vec<String> {
        let mut request = request(url);
        let context = context();
        rules().write(Some(child_of(&context, &RandomIds)), hop, &mut request);
        let mut names: Vec<_> = request.headers().keys().map(ToString::to_string).collect();
        names.sort();
        names
    }

    #[test]
    fn ok_each_destination_gets_what_its_rule_says() {
        for (url, expected) in [
            ("http://own.internal/", &["baggage", "traceparent", "x-request-id"][..]),
            ("http://a.internal/", &["baggage", "traceparent"]),
            ("http://b3.example/", &["b3"]),
            ("http://none.example/", &[]),
            ("http://stranger.example/", &["traceparent"]),
        ] {
            assert_eq!(names(url, Hop::default()), expected, "{url}");
        }
        let downgraded = Hop { withholds_text: true, ..Hop::default() };
        assert_eq!(names("http://own.internal/", downgraded), ["traceparent"]);
    }

    #[test]
    fn ok_inject_says_what_was_left_out() {
        let mut request = request("http://a.internal/");
        let omitted = rules().inject(&context(), &mut request).to_string();
        assert_eq!(request.headers()["baggage"], "tenant=x");
        assert!(omitted.contains("baggage: 1 member omitted (not-allowed)"), "{omitted}");
    }

    #[test]
    fn ok_a_header_that_another_rule_writes_is_judged_too() {
        let own = Propagator::from_names("none", "tracecontext,correlation:x-other-id").expect("known names");
        let rules = Rules::builder(traceprop_core::presets::W3C)
            .rule("own.internal", Rule::everything().propagator(own))
            .build()
            .expect("good rules");
        for (url, expected) in [("http://own.internal/", true), ("http://stranger.example/", false)] {
            let mut request = request(url);
            request.headers_mut().insert("x-other-id", http::HeaderValue::from_static("mine"));
            rules.write(None, Hop::default(), &mut request);
            assert_eq!(request.headers().contains_key("x-other-id"), expected, "{url}");
        }
    }

    #[test]
    fn ok_a_header_of_the_user_is_replaced_or_judged() {
        let set = |url: &str| {
            let mut request = request(url);
            for name in ["traceparent", "b3", "baggage"] {
                request.headers_mut().insert(name, http::HeaderValue::from_static("mine"));
            }
            rules().inject(&context().with_baggage(&OwnedBaggage::new()), &mut request);
            let text = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            let [traceparent, b3, baggage] = ["traceparent", "b3", "baggage"].map(text);
            (traceparent.map(|value| value == "mine"), b3, baggage)
        };
        let mine = || Some("mine".to_owned());
        assert_eq!(set("http://own.internal/"), (Some(false), mine(), mine()));
        assert_eq!(set("http://a.internal/"), (Some(false), mine(), None));
        assert_eq!(set("http://none.example/"), (None, None, None));
    }
}
