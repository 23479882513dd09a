//! A request over HTTP, whose handler sends a message, whose consumer sends another one, whose consumer asks a database.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::routing::post;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tower::{Layer, ServiceExt};
use traceprop_core::{
    Carrier, IdGenerator, InjectOptions, OwnedBaggage, OwnedContext, Propagator, RandomIds, Sampling, SpanContext,
    SpanId, TraceId,
};
use traceprop_tower::{ExtractLayer, InjectLayer, RequestContext};

use super::queue::Queue;
use crate::Error;

pub(super) const TOPICS: [&str; 2] = ["orders", "invoices"];

/// What a consumer understood of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Understood {
    pub(super) trace_id: Option<TraceId>,
    pub(super) parent_id: Option<SpanId>,
    pub(super) sampled: Option<bool>,
    pub(super) tenant: Option<String>,
    /// Names that the message has more than once.
    pub(super) repeated: Vec<String>,
}

/// What was sent, and what each consumer understood of it.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) trace_id: TraceId,
    /// The spans that sent the two messages.
    pub(super) senders: [SpanId; 2],
    pub(super) consumers: [Understood; 2],
    /// The span of the last consumer.
    pub(super) last: OwnedContext,
}

/// The service that is called over HTTP.
struct Shop<Q> {
    queue: Mutex<Q>,
    propagator: Arc<Propagator>,
    /// The span that sent the last message.
    sender: Mutex<Option<SpanId>>,
}

async fn order<Q: Queue>(
    State(shop): State<Arc<Shop<Q>>>,
    RequestContext(context): RequestContext,
) -> Result<(), StatusCode> {
    let context = context.ok_or(StatusCode::BAD_REQUEST)?;
    let mut headers = Q::Headers::default();
    let span = publish(&context, &shop.propagator, &mut headers).map_err(|_| StatusCode::BAD_REQUEST)?;
    *shop.sender.lock().await = Some(span);
    shop.queue.lock().await.send(TOPICS[0], headers).await.map_err(|_| StatusCode::BAD_GATEWAY)
}

/// Writes a span of the context into the headers of a message.
fn publish(
    context: &OwnedContext,
    propagator: &Propagator,
    headers: &mut impl traceprop_core::CarrierMut,
) -> Result<SpanId, Error> {
    let span = RandomIds.new_span_id();
    let child = context.child(span).ok_or("there is no trace")?;
    let options = InjectOptions::everything().peer("orders").endpoint("orders");
    let report = propagator.inject(&child, &options, headers);
    if report.is_complete() { Ok(span) } else { Err("something is omitted".into()) }
}

/// Reads a message, and starts a span.
fn consume(headers: &impl Carrier, propagator: &Propagator) -> (Understood, OwnedContext) {
    let extraction = propagator.extract(headers);
    let context = OwnedContext::from_span(&extraction, &extraction.new_span(&RandomIds));
    let mut names: Vec<_> = headers.fields().map(|(name, _)| name.to_lowercase()).collect();
    names.sort();
    let mut repeated: Vec<_> = names.windows(2).filter(|two| two[0] == two[1]).map(|two| two[0].clone()).collect();
    repeated.dedup();
    let understood = Understood {
        trace_id: extraction.context().map(|context| context.trace_id),
        parent_id: context.parent_id(),
        sampled: extraction.sampling().decision(),
        tenant: extraction.baggage().get("tenant").map(|member| member.value().into_owned()),
        repeated,
    };
    (understood, context)
}

/// Goes the whole way once.
pub(super) async fn go<Q: Queue>(port: u16, propagator: &Arc<Propagator>, sampling: Sampling) -> Result<Way, Error> {
    let queue = Mutex::new(Q::connect(port, TOPICS).await?);
    let shop = Arc::new(Shop { queue, propagator: Arc::clone(propagator), sender: Mutex::new(None) });
    let app = Router::new().route("/orders", post(order::<Q>)).layer(ExtractLayer::new(Arc::clone(propagator)));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let state = Arc::clone(&shop);
    let server = tokio::spawn(async move { axum::serve(listener, app.with_state(state)).await });

    let root = SpanContext::root(&RandomIds).with_sampling(sampling);
    let (trace_id, mut baggage) = (root.trace_id(), OwnedBaggage::new());
    baggage.set("tenant", "acme & co");
    let mut request = Request::post(format!("http://{address}/orders")).body(Body::empty())?;
    request.extensions_mut().insert(OwnedContext::new(root).with_baggage(&baggage));
    let layer = InjectLayer::new(Arc::clone(propagator)).inject_options(InjectOptions::everything());
    let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build_http();
    let response = layer.layer(client).oneshot(request).await?;
    server.abort();
    if response.status() != StatusCode::OK {
        return Err(format!("the service answers {}", response.status()).into());
    }

    let sender = shop.sender.lock().await.take().ok_or("no message was sent")?;
    let mut queue = shop.queue.lock().await;
    let mut headers = queue.receive(TOPICS[0]).await?;
    let (first, context) = consume(&headers, propagator);
    // What is sent again is the received message, with its old headers.
    let again = publish(&context, propagator, &mut headers)?;
    queue.send(TOPICS[1], headers).await?;
    let (second, last) = consume(&queue.receive(TOPICS[1]).await?, propagator);
    Ok(Way { trace_id, senders: [sender, again], consumers: [first, second], last })
}
