//! The current context of a thread, independent of a runtime.
//!
//! A guard sets it for a scope, and wrappers set it for futures and closures. One method call carries a context across
//! `tokio::spawn`, `spawn_blocking` or a thread.

mod future;
mod stack;

pub use future::{ContextFuture, InContext};
pub use stack::ContextGuard;

use crate::owned::{OwnedContext, active};
use stack::Scope;

impl OwnedContext {
    /// Returns the current context of this thread: the context that was entered last.
    ///
    /// If a tracer is [connected](crate::active), it is the tracer's active span instead, with the data of that context.
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
        active::or_active(stack::entered())
    }

    /// Returns the context that was entered last on this thread, and never the span of a [tracer](crate::active).
    ///
    /// ```
    /// use traceprop_core::{OwnedContext, SpanContext, SpanId, TraceId};
    ///
    /// let _guard = OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::MIN)).enter();
    /// assert_eq!(OwnedContext::entered().and_then(|context| context.span_id()), Some(SpanId::MIN));
    /// ```
    pub fn entered() -> Option<Self> {
        stack::entered()
    }

    /// Makes this context current until the guard is dropped. [`current`](Self::current) has an example.
    pub fn enter(self) -> ContextGuard {
        ContextGuard::new(self)
    }

    /// Runs `f` with this as the current context.
    ///
    /// Afterwards the current context is the previous one. Contexts that `f` entered and did not leave are left too.
    ///
    /// ```
    /// use traceprop_core::{OwnedContext, SpanContext, SpanId, TraceId};
    ///
    /// let context = || OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::MIN));
    /// assert!(context().scope(|| OwnedContext::current().is_some()));
    /// let guard = context().scope(|| context().enter());
    /// assert!(OwnedContext::current().is_none());
    /// # drop(guard);
    /// ```
    pub fn scope<R>(self, f: impl FnOnce() -> R) -> R {
        Self::scope_in(&mut Some(self), f)
    }

    /// Runs `f` with the context in `slot` as the current one, and puts it back. If `slot` is `None`, only runs `f`.
    ///
    /// It is for wrappers that are polled repeatedly, and costs no reference count. The context is put back if `f` panics
    /// too. Contexts that `f` entered and did not leave are left, as in [`scope`](Self::scope).
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
        let _scope = Scope::enter(slot);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SpanContext, SpanId, TraceId};
    use core::cell::Cell;
    use core::future::Future;
    use core::task::{Context, Poll};
    use std::boxed::Box;
    use std::rc::Rc;
    use std::task::Waker;
    use std::vec;

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

    struct Guards {
        _first: ContextGuard,
        _second: ContextGuard,
    }

    #[test]
    fn regression_guards_dropped_in_declaration_order_left_a_context_behind() {
        drop(Guards { _first: context(1).enter(), _second: context(2).enter() });
        assert_eq!(current_span(), None);
        drop(vec![context(1).enter(), context(2).enter(), context(3).enter()]);
        assert_eq!(current_span(), None);
    }

    #[test]
    fn ok_each_guard_takes_out_its_own_context() {
        let [first, second, third] = [1, 2, 3].map(|span| context(span).enter());
        drop(second);
        assert_eq!(current_span(), Some(3));
        drop(third);
        assert_eq!(current_span(), Some(1));
        drop(first);
        assert_eq!(current_span(), None);
    }

    #[test]
    fn ok_a_guard_from_outside_is_dropped_in_a_scope() {
        let outer = context(1).enter();
        context(2).scope(|| {
            drop(outer);
            assert_eq!(current_span(), Some(2));
        });
        assert_eq!(current_span(), None);
    }

    #[test]
    fn ok_a_scope_leaves_what_was_entered_in_it() {
        let _outer = context(1).enter();
        let guard = context(2).scope(|| context(3).enter());
        assert_eq!(current_span(), Some(1));
        let _later = context(4).enter();
        drop(guard);
        assert_eq!(current_span(), Some(4));
        context(5).scope(|| _ = Rc::into_raw(Rc::new(context(6).enter())));
        assert_eq!(current_span(), Some(4));
    }

    #[test]
    fn ok_a_guard_across_an_await_is_current_in_no_other_task() {
        let mut polls = 0;
        let mut guard = None;
        let mut future = core::pin::pin!(
            core::future::poll_fn(|_| {
                polls += 1;
                assert_eq!(current_span(), Some(7));
                guard = Some(context(8).enter());
                if polls < 2 { Poll::Pending } else { Poll::Ready(()) }
            })
            .in_context(context(7))
        );
        let mut task = Context::from_waker(Waker::noop());
        assert_eq!(future.as_mut().poll(&mut task), Poll::Pending);
        assert_eq!(current_span(), None);
        assert_eq!(future.as_mut().poll(&mut task), Poll::Ready(()));
        assert_eq!(current_span(), None);
    }

    /// Records the span that is current in its drop.
    struct Dropped(Rc<Cell<Option<u64>>>);

    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.set(current_span());
        }
    }

    #[test]
    fn regression_a_cancelled_future_was_dropped_without_its_context() {
        let seen = Rc::new(Cell::new(None));
        let dropped = || Dropped(Rc::clone(&seen));
        let pending = |dropped: Dropped| async move {
            let _dropped = dropped;
            core::future::pending::<()>().await;
        };
        let outer = context(1).enter();
        // Before its first poll, and after it.
        drop(pending(dropped()).in_context(context(7)));
        assert_eq!((seen.take(), current_span()), (Some(7), Some(1)));
        let mut future = Box::pin(pending(dropped()).in_context(context(8)));
        assert_eq!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending);
        drop(future);
        assert_eq!((seen.take(), current_span()), (Some(8), Some(1)));
        // Without a context of its own it is dropped in the current one.
        drop(outer);
        let without = pending(dropped()).in_current_context();
        context(9).scope(|| drop(without));
        assert_eq!(seen.take(), Some(9));
    }

    #[test]
    fn ok_a_panic_while_a_future_is_dropped_leaks_no_context() {
        struct Panics;
        impl Drop for Panics {
            fn drop(&mut self) {
                panic!("on purpose: {:?}", current_span());
            }
        }
        let panics = Panics;
        let future = async move {
            let _panics = panics;
        }
        .in_context(context(7));
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(future))).is_err());
        assert_eq!(current_span(), None);
    }

    #[test]
    fn ok_contexts_are_entered_while_the_thread_ends() {
        struct AtTheEnd;
        impl Drop for AtTheEnd {
            fn drop(&mut self) {
                // There may be no current context any more. Nothing panics.
                let guard = context(1).enter();
                let mut slot = Some(context(2));
                OwnedContext::scope_in(&mut slot, || drop(OwnedContext::current()));
                assert!(slot.is_some());
                drop(guard);
            }
        }
        std::thread_local! {
            static FIRST: AtTheEnd = const { AtTheEnd };
            static LAST: AtTheEnd = const { AtTheEnd };
            static KEPT: Cell<Option<ContextGuard>> = const { Cell::new(None) };
        }
        let thread = std::thread::spawn(|| {
            FIRST.with(|_| {});
            KEPT.with(|kept| kept.set(Some(context(3).enter())));
            LAST.with(|_| {});
        });
        assert!(thread.join().is_ok());
    }
}
