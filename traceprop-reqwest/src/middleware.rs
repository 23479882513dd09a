//! Middleware for clients of the crate reqwest-middleware.

use std::sync::Arc;

use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{Middleware, Next, Result};
use traceprop_core::{InjectOptions, OwnedContext, Propagator};
use traceprop_http::{HeaderCarrierMut, WithoutContext, remove_refused};

use crate::Call;

/// Middleware that sends the current context with every request of a `ClientWithMiddleware`.
///
/// It writes trace context only, unless an extension of the request allows more.
///
/// ```
/// use reqwest_middleware::ClientBuilder;
/// use traceprop_reqwest::{Allow, DisablePropagation, InjectOptions, OwnedContext, PropagationMiddleware, presets};
///
/// # async fn load(context: OwnedContext) -> Result<(), reqwest_middleware::Error> {
/// let client = ClientBuilder::new(reqwest::Client::new())
///     // Add a middleware that retries before this one.
///     .with(PropagationMiddleware::new(presets::W3C))
///     .build();
/// let response = client.get("http://stock.internal/items").send().await?;
///
/// // Settings of a single call.
/// let tenant = InjectOptions::new().allow_baggage(Allow::Only(&["tenant"]));
/// let response = client.get("http://stock.internal/items").with_extension(tenant).send().await?;
/// let response = client.get("http://stock.internal/items").with_extension(context).send().await?;
/// let response = client.get("http://stranger.example/").with_extension(DisablePropagation).send().await?;
/// # let _ = response;
/// # Ok(())
/// # }
/// ```
///
/// # Extensions of a request
///
/// | extension | effect |
/// |---|---|
/// | [`OwnedContext`] | is sent instead of the current context |
/// | [`InjectOptions<'static>`](InjectOptions) | sets what is sent in addition to trace context, the peer and the endpoint |
/// | [`DisablePropagation`] | writes nothing |
///
/// # Retries and redirects
///
/// Add it **after** a middleware that retries, so that each attempt has its own span id. Otherwise all attempts have the same
/// one.
///
/// The inner client follows redirects, so each hop receives the headers of the first request, including other hosts. The
/// called server decides who receives the baggage that a call allows. Build the inner client with
/// [`RulesExt::redirect_policy`](crate::RulesExt::redirect_policy) or without redirects, or use [`Client`](crate::Client), which
/// checks each hop.
#[derive(Clone, Debug)]
pub struct PropagationMiddleware {
    propagator: Arc<Propagator>,
    kept_headers: &'static [&'static str],
    kept_formats: &'static [&'static str],
    without_context: WithoutContext,
}

impl PropagationMiddleware {
    /// Creates a middleware that injects with `propagator`: a preset, a [`Propagator`], or a shared `Arc<Propagator>`.
    pub fn new(propagator: impl Into<Arc<Propagator>>) -> Self {
        Self {
            propagator: propagator.into(),
            kept_headers: &[],
            kept_formats: &[],
            without_context: WithoutContext::Leave,
        }
    }

    /// Keeps headers that a request already has. Nothing is written over them.
    ///
    /// Use it if another library inside of the service writes them, for example an SDK that writes `baggage` or
    /// `sentry-trace`. Do not use it for headers that a gateway copied: they would pass as its own. See
    /// [`InjectOptions::keep_headers`]; options of a request with names of their own replace these.
    pub fn keep_headers(mut self, names: &'static [&'static str]) -> Self {
        self.kept_headers = names;
        self
    }

    /// Keeps the trace headers of formats that this middleware does not write. Baggage and correlation ids are not kept.
    ///
    /// Use it in a gateway that is transparent in these formats. It has no effect on a context that was made under another
    /// trust than `Continue`. See [`InjectOptions::keep_formats`]; options of a request with names of their own replace
    /// these.
    pub fn keep_formats(mut self, names: &'static [&'static str]) -> Self {
        self.kept_formats = names;
        self
    }

    /// Sets what becomes of the trace headers of a request that has no context. Defaults to [`WithoutContext::Leave`].
    ///
    /// Use [`WithoutContext::Strip`] in a gateway that copies received headers.
    pub fn without_context(mut self, without_context: WithoutContext) -> Self {
        self.without_context = without_context;
        self
    }

    fn write(&self, request: &mut Request, extensions: &Extensions) {
        let current;
        let context = match extensions.get::<OwnedContext>() {
            Some(context) => Some(context),
            None => {
                current = OwnedContext::current();
                current.as_ref()
            }
        };
        if extensions.get::<DisablePropagation>().is_some() {
            if let Some(context) = context {
                remove_refused(request.headers_mut(), &context.refusals(&self.propagator));
            }
            return;
        }
        // The passthrough of a request without a trace is no context.
        if self.without_context == WithoutContext::Strip && context.is_none_or(OwnedContext::is_empty) {
            self.propagator.strip(&mut HeaderCarrierMut::new(request.headers_mut()));
            return;
        }
        let Some(context) = context else { return };
        let options = extensions.get::<InjectOptions<'static>>().copied().unwrap_or_default();
        let options = match options.kept_headers() {
            [] => options.keep_headers(self.kept_headers),
            _ => options,
        };
        let options = match options.kept_formats() {
            [] => options.keep_formats(self.kept_formats),
            _ => options,
        };
        Call::new(&self.propagator).context(context).inject_options(options).inject(request);
    }
}

#[async_trait::async_trait]
impl Middleware for PropagationMiddleware {
    async fn handle(&self, mut request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response> {
        self.write(&mut request, extensions);
        next.run(request, extensions).await
    }
}

/// Extension of a request into which [`PropagationMiddleware`] writes nothing.
///
/// Use it for a call whose trace headers another library writes.
///
/// It also removes the headers that the listener refused, which are in a copy of the request if the listener left them
/// there (`keep_refused` of traceprop-tower). What was refused follows from the trust of the context that is sent:
///
/// | trust | removed |
/// |---|---|
/// | `Continue`, or no context | nothing |
/// | `Resample` | baggage members with a sampling decision (`sentry-*`), and names that a server reads as a trace header because it takes `_` for `-` |
/// | `Restart` | these, and all trace headers: of every format, and the custom ones of the listener. Baggage and correlation ids stay |
/// | `Ignore` | all of these, baggage, and correlation ids |
///
/// The context has the names of the listener's custom headers, so they are removed even if this client does not know them.
/// Baggage that an allow-list of the listener refused cannot be told from the service's own, so it stays. All other headers
/// are unchanged; for a host that must not see them, use [`Rule::nothing`](crate::Rule::nothing).
///
/// ```
/// use traceprop_reqwest::DisablePropagation;
///
/// let client = reqwest_middleware::ClientWithMiddleware::from(reqwest::Client::new());
/// let request = client.get("http://stranger.example/").with_extension(DisablePropagation);
/// # let _ = request;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct DisablePropagation;
