//! A gateway for each setting, behind one socket, and the receiver behind all of them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, Method, Uri, header};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt, service_fn};
use traceprop_core::baggage::BaggageEntry;
use traceprop_core::formats::sw8::Sw8;
use traceprop_core::{Allow, InjectOptions, OwnedBaggage, OwnedContext, Propagator, Trust};
use traceprop_reqwest::{Call, Client, DisablePropagation, Propagate, PropagationMiddleware, Rule, Rules, RulesExt};
use traceprop_tower::{ExtractLayer, InjectLayer, WithoutContext};

/// Formats that are read, and formats that are written.
pub(crate) type Pair = (&'static str, &'static str);

pub(crate) const PAIRS: [Pair; 5] = [
    ("tracecontext,baggage", "tracecontext,baggage"),
    ("all", "tracecontext,baggage"),
    ("all", "all"),
    ("b3", "tracecontext,baggage"),
    ("tracecontext,baggage,correlation:x-request-id", "tracecontext,baggage"),
];

pub(crate) const TRUSTS: [Trust; 4] = [Trust::Continue, Trust::Resample, Trust::Restart, Trust::Ignore];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    Hyper,
    ReqwestClient,
    PlainReqwest,
    Middleware,
    Tonic,
}

/// The baggage that a call may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Baggage {
    Nothing,
    Tenant,
    All,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) sender: Sender,
    pub(crate) pair: Pair,
    pub(crate) trust: Trust,
    /// Of a layer inside of the listener.
    pub(crate) inner: Option<Trust>,
    pub(crate) keeps_refused: bool,
    pub(crate) is_allowed: bool,
    pub(crate) has_span: bool,
    pub(crate) baggage: Baggage,
}

impl Setting {
    /// The stricter of both layers.
    pub(crate) fn trust(&self) -> Trust {
        self.inner.map_or(self.trust, |inner| inner.max(self.trust))
    }

    fn options(&self) -> InjectOptions<'static> {
        let options = InjectOptions::new();
        match self.baggage {
            Baggage::Nothing => options,
            Baggage::Tenant => options.allow_baggage(Allow::Only(&["tenant"])),
            Baggage::All => options.allow_baggage(Allow::All),
        }
    }

    fn rules(&self) -> Rules {
        let rule = match self.baggage {
            _ if !self.is_allowed => Rule::nothing(),
            Baggage::Nothing => Rule::trace_context(),
            Baggage::Tenant => Rule::trace_context().allow_baggage(["tenant"]),
            Baggage::All => Rule::trace_context().allow_all_baggage(),
        };
        Rules::builder(propagator(self.pair)).rule("*", rule).build().expect("good rules")
    }
}

pub(crate) fn propagator((read, written): Pair) -> Propagator {
    let builder = Propagator::builder().define(Sw8::new("shop", "shop-1"));
    builder.names(read, written).expect("known names").build().expect("good settings")
}

type Service = BoxCloneSyncService<Request, Response, Infallible>;

/// The clients that all gateways share.
pub(crate) struct Clients {
    hyper: hyper_util::client::legacy::Client<HttpConnector, Body>,
    reqwest: reqwest::Client,
    tonic: tonic::transport::Channel,
}

/// Returns the service of one setting.
fn service(setting: Setting, clients: &Arc<Clients>, upstream: SocketAddr) -> Service {
    let listener = |trust| {
        let layer = ExtractLayer::new(propagator(setting.pair).with_trust(trust))
            .skip(|request| request.uri.path().ends_with("/skip"));
        let layer = if setting.keeps_refused { layer.keep_refused() } else { layer };
        if setting.has_span { layer } else { layer.passthrough() }
    };
    let send = sender(setting, clients, upstream);
    let handler = service_fn(move |request: Request| {
        let (send, head) = (send.clone(), request.into_parts().0);
        let mut headers = head.headers;
        for name in [header::HOST, header::CONNECTION, header::CONTENT_LENGTH] {
            headers.remove(name);
        }
        // Under this trust the baggage of a call is the service's own.
        let own = || OwnedContext::current().map(|context| context.with_baggage(&own_baggage()));
        let context = if setting.trust() == Trust::Ignore { own() } else { OwnedContext::current() };
        async move { Ok::<_, Infallible>(Response::new(Body::from(send(headers, context).await))) }
    });
    match setting.inner {
        Some(inner) => BoxCloneSyncService::new(listener(setting.trust).layer(listener(inner).layer(handler))),
        None => BoxCloneSyncService::new(listener(setting.trust).layer(handler)),
    }
}

fn own_baggage() -> OwnedBaggage {
    let mut baggage = OwnedBaggage::new();
    for key in ["tenant", "user"] {
        baggage.push(BaggageEntry { key: key.into(), value: "own".into(), properties: String::new() });
    }
    baggage
}

type Sending = std::pin::Pin<Box<dyn Future<Output = String> + Send>>;
type Send_ = Arc<dyn Fn(HeaderMap, Option<OwnedContext>) -> Sending + Send + Sync>;

/// Sends a call with these headers in this context, and returns what the receiver got.
fn sender(setting: Setting, clients: &Arc<Clients>, upstream: SocketAddr) -> Send_ {
    let (clients, url) = (Arc::clone(clients), format!("http://{upstream}/"));
    let options = setting.options();
    let layer =
        InjectLayer::new(propagator(setting.pair)).inject_options_fn(move |_| setting.is_allowed.then_some(options));
    // As the docs of `keep_refused` say.
    let without_context = if setting.keeps_refused { WithoutContext::Strip } else { WithoutContext::Leave };
    let layer = layer.without_context(without_context);
    match setting.sender {
        Sender::Hyper => {
            let client = layer.layer(clients.hyper.clone());
            Arc::new(move |headers, context| {
                let (client, uri) = (client.clone(), url.parse::<Uri>().expect("a URI"));
                let call = call(uri, headers, context, Body::empty());
                Box::pin(async move {
                    let response = client.oneshot(call).await.expect("a response");
                    text(Body::new(response.into_body())).await
                })
            })
        }
        Sender::Tonic => {
            let client = layer.layer(clients.tonic.clone());
            Arc::new(move |headers, context| {
                let (client, uri) = (client.clone(), url.parse::<Uri>().expect("a URI"));
                let call = call(uri, headers, context, tonic::body::Body::empty());
                Box::pin(async move {
                    let response = client.oneshot(call).await.expect("a response");
                    text(Body::new(response.into_body())).await
                })
            })
        }
        Sender::ReqwestClient => {
            let client = Client::builder(setting.rules()).build().expect("a client");
            Arc::new(move |headers, context| {
                let request = client.get(&url).headers(headers);
                let request = match context {
                    Some(context) => request.context(context),
                    None => request,
                };
                Box::pin(async move { request.send().await.expect("a response").text().await.expect("text") })
            })
        }
        Sender::PlainReqwest => {
            let (propagator, rules) = (Arc::new(propagator(setting.pair)), setting.rules());
            Arc::new(move |headers, context| {
                let request = clients.reqwest.get(&url).headers(headers);
                let call = Call::new(&propagator).inject_options(options);
                let request = match &context {
                    Some(context) if setting.is_allowed => request.propagate_with(&call.context(context)).build(),
                    _ => request.build(),
                };
                let mut request = request.expect("a request");
                if let Some(context) = context.filter(|_| !setting.is_allowed) {
                    rules.inject(&context, &mut request);
                }
                let client = clients.reqwest.clone();
                Box::pin(async move { client.execute(request).await.expect("a response").text().await.expect("text") })
            })
        }
        Sender::Middleware => {
            let middleware = PropagationMiddleware::new(propagator(setting.pair)).without_context(without_context);
            let client = reqwest_middleware::ClientBuilder::new(clients.reqwest.clone()).with(middleware).build();
            Arc::new(move |headers, context| {
                let mut request = client.get(&url).headers(headers).with_extension(options);
                if let Some(context) = context {
                    request = request.with_extension(context);
                }
                if !setting.is_allowed {
                    request = request.with_extension(DisablePropagation);
                }
                Box::pin(async move { request.send().await.expect("a response").text().await.expect("text") })
            })
        }
    }
}

fn call<B>(uri: Uri, headers: HeaderMap, context: Option<OwnedContext>, body: B) -> http::Request<B> {
    let mut call = http::Request::new(body);
    *call.uri_mut() = uri;
    *call.headers_mut() = headers;
    if let Some(context) = context {
        call.extensions_mut().insert(context);
    }
    call
}

async fn text(body: Body) -> String {
    let bytes = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// Answers with the lines that it received.
async fn receive(headers: HeaderMap) -> String {
    let line = |(name, value): (&header::HeaderName, &header::HeaderValue)| {
        format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()))
    };
    headers.iter().map(line).collect()
}

/// A driver of the gateways.
#[derive(Clone)]
pub(crate) struct Driver {
    client: hyper_util::client::legacy::Client<HttpConnector, Body>,
    address: SocketAddr,
}

impl Driver {
    /// Starts the receiver and a gateway for each setting.
    pub(crate) async fn start(settings: Vec<Setting>) -> Self {
        let upstream = listen(Router::new().fallback(receive)).await;
        let pool = || hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
        let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{upstream}")).expect("a URI");
        let tonic = endpoint.connect().await.expect("a connection");
        let clients = Arc::new(Clients { hyper: pool(), reqwest: reqwest::Client::new(), tonic });
        let services: Vec<_> = settings.into_iter().map(|setting| service(setting, &clients, upstream)).collect();
        let services = Arc::new(services);
        let dispatch = move |request: Request| {
            let index = request.uri().path().split('/').nth(1).and_then(|index| index.parse::<usize>().ok());
            let service = services[index.expect("the index of a setting")].clone();
            async move { service.oneshot(request).await }
        };
        Self { client: pool(), address: listen(Router::new().fallback_service(service_fn(dispatch))).await }
    }

    /// Sends a request through a gateway, and returns what the receiver got.
    pub(crate) async fn send(
        &self,
        setting: usize,
        method: Method,
        path: &str,
        headers: HeaderMap,
    ) -> Vec<(String, String)> {
        let mut request = http::Request::new(Body::empty());
        *request.method_mut() = method;
        *request.uri_mut() = format!("http://{}/{setting}{path}", self.address).parse().expect("a URI");
        *request.headers_mut() = headers;
        let response = self.client.request(request).await.expect("a response");
        let body = text(Body::new(response.into_body())).await;
        let line = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
        body.lines().map(|text| line(text).expect("a header line")).collect()
    }
}

async fn listen(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async { axum::serve(listener, router).await });
    address
}
