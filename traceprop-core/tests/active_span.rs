//! A tracer is connected once for a process, so these tests have a process of their own.

#![cfg(feature = "std")]

use std::cell::Cell;

use traceprop_core::active::{ActiveSpan, set_active_span};
use traceprop_core::{InContext, OwnedContext, SpanContext, SpanId, TraceId};

thread_local! {
    static ACTIVE: Cell<Option<(TraceId, SpanId)>> = const { Cell::new(None) };
}

struct Tracer;

impl ActiveSpan for Tracer {
    fn active(&self, entered: Option<&OwnedContext>) -> Option<OwnedContext> {
        let (trace_id, span_id) = ACTIVE.get()?;
        Some(match entered {
            Some(entered) => entered.with_ids(trace_id, span_id).reported(),
            None => OwnedContext::new(SpanContext::new(trace_id, span_id)).reported(),
        })
    }
}

fn trace(id: u128) -> TraceId {
    TraceId::new(id).expect("not zero")
}

fn span(id: u64) -> SpanId {
    SpanId::new(id).expect("not zero")
}

/// Connects the tracer, in whichever test is first, and activates a span of it.
fn activate(active: Option<(u128, u64)>) {
    set_active_span(Tracer);
    ACTIVE.set(active.map(|(trace_id, span_id)| (trace(trace_id), span(span_id))));
}

fn ids(context: Option<OwnedContext>) -> Option<(TraceId, SpanId)> {
    context.and_then(|context| Some((context.trace_id()?, context.span_id()?)))
}

fn request() -> OwnedContext {
    OwnedContext::new(SpanContext::new(trace(1), span(1))).with_endpoint("/cart")
}

#[test]
fn ok_the_active_span_is_current_with_the_data_of_what_was_entered() {
    activate(None);
    let _entered = request().enter();
    assert_eq!(ids(OwnedContext::current()), Some((trace(1), span(1))));
    activate(Some((1, 2)));
    let current = OwnedContext::current().unwrap();
    assert_eq!(
        (current.trace_id(), current.span_id(), current.parent_id()),
        (Some(trace(1)), Some(span(2)), Some(span(1)))
    );
    assert_eq!((current.endpoint(), current.is_reported()), (Some("/cart"), true));
    assert_eq!(ids(OwnedContext::entered()), Some((trace(1), span(1))));
}

#[test]
fn ok_an_active_span_needs_no_entered_context() {
    activate(Some((3, 4)));
    assert_eq!(ids(OwnedContext::current()), Some((trace(3), span(4))));
    assert!(OwnedContext::entered().is_none());
}

#[test]
fn ok_a_future_takes_the_active_span_along() {
    activate(Some((1, 5)));
    let future = async { OwnedContext::current() }.in_current_context();
    // As in a task on another thread, where the tracer has no span.
    activate(None);
    let mut future = std::pin::pin!(future);
    let mut task = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(seen) = future.as_mut().poll(&mut task) else { panic!("it is ready") };
    assert!(seen.as_ref().is_some_and(OwnedContext::is_reported));
    assert_eq!(ids(seen), Some((trace(1), span(5))));
}

#[test]
fn err_connect_a_second_tracer() {
    struct Other;
    impl ActiveSpan for Other {
        fn active(&self, _: Option<&OwnedContext>) -> Option<OwnedContext> {
            panic!("it is never asked")
        }
    }
    activate(None);
    assert!(!set_active_span(Other));
    assert!(OwnedContext::current().is_none());
}
