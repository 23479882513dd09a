//! A server layer by hand: reads the request, draws a span id, and keeps the context for the handler.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{HeaderMap, HeaderValue, Request};
use pin_project_lite::pin_project;
use tower::Service;

use super::w3c;
use crate::Tracestate;

/// What a handler sees.
#[derive(Clone, Debug)]
pub struct Received {
    pub trace_id: u128,
    pub span_id: u64,
    pub parent_id: u64,
    pub sampled: bool,
    pub tracestate: Option<HeaderValue>,
}

thread_local! {
    static CURRENT: Cell<Option<Arc<Received>>> = const { Cell::new(None) };
}

/// Returns the trace id of the current request, or 0.
pub fn current() -> u128 {
    CURRENT.with(|current| {
        let received = current.take();
        let trace_id = received.as_ref().map_or(0, |received| received.trace_id);
        current.set(received);
        trace_id
    })
}

/// The layer around a service.
#[derive(Clone, Debug)]
pub struct Floor<S>(pub S);

impl<S, B> Service<Request<B>> for Floor<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = InContext<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let received = Arc::new(read(request.headers()));
        request.extensions_mut().insert(received.clone());
        CURRENT.set(Some(received.clone()));
        let future = self.0.call(request);
        CURRENT.set(None);
        InContext { future, received }
    }
}

pin_project! {
    /// Polls a future while its request is the current one.
    pub struct InContext<F> {
        #[pin]
        future: F,
        received: Arc<Received>,
    }
}

impl<F: Future> Future for InContext<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        CURRENT.set(Some(this.received.clone()));
        let polled = this.future.poll(context);
        CURRENT.set(None);
        polled
    }
}

fn read(headers: &HeaderMap) -> Received {
    let found = w3c::extract(headers);
    let continues = found.trace_id != 0;
    Received {
        trace_id: if continues { found.trace_id } else { rand::random() },
        span_id: rand::random(),
        parent_id: found.span_id,
        sampled: found.sampled,
        tracestate: match found.tracestate {
            Tracestate::Absent => None,
            _ => headers.get("tracestate").cloned(),
        },
    }
}
