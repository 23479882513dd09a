use std::sync::Arc;

use http::request::Parts;
use tower_layer::Layer;
use traceprop_core::{Propagator, report::ExtractReport};

use super::{Extract, ExtractLayer};
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
    pub fn include_response_body(self) -> tower_layer::Stack<crate::body::BodyLayer, ExtractLayer> {
        self.0.include_response_body()
    }
}

impl<S> Layer<S> for AdoptingLayer {
    type Service = Extract<S>;

    fn layer(&self, inner: S) -> Self::Service {
        self.0.layer(inner)
    }
}
