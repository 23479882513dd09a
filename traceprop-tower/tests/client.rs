//! A client with [`InjectLayer`] reaches a server with [`ExtractLayer`]: one trace, over real sockets.

mod support;

use std::collections::HashSet;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::routing::get as on_get;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use support::{Answer, PARENT, TRACE, get, serve};
use tower::retry::{Policy, RetryLayer};
use tower::{ServiceBuilder, ServiceExt};
use traceprop_core::{RandomIds, SpanContext, SpanId, TraceId};
use traceprop_tower::{ExtractLayer, InjectLayer, InjectOptions, OwnedContext, presets};

type Call = http::Request<Empty<Bytes>>;

fn client() -> Client<HttpConnector, Empty<Bytes>> {
    Client::builder(TokioExecutor::new()).build_http()
}

fn to(address: SocketAddr, path: &str) -> Call {
    http::Request::get(format!("http://{address}{path}")).body(Empty::new()).expect("a request")
}

async fn text(response: http::Response<Incoming>) -> String {
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    String::from_utf8(body.to_vec()).expect("text")
}

/// Responds with what it received: the trace, the parent, whether there was a tracestate, the baggage.
fn callee() -> Router {
    async fn handler(request: Request) -> String {
        let context = OwnedContext::current().expect("the layer is there");
        let ids = (context.trace_id(), context.parent_id(), context.span_id());
        let (Some(trace_id), Some(parent_id), Some(span_id)) = ids else { return "no parent".to_owned() };
        let baggage = request.headers().get("baggage").and_then(|value| value.to_str().ok());
        let rojo = context.tracestate().get("rojo").unwrap_or("none");
        format!("{trace_id} {parent_id} {span_id} rojo={rojo} baggage={}", baggage.unwrap_or("none"))
    }
    Router::new().route("/", on_get(handler)).layer(ExtractLayer::new(presets::W3C))
}

/// Calls `stock` for each request, and responds with its own span before that response.
fn caller(stock: SocketAddr, server: ExtractLayer, layer: InjectLayer) -> Router {
    let handler = async move |State(client): State<Client<HttpConnector, Empty<Bytes>>>| {
        let client = ServiceBuilder::new().layer(layer).service(client);
        let answer = client.oneshot(to(stock, "/")).await.expect("an answer");
        let own = OwnedContext::current().and_then(|context| context.span_id());
        format!("{} {}", own.map_or("none".to_owned(), |id| id.to_string()), text(answer).await)
    };
    Router::new().route("/", on_get(handler)).layer(server).with_state(client())
}

#[tokio::test]
async fn ok_three_services_one_trace() {
    let stock = serve(callee()).await;
    let lines = format!("traceparent: {PARENT}\r\ntracestate: rojo=1\r\nbaggage: tenant=acme\r\n");
    let shop = serve(caller(stock, ExtractLayer::new(presets::W3C), InjectLayer::new(presets::W3C))).await;
    let answer = get(shop, "/", lines.as_bytes()).await;
    let words: Vec<_> = answer.body.split(' ').collect();
    let [shop_span, trace, parent, stock_span, rojo, baggage] = words[..] else { panic!("{answer:?}") };
    assert_eq!((answer.status, trace, rojo, baggage), (200, TRACE, "rojo=1", "baggage=none"));
    // The spans of shop, of the call and of stock have three ids, and none is the received one.
    for (a, b) in [(shop_span, parent), (parent, stock_span), (shop_span, stock_span), (parent, "00f067aa0ba902b7")] {
        assert_ne!(a, b, "{answer:?}");
    }

    let trusting = InjectLayer::new(presets::W3C).inject_options(InjectOptions::everything()).reuse_span();
    let shop = serve(caller(stock, ExtractLayer::new(presets::W3C), trusting)).await;
    let answer = get(shop, "/", lines.as_bytes()).await;
    let words: Vec<_> = answer.body.split(' ').collect();
    assert_eq!((words[0], words[5]), (words[2], "baggage=tenant=acme"), "{answer:?}");
}

#[tokio::test]
async fn ok_passthrough_service_is_not_in_the_trace() {
    let stock = serve(callee()).await;
    let passthrough = ExtractLayer::new(presets::W3C).passthrough();
    let shop = serve(caller(stock, passthrough, InjectLayer::new(presets::W3C))).await;
    let later = format!("traceparent: cc-{}-more\r\ntracestate: rojo=1\r\n", &PARENT[3..]);
    let answer = get(shop, "/", later.as_bytes()).await;
    let words: Vec<_> = answer.body.split(' ').collect();
    assert_eq!((words[1], words[2], words[4]), (TRACE, "00f067aa0ba902b7", "rojo=1"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ok_parallel_calls_stay_in_their_traces() {
    let shop =
        serve(caller(serve(callee()).await, ExtractLayer::new(presets::W3C), InjectLayer::new(presets::W3C))).await;
    let requests: Vec<_> = (1..=100_u32)
        .map(|n| {
            tokio::spawn(async move {
                let answer = get(shop, "/", format!("traceparent: 00-{n:032x}-{n:016x}-01\r\n").as_bytes()).await;
                assert_eq!(answer.body.split(' ').nth(1), Some(format!("{n:032x}").as_str()), "{answer:?}");
            })
        })
        .collect();
    for request in requests {
        request.await.unwrap();
    }
}

/// Retries a limited number of times while the server is busy.
#[derive(Clone)]
struct WhileBusy(u32);

impl<E> Policy<Call, http::Response<Incoming>, E> for WhileBusy {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Call, result: &mut Result<http::Response<Incoming>, E>) -> Option<Ready<()>> {
        let busy = result.as_ref().is_ok_and(|response| response.status() == StatusCode::SERVICE_UNAVAILABLE);
        self.0 = self.0.checked_sub(1).filter(|_| busy)?;
        Some(ready(()))
    }

    fn clone_request(&mut self, request: &Call) -> Option<Call> {
        Some(request.clone())
    }
}

/// Is busy for the first two requests, and records what each received.
async fn busy(State(parents): State<Arc<Mutex<Vec<SpanId>>>>) -> StatusCode {
    let parent = OwnedContext::current().and_then(|context| context.parent_id());
    let mut parents = parents.lock().expect("no panic");
    parents.extend(parent);
    if parents.len() < 3 { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
}

#[tokio::test]
async fn ok_each_retry_has_its_own_span_of_the_same_trace() {
    let parents = Arc::<Mutex<Vec<SpanId>>>::default();
    let app = Router::new().route("/", on_get(busy)).with_state(Arc::clone(&parents));
    let traces = Arc::<Mutex<HashSet<Option<TraceId>>>>::default();
    let log = Arc::clone(&traces);
    let reports = ExtractLayer::new(presets::W3C).on_report(move |report| {
        log.lock().expect("no panic").insert(report.extraction().context().map(|context| context.trace_id));
    });
    let address = serve(app.layer(reports)).await;

    let client = ServiceBuilder::new()
        .layer(RetryLayer::new(WhileBusy(5)))
        .layer(InjectLayer::new(presets::W3C))
        .service(client());
    let mut call = to(address, "/");
    let span = SpanContext::root(&RandomIds);
    call.extensions_mut().insert(OwnedContext::new(span));
    assert_eq!(client.oneshot(call).await.unwrap().status(), StatusCode::OK);

    assert_eq!(*traces.lock().unwrap(), HashSet::from([Some(span.trace_id())]));
    let mut ids = parents.lock().unwrap().clone();
    ids.push(span.span_id());
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 4, "{ids:?}");
}

#[tokio::test]
async fn ok_client_without_a_context_sends_no_headers() {
    let app =
        Router::new().fallback(async |request: Request| request.headers().contains_key("traceparent").to_string());
    let address = serve(app).await;
    let layer = InjectLayer::new(presets::W3C);
    for (layer, sent) in [(layer.clone(), "false"), (layer.start_new_traces(), "true")] {
        let client = ServiceBuilder::new().layer(layer).service(client());
        let answer = client.oneshot(to(address, "/")).await.unwrap();
        assert_eq!(Answer::ok(text(answer).await), Answer::ok(sent));
    }
}
