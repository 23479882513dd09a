//! The client side: what a call tells the service that it goes to.
//!
//! [`InjectLayer`] takes the context from the request's extensions, or else the [current](traceprop_core::current) one, and
//! writes it into the headers. Each call gets a span id of its own, whose parent is the span of the context. So a retry
//! or redirect layer goes around this one: each attempt then has its own id, and each hop is judged by its own URI.
//!
//! ```
//! use std::convert::Infallible;
//! use http::{Request, Response};
//! use traceprop_core::SpanContext;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use traceprop_tower::{InjectLayer, OwnedContext, presets};
//!
//! // In place of a client: it answers with the header it was sent.
//! async fn send(request: Request<()>) -> Result<Response<String>, Infallible> {
//!     Ok(Response::new(request.headers()["traceparent"].to_str().unwrap().to_owned()))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = ServiceBuilder::new().layer(InjectLayer::new(presets::W3C)).service_fn(send);
//! let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse()?, "00f067aa0ba902b7".parse()?);
//! let request = Request::get("http://stock.internal/").extension(OwnedContext::new(span)).body(())?;
//! let sent = client.oneshot(request).await?.into_body();
//! assert!(sent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
//! assert!(!sent.contains("00f067aa0ba902b7"), "a span id of the call's own");
//! # Ok(())
//! # }
//! ```
//!
//! # What goes where
//!
//! By default trace context goes to every destination, and nothing else does: baggage and correlation ids are text of the
//! user's. [`InjectLayer::inject_options`] allows more for all calls of a client, [`InjectLayer::inject_options_fn`] judges each URI:
//!
//! ```
//! use traceprop_tower::{Allow, InjectLayer, InjectOptions, presets};
//!
//! let layer = InjectLayer::new(presets::W3C).inject_options_fn(|uri| {
//!     let host = uri.host()?;
//!     if host.ends_with(".internal") {
//!         Some(InjectOptions::new().allow_baggage(Allow::Only(&["tenant"])))
//!     } else if host == "api.partner.example" {
//!         Some(InjectOptions::new())
//!     } else {
//!         None // strangers need not even know that we trace
//!     }
//! });
//! # let _ = layer;
//! ```
//!
//! With tonic the channel adds its address further inside, so that a layer around it sees none. A client that is made with
//! the address (`StockClient::with_origin(layered_channel, uri)`) shows it, and with it the host to judge and the peer.
//!
//! # Where there is no span
//!
//! * A context that only relays (see [`ExtractLayer::passthrough`](crate::ExtractLayer::passthrough)) is passed on as it came, without
//!   a new id.
//! * Without any context nothing is written, and headers stay as they are: a health check or a timer has no trace unless
//!   it begins one. [`InjectLayer::start_new_traces`] begins one for each such call.
//! * A destination that gets nothing keeps what the request had already.

mod layer;
mod service;

pub use layer::InjectLayer;
pub use service::Inject;
