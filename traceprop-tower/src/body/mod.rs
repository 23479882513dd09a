//! Keeps the context of a request current while its response body is sent.
//!
//! A response future is complete when the head of the response is ready. The server then polls the body without a
//! current context. [`ExtractLayer::include_response_body`] wraps the body, so that the context is
//! [current](traceprop_core::OwnedContext::current) during each poll, and while the body is dropped:
//!
//! ```
//! use axum::{Router, body::Body, routing::get};
//! use traceprop_tower::{ExtractLayer, presets};
//!
//! let app: Router = Router::new()
//!     .route("/events", get(async || Body::from("a stream")))
//!     .layer(ExtractLayer::new(presets::W3C).include_response_body());
//! ```
//!
//! Call it after all other settings of the layer, since it returns a different type. A body that makes no calls and
//! writes no log lines does not need it. The span of an inner `logging::SpanLayer` is entered with the context, so log
//! lines of a body have the ids of the request.

mod span;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_layer::{Layer, Stack};
use tower_service::Service;
use traceprop_core::OwnedContext;

use crate::ExtractLayer;
use span::BodySpan;
pub(crate) use span::SpanSlot;

impl<G> ExtractLayer<G> {
    /// Keeps the context current while the response body is sent. See [`body`](crate::body).
    #[cfg_attr(docsrs, doc(cfg(feature = "http-body")))]
    pub fn include_response_body(self) -> Stack<BodyLayer, Self> {
        Stack::new(BodyLayer::new(), self)
    }
}

/// Layer that [`ExtractLayer::include_response_body`] adds inside of the [`ExtractLayer`]. See the [module docs](self).
///
/// # Examples
///
/// ```
/// use tower_layer::Stack;
/// use traceprop_tower::body::BodyLayer;
/// use traceprop_tower::{ExtractLayer, presets};
///
/// let layer: Stack<BodyLayer, ExtractLayer> = ExtractLayer::new(presets::W3C).include_response_body();
/// # let _ = layer;
/// ```
#[derive(Clone, Debug)]
pub struct BodyLayer(());

impl BodyLayer {
    pub(crate) const fn new() -> Self {
        Self(())
    }
}

impl<S> Layer<S> for BodyLayer {
    type Service = BodyService<S>;

    fn layer(&self, inner: S) -> BodyService<S> {
        BodyService { inner }
    }
}

/// Service that [`BodyLayer`] creates. See the [module docs](self).
#[derive(Clone, Debug)]
pub struct BodyService<S> {
    inner: S,
}

impl<S, B, R> Service<Request<B>> for BodyService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<ContextBody<R>>;
    type Error = S::Error;
    type Future = BodyFuture<S::Future>;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let context = request.extensions().get::<OwnedContext>().cloned();
        let span = SpanSlot::insert(request.extensions_mut());
        BodyFuture { future: self.inner.call(request), context, span }
    }
}

pin_project! {
    /// Response future of [`BodyService`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct BodyFuture<F> {
        #[pin]
        future: F,
        context: Option<OwnedContext>,
        span: SpanSlot,
    }
}

impl<F, R, E> Future for BodyFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<ContextBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.future.poll(task));
        let (context, span) = (this.context.take(), this.span.take());
        Poll::Ready(result.map(|response| response.map(|body| ContextBody { body: Some(body), context, span })))
    }
}

pin_project! {
    /// Body that makes the context of its request current during each poll, and while it is dropped.
    #[derive(Clone, Debug)]
    pub struct ContextBody<B> {
        // `None` only during the drop. An option is what a pinned body can be dropped through.
        #[pin]
        body: Option<B>,
        context: Option<OwnedContext>,
        // The span that log lines of the body belong to.
        span: BodySpan,
    }

    impl<B> PinnedDrop for ContextBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            OwnedContext::scope_in(this.context, || this.span.in_scope(|| this.body.set(None)));
        }
    }
}

impl<B: Default> Default for ContextBody<B> {
    fn default() -> Self {
        Self { body: Some(B::default()), context: None, span: BodySpan::default() }
    }
}

impl<B: Body> Body for ContextBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let body = this.body.as_pin_mut();
        let poll = || body.map_or(Poll::Ready(None), |body| body.poll_frame(task));
        OwnedContext::scope_in(this.context, || this.span.in_scope(poll))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::future::ready;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
    use std::task::Waker;

    use tower::service_fn;
    use traceprop_core::{IdBits, OwnedContext, presets};

    /// Two frames that contain the current span, with a pause between them.
    #[derive(Default)]
    struct Spans {
        polls: u8,
        in_drop: Option<Arc<AtomicU8>>,
    }

    impl Drop for Spans {
        fn drop(&mut self) {
            if let Some(in_drop) = &self.in_drop {
                in_drop.store(span(), Relaxed);
            }
        }
    }

    fn span() -> u8 {
        OwnedContext::current().and_then(|context| context.span_id()).map_or(0, |id| id.get() as u8)
    }

    impl Body for Spans {
        type Data = &'static [u8];
        type Error = u8;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, u8>>> {
            self.polls += 1;
            match self.polls {
                2 => Poll::Pending,
                4 => Poll::Ready(None),
                5.. => panic!("on purpose: {}", span()),
                _ => Poll::Ready(Some(Err(span()))),
            }
        }

        fn is_end_stream(&self) -> bool {
            self.polls > 3
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(7)
        }
    }

    async fn body(request: Request<()>) -> ContextBody<Spans> {
        let layer = ExtractLayer::new(presets::W3C).id_generator(|| IdBits::non_random(7)).include_response_body();
        let spans = service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(Response::new(Spans::default()))));
        let Ok(response) = layer.layer(spans).call(request).await;
        response.into_body()
    }

    #[tokio::test]
    async fn ok_context_is_current_in_each_poll_and_never_between() {
        let mut body = body(Request::new(())).await;
        let mut task = Context::from_waker(Waker::noop());
        let mut poll = || {
            let polled = Pin::new(&mut body).poll_frame(&mut task);
            assert_eq!(span(), 0);
            polled.map(|frame| frame.and_then(Result::err))
        };
        assert_eq!(
            [poll(), poll(), poll(), poll()],
            [Poll::Ready(Some(7)), Poll::Pending, Poll::Ready(Some(7)), Poll::Ready(None)]
        );
    }

    #[tokio::test]
    async fn ok_panic_leaks_no_context() {
        let mut body = body(Request::new(())).await;
        body.body.as_mut().expect("a body").polls = 4;
        let mut task = Context::from_waker(Waker::noop());
        let poll = AssertUnwindSafe(|| Pin::new(&mut body).poll_frame(&mut task).is_ready());
        assert!(catch_unwind(poll).is_err());
        assert_eq!((span(), body.context.is_some()), (0, true));
    }

    #[tokio::test]
    async fn ok_body_without_a_context_is_polled_in_the_current_one() {
        let preflight = Request::builder().method("OPTIONS").body(()).unwrap();
        let mut body = body(preflight).await;
        let outer = super::tests::body(Request::new(())).await.context.clone().expect("a context");
        let _outer = outer.enter();
        let mut task = Context::from_waker(Waker::noop());
        assert!(matches!(Pin::new(&mut body).poll_frame(&mut task), Poll::Ready(Some(Err(7)))));
    }

    #[tokio::test]
    async fn regression_a_body_was_dropped_half_way_without_its_context() {
        let in_drop = Arc::new(AtomicU8::new(0));
        for polls in 0..2 {
            let mut body = body(Request::new(())).await;
            body.body.as_mut().expect("a body").in_drop = Some(Arc::clone(&in_drop));
            for _ in 0..polls {
                assert!(Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop())).is_ready());
            }
            drop(body);
            assert_eq!((in_drop.swap(0, Relaxed), span()), (7, 0));
        }
    }

    #[test]
    fn ok_default_body_is_the_inner_one_without_a_context() {
        let body = ContextBody::<Spans>::default();
        assert_eq!((body.size_hint().exact(), body.context.is_some()), (Some(7), false));
    }

    #[tokio::test]
    async fn ok_size_and_end_of_a_body_are_passed_on() {
        let mut body = body(Request::new(())).await;
        assert_eq!((body.is_end_stream(), body.size_hint().exact()), (false, Some(7)));
        body.body.as_mut().expect("a body").polls = 4;
        assert!(body.is_end_stream());
    }

    #[test]
    fn ok_crosses_threads() {
        fn is<T: Send + Sync + 'static>() {}
        is::<BodyLayer>();
        is::<BodyService<()>>();
        is::<BodyFuture<()>>();
        is::<ContextBody<()>>();
    }
}
