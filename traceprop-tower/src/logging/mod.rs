//! The ids of a request in every line that is logged while it is served, with or without a tracer.
//!
//! [`SpanLayer`] puts a `tracing` span around each request; whatever is logged inside shows its fields. Layers that
//! make spans of their own, such as the `TraceLayer` of tower-http, take [`request_span`] or the macro of that name:
//!
//! ```
//! use tower::ServiceBuilder;
//! use tower_http::trace::TraceLayer;
//! use traceprop_tower::{ExtractLayer, logging, presets};
//!
//! // The layer that reads goes outside: a span can show only what has been read.
//! let own = ServiceBuilder::new().layer(ExtractLayer::new(presets::ALL_TO_W3C)).layer(logging::SpanLayer::new());
//! # use http::{Request, Response};
//! # type Body = http_body_util::Empty<hyper::body::Bytes>;
//! # async fn answer(_: Request<Body>) -> Result<Response<Body>, std::convert::Infallible> {
//! #     Ok(Response::new(Body::new()))
//! # }
//! # let handler = || tower::service_fn(answer);
//! # let _ = tower::ServiceExt::oneshot(own.service(handler()), Request::new(Body::new()));
//!
//! let beside_tower_http = ServiceBuilder::new()
//!     .layer(ExtractLayer::new(presets::ALL_TO_W3C))
//!     .layer(TraceLayer::new_for_http().make_span_with(logging::request_span));
//! # let _ = tower::ServiceExt::oneshot(beside_tower_http.service(handler()), Request::new(Body::new()));
//! ```
//!
//! A plain `tracing_subscriber::fmt().json()` then prints lines such as
//!
//! ```json
//! {"level":"INFO","fields":{"message":"hello"},"span":{"dd.span_id":"67667974448284343",
//!  "dd.trace_id":"11803532876627986230","parent_id":"00f067aa0ba902b7","span_id":"00f067aa0ba902b8",
//!  "trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","name":"request"}}
//! ```
//!
//! | field | what it holds |
//! |---|---|
//! | `trace_id`, `span_id`, `parent_id` | 32 and 16 hex digits; `parent_id` only where a caller sent one |
//! | `dd.trace_id`, `dd.span_id` | the same in decimal, the low 64 bits of the trace: what Datadog joins logs by |
//! | `sw8.trace_id` | the text of the id that came in `sw8`: what is searched for in SkyWalking |
//! | `correlation_id` | where [`LogFields::with_correlation`] names the header: what is sent in it |
//! | a baggage key | where it is listed: see [`request_span!`](crate::request_span) |
//!
//! All of them are text, since a number of 64 bits does not survive every JSON reader. What a request does not have is
//! not in its lines.
//!
//! # Text of the request
//!
//! A header can hold megabytes, escape sequences and what looks like a line of the log. So text becomes a field only if
//! it is at most [`LogText::MAX_LEN`] visible ASCII characters; else its length does (`2048 bytes`). Baggage from a
//! browser is personal data besides, so none is shown unless its key is listed.
//!
//! # Where the span is not enabled
//!
//! A filter may leave the span out (it has the level `INFO`). Nothing else depends on it: the context is read, current
//! and handed on all the same. Single events can carry ids then:
//!
//! ```
//! use traceprop_tower::{current, logging::LogFields};
//! use tracing::field::display;
//!
//! if let Some(context) = current() {
//!     let fields = LogFields::from_context(&context);
//!     tracing::warn!(trace_id = fields.trace_id().map(display), "stock is low");
//! }
//! ```

mod fields;
mod layer;
mod service;
mod span;
mod text;

pub use fields::LogFields;
pub use layer::SpanLayer;
pub use service::SpanService;
pub use span::request_span;
pub use text::LogText;

/// The crate that spans are made with, so that [`request_span!`](crate::request_span) finds it in any program.
pub use tracing;
