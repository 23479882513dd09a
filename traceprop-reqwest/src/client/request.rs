use std::fmt::{self, Display};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Version};
use reqwest::{Body, Request, Response};
use traceprop_core::OwnedContext;

use super::Client;
use super::error::Error;
use super::execute::Trace;

/// Builder of a request that a [`Client`] sends.
///
/// ```
/// use traceprop_reqwest::{Client, presets};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::builder(presets::W3C).build()?;
/// let request = client.post("http://stock.internal/items").header("x-shop", "7").body("apples").endpoint("/orders");
/// assert_eq!(request.build()?.headers()["x-shop"], "7"); // usually `.send().await?`
/// # Ok(())
/// # }
/// ```
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

    /// Sends `context` instead of the current one.
    pub fn context(mut self, context: OwnedContext) -> Self {
        self.trace.context = Some(context);
        self
    }

    /// Sends the span of the context itself on the first hop, without a child.
    ///
    /// Use it if a tracer has created a span for this call. Later hops are children of it.
    pub fn reuse_span(mut self) -> Self {
        self.trace.reuse_span = true;
        self
    }

    /// Sets the endpoint that makes this call, such as a route. It is a part of `sw8`. Defaults to the endpoint of the context.
    pub fn endpoint(mut self, endpoint: impl Into<Box<str>>) -> Self {
        self.trace.endpoint = Some(endpoint.into());
        self
    }

    /// Keeps headers that this request already has, instead of those that the client keeps.
    ///
    /// Use it for a call whose headers another library writes. See
    /// [`ClientBuilder::keep_headers`](crate::ClientBuilder::keep_headers).
    pub fn keep_headers(mut self, names: &'static [&'static str]) -> Self {
        self.trace.kept_headers = Some(names);
        self
    }

    /// Keeps the trace headers of these formats, instead of those that the client keeps.
    ///
    /// Use it for a call that is transparent in them. See
    /// [`ClientBuilder::keep_formats`](crate::ClientBuilder::keep_formats).
    pub fn keep_formats(mut self, names: &'static [&'static str]) -> Self {
        self.trace.kept_formats = Some(names);
        self
    }

    /// Edits the underlying builder of reqwest, for methods that this builder does not have.
    ///
    /// ```
    /// # use traceprop_reqwest::{Client, presets};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = Client::builder(presets::W3C).build()?;
    /// // With reqwest's feature `json`: `.map_reqwest(|request| request.json(&item))`
    /// let request = client.post("http://stock.internal/items").map_reqwest(|request| request.body("1"));
    /// # let _ = request;
    /// # Ok(())
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

    /// Sets headers. They replace those of the same names.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.map_reqwest(|request| request.headers(headers))
    }

    /// Sets basic authentication. Other origins do not receive it after a redirect.
    pub fn basic_auth(self, user: impl Display, password: Option<impl Display>) -> Self {
        self.map_reqwest(|request| request.basic_auth(user, password))
    }

    /// Sets bearer authentication. Other origins do not receive it after a redirect.
    pub fn bearer_auth(self, token: impl Display) -> Self {
        self.map_reqwest(|request| request.bearer_auth(token))
    }

    /// Sets the body.
    ///
    /// A stream cannot be sent again: a redirect that requires it is returned as the response.
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.map_reqwest(|request| request.body(body))
    }

    /// Sets the time limit of this call, for all hops and the body of the response.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.map_reqwest(|request| request.timeout(timeout))
    }

    /// Sets the HTTP version.
    pub fn version(self, version: Version) -> Self {
        self.map_reqwest(|request| request.version(version))
    }

    /// Builds the request, without trace headers. [`Client::execute`] adds them.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Request`] if the URL, a header or the body is invalid.
    pub fn build(self) -> Result<Request, Error> {
        self.request.build().map_err(Error::request)
    }

    /// Sends the request and follows redirects.
    ///
    /// Unless [`context`](Self::context) was set, the context is the one that is current when this method is called, not when
    /// the future is first polled.
    ///
    /// # Errors
    ///
    /// The future returns [`Error`] if the request is invalid, if the last hop got no response, or if a redirect may not be
    /// followed.
    pub fn send(self) -> impl Future<Output = Result<Response, Error>> + Send + use<> {
        self.client.run(self.request.build().map_err(Error::request), self.trace)
    }
}

/// Omits the values of headers.
impl fmt::Debug for RequestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBuilder").field("trace", &self.trace).finish_non_exhaustive()
    }
}
