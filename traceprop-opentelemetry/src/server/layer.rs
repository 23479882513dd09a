use std::sync::Arc;

use http::request::Parts;
use opentelemetry::trace::{SpanBuilder, Tracer};
use tower_layer::Layer;
use traceprop_core::IdGenerator;
use traceprop_tower::ExtractLayer;
use traceprop_tower::extract::Extract;

use super::ServerService;
use super::span;

/// Middleware that makes the OpenTelemetry span of each request. See the [module docs](super).
#[derive(Clone, Debug)]
pub struct ServerLayer<G = traceprop_core::RandomIds> {
    extract: ExtractLayer<G>,
}

impl<G> ServerLayer<G> {
    /// Creates a layer that reads as `extract` does, for spans of the crate `tracing`.
    ///
    /// `make_span` returns the span of a request, which tracing-opentelemetry exports. The layer sets its parent and its
    /// links. If the span declares the fields `trace_id` and `span_id` as [`Empty`](tracing::field::Empty), they are set.
    #[cfg(feature = "tracing")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tracing")))]
    pub fn new(extract: ExtractLayer<G>, make_span: impl Fn(&Parts) -> tracing::Span + Send + Sync + 'static) -> Self {
        Self {
            extract: extract.context_fn(move |extraction, request, accept| {
                span::begin(extraction, accept, |parent| span::of_tracing(&make_span, request, parent))
            }),
        }
    }

    /// Creates a layer that reads as `extract` does, for spans of a tracer.
    ///
    /// `make_builder` returns the name, the kind and the attributes of the span of a request. The layer sets
    /// `http.response.status_code` and, from 500 on, the status. The span ends with the head of the response.
    ///
    /// ```
    /// use opentelemetry::trace::{SpanBuilder, SpanKind};
    /// use opentelemetry::{KeyValue, global};
    /// use traceprop_core::presets;
    /// use traceprop_opentelemetry::ServerLayer;
    /// use traceprop_tower::ExtractLayer;
    ///
    /// let extract = ExtractLayer::new(presets::ALL_TO_W3C);
    /// let layer = ServerLayer::with_tracer(extract, global::tracer("shop"), |request| {
    ///     SpanBuilder::from_name(request.method.to_string())
    ///         .with_kind(SpanKind::Server)
    ///         .with_attributes([KeyValue::new("url.path", request.uri.path().to_owned())])
    /// });
    /// # let _ = layer;
    /// ```
    pub fn with_tracer<T>(
        extract: ExtractLayer<G>,
        tracer: T,
        make_builder: impl Fn(&Parts) -> SpanBuilder + Send + Sync + 'static,
    ) -> Self
    where
        T: Tracer + Send + Sync + 'static,
        T::Span: Send + Sync + 'static,
    {
        let tracer = Arc::new(tracer);
        Self {
            extract: extract.context_fn(move |extraction, request, accept| {
                span::begin(extraction, accept, |parent| span::of_tracer(&*tracer, make_builder(request), parent))
            }),
        }
    }
}

impl<S, G: IdGenerator + Clone> Layer<S> for ServerLayer<G> {
    type Service = Extract<ServerService<S>, G>;

    fn layer(&self, inner: S) -> Self::Service {
        self.extract.layer(ServerService::new(inner))
    }
}
