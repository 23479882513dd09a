//! The span of each request, with ids that are exported.
//!
//! [`ServerLayer`] reads a request with an [`ExtractLayer`](traceprop_tower::ExtractLayer), has OpenTelemetry make the span,
//! and runs the inner service in it. So the exported span, the log lines, `Server-Timing`, [`OwnedContext::current`] and
//! the parent on outgoing calls have the same ids.
//!
//! With `tracing` and tracing-opentelemetry (feature `tracing`):
//!
//! ```
//! # #[cfg(feature = "tracing")] {
//! use traceprop_core::presets;
//! use traceprop_opentelemetry::ServerLayer;
//! use traceprop_tower::ExtractLayer;
//!
//! let layer = ServerLayer::new(ExtractLayer::new(presets::ALL_TO_W3C), |request| {
//!     tracing::info_span!("request", otel.kind = "server", otel.name = %request.method)
//! });
//! // Router::new().route("/", get(hello)).layer(layer)
//! # let _ = layer;
//! # }
//! ```
//!
//! Without `tracing`, see [`ServerLayer::with_tracer`].
//!
//! # What the layer takes care of
//!
//! - The parent is the caller's span and nothing else, even if a span around the connection is active.
//! - Links to contexts that are not continued are added, also without `IncomingLinks`.
//! - A trace id that was received without a span becomes that of the span, with `IncomingIds`.
//! - If a filter disables the span, calls forward the caller's context, and inner spans are children of the caller's span.
//! - The baggage that [`ExtractLayer::allow_baggage`](traceprop_tower::ExtractLayer::allow_baggage) refuses is not in
//!   OpenTelemetry's baggage either.
//!
//! Sampling is up to the SDK, so the sampler and the id generator of the `ExtractLayer` are not used. Its `skip`,
//! `passthrough`, trust, reports and response headers work as without OpenTelemetry.
//!
//! [`OwnedContext::current`]: traceprop_core::OwnedContext::current

mod future;
mod layer;
mod service;
mod span;

pub use future::ServerFuture;
pub use layer::ServerLayer;
pub use service::ServerService;
