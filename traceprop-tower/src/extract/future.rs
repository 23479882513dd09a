use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;
use traceprop_core::{ContextFuture, InContext, OwnedContext};

use crate::response::ResponseHeaders;

pin_project! {
    /// Response future of [`Extract`](super::Extract), which runs the inner future in the context of its request.
    ///
    /// The context is also current while the inner future is dropped, as when the client closes the connection.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ExtractFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StatePinned]
    #[derive(Debug)]
    enum State<F> {
        InContext { #[pin] future: ContextFuture<WithHeaders<F>> },
        Untouched { #[pin] future: F },
    }
}

pin_project! {
    /// Writes the response headers. It is inside of the context future, so it does not hold the context again.
    #[derive(Debug)]
    struct WithHeaders<F> {
        #[pin]
        future: F,
        headers: Option<Arc<ResponseHeaders>>,
    }
}

impl<F> ExtractFuture<F> {
    pub(super) fn untouched(future: F) -> Self {
        Self { state: State::Untouched { future } }
    }
}

impl<F, B, E> ExtractFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    pub(super) fn in_context(future: F, context: OwnedContext, headers: Option<Arc<ResponseHeaders>>) -> Self {
        Self { state: State::InContext { future: WithHeaders { future, headers }.in_context(context) } }
    }
}

impl<F, B, E> Future for ExtractFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<F::Output> {
        match self.project().state.project() {
            StatePinned::InContext { future } => future.poll(task),
            StatePinned::Untouched { future } => future.poll(task),
        }
    }
}

impl<F, B, E> Future for WithHeaders<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut result = ready!(this.future.poll(task));
        if let (Ok(response), Some(headers)) = (&mut result, this.headers) {
            if let Some(context) = OwnedContext::current() {
                // A header without room is omitted: the response must not fail for it.
                headers.write(&context, response.headers_mut());
            }
        }
        Poll::Ready(result)
    }
}
