//! The gateway: forwards each request that is not for a path of the service itself.
//!
//! Method, path, query, headers, body and trailers go on as received. The exceptions are fields of the connection (see
//! `fields`), `Host`, and trace headers: the client writes them, and trailers have none. Bodies are streams in both directions. If the
//! client goes away, the call to the upstream is cancelled.

mod body;
mod client;
mod fields;
mod upstream;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use traceprop_core::{Allow, InjectOptions, Propagator, Trust};
use traceprop_http::{WithoutContext, remove_refused, strip_upstream};
use traceprop_reqwest::{BuildError, Rule, RulesError};

use body::ForwardedBody;
use client::CallError;
use client::Client;
pub use client::ClientKind;
pub use upstream::{Upstream, UpstreamError};

/// What a gateway sends, and where.
#[derive(Debug)]
pub struct Outbound {
    pub upstream: Upstream,
    pub client: ClientKind,
    pub send_baggage: Keys,
    pub send_correlation: bool,
    /// Formats whose trace headers are kept as received, unless they are written.
    pub keep_formats: &'static [&'static str],
    /// What becomes of a call without a context.
    pub without_context: WithoutContext,
}

/// Baggage keys that are allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keys(pub Allow<'static>);

/// Why a gateway cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("--send-baggage and --send-correlation: {0}")]
    Rules(#[from] RulesError),
    #[error(transparent)]
    Client(#[from] BuildError),
    #[error(transparent)]
    Plain(#[from] reqwest::Error),
}

impl Outbound {
    fn inject_options(&self) -> InjectOptions<'static> {
        let correlation = if self.send_correlation { Allow::All } else { Allow::None };
        let options = InjectOptions::new().allow_baggage(self.send_baggage.0).allow_correlation(correlation);
        options.keep_formats(self.keep_formats)
    }
}

impl Keys {
    /// Allows these keys in a rule.
    fn rule(self, rule: Rule) -> Rule {
        match self.0 {
            Allow::None => rule,
            Allow::All => rule.allow_all_baggage(),
            Allow::Only(keys) => rule.allow_baggage(keys.iter().copied()),
        }
    }
}

/// State of the handler.
#[derive(Clone)]
pub(super) struct Gateway(Arc<Inner>);

struct Inner {
    upstream: Upstream,
    client: Client,
    propagator: Arc<Propagator>,
    /// Whether callers are strangers, who learn nothing of the upstream's trace.
    strips_responses: bool,
}

impl Gateway {
    pub(super) fn new(outbound: Outbound, propagator: &Arc<Propagator>, trust: Trust) -> Result<Self, SetupError> {
        let client = Client::new(&outbound, propagator)?;
        let strips_responses = matches!(trust, Trust::Restart | Trust::Ignore);
        let propagator = propagator.clone();
        Ok(Self(Arc::new(Inner { upstream: outbound.upstream, client, propagator, strips_responses })))
    }
}

/// Answers with the response of the upstream.
pub(super) async fn forward(State(gateway): State<Gateway>, request: Request) -> Response {
    gateway.call(request).await.unwrap_or_else(GatewayError::into_response)
}

impl Gateway {
    async fn call(&self, request: Request) -> Result<Response, GatewayError> {
        let Inner { upstream, client, propagator, strips_responses } = &*self.0;
        let (mut head, body) = request.into_parts();
        match head.method {
            Method::CONNECT => return Err(GatewayError::Tunnel),
            // This asks about the server that receives it, and has no URL that a client could call.
            Method::OPTIONS if head.uri.path() == "*" => return Ok(StatusCode::NO_CONTENT.into_response()),
            _ => {}
        }
        head.uri = upstream.uri(&head.uri).ok_or(GatewayError::Target)?;
        head.version = upstream.version(head.version).await;
        if fields::has_unknown_coding(&head.headers) {
            return Err(GatewayError::Coding);
        }
        fields::prepare_request(&mut head.headers, head.version);
        let body = ForwardedBody::new(body, propagator, strip_trailers);
        let mut response = client.send(Request::from_parts(head, body)).await?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(GatewayError::Switched);
        }
        if fields::has_unknown_coding(response.headers()) {
            return Err(GatewayError::ResponseCoding);
        }
        fields::prepare_response(response.headers_mut());
        match strips_responses {
            true => Ok(response.map(|body| Body::new(ForwardedBody::new(body, propagator, strip_upstream)))),
            false => Ok(response),
        }
    }
}

/// Removes all trace headers, whatever the trust.
fn strip_trailers(propagator: &Propagator, trailers: &mut HeaderMap) {
    remove_refused(trailers, &propagator.refusals(Trust::Ignore, Allow::None));
}

/// Why a request got no response of the upstream.
#[derive(Debug, thiserror::Error)]
enum GatewayError {
    #[error("CONNECT is not supported")]
    Tunnel,
    #[error("the target is not a path")]
    Target,
    #[error("a transfer coding other than chunked is not supported")]
    Coding,
    #[error("the upstream used a transfer coding other than chunked")]
    ResponseCoding,
    #[error("the upstream switched to another protocol")]
    Switched,
    #[error("{}", causes(.0))]
    Call(#[from] CallError),
}

/// Joins the messages of an error and of its causes. The outer ones rarely say why a connection failed.
fn causes(error: &dyn std::error::Error) -> String {
    let errors = std::iter::successors(Some(error), |error| error.source());
    errors.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl IntoResponse for GatewayError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Tunnel | Self::Coding => StatusCode::NOT_IMPLEMENTED,
            Self::Target => StatusCode::BAD_REQUEST,
            Self::Switched | Self::ResponseCoding | Self::Call(_) => StatusCode::BAD_GATEWAY,
        };
        (status, format!("gateway: {self}\n")).into_response()
    }
}
