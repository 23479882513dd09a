use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::USER_AGENT;
use http::{HeaderMap, HeaderValue};
use reqwest::{Url, redirect, retry};
use traceprop_core::{IdGenerator, InjectReport, RandomIds};

use super::error::BuildError;
use super::redirect::Follow;
use super::{Client, Inner};
use crate::Rules;

/// Redirects that are followed unless you say otherwise, as in reqwest.
const DEFAULT_LIMIT: usize = 10;

pub(super) type Ids = dyn IdGenerator + Send + Sync;
pub(super) type Left = dyn Fn(&Url, &InjectReport<'_>) + Send + Sync;

/// Builds a [`Client`].
#[must_use = "a builder does nothing until it builds"]
pub struct ClientBuilder {
    destinations: Rules,
    transport: reqwest::ClientBuilder,
    default_headers: HeaderMap,
    user_agent: Option<Result<HeaderValue, BuildError>>,
    follow: Follow,
    timeout: Option<Duration>,
    ids: Arc<Ids>,
    starts_roots: bool,
    omissions: Option<Arc<Left>>,
}

impl ClientBuilder {
    pub(super) fn new(destinations: Rules) -> Self {
        Self {
            destinations,
            transport: reqwest::Client::builder(),
            default_headers: HeaderMap::new(),
            user_agent: None,
            follow: Follow { limit: Some(DEFAULT_LIMIT), referer: true, https_only: false },
            timeout: None,
            ids: Arc::new(RandomIds),
            starts_roots: false,
            omissions: None,
        }
    }

    /// What reqwest is to do below: TLS, proxies, cookies, compression, pools, connect and read timeouts.
    ///
    /// Its redirects, its retries and its referer are switched off, whatever they were set to: they would happen where no
    /// rule is asked. A total timeout that is set there counts for each hop, and the one of this builder for all of them.
    /// Default headers have to be set on this builder; [`ClientBuilder::build`] fails where they are not.
    pub fn transport(mut self, transport: reqwest::ClientBuilder) -> Self {
        self.transport = transport;
        self
    }

    /// Headers for every request that has none of that name. Credentials among them do not go to another origin that a
    /// response points to, and trace headers among them are judged as if they were the request's own.
    pub fn default_headers(mut self, headers: HeaderMap) -> Self {
        for name in headers.keys() {
            self.default_headers.remove(name);
            for value in headers.get_all(name) {
                self.default_headers.append(name.clone(), value.clone());
            }
        }
        self
    }

    /// The `User-Agent` of every request that has none.
    pub fn user_agent(mut self, value: impl TryInto<HeaderValue>) -> Self {
        self.user_agent = Some(value.try_into().map_err(|_| BuildError::UserAgent));
        self
    }

    /// How many redirects are followed: 10 unless you say otherwise. One more is an error.
    pub fn redirect_limit(mut self, limit: usize) -> Self {
        self.follow.limit = Some(limit);
        self
    }

    /// Follows no redirect: it is the response. No copy of a request is kept then.
    pub fn no_redirects(mut self) -> Self {
        self.follow.limit = None;
        self
    }

    /// Whether a hop is told which URL pointed to it, in a `Referer` without user, password and fragment. It is, unless you
    /// say otherwise; never over http what was reached over https.
    pub fn referer(mut self, enable: bool) -> Self {
        self.follow.referer = enable;
        self
    }

    /// Makes every destination without TLS an error, also one that a response points to.
    pub fn https_only(mut self, enable: bool) -> Self {
        self.follow.https_only = enable;
        self
    }

    /// The time for a call: all hops, and the body of the response. A request can have its own.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Takes new ids from this generator, which can be a closure.
    pub fn id_generator(mut self, ids: impl IdGenerator + Send + Sync + 'static) -> Self {
        self.ids = Arc::new(ids);
        self
    }

    /// Begins a trace, sampled, for each call that is made without a context.
    pub fn start_new_traces(mut self) -> Self {
        self.starts_roots = true;
        self
    }

    /// Tells `omissions` of each hop what was left out and why. It is not asked where all was written.
    pub fn on_omitted(mut self, omissions: impl Fn(&Url, &InjectReport<'_>) + Send + Sync + 'static) -> Self {
        self.omissions = Some(Arc::new(omissions));
        self
    }

    /// The client.
    ///
    /// # Errors
    /// When reqwest cannot build what is inside, or a setting stands where it would go round the rules.
    pub fn build(self) -> Result<Client, BuildError> {
        if has_default_headers(&self.transport) {
            return Err(BuildError::TransportHeaders);
        }
        // Without retries no copy for one need be kept either.
        let retries = retry::never().max_retries_per_request(0);
        let mut transport = self.transport.redirect(redirect::Policy::none()).referer(false).retry(retries);
        if self.follow.https_only {
            transport = transport.https_only(true);
        }
        if let Some(timeout) = self.timeout {
            transport = transport.timeout(timeout);
        }
        let mut default_headers = self.default_headers;
        if let Some(user_agent) = self.user_agent {
            default_headers.insert(USER_AGENT, user_agent?);
        }
        Ok(Client(Arc::new(Inner {
            http: transport.build().map_err(BuildError::Transport)?,
            destinations: self.destinations,
            default_headers,
            follow: self.follow,
            timeout: self.timeout,
            ids: self.ids,
            starts_roots: self.starts_roots,
            omissions: self.omissions,
        })))
    }
}

/// Whether reqwest would add headers on its own, beside the `accept` that it always adds.
///
/// It shows them nowhere but in its debug text. Where that text changes, a test fails, and nobody's program does.
fn has_default_headers(transport: &reqwest::ClientBuilder) -> bool {
    let text = format!("{transport:?}");
    let headers = text.split_once("default_headers: {").map(|(_, headers)| headers);
    headers.is_some_and(|headers| !headers.starts_with(r#""accept": "*/*"}"#))
}

/// Without the values of headers.
impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("destinations", &self.destinations)
            .field("follow", &self.follow)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use traceprop_core::presets;

    fn with(transport: reqwest::ClientBuilder) -> Result<Client, BuildError> {
        Client::builder(presets::W3C).transport(transport).build()
    }

    #[test]
    fn err_build_default_headers_below_the_rules() {
        let secret = HeaderMap::from_iter([(http::header::AUTHORIZATION, HeaderValue::from_static("secret"))]);
        for transport in
            [reqwest::Client::builder().default_headers(secret), reqwest::Client::builder().user_agent("agent")]
        {
            assert!(matches!(with(transport), Err(BuildError::TransportHeaders)));
        }
        assert!(with(reqwest::Client::builder().pool_max_idle_per_host(1)).is_ok());
    }

    #[test]
    fn err_build_user_agent_that_no_header_can_hold() {
        let error = Client::builder(presets::W3C).user_agent("line\nend").build().unwrap_err();
        assert!(matches!(error, BuildError::UserAgent));
    }

    #[test]
    fn ok_debug_shows_no_header_value() {
        let headers = HeaderMap::from_iter([(http::header::COOKIE, HeaderValue::from_static("secret"))]);
        let builder = Client::builder(presets::W3C).default_headers(headers);
        let before = format!("{builder:?}");
        let after = format!("{:?}", builder.build().unwrap());
        assert!(!before.contains("secret") && !after.contains("secret"), "{before} {after}");
    }
}
