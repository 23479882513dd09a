//! A client that asks the rules for every hop.

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
use builder::{Ids, Left};
pub use error::{BuildError, Error, Origin};
use redirect::Follow;
pub use request::RequestBuilder;

use crate::Rules;

/// A reqwest client that hands on the current context, and asks [`Rules`] what may go where.
///
/// It follows redirects itself. So each hop is judged anew and has a span id of its own, baggage never goes from https
/// to http, and credentials never to another origin, even where they are default headers. What a hop must not have comes
/// back on a later one only as far as the rule of that one allows it; credentials that were stripped do not come back.
///
/// ```
/// use traceprop_reqwest::{Client, Rules, Rule, presets};
///
/// # async fn load() -> Result<(), Box<dyn std::error::Error>> {
/// let destinations = Rules::builder(presets::W3C)
///     .rule("*.internal", Rule::trace_context().allow_baggage(["tenant"]))
///     .rule("*", Rule::nothing())
///     .build()?;
/// let client = Client::builder(destinations).redirect_limit(5).build()?; // one for the whole program
/// let response = client.get("http://stock.internal/items").send().await?;
/// # let _ = response;
/// # Ok(())
/// # }
/// ```
///
/// A clone costs one reference count, and shares connections.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    /// Follows nothing and repeats nothing.
    http: reqwest::Client,
    destinations: Rules,
    default_headers: HeaderMap,
    follow: Follow,
    timeout: Option<Duration>,
    ids: Arc<Ids>,
    starts_roots: bool,
    omissions: Option<Arc<Left>>,
}

impl Client {
    /// A builder of a client with these rules. A propagator or a preset stands for rules as well: trace context to every
    /// host, and nothing else.
    pub fn builder(destinations: impl Into<Rules>) -> ClientBuilder {
        ClientBuilder::new(destinations.into())
    }

    /// A `GET` request.
    pub fn get(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// A `POST` request.
    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// A `PUT` request.
    pub fn put(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PUT, url)
    }

    /// A `PATCH` request.
    pub fn patch(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PATCH, url)
    }

    /// A `DELETE` request.
    pub fn delete(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::DELETE, url)
    }

    /// A `HEAD` request.
    pub fn head(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::HEAD, url)
    }

    /// A request with this method. What is wrong with the URL is told when it is sent.
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder::new(self.clone(), self.0.http.request(method, url))
    }
}

/// Without the values of headers.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("destinations", &self.0.destinations)
            .field("follow", &self.0.follow)
            .field("timeout", &self.0.timeout)
            .finish_non_exhaustive()
    }
}
