use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;
use traceprop_core::{IdGenerator, OwnedContext, RandomIds};

use super::{ExtractFuture, ExtractLayer};
#[cfg(feature = "tracing")]
use crate::logging::RequestCorrelation;

/// Service that [`ExtractLayer`] creates. See the [module docs](super).
#[derive(Debug)]
pub struct Extract<S, G = RandomIds> {
    inner: S,
    /// Shared, because routers clone the service for each request.
    settings: Arc<ExtractLayer<G>>,
    /// For the log fields of requests.
    #[cfg(feature = "tracing")]
    correlation: Option<RequestCorrelation>,
}

impl<S, G> Extract<S, G> {
    pub(super) fn new(inner: S, settings: ExtractLayer<G>) -> Self {
        Self {
            inner,
            #[cfg(feature = "tracing")]
            correlation: RequestCorrelation::of(settings.propagator()),
            settings: Arc::new(settings),
        }
    }
}

impl<S: Clone, G> Clone for Extract<S, G> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            settings: Arc::clone(&self.settings),
            #[cfg(feature = "tracing")]
            correlation: self.correlation.clone(),
        }
    }
}

impl<S, B, R, G> Service<Request<B>> for Extract<S, G>
where
    S: Service<Request<B>, Response = Response<R>>,
    G: IdGenerator,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ExtractFuture<S::Future>;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut head, body) = request.into_parts();
        let mut context = None;
        let finish = self.settings.begin(&mut head, &mut context);
        #[cfg(feature = "tracing")]
        if let Some(correlation) = &self.correlation {
            head.extensions.insert(correlation.clone());
        }
        // Inner layers already do work in `call`, before the future is polled.
        let future = OwnedContext::scope_in(&mut context, || self.inner.call(Request::from_parts(head, body)));
        ExtractFuture::new(future, context, finish)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::convert::Infallible;
    use std::future::{Future, Ready, poll_fn, ready};
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::pin::pin;
    use std::sync::Mutex;
    use std::task::Waker;

    use http::Method;
    use http::header::ACCESS_CONTROL_REQUEST_METHOD;
    use tower::{ServiceExt, service_fn};
    use tower_layer::Layer;
    use traceprop_core::sampler::AlwaysOn;
    use traceprop_core::{IdBits, OwnedContext, Propagator, Sampling, SpanContext, SpanId, TraceId, Trust};
    use traceprop_core::{InjectOptions, Pairs, presets};

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

    fn request(traceparent: &str) -> Request<()> {
        Request::get("/page").header("traceparent", traceparent).body(()).expect("a request")
    }

    /// Responds with the request, once it is polled.
    fn echo(request: Request<()>) -> Ready<Result<Response<Request<()>>, Infallible>> {
        ready(Ok(Response::new(request)))
    }

    /// Returns the request that the inner service received.
    async fn seen<G: IdGenerator + Clone>(layer: ExtractLayer<G>, request: Request<()>) -> Request<()> {
        let Ok(response) = layer.layer(service_fn(echo)).oneshot(request).await;
        response.into_body()
    }

    fn context(request: &Request<()>) -> &OwnedContext {
        request.extensions().get().expect("a context")
    }

    fn current_span() -> Option<u64> {
        OwnedContext::current().and_then(|context| context.span_id()).map(SpanId::get)
    }

    fn other_context() -> OwnedContext {
        OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::new(99).expect("not zero")))
    }

    #[tokio::test]
    async fn ok_continues_the_trace_with_its_own_span() {
        let layer = ExtractLayer::new(presets::W3C).id_generator(|| IdBits::non_random(7));
        let request = seen(layer, request(PARENT)).await;
        let context = context(&request);
        assert_eq!(context.trace_id().unwrap().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.parent_id().unwrap().to_string(), "00f067aa0ba902b7");
        assert_eq!((context.span_id().map(SpanId::get), context.sampling()), (Some(7), Sampling::NotSampled));
        assert_eq!(request.headers()["traceparent"], PARENT);
    }

    #[tokio::test]
    async fn ok_starts_a_sampled_trace_without_a_context() {
        let request = seen(ExtractLayer::new(presets::W3C), Request::new(())).await;
        let context = context(&request);
        assert!(context.trace_id().is_some() && context.is_random());
        assert_eq!((context.parent_id(), context.sampling()), (None, Sampling::Sampled));
    }

    #[tokio::test]
    async fn ok_decision_without_ids_applies_to_the_new_trace() {
        let request = Request::builder().header("b3", "0").body(()).unwrap();
        let decided = seen(ExtractLayer::new(presets::ALL_TO_W3C), request).await;
        assert_eq!((context(&decided).parent_id(), context(&decided).sampling()), (None, Sampling::NotSampled));
    }

    #[tokio::test]
    async fn ok_sampler_overrides_the_caller() {
        let layer = ExtractLayer::new(presets::W3C).sampler(AlwaysOn);
        let decided = seen(layer, request(PARENT)).await;
        assert_eq!(context(&decided).sampling(), Sampling::Sampled);
        assert_eq!(context(&decided).parent_id().unwrap().to_string(), "00f067aa0ba902b7");
    }

    #[tokio::test]
    async fn ok_sampler_sees_the_request_and_the_received_context() {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&calls);
        let layer =
            ExtractLayer::new(presets::W3C).id_generator(|| IdBits::non_random(7)).sampler_fn(move |input, head| {
                let seen = (input.trace_id().low(), input.sampling(), head.uri.path().to_owned());
                log.lock().expect("no panic").push(seen);
                Sampling::Debug.into()
            });
        for request in [request(PARENT), Request::new(())] {
            assert_eq!(context(&seen(layer.clone(), request).await).sampling(), Sampling::Debug);
        }
        let expected = [
            (0xa3ce_929d_0e0e_4736, Sampling::NotSampled, "/page".to_owned()),
            (7, Sampling::Deferred, "/".to_owned()),
        ];
        assert_eq!(*calls.lock().unwrap(), expected);
    }

    #[tokio::test]
    async fn ok_passthrough_keeps_the_received_context_and_makes_no_span() {
        let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more";
        let layer = ExtractLayer::new(presets::W3C).passthrough();
        let passed = seen(layer.clone(), request(later)).await;
        let received = context(&passed);
        assert!(received.is_passthrough());
        assert_eq!(received.span_id().unwrap().to_string(), "00f067aa0ba902b7");
        let mut headers = Pairs::new();
        presets::W3C.propagator().inject(received, &InjectOptions::new(), &mut headers);
        assert_eq!(headers.get("traceparent"), Some(later));

        let nothing = seen(layer, Request::new(())).await;
        assert_eq!((context(&nothing).trace_id(), context(&nothing).sampling()), (None, Sampling::Deferred));
    }

    #[tokio::test]
    async fn ok_report_has_the_reason_of_an_invalid_header() {
        let invalid_headers = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&invalid_headers);
        let layer = ExtractLayer::new(presets::W3C).on_report(move |report| {
            let mut log = log.lock().expect("no panic");
            log.extend(report.invalid_headers().map(|(_, invalid)| invalid.to_string()));
        });
        let new_trace = seen(layer, request(&PARENT[..54])).await;
        assert_eq!(context(&new_trace).parent_id(), None);
        assert_eq!(*invalid_headers.lock().unwrap(), ["invalid traceparent: bad-length, ends at byte 54"]);
    }

    #[tokio::test]
    async fn ok_each_listener_has_its_own_trust() {
        let inside: Arc<Propagator> = presets::W3C.into();
        let edge = presets::W3C.builder().trust(Trust::Restart).build().unwrap();
        let continued = seen(ExtractLayer::new(inside), request(PARENT)).await;
        let restarted = seen(ExtractLayer::new(edge), request(PARENT)).await;
        assert!(context(&continued).parent_id().is_some());
        assert_eq!(context(&restarted).parent_id(), None);
        assert_ne!(context(&restarted).trace_id(), context(&continued).trace_id());
    }

    #[tokio::test]
    async fn ok_preflight_is_a_passthrough_without_a_report() {
        let current_in_call = service_fn(|request: Request<()>| {
            let in_call = current_span();
            async move { Ok::<_, Infallible>(Response::new((request, in_call, current_span()))) }
        });
        let layer = ExtractLayer::new(presets::W3C).on_report(|_| panic!("there is no report"));
        let mut preflight = request(PARENT);
        *preflight.method_mut() = Method::OPTIONS;
        preflight.headers_mut().insert(ACCESS_CONTROL_REQUEST_METHOD, http::HeaderValue::from_static("GET"));
        let _outer = other_context().enter();
        let Ok(response) = layer.layer(current_in_call).oneshot(preflight).await;
        let (seen, in_call, in_poll) = response.into_body();
        assert!(context(&seen).is_passthrough());
        assert_eq!(seen.headers()["traceparent"], PARENT);
        // The caller's span is the one of the context.
        assert_eq!((in_call, in_poll), (Some(0x00f0_67aa_0ba9_02b7), Some(0x00f0_67aa_0ba9_02b7)));
    }

    #[tokio::test]
    async fn ok_options_without_a_requested_method_is_a_request_like_any_other() {
        let mut options = request(PARENT);
        *options.method_mut() = Method::OPTIONS;
        let options = seen(ExtractLayer::new(presets::W3C), options).await;
        assert!(!context(&options).is_passthrough() && context(&options).parent_id().is_some());
    }

    #[tokio::test]
    async fn ok_outermost_layer_is_used() {
        let inner = ExtractLayer::new(presets::W3C).id_generator(|| IdBits::non_random(2)).layer(service_fn(echo));
        let outer = ExtractLayer::new(presets::W3C).id_generator(|| IdBits::non_random(1)).layer(inner);
        let Ok(response) = outer.oneshot(Request::new(())).await;
        assert_eq!(context(response.body()).span_id(), SpanId::new(1));
    }

    #[tokio::test]
    async fn ok_around_a_client_it_keeps_the_context_and_writes_nothing() {
        let mut call = Request::new(());
        call.extensions_mut().insert(other_context());
        let sent = seen(ExtractLayer::new(presets::W3C), call).await;
        assert_eq!(context(&sent).span_id(), SpanId::new(99));
        assert!(sent.headers().is_empty());
    }

    #[test]
    fn ok_context_is_current_in_call_and_in_each_poll_and_never_between() {
        let polls = Cell::new(0);
        let spans = service_fn(|_: Request<()>| {
            assert_eq!(current_span(), Some(7));
            poll_fn(|_| {
                assert_eq!(current_span(), Some(7));
                polls.set(polls.get() + 1);
                if polls.get() < 3 { Poll::Pending } else { Poll::Ready(Ok::<_, Infallible>(Response::new(()))) }
            })
        });
        let mut service = ExtractLayer::new(presets::W3C).id_generator(|| IdBits::non_random(7)).layer(spans);
        let _outer = other_context().enter();
        let mut future = pin!(service.call(request(PARENT)));
        let mut task = Context::from_waker(Waker::noop());
        for _ in 0..2 {
            assert_eq!(current_span(), Some(99));
            assert!(future.as_mut().poll(&mut task).is_pending());
        }
        assert!(future.as_mut().poll(&mut task).is_ready());
        assert_eq!(current_span(), Some(99));
    }

    /// Stores the span that is current in its drop.
    struct InDrop(Arc<Mutex<Vec<Option<u64>>>>);

    impl Drop for InDrop {
        fn drop(&mut self) {
            self.0.lock().expect("no panic").push(current_span());
        }
    }

    #[test]
    fn regression_a_cancelled_handler_was_dropped_without_its_context() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let handler = service_fn(|_: Request<()>| {
            let in_drop = InDrop(Arc::clone(&seen));
            async move {
                let _in_drop = in_drop;
                std::future::pending::<Result<Response<()>, Infallible>>().await
            }
        });
        let mut service = ExtractLayer::new(presets::W3C).id_generator(|| IdBits::non_random(7)).layer(handler);
        let _outer = other_context().enter();
        // Before its first poll, and after it.
        drop(service.call(request(PARENT)));
        let mut future = Box::pin(service.call(request(PARENT)));
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(future);
        assert_eq!(*seen.lock().unwrap(), [Some(7), Some(7)]);
        assert_eq!(current_span(), Some(99));
    }

    #[test]
    fn ok_panic_in_call_or_poll_leaks_no_context() {
        let mut in_call = ExtractLayer::new(presets::W3C).layer(service_fn(|_: Request<()>| -> Ready<_> {
            if current_span().is_some() {
                panic!("on purpose");
            }
            ready(Ok::<Response<()>, Infallible>(Response::new(())))
        }));
        assert!(catch_unwind(AssertUnwindSafe(|| drop(in_call.call(request(PARENT))))).is_err());
        assert_eq!(current_span(), None);

        let mut in_poll = ExtractLayer::new(presets::W3C).layer(service_fn(async |_: Request<()>| {
            if current_span().is_some() {
                panic!("on purpose");
            }
            Ok::<Response<()>, Infallible>(Response::new(()))
        }));
        let mut future = Box::pin(in_poll.call(request(PARENT)));
        let mut task = Context::from_waker(Waker::noop());
        assert!(catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut task).is_ready())).is_err());
        assert_eq!(current_span(), None);
    }

    #[test]
    fn ok_crosses_threads() {
        fn is<T: Send + Sync + 'static>() {}
        is::<ExtractLayer>();
        is::<Extract<()>>();
        is::<ExtractFuture<()>>();
    }
}
