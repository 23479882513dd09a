//! Tower layers for trace context: one reads it from incoming requests, one writes it to outgoing ones.
//!
//! ```
//! use axum::{Router, routing::get};
//! use traceprop_tower::{ExtractLayer, current, presets};
//!
//! async fn hello() -> String {
//!     let trace_id = current().and_then(|context| context.trace_id());
//!     trace_id.map_or("no trace".to_owned(), |id| format!("trace {id}"))
//! }
//!
//! #[tokio::main]
//! async fn main() -> std::io::Result<()> {
//!     let app = Router::new().route("/", get(hello)).layer(ExtractLayer::new(presets::W3C));
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
//! [`ExtractLayer`] goes around a server, [`InjectLayer`] around a client. Both fit any `Service<http::Request<B>>`, so
//! hyper and tonic as well as axum, box nothing, and cannot fail a request: a header that cannot be read is left out, and
//! [`ExtractLayer::on_report`] says which one and why. The module [`explain`] puts that into logs and metrics.
//! How far callers are trusted is a setting of each listener ([`extract`]), and so is what they are told ([`response`]).
//!
//! What is between the two needs no argument: the server layer makes the context of a request the *current* one, and
//! the client layer takes it from there. It stays with the task; to take it into another one, or into a thread, wrap what
//! is spawned:
//!
//! ```
//! use traceprop_tower::InContext;
//! # async fn work() {}
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let task = tokio::spawn(work().in_current_context());
//! # task.await.unwrap();
//! # }
//! ```
//!
//! What is called later, such as the callback of a websocket's upgrade, finds nothing current; take the context along:
//!
//! ```
//! use axum::extract::ws::{WebSocket, WebSocketUpgrade};
//! use axum::response::Response;
//! use traceprop_tower::{InContext, current};
//!
//! async fn session(_: WebSocket) {
//!     // Current in here, for as long as the socket is open.
//! }
//!
//! async fn live(upgrade: WebSocketUpgrade) -> Response {
//!     match current() {
//!         Some(context) => upgrade.on_upgrade(|socket| session(socket).in_context(context)),
//!         None => upgrade.on_upgrade(session),
//!     }
//! }
//! # let _: axum::Router = axum::Router::new().route("/live", axum::routing::get(live));
//! ```
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `axum` | `RequestContext`, an extractor for axum handlers; the matched path as the endpoint of a request |
//! | `http-body` | `ExtractLayer::include_response_body`: the context is current while a body is sent, too |
//! | `tracing` | the ids of a request as fields of a `tracing` span, for every log line (module `logging`); lost traces explained in the log |

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

pub use extract::ExtractLayer;
pub use inject::InjectLayer;
#[cfg(feature = "axum")]
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
pub use request_context::RequestContext;
pub use response::ResponseHeaders;
pub use traceprop_core::{Allow, InContext, InjectOptions, OwnedContext, Propagator, Trust, current, presets};
