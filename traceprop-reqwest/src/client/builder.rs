use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::USER_AGENT;
use http::{HeaderMap, HeaderValue};
use reqwest::{Url, redirect, retry};
use traceprop_core::active::CallSpans;
use traceprop_core::{IdGenerator, RandomIds, report::InjectReport};

use super::error::BuildError;
use super::redirect::Follow;
use super::{Client, Inner};
use crate::{Rules, WithoutContext};

/// Redirects that are followed by default, as in reqwest.
const DEFAULT_LIMIT: usize = 10;

pub(super) type Ids = dyn IdGenerator + Send + Sync;
pub(super) type Names = &'static [&'static str];
pub(super) type OnOmitted = dyn Fn(&Url, &InjectReport<'_>) + Send + Sync;

/// Builder of a [`Client`].
///
/// ```
/// use std::time::Duration;
/// use traceprop_reqwest::{Client, presets};
///
/// let client = Client::builder(presets::W3C)
///     .transport(reqwest::Client::builder().pool_max_idle_per_host(8)) // TLS, proxies, pools
///     .timeout(Duration::from_secs(3)) // all hops together
///     .redirect_limit(5)
///     .on_omitted(|url, report| eprintln!("{}: {report}", url.host_str().unwrap_or_default()))
///     .build()?;
/// # let _ = client;
/// # Ok::<(), traceprop_reqwest::BuildError>(())
/// ```
#[must_use = "a builder does nothing until it builds"]
pub struct ClientBuilder {
    rules: Rules,
    transport: reqwest::ClientBuilder,
    default_headers: HeaderMap,
    user_agent: Option<Result<HeaderValue, BuildError>>,
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

impl ClientBuilder {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            transport: reqwest::Client::builder(),
            default_headers: HeaderMap::new(),
            user_agent: None,
            follow: Follow { limit: Some(DEFAULT_LIMIT), referer: true, https_only: false },
            timeout: None,
            ids: Arc::new(RandomIds),
            start_new_traces: false,
            kept_headers: &[],
            kept_formats: &[],
            without_context: WithoutContext::Leave,
            on_omitted: None,
            spans: None,
        }
    }

    /// Sets the underlying reqwest client: TLS, proxies, cookies, compression, pools, connect and read timeouts.
    ///
    /// Its redirects, retries and referer are disabled, because they would bypass the rules. A total timeout of `transport`
    /// applies to each hop; [`timeout`](Self::timeout) applies to all hops together. Set default headers and the user agent on
    /// this builder: with a transport that has them, [`build`](Self::build) returns [`BuildError::TransportHeaders`].
    pub fn transport(mut self, transport: reqwest::ClientBuilder) -> Self {
        self.transport = transport;
        self
    }

    /// Adds headers to every request that has no header of that name.
    ///
    /// Credentials among them are not sent to another origin after a redirect. Trace headers among them are sent as far as
    /// the rules allow.
    pub fn default_headers(mut self, headers: HeaderMap) -> Self {
        for name in headers.keys() {
            self.default_headers.remove(name);
            for value in headers.get_all(name) {
                self.default_headers.append(name.clone(), value.clone());
            }
        }
        self
    }

    /// Sets the `User-Agent` of every request that has none.
    ///
    /// If `value` is not a valid header value, [`build`](Self::build) returns [`BuildError::UserAgent`].
    pub fn user_agent(mut self, value: impl TryInto<HeaderValue>) -> Self {
        self.user_agent = Some(value.try_into().map_err(|_| BuildError::UserAgent));
        self
    }

    /// Sets how many redirects are followed. Defaults to 10. A further redirect is an [`Error::TooManyRedirects`].
    ///
    /// [`Error::TooManyRedirects`]: crate::Error::TooManyRedirects
    pub fn redirect_limit(mut self, limit: usize) -> Self {
        self.follow.limit = Some(limit);
        self
    }

    /// Follows no redirects: a redirect is returned as the response. Requests are then not copied.
    pub fn no_redirects(mut self) -> Self {
        self.follow.limit = None;
        self
    }

    /// Sets whether a redirected hop has a `Referer`. Defaults to `true`.
    ///
    /// The referer has no user, password and fragment. It is never sent from https to http.
    pub fn referer(mut self, enable: bool) -> Self {
        self.follow.referer = enable;
        self
    }

    /// Sets whether a URL without TLS is an [`Error::NotHttps`], including those of redirects. Defaults to `false`.
    ///
    /// [`Error::NotHttps`]: crate::Error::NotHttps
    pub fn https_only(mut self, enable: bool) -> Self {
        self.follow.https_only = enable;
        self
    }

    /// Sets the time limit of a call, for all hops and the body of the response. Defaults to none.
    ///
    /// [`RequestBuilder::timeout`](crate::RequestBuilder::timeout) overrides it for one request.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the generator of new ids, for example a closure. Defaults to random ids.
    pub fn id_generator(mut self, ids: impl IdGenerator + Send + Sync + 'static) -> Self {
        self.ids = Arc::new(ids);
        self
    }

    /// Starts a new, sampled trace for each call that has no context. By default such a call sends no trace headers.
    pub fn start_new_traces(mut self) -> Self {
        self.start_new_traces = true;
        self
    }

    /// Keeps headers that a request already has. Nothing is written over them, and they are reported as kept.
    ///
    /// Use it if another library inside of the service writes them, for example an SDK that writes `baggage` or
    /// `sentry-trace`. Do not use it for headers that a gateway copied: they would pass as its own. A rule that does not
    /// allow a header removes it all the same. See [`InjectOptions::keep_headers`](crate::InjectOptions::keep_headers).
    ///
    /// ```
    /// use traceprop_reqwest::{Client, presets};
    ///
    /// let client = Client::builder(presets::W3C).keep_headers(&["sentry-trace"]).build()?;
    /// # let _ = client;
    /// # Ok::<(), traceprop_reqwest::BuildError>(())
    /// ```
    pub fn keep_headers(mut self, names: &'static [&'static str]) -> Self {
        self.kept_headers = names;
        self
    }

    /// Keeps the trace headers of formats that the rules do not write. Baggage and correlation ids are not kept.
    ///
    /// Use it in a gateway that is transparent in these formats, for example if AWS X-Ray is behind it. It has no effect on
    /// a context that was made under another trust than `Continue`. See
    /// [`InjectOptions::keep_formats`](crate::InjectOptions::keep_formats).
    ///
    /// ```
    /// use traceprop_reqwest::{Client, presets};
    ///
    /// let client = Client::builder(presets::W3C).keep_formats(&["b3", "datadog"]).build()?;
    /// # let _ = client;
    /// # Ok::<(), traceprop_reqwest::BuildError>(())
    /// ```
    pub fn keep_formats(mut self, names: &'static [&'static str]) -> Self {
        self.kept_formats = names;
        self
    }

    /// Sets what becomes of the trace headers of a request that has no context. Defaults to [`WithoutContext::Leave`].
    ///
    /// Use [`WithoutContext::Strip`] in a gateway that copies received headers. The rules decide first.
    ///
    /// ```
    /// use traceprop_reqwest::{Client, WithoutContext, presets};
    ///
    /// let client = Client::builder(presets::W3C).without_context(WithoutContext::Strip).build()?;
    /// # let _ = client;
    /// # Ok::<(), traceprop_reqwest::BuildError>(())
    /// ```
    pub fn without_context(mut self, without_context: WithoutContext) -> Self {
        self.without_context = without_context;
        self
    }

    /// Calls `on_omitted` for each hop with what was omitted, and why. It is not called if nothing was omitted.
    pub fn on_omitted(mut self, on_omitted: impl Fn(&Url, &InjectReport<'_>) + Send + Sync + 'static) -> Self {
        self.on_omitted = Some(Arc::new(on_omitted));
        self
    }

    /// Makes a span of a tracer for each hop, whose id the hop sends. [`CallSpans`] has an example.
    ///
    /// The span of a redirected hop is a sibling of the first one, with the number of the attempt. A call without a context
    /// begins the trace that the tracer begins, so [`start_new_traces`](Self::start_new_traces) has no effect.
    pub fn spans(mut self, spans: impl CallSpans + 'static) -> Self {
        self.spans = Some(Arc::new(spans));
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    ///
    /// Returns [`BuildError`] if reqwest cannot build the transport, if the transport has default headers, or if the user agent
    /// is invalid.
    pub fn build(self) -> Result<Client, BuildError> {
        if has_default_headers(&self.transport) {
            return Err(BuildError::TransportHeaders);
        }
        // Without retries reqwest need not keep a copy of the request.
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
            rules: self.rules,
            default_headers,
            follow: self.follow,
            timeout: self.timeout,
            ids: self.ids,
            start_new_traces: self.start_new_traces,
            kept_headers: self.kept_headers,
            kept_formats: self.kept_formats,
            without_context: self.without_context,
            on_omitted: self.on_omitted,
            spans: self.spans,
        })))
    }
}

/// Whether reqwest would add headers in addition to the `accept` that it always adds.
///
/// It shows them only in its debug text. If that text changes, a test fails, and the check finds no headers.
fn has_default_headers(transport: &reqwest::ClientBuilder) -> bool {
    let text = format!("{transport:?}");
    let headers = text.split_once("default_headers: {").map(|(_, headers)| headers);
    headers.is_some_and(|headers| !headers.starts_with(r#""accept": "*/*"}"#))
}

/// Omits the values of headers.
impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("rules", &self.rules)
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
