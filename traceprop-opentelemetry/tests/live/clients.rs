//! The kinds of clients.

use std::net::SocketAddr;

use http::{Extensions, StatusCode};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_util::client::legacy::{Client as HyperClient, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use reqwest_middleware::{ClientBuilder, Middleware, Next, Result};
use tower::{ServiceBuilder, ServiceExt};
use traceprop_core::presets;
use traceprop_reqwest::{Client, Propagate, PropagationMiddleware, Rule, Rules};
use traceprop_tower::InjectLayer;
use tracing::Instrument;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Plain,
    Ours,
    /// With a retry, inside of which each attempt has a span of `tracing`.
    Retry,
    Hyper,
}

pub const CLIENTS: [Kind; 4] = [Kind::Plain, Kind::Ours, Kind::Retry, Kind::Hyper];

impl Kind {
    pub async fn get(self, stock: SocketAddr) {
        let url = format!("http://{stock}/");
        let plain = || reqwest::Client::builder().no_proxy().build().unwrap();
        let status = match self {
            Self::Plain => {
                let propagator = presets::W3C.propagator();
                plain().get(url).propagate(&propagator).send().await.unwrap().status()
            }
            Self::Ours => {
                let rules = Rules::builder(presets::W3C).rule("*", Rule::trace_context()).build().unwrap();
                let client = Client::builder(rules).transport(reqwest::Client::builder().no_proxy()).build().unwrap();
                client.get(url).send().await.unwrap().status()
            }
            Self::Retry => {
                let client = ClientBuilder::new(plain())
                    .with(RetryOnce)
                    .with(AttemptSpan)
                    .with(PropagationMiddleware::new(presets::W3C))
                    .build();
                client.get(format!("{url}flaky")).send().await.unwrap().status()
            }
            Self::Hyper => {
                let transport: HyperClient<HttpConnector, Empty<Bytes>> =
                    HyperClient::builder(TokioExecutor::new()).build_http();
                let client = ServiceBuilder::new().layer(InjectLayer::new(presets::W3C)).service(transport);
                client.oneshot(http::Request::get(url).body(Empty::new()).unwrap()).await.unwrap().status()
            }
        };
        assert_eq!(status, StatusCode::OK);
    }
}

struct RetryOnce;

#[async_trait::async_trait]
impl Middleware for RetryOnce {
    async fn handle(
        &self,
        request: reqwest::Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<reqwest::Response> {
        let again = request.try_clone().unwrap();
        let first = next.clone().run(request, extensions).await?;
        if first.status() == StatusCode::SERVICE_UNAVAILABLE {
            return next.run(again, extensions).await;
        }
        Ok(first)
    }
}

struct AttemptSpan;

#[async_trait::async_trait]
impl Middleware for AttemptSpan {
    async fn handle(
        &self,
        request: reqwest::Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<reqwest::Response> {
        let span = tracing::info_span!(target: "live", "attempt", otel.kind = "client");
        next.run(request, extensions).instrument(span).await
    }
}
