//! Writes trace context into outgoing requests.
//!
//! [`InjectLayer`] takes the context from the request's extensions, or else the
//! [current](traceprop_core::OwnedContext::current) one, and writes it into the headers. Each call gets its own span
//! id, whose parent is the span of the context. Add retry and redirect layers outside of this one: each attempt then
//! has its own id, and each hop is judged by its own URI.
//!
//! ```
//! use std::convert::Infallible;
//! use http::{Request, Response};
//! use traceprop_core::SpanContext;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use traceprop_tower::{InjectLayer, OwnedContext, presets};
//!
//! // Stands for a client, and returns the header that it would send.
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
//! assert!(!sent.contains("00f067aa0ba902b7"), "the call has its own span id");
//! # Ok(())
//! # }
//! ```
//!
//! # Destinations
//!
//! By default every destination gets trace context, and none gets baggage or correlation ids, which are application
//! data.
//!
//! | setting | use it if |
//! |---|---|
//! | [`InjectLayer::inject_options`] | all calls of a client go to one service |
//! | [`InjectLayer::rules`] | hosts are told apart by name, address, scheme or port |
//! | [`InjectLayer::inject_options_fn`] | something else of the URI decides, for example its path |
//!
//! [`Rules`](crate::Rules) are those of `traceprop-reqwest`, with the same verdicts. A host that no URL parser has
//! normalized, such as `0x7f.1`, receives nothing, and so does a request without a host unless a rule is for every host.
//!
//! ```
//! use traceprop_tower::{InjectLayer, Rule, Rules, presets};
//!
//! let rules = Rules::builder(presets::W3C)
//!     .rule("*.internal", Rule::trace_context().allow_baggage(["tenant"]))
//!     .rule("api.partner.example", Rule::trace_context())
//!     .rule("*", Rule::nothing())
//!     .build()?;
//! let layer = InjectLayer::new(presets::W3C).rules(rules);
//! # let _ = layer;
//! # Ok::<(), traceprop_tower::RulesError>(())
//! ```
//!
//! The same by a function:
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
//!         None // other hosts get no trace headers
//!     }
//! });
//! # let _ = layer;
//! ```
//!
//! A tonic channel adds its address inside of this layer, so the layer sees no host. Create the client with the
//! address, `StockClient::with_origin(layered_channel, uri)`: the layer then sees the host and the peer.
//!
//! # Buffered clients
//!
//! `Buffer` of tower runs the service in a task of its own, where no context is current. Add this layer outside of the
//! buffer, so that it runs in the task of the caller:
//!
//! ```text
//! ServiceBuilder::new().layer(InjectLayer::new(presets::W3C)).buffer(64).service(client)
//! ```
//!
//! If the layer has to be inside, for example because a retry layer is buffered, store the context in the request before
//! it is queued. The layer takes it from there, and each attempt has its own span id:
//!
//! ```
//! use http::Request;
//! use traceprop_tower::OwnedContext;
//!
//! // As in `ServiceBuilder::new().map_request(keep_context).buffer(64).retry(policy).layer(inject_layer)`.
//! fn keep_context<B>(mut request: Request<B>) -> Request<B> {
//!     if let Some(context) = OwnedContext::current() {
//!         request.extensions_mut().get_or_insert(context);
//!     }
//!     request
//! }
//! # let request = OwnedContext::new(traceprop_core::SpanContext::new(
//! #     traceprop_core::TraceId::MIN,
//! #     traceprop_core::SpanId::MIN,
//! # ));
//! # let request = request.scope(|| keep_context(Request::new(())));
//! # assert!(request.extensions().get::<OwnedContext>().is_some());
//! ```
//!
//! # Headers that a request already has
//!
//! A gateway copies the headers of the request that it forwards. After this layer the copy has, of the formats that are read
//! or written, what the layer wrote and nothing else: no second parent, and no baggage that was not allowed. For a context
//! that was made under `Restart` or `Ignore` that is so for every format. See
//! [`Propagator::inject`](traceprop_core::Propagator::inject) for the details.
//!
//! For each header the first of these decides:
//!
//! 1. a rule of [`InjectLayer::rules`], or `None` of [`InjectLayer::inject_options_fn`], which removes all trace headers,
//! 2. [`InjectLayer::keep_headers`], for headers of another library inside of the service,
//! 3. [`InjectLayer::keep_formats`], for a gateway that is transparent in some formats,
//! 4. what the layer writes. Other trace headers are removed.
//!
//! Of two of these layers the inner one replaces what the outer one wrote.
//!
//! # Calls without a span
//!
//! * A [passthrough](crate::ExtractLayer::passthrough) context is forwarded as received, without a new span id.
//! * Without a context nothing is written, for example in a timer, and the headers are unchanged as far as rules allow.
//!   [`InjectLayer::without_context`] removes trace headers in that case, and [`InjectLayer::start_new_traces`] starts a
//!   trace for each such call.
//! * Headers that a listener refused are removed from a copy of its request that has its extensions, see
//!   [`RefusedContext`](crate::extract::RefusedContext).

mod layer;
mod service;

pub use layer::InjectLayer;
pub use service::Inject;
