use std::task::{Context, Poll};

use http::Request;
use tower_service::Service;
use tracing::instrument::{Instrument, Instrumented};

use super::SpanLayer;

/// Service that [`SpanLayer`] creates. See the [module docs](super).
#[derive(Clone, Debug)]
pub struct SpanService<S> {
    inner: S,
    settings: SpanLayer,
}

impl<S> SpanService<S> {
    pub(super) const fn new(inner: S, settings: SpanLayer) -> Self {
        Self { inner, settings }
    }
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for SpanService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = Instrumented<S::Future>;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (head, body) = request.into_parts();
        let span = self.settings.span(&head);
        #[cfg(feature = "http-body")]
        crate::body::SpanSlot::fill(&head.extensions, &span);
        let request = Request::from_parts(head, body);
        // Inner layers already log in `call`, before the future is polled.
        let future = span.in_scope(|| self.inner.call(request));
        future.instrument(span)
    }
}
