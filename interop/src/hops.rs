//! Our own services on both sides of a proxy: each notes what it understood, and calls the next one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tower::{Layer, ServiceExt};
use traceprop_core::formats::sw8::Sw8;
use traceprop_core::{InjectOptions, OwnedContext, Propagator, SpanId, TraceId};
use traceprop_tower::{ExtractLayer, InjectLayer, RequestContext};

use crate::Error;

static SW8: Sw8 = Sw8::new("shop", "shop-1");

/// Where a service calls next: the header is for these services alone.
pub(crate) const NEXT: &str = "x-next";
/// Which protocol is used behind the proxy.
pub(crate) const PROTOCOL: &str = "x-protocol";

type Client = legacy::Client<HttpConnector, Body>;

/// Creates a propagator that reads and writes a list of formats.
pub(crate) fn propagator(list: &str) -> Result<Arc<Propagator>, Error> {
    Ok(Arc::new(Propagator::builder().define(&SW8).names(list, list)?.build()?))
}

/// The protocol of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    /// HTTP/2 without TLS, known beforehand.
    Http2,
}

impl Protocol {
    pub(crate) const ALL: [Self; 2] = [Self::Http1, Self::Http2];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Http1 => "http1",
            Self::Http2 => "h2c",
        }
    }
}

/// What a service understood of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hop {
    pub(crate) trace_id: Option<TraceId>,
    /// The span of the service. `None` for a passthrough.
    pub(crate) span_id: Option<SpanId>,
    /// The caller's span.
    pub(crate) parent_id: Option<SpanId>,
    pub(crate) sampled: Option<bool>,
    pub(crate) tenant: Option<String>,
    pub(crate) priority: Option<i32>,
    pub(crate) origin: Option<String>,
    /// The headers that were received.
    pub(crate) headers: HeaderMap,
}

impl Hop {
    fn new(context: &OwnedContext, headers: &HeaderMap) -> Self {
        let is_passthrough = context.is_passthrough();
        let datadog = context.datadog();
        Self {
            trace_id: context.trace_id(),
            span_id: if is_passthrough { None } else { context.span_id() },
            parent_id: if is_passthrough { context.span_id() } else { context.parent_id() },
            sampled: context.sampling().decision(),
            tenant: context.baggage().get("tenant").map(|member| member.value().into_owned()),
            priority: datadog.priority(),
            origin: datadog.origin().map(|origin| origin.to_string()),
            headers: headers.clone(),
        }
    }
}

/// Writes the context of a request, and sends it. The call names the span of the context as its parent.
#[derive(Clone)]
pub(crate) struct Caller {
    layer: InjectLayer,
    clients: [Client; 2],
}

impl Caller {
    pub(crate) fn new(propagator: &Arc<Propagator>) -> Self {
        let options = InjectOptions::everything().endpoint("/orders");
        let layer = InjectLayer::new(Arc::clone(propagator)).inject_options(options).reuse_span();
        let client = |http2| legacy::Client::builder(TokioExecutor::new()).http2_only(http2).build_http();
        Self { layer, clients: [client(false), client(true)] }
    }

    pub(crate) async fn call(&self, protocol: Protocol, request: Request) -> Result<Response, Error> {
        let [http1, http2] = self.clients.clone();
        let client = if protocol == Protocol::Http1 { http1 } else { http2 };
        Ok(self.layer.layer(client).oneshot(request).await?.map(Body::new))
    }
}

/// Services on one port. A request to `/span/ID` is handled in a span, one to `/passthrough/ID` without.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) port: u16,
    hops: Arc<Mutex<HashMap<String, Vec<Hop>>>>,
    caller: Caller,
}

impl Services {
    pub(crate) async fn start(propagator: &Arc<Propagator>) -> Result<Self, Error> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let services = Self { port, hops: Arc::default(), caller: Caller::new(propagator) };
        let inbound = ExtractLayer::new(Arc::clone(propagator));
        let app = |layer| Router::new().fallback(handle).with_state(services.clone()).layer(layer);
        let app = Router::new().nest("/span", app(inbound.clone())).nest("/passthrough", app(inbound.passthrough()));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(services)
    }

    /// Returns what was understood of the requests with this id, in their order.
    pub(crate) fn hops(&self, id: &str) -> Vec<Hop> {
        let hops = self.hops.lock().unwrap_or_else(PoisonError::into_inner);
        hops.get(id).cloned().unwrap_or_default()
    }
}

async fn handle(
    State(services): State<Services>,
    RequestContext(context): RequestContext,
    request: Request,
) -> Result<Response, StatusCode> {
    let context = context.ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    let id = request.uri().path().trim_start_matches('/').to_owned();
    let hop = Hop::new(&context, request.headers());
    services.hops.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default().push(hop);
    let Some(next) = text(request.headers(), NEXT) else { return Ok(Response::default()) };
    let protocol = text(request.headers(), PROTOCOL).unwrap_or(Protocol::Http1.name().to_owned());
    drop(request);
    let call = Request::get(&next).header(PROTOCOL, &protocol).body(Body::empty());
    let mut call = call.map_err(|_| StatusCode::BAD_REQUEST)?;
    call.extensions_mut().insert(context);
    let protocol = if protocol == Protocol::Http1.name() { Protocol::Http1 } else { Protocol::Http2 };
    services.caller.call(protocol, call).await.map_err(|error| {
        eprintln!("{next}: {error}");
        StatusCode::BAD_GATEWAY
    })
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}
