use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use traceprop_core::{InContext, OwnedContext, WithContext};

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
        InContext { #[pin] future: WithContext<F> },
        Untouched { #[pin] future: F },
    }
}

impl<F: Future> ExtractFuture<F> {
    pub(super) fn in_context(future: F, context: OwnedContext) -> Self {
        Self { way: Way::InContext { future: future.in_context(context) } }
    }

    pub(super) fn untouched(future: F) -> Self {
        Self { way: Way::Untouched { future } }
    }
}

impl<F: Future> Future for ExtractFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<F::Output> {
        match self.project().way.project() {
            WayPinned::InContext { future } => future.poll(task),
            WayPinned::Untouched { future } => future.poll(task),
        }
    }
}
