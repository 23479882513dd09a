use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::request::Parts;
use tower_layer::Layer;
use traceprop_core::OwnedContext;
use tracing::Span;

use super::{LogFields, SpanService};

type MakeSpan = dyn Fn(&Parts) -> Span + Send + Sync;

/// Middleware that runs the inner service in a `tracing` span with the ids of the request.
///
/// The span is entered during `call` and each poll of the response future, and closed when the future is dropped. Add
/// the layer inside of [`ExtractLayer`](crate::ExtractLayer), which reads the ids; see [layer
/// order](crate#layer-order). If it finds no context, it logs a warning, once in a process.
///
/// The span is also entered while the response body is sent, if `ExtractLayer::include_response_body` (feature `http-body`)
/// keeps the context current there.
///
/// # Examples
///
/// ```
/// use axum::{Router, routing::get};
/// use traceprop_tower::{ExtractLayer, logging::SpanLayer, presets};
///
/// let app: Router = Router::new()
///     .route("/", get(async || "ok"))
///     .layer(SpanLayer::new())
///     .layer(ExtractLayer::new(presets::ALL_TO_W3C));
/// ```
#[derive(Clone)]
pub struct SpanLayer {
    make: Option<Arc<MakeSpan>>,
}

impl SpanLayer {
    /// Creates a layer that makes spans with [`request_span`](super::request_span).
    pub const fn new() -> Self {
        Self { make: None }
    }

    /// Creates a layer that makes spans with a closure, which receives the head of the request.
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_core::formats::correlation::Correlation;
    /// use traceprop_tower::logging::{LogFields, SpanLayer};
    /// use traceprop_tower::request_span;
    ///
    /// static TRANSACTION: Correlation = Correlation::from_static("x-plumbr-transactionid");
    ///
    /// let layer = SpanLayer::make_span_with(|head| {
    ///     let fields = LogFields::from_extensions(&head.extensions).with_correlation(&TRANSACTION);
    ///     request_span!(fields, baggage: ["session.id"], method = %head.method)
    /// });
    /// ```
    pub fn make_span_with(make: impl Fn(&Parts) -> Span + Send + Sync + 'static) -> Self {
        Self { make: Some(Arc::new(make)) }
    }

    pub(super) fn span(&self, head: &Parts) -> Span {
        if head.extensions.get::<OwnedContext>().is_none() {
            warn_once();
        }
        match &self.make {
            None => crate::request_span!(LogFields::from_extensions(&head.extensions)),
            Some(make) => make(head),
        }
    }
}

/// Says that the layers are in the wrong order, or that one is missing: the ids would be missing without a word.
#[cold]
fn warn_once() {
    static WARNED: AtomicBool = AtomicBool::new(false);
    if !WARNED.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            target: "traceprop_tower::logging",
            "SpanLayer found no context, so log lines have no ids: ExtractLayer has to run first (in axum, add it last)"
        );
    }
}

impl Default for SpanLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for SpanLayer {
    type Service = SpanService<S>;

    fn layer(&self, inner: S) -> SpanService<S> {
        SpanService::new(inner, self.clone())
    }
}

impl fmt::Debug for SpanLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanLayer").field("make", &self.make.is_some()).finish()
    }
}
