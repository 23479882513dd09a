use std::future::Future;

use traceprop_core::{ContextFuture, InContext, OwnedContext};
use tracing::Span;
use tracing::instrument::{Instrument, Instrumented};

/// Carries the current context and the current span into a spawned task.
///
/// Calls of the task then continue the trace, and its log lines have the ids.
///
/// # Examples
///
/// ```
/// use traceprop_tower::logging::InTrace;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let task = tokio::spawn(async { tracing::info!("later") }.in_current_trace());
/// # task.await.unwrap();
/// # }
/// ```
///
/// For closures use the function [`in_current_trace`].
pub trait InTrace: Future + Sized {
    /// Wraps the future so that the context and the span that are current now are current in every poll and in the drop.
    fn in_current_trace(self) -> ContextFuture<Instrumented<Self>> {
        self.in_current_span().in_current_context()
    }
}

impl<F: Future> InTrace for F {}

/// Wraps a closure so that it runs with the context and the span that are current now, for threads and blocking pools.
///
/// For futures use [`InTrace`].
///
/// # Examples
///
/// ```
/// use traceprop_tower::logging;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let task = tokio::task::spawn_blocking(logging::in_current_trace(|| tracing::info!("from a thread")));
/// # task.await.unwrap();
/// # }
/// ```
pub fn in_current_trace<R, F: FnOnce() -> R>(f: F) -> impl FnOnce() -> R + use<R, F> {
    let (span, mut context) = (Span::current(), OwnedContext::current());
    move || OwnedContext::scope_in(&mut context, || span.in_scope(f))
}
