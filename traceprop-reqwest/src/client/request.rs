use std::fmt::{self, Display};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Version};
use reqwest::{Body, Request, Response};
use traceprop_core::OwnedContext;

use super::Client;
use super::error::Error;
use super::execute::Trace;

/// A request that is being put together; see [`Client`].
#[must_use = "a request does nothing until it is sent"]
pub struct RequestBuilder {
    client: Client,
    request: reqwest::RequestBuilder,
    trace: Trace,
}

impl RequestBuilder {
    pub(super) fn new(client: Client, request: reqwest::RequestBuilder) -> Self {
        Self { client, request, trace: Trace::default() }
    }

    /// Hands on this context in place of the current one.
    pub fn context(mut self, context: OwnedContext) -> Self {
        self.trace.context = Some(context);
        self
    }

    /// The span of the context is that of this call: the first hop has its id, later ones have ids of their own below it.
    /// For tracers that make a span for each call.
    pub fn reuse_span(mut self) -> Self {
        self.trace.same_span = true;
        self
    }

    /// The endpoint that makes this call (a route, a page); sw8 names it. Without one, the endpoint of the context counts.
    pub fn endpoint(mut self, endpoint: impl Into<Box<str>>) -> Self {
        self.trace.endpoint = Some(endpoint.into());
        self
    }

    /// Does with reqwest's own builder what this one has no method for, such as those that are features of reqwest.
    ///
    /// ```
    /// # fn build(client: traceprop_reqwest::Client) {
    /// let request = client.post("http://stock.internal/items").map_reqwest(|request| request.body("1").version(http::Version::HTTP_11));
    /// // with reqwest's feature json: .with(|request| request.json(&item))
    /// # let _ = request;
    /// # }
    /// ```
    pub fn map_reqwest(mut self, edit: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder) -> Self {
        self.request = edit(self.request);
        self
    }

    /// Adds a header.
    pub fn header<K, V>(self, name: K, value: V) -> Self
    where
        HeaderName: TryFrom<K>,
        <HeaderName as TryFrom<K>>::Error: Into<http::Error>,
        HeaderValue: TryFrom<V>,
        <HeaderValue as TryFrom<V>>::Error: Into<http::Error>,
    {
        self.map_reqwest(|request| request.header(name, value))
    }

    /// Sets these headers, in place of those with the same names.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.map_reqwest(|request| request.headers(headers))
    }

    /// Basic authentication, for the first origin and no other.
    pub fn basic_auth(self, user: impl Display, password: Option<impl Display>) -> Self {
        self.map_reqwest(|request| request.basic_auth(user, password))
    }

    /// Bearer authentication, for the first origin and no other.
    pub fn bearer_auth(self, token: impl Display) -> Self {
        self.map_reqwest(|request| request.bearer_auth(token))
    }

    /// The body. One that is a stream cannot be sent again: a redirect that asks for it is the response.
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.map_reqwest(|request| request.body(body))
    }

    /// The time for this call: all hops, and the body of the response.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.map_reqwest(|request| request.timeout(timeout))
    }

    /// The version of HTTP.
    pub fn version(self, version: Version) -> Self {
        self.map_reqwest(|request| request.version(version))
    }

    /// The request as it is, without anything of a trace: [`Client::execute`] adds that.
    ///
    /// # Errors
    /// When the URL, a header or the body is none.
    pub fn build(self) -> Result<Request, Error> {
        self.request.build().map_err(Error::request)
    }

    /// Sends it, and follows where its responses point to. Unless a context was given, it is the one that is current when
    /// this is called, not when the future is first polled.
    pub fn send(self) -> impl Future<Output = Result<Response, Error>> + Send + use<> {
        self.client.run(self.request.build().map_err(Error::request), self.trace)
    }
}

/// Without the values of headers.
impl fmt::Debug for RequestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBuilder").field("trace", &self.trace).finish_non_exhaustive()
    }
}
