use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::ServerFuture;
use super::span::RequestSpan;

/// Service of [`ServerLayer`](super::ServerLayer), which runs the inner service in the span of its request.
#[derive(Clone, Debug)]
pub struct ServerService<S> {
    inner: S,
}

impl<S> ServerService<S> {
    pub(super) const fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S, B, R> Service<Request<B>> for ServerService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = ServerFuture<S::Future>;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match request.extensions_mut().remove::<RequestSpan>() {
            // The request was skipped, or an outer layer made the span.
            None => ServerFuture::new(self.inner.call(request), None),
            Some(span) => {
                let future = span.run(|| self.inner.call(request));
                ServerFuture::new(future, Some(span))
            }
        }
    }
}
