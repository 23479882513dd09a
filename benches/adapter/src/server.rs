//! A request through the layers of a server.

use std::convert::Infallible;
use std::future::Future;
use std::mem::forget;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use http::{Request, Response};
use opentelemetry::trace::{SpanBuilder, SpanId, TraceId, TracerProvider};
use opentelemetry_sdk::trace::{IdGenerator, SdkTracerProvider};
use tower_layer::Layer;
use tower_service::Service;
use traceprop_core::{IdBits, OwnedContext};
use traceprop_gate::CALLS;
use traceprop_opentelemetry::{ServerLayer, install};
use traceprop_tower::{ExtractLayer, presets};

use crate::input::{SPAN_ID, TRACE_ID, W3C, request};

/// Requests that a path uses up. As many are made for few calls as for many.
const PREPARED: usize = 2 * CALLS as usize;

/// Reads W3C headers. The id of each span is fixed.
fn layer() -> ExtractLayer<fn() -> IdBits> {
    ExtractLayer::new(presets::W3C).id_generator(span_ids as fn() -> IdBits)
}

fn span_ids() -> IdBits {
    IdBits::random(SPAN_ID)
}

/// Without OpenTelemetry.
pub(crate) fn extract_layer(calls: usize) {
    serve(&mut layer().layer(Answers), calls);
}

/// The handler asks OpenTelemetry first, which has no span.
pub(crate) fn extract_layer_installed(calls: usize) {
    install();
    serve(&mut layer().layer(Answers), calls);
}

/// A tracer of the SDK makes the span, and exports nothing.
pub(crate) fn server_layer(calls: usize) {
    install();
    let provider = SdkTracerProvider::builder().with_id_generator(Ids).build();
    let layer = ServerLayer::with_tracer(layer(), provider.tracer("bench"), |_| SpanBuilder::from_name("request"));
    serve(&mut layer.layer(Answers), calls);
}

fn serve<S>(service: &mut S, calls: usize)
where
    S: Service<Request<()>, Response = Response<u128>, Error = Infallible>,
{
    let headers = request(W3C);
    let mut requests: Vec<_> = (0..PREPARED).map(|_| with_headers(&headers)).collect();
    let mut answers = Vec::with_capacity(PREPARED);
    let mut task = Context::from_waker(Waker::noop());
    for request in requests.drain(..calls) {
        let future = pin!(service.call(std::hint::black_box(request)));
        let Poll::Ready(Ok(answer)) = future.poll(&mut task) else { panic!("it answers at once") };
        answers.push(answer);
    }
    assert!(answers.iter().all(|answer| *answer.body() == TRACE_ID));
    forget((requests, answers));
}

fn with_headers(headers: &http::HeaderMap) -> Request<()> {
    let mut request = Request::new(());
    *request.headers_mut() = headers.clone();
    request
}

/// Answers with the trace id of the current context.
#[derive(Clone)]
struct Answers;

impl Service<Request<()>> for Answers {
    type Response = Response<u128>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Answer {
        // The headers stay, as they do where a handler works with them.
        forget(request);
        Answer
    }
}

struct Answer;

impl Future for Answer {
    type Output = Result<Response<u128>, Infallible>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        let current = OwnedContext::current().and_then(|context| context.trace_id());
        Poll::Ready(Ok(Response::new(current.map_or(0, |id| id.get()))))
    }
}

/// The same id for each span.
#[derive(Debug)]
struct Ids;

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        TraceId::from(TRACE_ID)
    }

    fn new_span_id(&self) -> SpanId {
        SpanId::from(SPAN_ID)
    }
}
