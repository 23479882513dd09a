//! The current context of a thread, independent of a runtime.
//!
//! A guard sets it for a scope, and wrappers set it for futures and closures. One method call carries a context across
//! `tokio::spawn`, `spawn_blocking` or a thread.

use core::cell::RefCell;
use core::future::Future;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::owned::OwnedContext;

std::thread_local! {
    static CURRENT: RefCell<Option<OwnedContext>> = const { RefCell::new(None) };
}

/// Swaps the current context with the one in `slot`, in place: a context is large, and every poll swaps it. While a
/// thread ends there is no current context.
fn swap(slot: &mut Option<OwnedContext>) {
    let swapped = CURRENT.try_with(|current| {
        // No code of a caller runs while it is borrowed, so this always succeeds.
        if let Ok(mut current) = current.try_borrow_mut() {
            core::mem::swap(&mut *current, slot);
        }
    });
    if swapped.is_err() {
        *slot = None;
    }
}

/// Keeps a context current. Dropping the guard restores the previous one.
///
/// A guard belongs to its thread. Do not hold it across an await: wrap the future with [`InContext::in_context`].
///
/// ```
/// use traceprop_core::{ContextGuard, OwnedContext, SpanContext, SpanId, TraceId};
///
/// let guard: ContextGuard = OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::MIN)).enter();
/// assert!(OwnedContext::current().is_some());
/// drop(guard);
/// assert!(OwnedContext::current().is_none());
/// ```
#[derive(Debug)]
#[must_use = "the context is current only while the guard lives"]
pub struct ContextGuard {
    before: Option<OwnedContext>,
    /// Not `Send`: the context that it restores belongs to this thread.
    stays: PhantomData<*const ()>,
}

impl Drop for ContextGuard {
    fn drop(&mut self) {
        swap(&mut self.before);
    }
}

impl OwnedContext {
    /// Returns the current context of this thread, or `None` if no context was entered.
    ///
    /// ```
    /// use traceprop_core::{OwnedContext, SpanContext};
    /// # let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse()?, "00f067aa0ba902b7".parse()?);
    ///
    /// let guard = OwnedContext::new(span).enter();
    /// assert_eq!(OwnedContext::current().and_then(|context| context.span_id()), Some(span.span_id()));
    /// drop(guard);
    /// assert!(OwnedContext::current().is_none());
    /// # Ok::<(), traceprop_core::ParseIdError>(())
    /// ```
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|current| current.try_borrow().ok()?.clone()).ok()?
    }

    /// Makes this context current until the guard is dropped. [`current`](Self::current) has an example.
    pub fn enter(self) -> ContextGuard {
        let mut guard = ContextGuard { before: Some(self), stays: PhantomData };
        swap(&mut guard.before);
        guard
    }

    /// Runs `f` with this as the current context.
    ///
    /// ```
    /// use traceprop_core::{OwnedContext, SpanContext, SpanId, TraceId};
    ///
    /// let context = OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::MIN));
    /// assert!(context.scope(|| OwnedContext::current().is_some()));
    /// ```
    pub fn scope<R>(self, f: impl FnOnce() -> R) -> R {
        let _guard = self.enter();
        f()
    }

    /// Runs `f` with the context in `slot` as the current one, and puts it back. If `slot` is `None`, only runs `f`.
    ///
    /// It is for wrappers that are polled repeatedly, and costs no reference count.
    ///
    /// ```
    /// use traceprop_core::{OwnedContext, SpanContext};
    /// # let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse()?, "00f067aa0ba902b7".parse()?);
    ///
    /// let mut slot = Some(OwnedContext::new(span));
    /// for _poll in 0..2 {
    ///     assert!(OwnedContext::scope_in(&mut slot, || OwnedContext::current().is_some()));
    /// }
    /// # Ok::<(), traceprop_core::ParseIdError>(())
    /// ```
    pub fn scope_in<R>(slot: &mut Option<Self>, f: impl FnOnce() -> R) -> R {
        if slot.is_none() {
            return f();
        }
        let _lent = Lent::new(slot);
        f()
    }

    /// Wraps a closure so that it runs with this as the current context, for threads and blocking pools.
    ///
    /// ```
    /// use traceprop_core::{OwnedContext, SpanContext};
    /// # let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse()?, "00f067aa0ba902b7".parse()?);
    ///
    /// let job = OwnedContext::new(span).wrap(|| OwnedContext::current().and_then(|context| context.trace_id()));
    /// assert_eq!(std::thread::spawn(job).join().unwrap(), Some(span.trace_id()));
    /// # Ok::<(), traceprop_core::ParseIdError>(())
    /// ```
    pub fn wrap<R, F: FnOnce() -> R>(self, f: F) -> impl FnOnce() -> R + use<R, F> {
        move || self.scope(f)
    }
}

/// Attaches a context to a future. The context is current during every poll.
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
    /// Wraps the future so that `context` is current in every poll.
    fn in_context(self, context: OwnedContext) -> ContextFuture<Self> {
        ContextFuture { future: self, context: Some(context) }
    }

    /// Wraps the future so that the context that is current now, if any, is current in every poll.
    fn in_current_context(self) -> ContextFuture<Self> {
        ContextFuture { future: self, context: OwnedContext::current() }
    }
}

impl<F: Future> InContext for F {}

pin_project! {
    /// A future with its own context. [`InContext`] creates it and has an example.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ContextFuture<F> {
        #[pin]
        future: F,
        context: Option<OwnedContext>,
    }
}

/// Makes the context in the slot current while this lives. Meanwhile the slot holds the previous one. When a poll ends,
/// even by a panic, they are swapped back.
struct Lent<'a>(&'a mut Option<OwnedContext>);

impl<'a> Lent<'a> {
    #[inline]
    fn new(slot: &'a mut Option<OwnedContext>) -> Self {
        swap(slot);
        Self(slot)
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        swap(self.0);
    }
}

impl<F: Future> Future for ContextFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        // The context moves in and out, so a poll costs no reference count.
        let _lent = Lent::new(this.context);
        this.future.poll(task)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SpanContext, SpanId, TraceId};
    use std::task::Waker;

    fn context(span: u64) -> OwnedContext {
        OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::new(span).unwrap()))
    }

    fn current_span() -> Option<u64> {
        OwnedContext::current().and_then(|context| context.span_id()).map(SpanId::get)
    }

    #[test]
    fn ok_guards_nest() {
        let outer = context(1).enter();
        {
            let _inner = context(2).enter();
            assert_eq!(current_span(), Some(2));
        }
        assert_eq!(current_span(), Some(1));
        drop(outer);
        assert_eq!(current_span(), None);
    }

    #[test]
    fn ok_future_has_its_context_in_every_poll_and_leaks_none() {
        let mut polls = 0;
        let mut future = core::pin::pin!(
            core::future::poll_fn(|_| {
                polls += 1;
                assert_eq!(current_span(), Some(7));
                if polls < 3 { Poll::Pending } else { Poll::Ready(polls) }
            })
            .in_context(context(7))
        );
        let _outer = context(1).enter();
        let mut task = Context::from_waker(Waker::noop());
        assert_eq!(future.as_mut().poll(&mut task), Poll::Pending);
        assert_eq!(current_span(), Some(1));
        assert_eq!(future.as_mut().poll(&mut task), Poll::Pending);
        assert_eq!(future.as_mut().poll(&mut task), Poll::Ready(3));
        assert_eq!(current_span(), Some(1));
    }

    #[test]
    fn ok_panicking_poll_restores_the_outer_context() {
        let _outer = context(1).enter();
        let result = std::panic::catch_unwind(|| {
            let mut future = core::pin::pin!(async { panic!("on purpose") }.in_context(context(2)));
            let _: Poll<()> = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        });
        assert!(result.is_err());
        assert_eq!(current_span(), Some(1));
    }

    #[test]
    fn ok_in_current_context_takes_what_is_current_now() {
        let guard = context(5).enter();
        let future = async { current_span() }.in_current_context();
        drop(guard);
        let mut future = core::pin::pin!(future);
        assert_eq!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Some(5)));
    }
}
