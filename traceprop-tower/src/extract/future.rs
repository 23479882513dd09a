use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;
use traceprop_core::{ContextFuture, InContext, OwnedContext};

use super::finish::Finish;

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
        WithoutContext { #[pin] future: WithHeaders<F> },
    }
}

pin_project! {
    /// Changes the response headers. It is inside of the context future, so it does not hold the context again.
    #[derive(Debug)]
    struct WithHeaders<F> {
        #[pin]
        future: F,
        finish: Finish,
    }
}

impl<F, B, E> ExtractFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    pub(super) fn new(future: F, context: Option<OwnedContext>, finish: Finish) -> Self {
        let future = WithHeaders { future, finish };
        let state = match context {
            Some(context) => State::InContext { future: future.in_context(context) },
            None => State::WithoutContext { future },
        };
        Self { state }
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
            StatePinned::WithoutContext { future } => future.poll(task),
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
        if let Ok(response) = &mut result {
            this.finish.apply(response);
        }
        Poll::Ready(result)
    }
}
