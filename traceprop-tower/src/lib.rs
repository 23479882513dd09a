//! Tower middleware for trace context: [`ExtractLayer`] for servers, [`InjectLayer`] for clients.
//!
//! The layers fit every `Service<http::Request<B>>`, such as those of axum, hyper and tonic. They do not box futures and
//! never fail a request.
//!
//! Related crates:
//!
//! * `traceprop-reqwest` propagates trace context with reqwest.
//! * `traceprop-http` reads and writes a `HeaderMap` without tower, and has CORS lists and page markup for browsers.
//! * `traceprop-core` has formats, samplers and configuration, also for messages and processes, without `http`.
//!
//! ```
//! use axum::{Router, routing::get};
//! use traceprop_tower::{ExtractLayer, OwnedContext, presets};
//!
//! async fn hello() -> String {
//!     let trace_id = OwnedContext::current().and_then(|context| context.trace_id());
//!     trace_id.map_or("no trace".to_owned(), |id| format!("trace {id}"))
//! }
//!
//! #[tokio::main]
//! async fn main() -> std::io::Result<()> {
//!     let app = Router::new().route("/", get(hello)).layer(ExtractLayer::new(presets::ALL_TO_W3C));
//! #   let traced = axum::http::Request::get("/")
//! #       .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
//! #       .body(axum::body::Body::empty()).unwrap();
//! #   let Ok(response) = tower::ServiceExt::oneshot(app.clone(), traced).await;
//! #   let body = axum::body::to_bytes(response.into_body(), 64).await.unwrap();
//! #   assert_eq!(body, "trace 4bf92f3577b34da6a3ce929d0e0e4736");
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//!     axum::serve(listener, app)
//! #       .with_graceful_shutdown(async {})
//!         .await
//! }
//! ```
//!
//! The server layer makes the context of a request *current*, and the client layer uses the current context, so
//! handlers pass nothing along. If a header is invalid, the server layer ignores it, and [`ExtractLayer::on_report`]
//! receives the reason. The module [`explain`] turns reports into logs and metrics.
//!
//! # Layer order
//!
//! `ExtractLayer` must run before every layer that uses the context: `SpanLayer` of the module `logging`, layers that
//! log, and layers that make calls. Otherwise these layers find no context, and there is no error: `SpanLayer` logs a
//! warning, once.
//!
//! In axum the layer added last runs first, so add `ExtractLayer` last:
//!
//! ```
//! # #[cfg(feature = "tracing")] {
//! use axum::{Router, routing::get};
//! use traceprop_tower::{ExtractLayer, logging::SpanLayer, presets};
//!
//! let app: Router = Router::new()
//!     .route("/orders/{id}", get(async || "ok"))
//!     .layer(SpanLayer::new()) // runs second
//!     .layer(ExtractLayer::new(presets::ALL_TO_W3C)); // runs first
//! # }
//! ```
//!
//! In a `ServiceBuilder` the layer added first runs first, so add `ExtractLayer` first:
//!
//! ```
//! # #[cfg(feature = "tracing")] {
//! use axum::{Router, routing::get};
//! use tower::ServiceBuilder;
//! use traceprop_tower::{ExtractLayer, logging::SpanLayer, presets};
//!
//! let layers = ServiceBuilder::new()
//!     .layer(ExtractLayer::new(presets::ALL_TO_W3C)) // runs first
//!     .layer(SpanLayer::new()); // runs second
//! let app: Router = Router::new().route("/orders/{id}", get(async || "ok")).layer(layers);
//! # }
//! ```
//!
//! A CORS layer must run before `ExtractLayer`, see [`response`]. On the client side, retry and redirect layers must run
//! before [`InjectLayer`], see [`inject`].
//!
//! # Spawned tasks and callbacks
//!
//! The current context belongs to the task of the request. A spawned task needs it explicitly, and a `tracing` span is
//! a second, separate context. `in_current_trace` carries both. Without the context, outgoing calls carry no trace
//! headers; without the span, log lines have no ids.
//!
//! ```
//! # #[cfg(feature = "tracing")] {
//! use traceprop_tower::logging::{self, InTrace};
//! # async fn work() {}
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let task = tokio::spawn(work().in_current_trace());
//! let thread = tokio::task::spawn_blocking(logging::in_current_trace(|| tracing::info!("from a thread")));
//! # task.await.unwrap();
//! # thread.await.unwrap();
//! # }
//! # }
//! ```
//!
//! Without the feature `tracing`, [`InContext::in_current_context`] and [`OwnedContext::wrap`] carry the context.
//!
//! A callback that runs later, such as that of a websocket upgrade, has no current context. Move the context into it:
//!
//! ```
//! use axum::extract::ws::{WebSocket, WebSocketUpgrade};
//! use axum::response::Response;
//! use traceprop_tower::{InContext, OwnedContext};
//!
//! async fn session(_: WebSocket) {
//!     // The context is current here for as long as the socket is open.
//! }
//!
//! async fn live(upgrade: WebSocketUpgrade) -> Response {
//!     match OwnedContext::current() {
//!         Some(context) => upgrade.on_upgrade(|socket| session(socket).in_context(context)),
//!         None => upgrade.on_upgrade(session),
//!     }
//! }
//! # let _: axum::Router = axum::Router::new().route("/live", axum::routing::get(live));
//! ```
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `axum` | `RequestContext`, an extractor for axum handlers; `ExtractLayer::matched_path` |
//! | `http-body` | `ExtractLayer::include_response_body`, which keeps the context current while a body is sent |
//! | `tracing` | the module `logging`, which adds ids to every log line; `ExtractLayer::log_problems` |
//! | `tracing-subscriber` | `logging::WithIds`, ids at the top level of JSON lines; implies `tracing` |

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "http-body")]
#[cfg_attr(docsrs, doc(cfg(feature = "http-body")))]
pub mod body;
pub mod explain;
pub mod extract;
pub mod inject;
#[cfg(feature = "tracing")]
#[cfg_attr(docsrs, doc(cfg(feature = "tracing")))]
pub mod logging;
#[cfg(feature = "axum")]
mod request_context;
pub mod response;

pub use extract::{AdoptingLayer, ExtractLayer};
pub use inject::InjectLayer;
#[cfg(feature = "axum")]
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
pub use request_context::RequestContext;
pub use response::ResponseHeaders;
pub use traceprop_core::{Allow, InContext, InjectOptions, OwnedContext, Propagator, Trust, presets};
pub use traceprop_http::{
    Destination, MAX_RULE_KEYS, PatternError, Rule, Rules, RulesBuilder, RulesError, WithoutContext,
};

/// Runs the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
