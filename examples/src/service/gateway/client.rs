//! The clients that a gateway can call its upstream with. Each has a connection pool for either version of HTTP.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::Version;
use axum::response::Response;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tower::{Layer, ServiceExt};
use traceprop_core::{InjectOptions, Propagator};
use traceprop_reqwest::{Call, Propagate, Rule, Rules, RulesError};
use traceprop_tower::{InjectLayer, inject::Inject};

use super::body::ForwardedBody;
use super::{Outbound, SetupError};
use crate::service::serve::{MAX_HEADER_LIST, MAX_HEADERS};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Which client a gateway uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientKind {
    /// hyper, in an [`InjectLayer`].
    #[default]
    Hyper,
    /// [`traceprop_reqwest::Client`].
    Reqwest,
    /// [`reqwest::Client`] with [`Propagate`].
    Plain,
}

/// A client that writes the context of each request.
#[derive(Clone)]
pub(super) enum Client {
    Hyper(Box<ByVersion<Inject<legacy::Client<HttpConnector, ForwardedBody>>>>),
    Reqwest(ByVersion<traceprop_reqwest::Client>),
    Plain { http: ByVersion<reqwest::Client>, propagator: Arc<Propagator>, options: InjectOptions<'static> },
}

/// Why a call to the upstream failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    #[error(transparent)]
    Hyper(#[from] legacy::Error),
    #[error(transparent)]
    Reqwest(#[from] traceprop_reqwest::Error),
    #[error(transparent)]
    Plain(#[from] reqwest::Error),
}

/// A client for HTTP/1.1 and one for HTTP/2. A client of both would need TLS to choose.
#[derive(Clone)]
pub(super) struct ByVersion<C> {
    http1: C,
    http2: C,
}

impl<C> ByVersion<C> {
    fn try_new<E>(client: impl Fn(Version) -> Result<C, E>) -> Result<Self, E> {
        Ok(Self { http1: client(Version::HTTP_11)?, http2: client(Version::HTTP_2)? })
    }

    fn get(&self, version: Version) -> &C {
        if version == Version::HTTP_2 { &self.http2 } else { &self.http1 }
    }
}

impl Client {
    pub(super) fn new(outbound: &Outbound, propagator: &Arc<Propagator>) -> Result<Self, SetupError> {
        Ok(match outbound.client {
            ClientKind::Hyper => Self::Hyper(Box::new(ByVersion::try_new(|version| {
                let layer = InjectLayer::new(propagator.clone()).inject_options(outbound.inject_options());
                let layer = layer.without_context(outbound.without_context);
                Ok::<_, SetupError>(layer.layer(hyper_client(version)))
            })?)),
            ClientKind::Reqwest => Self::Reqwest(ByVersion::try_new(|version| {
                let client = traceprop_reqwest::Client::builder(rules(outbound, propagator)?);
                let client = client.keep_formats(outbound.keep_formats).without_context(outbound.without_context);
                Ok::<_, SetupError>(client.transport(transport(version)).no_redirects().build()?)
            })?),
            ClientKind::Plain => Self::Plain {
                http: ByVersion::try_new(|version| {
                    transport(version).redirect(reqwest::redirect::Policy::none()).build()
                })?,
                propagator: propagator.clone(),
                options: outbound.inject_options(),
            },
        })
    }

    /// Sends a request with an absolute URI, and a version that the upstream speaks.
    pub(super) async fn send(&self, request: Request<ForwardedBody>) -> Result<Response, CallError> {
        let version = request.version();
        match self {
            Self::Hyper(clients) => Ok(clients.get(version).clone().oneshot(request).await?.map(Body::new)),
            Self::Reqwest(clients) => {
                let (head, body) = request.into_parts();
                let call = clients.get(version).request(head.method, head.uri.to_string()).version(version);
                let call = call.headers(head.headers).body(reqwest::Body::wrap(body));
                Ok(from_reqwest(call.send().await?))
            }
            Self::Plain { http, propagator, options } => {
                let (head, body) = request.into_parts();
                let call = http.get(version).request(head.method, head.uri.to_string()).version(version);
                let call = call.headers(head.headers).body(reqwest::Body::wrap(body));
                let call = call.propagate_with(&Call::new(propagator).inject_options(*options));
                Ok(from_reqwest(call.send().await?))
            }
        }
    }
}

fn hyper_client(version: Version) -> legacy::Client<HttpConnector, ForwardedBody> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    legacy::Client::builder(TokioExecutor::new())
        .http2_only(version == Version::HTTP_2)
        .http1_max_headers(MAX_HEADERS)
        .http2_max_header_list_size(MAX_HEADER_LIST)
        .build(connector)
}

fn transport(version: Version) -> reqwest::ClientBuilder {
    let transport = reqwest::Client::builder().no_proxy().connect_timeout(CONNECT_TIMEOUT);
    match version {
        Version::HTTP_2 => transport.http2_prior_knowledge().http2_max_header_list_size(MAX_HEADER_LIST),
        _ => transport.http1_only().http1_max_headers(MAX_HEADERS),
    }
}

/// The rules of our client: the options of the other clients, for every host.
fn rules(outbound: &Outbound, propagator: &Arc<Propagator>) -> Result<Rules, RulesError> {
    let rule = outbound.send_baggage.rule(Rule::trace_context());
    let rule = if outbound.send_correlation { rule.allow_all_correlation() } else { rule };
    Rules::builder(propagator.clone()).rule("*", rule).build()
}

/// The conversion keeps the frames of the body, trailers included.
fn from_reqwest(response: reqwest::Response) -> Response {
    let response: axum::http::Response<reqwest::Body> = response.into();
    response.map(Body::new)
}
