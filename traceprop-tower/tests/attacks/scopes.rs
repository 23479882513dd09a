//! The current context is that of the request, and of no other.

use super::*;
use tower::ServiceBuilder;
use traceprop_tower::OwnedContext;

/// The context of request number `id`.
fn context(id: u64) -> OwnedContext {
    let (trace, span) = (traceprop_core::TraceId::from_halves(0, id), traceprop_core::SpanId::new(id));
    let span = traceprop_core::SpanContext::new(trace.expect("not zero"), span.expect("not zero"));
    OwnedContext::new(span)
}

fn current() -> Option<u64> {
    OwnedContext::current().and_then(|context| context.span_id()).map(traceprop_core::SpanId::get)
}

#[test]
fn err_guards_of_a_struct_leave_a_context_on_the_thread() {
    /// Fields are dropped in the order of their declaration: the first entered is left first.
    struct Guards {
        _first: traceprop_core::ContextGuard,
        _second: traceprop_core::ContextGuard,
    }

    let first = context(1).enter();
    let guards = Guards { _first: first, _second: context(2).enter() };
    assert_eq!(current(), Some(2));
    drop(guards);
    assert_eq!(current(), None);

    let many: Vec<_> = (1..9).map(|id| context(id).enter()).collect();
    drop(many);
    assert_eq!(current(), None);
}

fn sent_header()
-> impl tower::Service<Request<()>, Response = Response<Option<String>>, Error = Infallible, Future: Send> + Clone + Send
{
    service_fn(|request: Request<()>| {
        let value = request.headers().get("traceparent").and_then(|value| value.to_str().ok()).map(str::to_owned);
        std::future::ready(Ok::<_, Infallible>(Response::new(value)))
    })
}

/// `Buffer` runs the inner service in a task of its own, where no context is current.
#[tokio::test]
async fn err_a_buffer_around_the_layer_loses_the_context_without_a_word() {
    fn keep_context<B>(mut request: Request<B>) -> Request<B> {
        if let Some(context) = OwnedContext::current() {
            request.extensions_mut().get_or_insert(context);
        }
        request
    }

    let layer = || client(propagator("none", "tracecontext"));
    let expected = Some(format!("00-{:032x}-0000000000000009-00", 5));
    let guard = context(5).enter();
    // The two ways of the documentation: the layer outside of the buffer, or the context in the request.
    let outside = ServiceBuilder::new().layer(layer()).buffer(4).service(sent_header());
    let outside = outside.oneshot(request(&[]));
    let inside = ServiceBuilder::new().map_request(keep_context).buffer(4).layer(layer()).service(sent_header());
    let inside = inside.oneshot(request(&[]));
    // `oneshot` calls its service when it is polled.
    let both = traceprop_tower::InContext::in_current_context(async { (outside.await, inside.await) });
    drop(guard);
    let (outside, inside) = both.await;
    assert_eq!(outside.map(Response::into_body).ok(), Some(expected.clone()));
    assert_eq!(inside.map(Response::into_body).ok(), Some(expected));
}

#[tokio::test]
async fn err_a_cancelled_handler_is_dropped_in_no_context_or_in_that_of_another() {
    struct InDrop(Arc<Mutex<Option<u64>>>);

    impl Drop for InDrop {
        fn drop(&mut self) {
            *self.0.lock().expect("no panic") = current();
        }
    }

    let seen = Arc::<Mutex<Option<u64>>>::default();
    let handler = service_fn(|_: Request<()>| {
        let in_drop = InDrop(Arc::clone(&seen));
        async move {
            let _in_drop = in_drop;
            std::future::pending::<Result<Response<()>, Infallible>>().await
        }
    });
    let service = listener(propagator("tracecontext", "none")).layer(handler);
    let _other = context(99).enter();
    let answer = service.oneshot(request(&[("traceparent", PARENT)]));
    assert!(tokio::time::timeout(std::time::Duration::from_millis(1), answer).await.is_err());
    assert_eq!(*seen.lock().unwrap(), Some(7));
}
