//! [`Rules`] for the requests and redirects of reqwest.

use reqwest::Request;
use reqwest::redirect::Policy;
use traceprop_core::{IdGenerator, InjectOptions, OwnedContext, RandomIds, format::InjectSource, report::InjectReport};
use traceprop_http::{Destination, Rules};

use crate::destination::{self, authority};

/// Methods of [`Rules`] for requests that a plain [`reqwest::Client`] sends.
///
/// A [`Client`](crate::Client) does the work of both for each hop.
pub trait RulesExt: sealed::Sealed {
    /// Writes a child of `context` into a built request, as far as the rule of its URL allows. Returns what was omitted.
    ///
    /// The child has a new span id. [`Rules`] describes what happens to trace headers that the request already has.
    ///
    /// Disable the redirects of the client that sends the request, or set [`redirect_policy`](Self::redirect_policy).
    ///
    /// ```
    /// use traceprop_reqwest::{OwnedContext, Rule, Rules, RulesExt, SpanContext, presets};
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
    fn inject(&self, context: &OwnedContext, request: &mut Request) -> InjectReport<'_>;

    /// Returns a redirect policy for a plain [`reqwest::Client`], which sends the headers of the first request to every hop.
    ///
    /// The policy stops, and returns the redirect as the response, before a host
    ///
    /// * whose rule is [`Rule::nothing`](crate::Rule::nothing),
    /// * that may receive less baggage or fewer correlation ids than the first host,
    /// * whose rule lacks a format that the first host receives,
    /// * that is called without TLS, if the first host is called with TLS and may receive baggage or correlation ids.
    ///
    /// `otherwise` decides about all other hosts. [`Policy::default`] follows ten redirects.
    ///
    /// The policy knows the rules but not the headers. Baggage that a [`Call`](crate::Call) allows and the rules do not is
    /// sent to the next hop, so allow no more there. A [`Client`](crate::Client) removes such headers and does not stop.
    ///
    /// ```
    /// use traceprop_reqwest::{Rule, Rules, RulesExt, presets};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let rules = Rules::builder(presets::W3C)
    ///     .rule("*.internal", Rule::trace_context())
    ///     .rule("*", Rule::nothing())
    ///     .build()?;
    /// let client = reqwest::Client::builder()
    ///     .redirect(rules.redirect_policy(reqwest::redirect::Policy::default()))
    ///     .build()?;
    /// # let _ = client;
    /// # Ok(())
    /// # }
    /// ```
    fn redirect_policy(&self, otherwise: Policy) -> Policy;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for traceprop_http::Rules {}
}

impl RulesExt for Rules {
    fn inject(&self, context: &OwnedContext, request: &mut Request) -> InjectReport<'_> {
        let options = InjectOptions::new();
        let options = context.endpoint().map_or(options, |endpoint| options.endpoint(endpoint));
        write(self, Some(child_of(context, &RandomIds)), &options, false, request)
    }

    fn redirect_policy(&self, otherwise: Policy) -> Policy {
        let rules = self.clone();
        Policy::custom(move |attempt| {
            let next = destination::of(attempt.url());
            // The first of the previous URLs is the one that was called.
            let may_move =
                attempt.previous().first().is_none_or(|first| rules.may_move(&destination::of(first), &next));
            if may_move { otherwise.redirect(attempt) } else { attempt.stop() }
        })
    }
}

/// Returns a child of the context's span, or the context itself: a span that a tracer exports, or what a service without a
/// span received.
pub(crate) fn child_of<'a>(context: &'a OwnedContext, ids: &(impl IdGenerator + ?Sized)) -> InjectSource<'a> {
    match context.span() {
        Some(span) if !context.is_reported() => (&span.child(ids.new_span_id())).into(),
        _ => context.into(),
    }
}

/// Writes a context into a request, or removes what the rule does not allow where there is none.
///
/// A request `without_text` gets no baggage and no correlation id, whatever the rule says.
pub(crate) fn write<'r>(
    rules: &'r Rules,
    source: Option<InjectSource<'_>>,
    options: &InjectOptions<'_>,
    without_text: bool,
    request: &mut Request,
) -> InjectReport<'r> {
    // The map is moved out and in, so that the URL can be borrowed meanwhile. An empty one costs nothing.
    let mut headers = std::mem::take(request.headers_mut());
    let destination: Destination<'_> = destination::of(request.url());
    let destination = if without_text { destination.without_text() } else { destination };
    let report = match source {
        Some(source) => {
            let options = options.peer(authority(request.url()));
            rules.inject_headers(source, &options, destination, &mut headers)
        }
        None => {
            rules.withhold(destination, &mut headers);
            InjectReport::default()
        }
    };
    *request.headers_mut() = headers;
    report
}
