//! Adds the ids of a request to every line that is logged while it is served, with or without a tracer.
//!
//! [`SpanLayer`] runs each request in a `tracing` span, whose fields appear in every line logged inside. Layers that
//! make their own spans, such as the `TraceLayer` of tower-http, use [`request_span`] or the macro
//! [`request_span!`](crate::request_span). [`ExtractLayer`](crate::ExtractLayer) must run first:
//!
//! ```
//! use tower::ServiceBuilder;
//! use tower_http::trace::TraceLayer;
//! use traceprop_tower::{ExtractLayer, logging, presets};
//!
//! let with_span_layer =
//!     ServiceBuilder::new().layer(ExtractLayer::new(presets::ALL_TO_W3C)).layer(logging::SpanLayer::new());
//! # use http::{Request, Response};
//! # type Body = http_body_util::Empty<hyper::body::Bytes>;
//! # async fn answer(_: Request<Body>) -> Result<Response<Body>, std::convert::Infallible> {
//! #     Ok(Response::new(Body::new()))
//! # }
//! # let handler = || tower::service_fn(answer);
//! # let _ = tower::ServiceExt::oneshot(with_span_layer.service(handler()), Request::new(Body::new()));
//!
//! let with_tower_http = ServiceBuilder::new()
//!     .layer(ExtractLayer::new(presets::ALL_TO_W3C))
//!     .layer(TraceLayer::new_for_http().make_span_with(logging::request_span));
//! # let _ = tower::ServiceExt::oneshot(with_tower_http.service(handler()), Request::new(Body::new()));
//! ```
//!
//! In axum the layer added last runs first, so the order is the opposite one:
//!
//! ```
//! use axum::{Router, routing::get};
//! use traceprop_tower::{ExtractLayer, logging::SpanLayer, presets};
//!
//! let app: Router = Router::new()
//!     .route("/", get(async || "ok"))
//!     .layer(SpanLayer::new()) // runs second
//!     .layer(ExtractLayer::new(presets::ALL_TO_W3C)); // runs first
//! ```
//!
//! If a `SpanLayer` finds no context, it logs one warning for the whole process. With
//! `tracing_subscriber::fmt().json()` a line is
//!
//! ```json
//! {"level":"INFO","fields":{"message":"hello"},"span":{"dd.span_id":"67667974448284343",
//!  "dd.trace_id":"11803532876627986230","parent_id":"00f067aa0ba902b7","span_id":"00f067aa0ba902b8",
//!  "trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","name":"request"}}
//! ```
//!
//! | field | value |
//! |---|---|
//! | `trace_id`, `span_id`, `parent_id` | 32 and 16 hex digits; `parent_id` only if the caller sent one |
//! | `dd.trace_id`, `dd.span_id` | the low 64 bits of the ids in decimal, which Datadog uses to link logs to traces |
//! | `sw8.trace_id` | the text of the trace id in the received `sw8`, which SkyWalking searches by |
//! | `correlation_id` | the id that outgoing calls carry in the correlation header that the propagator names first |
//! | a baggage key | the value, if the key is listed in [`request_span!`](crate::request_span) |
//!
//! All values are text, because many JSON parsers lose digits of 64-bit numbers. Fields without a value are omitted.
//!
//! Inside of another span, the JSON formatter shows these fields in `spans`, under the span named `request`. `WithIds`
//! (feature `tracing-subscriber`) adds them at the top level of every line that is logged in a context.
//!
//! A task that is spawned needs the span and the context: [`InTrace::in_current_trace`] carries both. Log lines of a
//! response body have the ids if the body is sent in the context of its request (`ExtractLayer::include_response_body`,
//! feature `http-body`).
//!
//! # Text of the request
//!
//! A header can contain megabytes, escape sequences, or text that imitates a log line. Text is therefore logged only if
//! it is at most [`LogText::MAX_LEN`] visible ASCII characters; otherwise its length is logged (`2048 bytes`). Baggage
//! can be personal data, so a key is logged only if it is listed.
//!
//! # Disabled spans
//!
//! A filter can disable the span, whose level is `INFO`. The context is read, current and propagated all the same.
//! Single events can then carry ids:
//!
//! ```
//! use traceprop_tower::{OwnedContext, logging::LogFields};
//! use tracing::field::display;
//!
//! if let Some(context) = OwnedContext::current() {
//!     let fields = LogFields::from_context(&context);
//!     tracing::warn!(trace_id = fields.trace_id().map(display), "stock is low");
//! }
//! ```

mod fields;
mod in_trace;
#[cfg(feature = "tracing-subscriber")]
mod json;
mod layer;
mod service;
mod span;
mod text;

pub use fields::LogFields;
pub(crate) use fields::RequestCorrelation;
pub use in_trace::{InTrace, in_current_trace};
#[cfg(feature = "tracing-subscriber")]
#[cfg_attr(docsrs, doc(cfg(feature = "tracing-subscriber")))]
pub use json::WithIds;
pub use layer::SpanLayer;
pub use service::SpanService;
pub use span::request_span;
pub use text::LogText;

/// Re-export for [`request_span!`](crate::request_span), so that programs need no dependency on it.
pub use tracing;
