//! Futures with a context of their own.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::stack::Scope;
use crate::owned::OwnedContext;

/// Attaches a context to a future.
///
/// The context is current during every poll, and while the future is dropped, whether it is complete or cancelled.
///
/// ```
/// use traceprop_core::{InContext, OwnedContext, SpanContext};
/// # let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse()?, "00f067aa0ba902b7".parse()?);
///
/// let work = async { OwnedContext::current().and_then(|context| context.trace_id()) };
/// let spawned = work.in_context(OwnedContext::new(span));
/// // tokio::spawn(spawned), or any other executor
/// # let _ = spawned;
/// # Ok::<(), traceprop_core::ParseIdError>(())
/// ```
pub trait InContext: Future + Sized {
    /// Wraps the future so that `context` is current in every poll and in the drop.
    fn in_context(self, context: OwnedContext) -> ContextFuture<Self> {
        ContextFuture { future: Some(self), context: Some(context) }
    }

    /// Wraps the future so that the context that is current now, if any, is current in every poll and in the drop.
    fn in_current_context(self) -> ContextFuture<Self> {
        ContextFuture { future: Some(self), context: OwnedContext::current() }
    }
}

impl<F: Future> InContext for F {}

pin_project! {
    /// A future with its own context. [`InContext`] creates it and has an example.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ContextFuture<F> {
        // `None` after it is complete. An option is also what a pinned future can be dropped through.
        #[pin]
        future: Option<F>,
        context: Option<OwnedContext>,
    }

    impl<F> PinnedDrop for ContextFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_some() {
                let _scope = Scope::enter(this.context);
                this.future.set(None);
            }
        }
    }
}

impl<F: Future> Future for ContextFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let _scope = Scope::enter(this.context);
        let Some(future) = this.future.as_mut().as_pin_mut() else { return Poll::Pending };
        let output = ready!(future.poll(task));
        // Dropped here, it needs no scope of its own.
        this.future.set(None);
        Poll::Ready(output)
    }
}
