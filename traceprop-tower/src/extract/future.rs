use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;
use traceprop_core::{ContextFuture, InContext, OwnedContext, current};

use crate::response::ResponseHeaders;

pin_project! {
    /// The response future of [`Extract`](super::Extract): the inner one, in the context of its request.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ExtractFuture<F> {
        #[pin]
        way: Way<F>,
    }
}

pin_project! {
    #[project = WayPinned]
    #[derive(Debug)]
    enum Way<F> {
        InContext { #[pin] future: ContextFuture<Responding<F>> },
        Untouched { #[pin] future: F },
    }
}

pin_project! {
    /// Within the context, so that it need not hold it too.
    #[derive(Debug)]
    struct Responding<F> {
        #[pin]
        future: F,
        respond: Option<Arc<ResponseHeaders>>,
    }
}

impl<F> ExtractFuture<F> {
    pub(super) fn untouched(future: F) -> Self {
        Self { way: Way::Untouched { future } }
    }
}

impl<F, B, E> ExtractFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    pub(super) fn in_context(future: F, context: OwnedContext, respond: Option<Arc<ResponseHeaders>>) -> Self {
        Self { way: Way::InContext { future: Responding { future, respond }.in_context(context) } }
    }
}

impl<F, B, E> Future for ExtractFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<F::Output> {
        match self.project().way.project() {
            WayPinned::InContext { future } => future.poll(task),
            WayPinned::Untouched { future } => future.poll(task),
        }
    }
}

impl<F, B, E> Future for Responding<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut answer = ready!(this.future.poll(task));
        if let (Ok(response), Some(respond)) = (&mut answer, this.respond) {
            if let Some(context) = current() {
                respond.write(&context, response.headers_mut());
            }
        }
        Poll::Ready(answer)
    }
}
