use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;
use traceprop_core::{Propagator, report::ExtractReport};

use super::{Extract, ExtractFuture, ExtractLayer};
use crate::response::ResponseHeaders;

/// Middleware for a server whose request spans another library makes: it takes over the span that is active already.
///
/// Add it inside of that library's layer, and connect the tracer with
/// [`set_active_span`](traceprop_core::active::set_active_span). The layer stores the active span as the
/// [`OwnedContext`](crate::OwnedContext) of the request and keeps it current for handlers, log fields and response headers. If no reported
/// span is active, it forwards what was received, as [`ExtractLayer::passthrough`] does.
///
/// The library has read the request before, with its own propagator. So trust, sampler and accepted baggage are set there,
/// and this layer has no settings for them. Use the same propagator: the headers that its trust refuses are removed from
/// the request, and reports are about its formats.
///
/// Do not add it inside of an [`ExtractLayer`]: it then keeps that layer's context and does not take over a span.
///
/// # Examples
///
/// ```
/// use axum::{Router, routing::get};
/// use traceprop_tower::{AdoptingLayer, ResponseHeaders, presets};
///
/// let app: Router = Router::new()
///     .route("/orders/{id}", get(async || "ok"))
///     .layer(AdoptingLayer::new(presets::W3C).response_headers(ResponseHeaders::new().server_timing()));
/// // .layer(the layer that makes the request's span)
/// ```
#[derive(Clone, Debug)]
pub struct AdoptingLayer(ExtractLayer);

impl AdoptingLayer {
    /// Creates a layer that reads the formats of `propagator` for reports, and where no span is active.
    pub fn new(propagator: impl Into<Arc<Propagator>>) -> Self {
        let mut layer = ExtractLayer::new(propagator).passthrough().parent_from_current();
        layer.settings.adopts_active_span = true;
        Self(layer)
    }

    /// Names the endpoint of a request, as [`ExtractLayer::endpoint`] does.
    pub fn endpoint(self, endpoint: impl Fn(&Parts) -> Option<Arc<str>> + Send + Sync + 'static) -> Self {
        Self(self.0.endpoint(endpoint))
    }

    /// Writes `headers` into responses, as [`ExtractLayer::response_headers`] does.
    pub fn response_headers(self, headers: ResponseHeaders) -> Self {
        Self(self.0.response_headers(headers))
    }

    /// Removes the trace headers from the request, as [`ExtractLayer::take_headers`] does.
    pub fn take_headers(self) -> Self {
        Self(self.0.take_headers())
    }

    /// Keeps a report of each request in its extensions, as [`ExtractLayer::keep_report`] does.
    pub fn keep_report(self) -> Self {
        Self(self.0.keep_report())
    }

    /// Calls `on_report` for each request, as [`ExtractLayer::on_report`] does.
    pub fn on_report(self, on_report: impl Fn(&ExtractReport<'_>) + Send + Sync + 'static) -> Self {
        Self(self.0.on_report(on_report))
    }

    /// Logs why a trace is broken, as [`ExtractLayer::log_problems`] does.
    #[cfg(feature = "tracing")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tracing")))]
    pub fn log_problems(self) -> Self {
        Self(self.0.log_problems())
    }

    /// Keeps the context current while the response body is sent, as [`ExtractLayer::include_response_body`] does.
    #[cfg(feature = "http-body")]
    #[cfg_attr(docsrs, doc(cfg(feature = "http-body")))]
    pub fn include_response_body(self) -> tower_layer::Stack<crate::body::BodyLayer, Self> {
        tower_layer::Stack::new(crate::body::BodyLayer::new(), self)
    }
}

impl<S> Layer<S> for AdoptingLayer {
    type Service = Adopt<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Adopt { extract: self.0.layer(inner) }
    }
}

/// Service that [`AdoptingLayer`] creates.
///
/// It calls the inner service in the first poll of its future, because some layers make their span active in polls alone,
/// and not while they call the inner service.
#[derive(Clone, Debug)]
pub struct Adopt<S> {
    extract: Extract<S>,
}

impl<S, B, R> Service<Request<B>> for Adopt<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = AdoptFuture<S, B>;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.extract.poll_ready(task)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The future takes the service that is ready. Its clone need not be.
        let clone = self.extract.clone();
        let extract = mem::replace(&mut self.extract, clone);
        AdoptFuture { state: State::Called { call: Some((extract, request)) } }
    }
}

pin_project! {
    /// Response future of [`Adopt`], which takes over the active span when it is polled first.
    #[must_use = "futures do nothing unless polled"]
    pub struct AdoptFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B>,
    }
}

pin_project! {
    #[project = StatePinned]
    enum State<S, B>
    where
        S: Service<Request<B>>,
    {
        Called { call: Option<(Extract<S>, Request<B>)> },
        Running { #[pin] future: ExtractFuture<S::Future> },
    }
}

impl<S, B, R> Future for AdoptFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Output = Result<Response<R>, S::Error>;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let future = match state.as_mut().project() {
                StatePinned::Running { future } => return future.poll(task),
                StatePinned::Called { call } => match call.take() {
                    Some((mut extract, request)) => extract.call(request),
                    // The call panicked.
                    None => return Poll::Pending,
                },
            };
            state.set(State::Running { future });
        }
    }
}

impl<S, B> fmt::Debug for AdoptFuture<S, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdoptFuture").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::future::{Ready, ready};
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use tower::ServiceExt;
    use traceprop_core::{OwnedContext, presets};

    /// Counts calls, and has to be ready for each. A clone is not.
    #[derive(Debug, Default)]
    struct Inner {
        is_ready: bool,
        calls: Arc<AtomicUsize>,
    }

    impl Clone for Inner {
        fn clone(&self) -> Self {
            Self { is_ready: false, calls: Arc::clone(&self.calls) }
        }
    }

    impl Service<Request<()>> for Inner {
        type Response = Response<Option<OwnedContext>>;
        type Error = Infallible;
        type Future = Ready<Result<Self::Response, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            self.is_ready = true;
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<()>) -> Self::Future {
            assert!(mem::take(&mut self.is_ready));
            self.calls.fetch_add(1, Relaxed);
            ready(Ok(Response::new(request.extensions().get().cloned())))
        }
    }

    #[tokio::test]
    async fn ok_the_service_that_is_ready_is_called_in_the_first_poll() {
        let inner = Inner::default();
        let calls = Arc::clone(&inner.calls);
        let mut service = AdoptingLayer::new(presets::W3C).layer(inner);
        let request = || Request::get("/").body(()).expect("a request");
        for count in 0..2 {
            let future = service.ready().await.expect("it is ready").call(request());
            assert_eq!(calls.load(Relaxed), count);
            let Ok(response) = future.await;
            assert!(response.into_body().is_some());
        }
        // A request that is cancelled before is never handled.
        drop(service.ready().await.expect("it is ready").call(request()));
        assert_eq!(calls.load(Relaxed), 2);
    }
}
