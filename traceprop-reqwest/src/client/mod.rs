//! A client that checks the rules for every hop.

mod builder;
mod error;
mod execute;
mod redirect;
mod request;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use reqwest::{IntoUrl, Method};

pub use builder::ClientBuilder;
use builder::{Ids, Names, OnOmitted};
pub use error::{BuildError, Error, Origin};
use redirect::Follow;
pub use request::RequestBuilder;
use traceprop_core::active::CallSpans;

use crate::{Rules, WithoutContext};

/// A reqwest client that propagates the current context as far as its [`Rules`] allow.
///
/// The client follows redirects itself:
///
/// * Each hop is checked against the rules and has its own span id, unless a tracer exports the span of the context; see
///   [`ClientBuilder::spans`].
/// * Baggage and correlation ids are never sent from https to http. A later hop receives them again if its rule allows them.
/// * Credentials are never sent to another origin, including those of default headers. Later hops do not receive them either.
///
/// ```
/// use traceprop_reqwest::{Client, Error, Rule, Rules, presets};
///
/// /// Fetches the items. `client` is shared by the whole program.
/// async fn items(client: &Client) -> Result<reqwest::Response, Error> {
///     client.get("http://stock.internal/items").send().await
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let rules = Rules::builder(presets::W3C)
///     .rule("*.internal", Rule::trace_context().allow_baggage(["tenant"]))
///     .rule("*", Rule::nothing())
///     .build()?;
/// let client = Client::builder(rules).redirect_limit(5).build()?;
/// # let _ = items(&client);
/// # Ok(())
/// # }
/// ```
///
/// Cloning is cheap: clones share settings and connections.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    /// Follows no redirects and does not retry.
    http: reqwest::Client,
    rules: Rules,
    default_headers: HeaderMap,
    follow: Follow,
    timeout: Option<Duration>,
    ids: Arc<Ids>,
    start_new_traces: bool,
    kept_headers: Names,
    kept_formats: Names,
    without_context: WithoutContext,
    on_omitted: Option<Arc<OnOmitted>>,
    spans: Option<Arc<dyn CallSpans>>,
}

impl Client {
    /// Creates a builder of a client with `rules`.
    ///
    /// A propagator or a preset converts into rules that send trace context to every host, and nothing else.
    pub fn builder(rules: impl Into<Rules>) -> ClientBuilder {
        ClientBuilder::new(rules.into())
    }

    /// Creates a `GET` request.
    pub fn get(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// Creates a `POST` request.
    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// Creates a `PUT` request.
    pub fn put(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PUT, url)
    }

    /// Creates a `PATCH` request.
    pub fn patch(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PATCH, url)
    }

    /// Creates a `DELETE` request.
    pub fn delete(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::DELETE, url)
    }

    /// Creates a `HEAD` request.
    pub fn head(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::HEAD, url)
    }

    /// Creates a request with `method`. An invalid URL is reported when the request is built or sent.
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder::new(self.clone(), self.0.http.request(method, url))
    }
}

/// Omits the values of headers.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("rules", &self.0.rules)
            .field("follow", &self.0.follow)
            .field("timeout", &self.0.timeout)
            .finish_non_exhaustive()
    }
}
