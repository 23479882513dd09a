//! Clients of the crate reqwest-middleware.

use std::sync::Arc;

use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{Middleware, Next, Result};
use traceprop_core::{InjectOptions, OwnedContext, Propagator};

use crate::Call;

/// Hands on the current context with every request of a `ClientWithMiddleware`: trace context, and nothing else.
///
/// ```
/// use reqwest_middleware::ClientBuilder;
/// use traceprop_reqwest::{Allow, DisablePropagation, InjectOptions, OwnedContext, PropagationMiddleware, presets};
///
/// # async fn load(context: OwnedContext) -> Result<(), reqwest_middleware::Error> {
/// let client = ClientBuilder::new(reqwest::Client::new())
///     // Retries stand in front of it.
///     .with(PropagationMiddleware::new(presets::W3C))
///     .build();
/// let response = client.get("http://stock.internal/items").send().await?;
///
/// // One call says more, or nothing.
/// let tenant = InjectOptions::new().allow_baggage(Allow::Only(&["tenant"]));
/// let response = client.get("http://stock.internal/items").with_extension(tenant).send().await?;
/// let response = client.get("http://stock.internal/items").with_extension(context).send().await?;
/// let response = client.get("http://stranger.example/").with_extension(DisablePropagation).send().await?;
/// # let _ = response;
/// # Ok(())
/// # }
/// ```
///
/// What a request can carry as an extension:
///
/// | extension | what it does |
/// |---|---|
/// | [`OwnedContext`] | is handed on in place of the current context |
/// | [`InjectOptions<'static>`](InjectOptions) | says what may go along beside trace context, the peer and the endpoint |
/// | [`DisablePropagation`] | leaves the request as it is |
///
/// # Retries and redirects
///
/// Put it **behind** a middleware that retries: each attempt then has a span id of its own. In front of one, all attempts
/// have the same.
///
/// Redirects are followed below all middlewares: each hop gets the headers of the first request, on other hosts too. So
/// baggage that a call allows goes to wherever the called server points. Build the inner client with
/// [`Rules::redirect_policy`](crate::Rules::redirect_policy) or no redirects at all, or use
/// [`Client`](crate::Client), which judges each hop.
#[derive(Clone, Debug)]
pub struct PropagationMiddleware {
    propagator: Arc<Propagator>,
}

impl PropagationMiddleware {
    /// Writes with this propagator: a preset, one that was built, or one that is shared (`Arc`).
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

/// As an extension of a request: [`PropagationMiddleware`] leaves it as it is.
#[derive(Clone, Copy, Debug)]
pub struct DisablePropagation;
