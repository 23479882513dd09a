//! One call: sends hops until a response is not a redirect.

use std::time::{Duration, Instant};

use http::HeaderMap;
use reqwest::{Request, Response};
use traceprop_core::active::{CallInfo, CallSpan};
use traceprop_core::{InjectOptions, OwnedContext, SpanContext};
use traceprop_http::WithoutContext;

use super::builder::Names;
use super::error::{Error, Origin};
use super::redirect::Chain;
use super::{Client, Inner};
use crate::destination::authority;
use crate::rules::{child_of, write};

/// The trace settings of a call.
#[derive(Clone, Debug, Default)]
pub(super) struct Trace {
    pub(super) context: Option<OwnedContext>,
    /// The context holds the span of the call, so the first hop has its id.
    pub(super) reuse_span: bool,
    pub(super) endpoint: Option<Box<str>>,
    pub(super) kept_headers: Option<Names>,
    pub(super) kept_formats: Option<Names>,
}

impl Client {
    /// Sends a request and follows redirects.
    ///
    /// The context is the one that is current when this method is called, not when the future is first polled. So the future
    /// can be passed to `tokio::spawn`.
    ///
    /// # Errors
    ///
    /// The future returns [`Error`] if the last hop got no response, or if a redirect may not be followed.
    pub fn execute(&self, request: Request) -> impl Future<Output = Result<Response, Error>> + Send + use<> {
        self.run(Ok(request), Trace::default())
    }

    pub(super) fn run(
        &self,
        request: Result<Request, Error>,
        mut trace: Trace,
    ) -> impl Future<Output = Result<Response, Error>> + Send + use<> {
        trace.context = trace.context.or_else(traceprop_core::OwnedContext::current);
        let client = self.clone();
        async move { client.0.call(request?, trace).await }
    }
}

impl Inner {
    async fn call(&self, mut request: Request, mut trace: Trace) -> Result<Response, Error> {
        self.follow.check_https(request.url())?;
        add_missing(request.headers_mut(), &self.default_headers);
        if trace.context.is_none() && self.start_new_traces && self.spans.is_none() {
            trace.context = Some(OwnedContext::new(SpanContext::root(&*self.ids)));
            trace.reuse_span = true;
        }
        let deadline = request.timeout().copied().or(self.timeout).and_then(|all| Instant::now().checked_add(all));
        let mut chain = Chain::begin(&mut request, self.follow);
        let mut hop = 1;
        loop {
            let is_downgraded = chain.as_ref().is_some_and(Chain::is_downgraded);
            let span = self.begin_span(&request, &trace, hop);
            let context = span.as_ref().and_then(|span| span.context());
            self.write(&mut request, &trace, context.as_ref(), hop, is_downgraded);
            let response = self.http.execute(request).await;
            if let Some(span) = span {
                span.end(response.as_ref().ok().map(|response| response.status().as_u16()));
            }
            let response = response.map_err(|error| Error::send(hop, error))?;
            let next = match &mut chain {
                Some(chain) => chain.next(response.status(), response.headers())?,
                None => None,
            };
            request = match next {
                Some(next) => next,
                None => return Ok(response),
            };
            hop += 1;
            if let Some(deadline) = deadline {
                *request.timeout_mut() = Some(time_left(deadline, hop, &request)?);
            }
        }
    }

    /// Begins the span of a hop, if there is a tracer for it.
    fn begin_span(&self, request: &Request, trace: &Trace, hop: usize) -> Option<Box<dyn CallSpan>> {
        let call = CallInfo::new(request.method().as_str(), authority(request.url()), hop);
        self.spans.as_ref()?.begin(trace.context.as_ref(), &call)
    }

    /// Writes what the rule of this hop allows: `span`, or else a child of the context with a new span id.
    fn write(
        &self,
        request: &mut Request,
        trace: &Trace,
        span: Option<&OwnedContext>,
        hop: usize,
        is_downgraded: bool,
    ) {
        let context = span.or(trace.context.as_ref());
        let source = context.map(|context| match span.is_some() || (trace.reuse_span && hop == 1) {
            true => context.into(),
            false => child_of(context, &*self.ids),
        });
        let served = context.and_then(OwnedContext::endpoint);
        // The passthrough of a request without a trace is no context.
        let is_nothing = context.is_none_or(OwnedContext::is_empty);
        if self.without_context == WithoutContext::Strip && is_nothing {
            return self.rules.strip(request.headers_mut());
        }
        let options = InjectOptions::new()
            .keep_headers(trace.kept_headers.unwrap_or(self.kept_headers))
            .keep_formats(trace.kept_formats.unwrap_or(self.kept_formats));
        let options = trace.endpoint.as_deref().or(served).map_or(options, |endpoint| options.endpoint(endpoint));
        let report = write(&self.rules, source, &options, is_downgraded, request);
        if let Some(on_omitted) = self.on_omitted.as_ref().filter(|_| !report.is_complete()) {
            on_omitted(request.url(), &report);
        }
    }
}

/// Returns the time that remains of the limit for all hops.
fn time_left(deadline: Instant, hop: usize, request: &Request) -> Result<Duration, Error> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(Error::Timeout { hop, origin: Origin::from_url(request.url()) }) } else { Ok(left) }
}

/// Adds the default headers whose names the request does not have.
fn add_missing(headers: &mut HeaderMap, defaults: &HeaderMap) {
    for name in defaults.keys() {
        if !headers.contains_key(name) {
            for value in defaults.get_all(name) {
                headers.append(name.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderValue, StatusCode, header};
    use reqwest::Method;
    use traceprop_core::{OwnedBaggage, SpanId, baggage::BaggageEntry, presets};

    use crate::{Rule, Rules};

    /// Returns the headers that a call to `first`, redirected to each of `others`, would send.
    fn sent(first: &str, others: &[&str]) -> Vec<HeaderMap> {
        let rules = Rules::builder(presets::W3C).rule("*.internal", Rule::everything());
        let secret = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static("secret"))]);
        let client = Client::builder(rules.build().unwrap()).default_headers(secret).build().unwrap();
        let mut baggage = OwnedBaggage::new();
        baggage.push(BaggageEntry { key: "tenant".into(), value: "x".into(), properties: String::new() });
        let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap(), SpanId::MIN);
        let context = Some(OwnedContext::new(span).with_baggage(&baggage));
        let trace = Trace { context, ..Trace::default() };

        let mut request = Request::new(Method::GET, first.parse().unwrap());
        add_missing(request.headers_mut(), &client.0.default_headers);
        let mut chain = Chain::begin(&mut request, client.0.follow).unwrap();
        client.0.write(&mut request, &trace, None, 1, chain.is_downgraded());
        let mut sent = vec![request.headers().clone()];
        for (place, url) in others.iter().enumerate() {
            let location = HeaderMap::from_iter([(header::LOCATION, HeaderValue::from_str(url).unwrap())]);
            let mut request = chain.next(StatusCode::FOUND, &location).unwrap().unwrap();
            client.0.write(&mut request, &trace, None, place + 2, chain.is_downgraded());
            sent.push(request.headers().clone());
        }
        sent
    }

    #[test]
    fn ok_https_to_http_never_carries_baggage_or_credentials() {
        let has = |name: &'static str, sent: &[HeaderMap]| -> Vec<bool> {
            sent.iter().map(|headers| headers.contains_key(name)).collect()
        };
        let sent = sent(
            "https://a.internal/",
            &["https://a.internal/2", "http://a.internal/", "http://b.internal/", "https://b.internal/"],
        );
        assert_eq!(has("traceparent", &sent), [true; 5]);
        assert_eq!(has("baggage", &sent), [true, true, false, false, true]);
        assert_eq!(has("authorization", &sent), [true, true, false, false, false]);
    }

    #[test]
    fn ok_http_from_the_start_may_carry_baggage() {
        let sent = sent("http://a.internal/", &["https://a.internal/"]);
        assert!(sent.iter().all(|headers| headers.contains_key("baggage")));
    }

    #[test]
    fn ok_default_headers_fill_in_for_a_name_that_is_missing() {
        let pairs = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, HeaderValue::from_static(value));
            }
            headers
        };
        let mut headers = pairs(&[("x-a", "mine")]);
        add_missing(&mut headers, &pairs(&[("x-a", "1"), ("x-a", "2"), ("x-b", "1"), ("x-b", "2")]));
        assert_eq!(headers, pairs(&[("x-a", "mine"), ("x-b", "1"), ("x-b", "2")]));
    }

    #[test]
    fn err_no_time_is_left_for_another_hop() {
        let request = Request::new(Method::GET, "http://u:p@a.internal/".parse().unwrap());
        let error = time_left(Instant::now(), 2, &request).unwrap_err();
        assert_eq!(
            (error.is_timeout(), error.to_string().as_str()),
            (true, "timed out before http://a.internal (hop 2)")
        );
        assert!(time_left(Instant::now() + Duration::from_secs(9), 2, &request).unwrap() > Duration::from_secs(8));
    }
}
