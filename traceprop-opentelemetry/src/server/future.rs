use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use pin_project_lite::pin_project;

use super::span::RequestSpan;

pin_project! {
    /// Response future of [`ServerService`](super::ServerService), which runs the inner future in the span of its request.
    ///
    /// The span is also current while the inner future is dropped, as when the client closes the connection.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ServerFuture<F> {
        // `None` once it is dropped.
        #[pin]
        future: Option<F>,
        span: Option<RequestSpan>,
    }

    impl<F> PinnedDrop for ServerFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(span) = this.span.take() {
                span.run(|| this.future.set(None));
                span.end(None);
            }
        }
    }
}

impl<F> ServerFuture<F> {
    pub(super) const fn new(future: F, span: Option<RequestSpan>) -> Self {
        Self { future: Some(future), span }
    }
}

impl<F, R, E> Future for ServerFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(future) = this.future.as_pin_mut() else { return Poll::Pending };
        let Some(span) = this.span.as_ref() else { return future.poll(task) };
        let result = span.run(|| future.poll(task));
        if let Poll::Ready(result) = &result {
            span.end(result.as_ref().ok().map(Response::status));
        }
        result
    }
}
