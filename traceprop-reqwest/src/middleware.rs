//! Middleware for clients of the crate reqwest-middleware.

use std::sync::Arc;

use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{Middleware, Next, Result};
use traceprop_core::{InjectOptions, OwnedContext, Propagator};

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
/// | [`DisablePropagation`] | leaves the request unchanged |
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
}

impl PropagationMiddleware {
    /// Creates a middleware that injects with `propagator`: a preset, a [`Propagator`], or a shared `Arc<Propagator>`.
    pub fn new(propagator: impl Into<Arc<Propagator>>) -> Self {
        Self { propagator: propagator.into() }
    }

    fn write(&self, request: &mut Request, extensions: &Extensions) {
        if extensions.get::<DisablePropagation>().is_some() {
            return;
        }
        let mut call = Call::new(&self.propagator);
        if let Some(context) = extensions.get::<OwnedContext>() {
            call = call.context(context);
        }
        if let Some(outgoing) = extensions.get::<InjectOptions<'static>>() {
            call = call.inject_options(*outgoing);
        }
        call.inject(request);
    }
}

#[async_trait::async_trait]
impl Middleware for PropagationMiddleware {
    async fn handle(&self, mut request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response> {
        self.write(&mut request, extensions);
        next.run(request, extensions).await
    }
}

/// Extension of a request that [`PropagationMiddleware`] leaves unchanged.
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
