//! The server side: what a request says about its trace, for everything that handles it.
//!
//! [`ExtractLayer`] reads the headers once, begins a span of this service, and puts an [`OwnedContext`] into the request's
//! extensions. The same context is the [current](traceprop_core::current) one while the inner service's `call` runs and
//! during each poll of its response future: code of inner layers sees it as well as handlers do.
//!
//! ```
//! use std::convert::Infallible;
//! use http::{Request, Response};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use traceprop_tower::{ExtractLayer, OwnedContext, current, presets};
//!
//! async fn handle(request: Request<()>) -> Result<Response<String>, Infallible> {
//!     let context = request.extensions().get::<OwnedContext>().expect("the layer put it there");
//!     assert_eq!(current().and_then(|current| current.span_id()), context.span_id());
//!     Ok(Response::new(context.parent_id().map_or("none".into(), |id| id.to_string())))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let service = ServiceBuilder::new().layer(ExtractLayer::new(presets::W3C)).service_fn(handle);
//! let request = Request::builder()
//!     .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
//!     .body(())
//!     .unwrap();
//! let Ok(response) = service.oneshot(request).await;
//! assert_eq!(response.into_body(), "00f067aa0ba902b7");
//! # }
//! ```
//!
//! # Decisions
//!
//! Without a sampler the caller's decision stands, and where it made none the trace is sampled. Here browsers keep their
//! trace ids, but do not silence the backend, and health checks are no traces that anybody reads:
//!
//! ```
//! use traceprop_core::sampler::{AlwaysOn, ParentBased, TraceIdRatioBased, Sampler};
//! use traceprop_core::Sampling;
//! use traceprop_tower::{ExtractLayer, presets};
//!
//! // Of what a browser did not sample, a quarter is recorded all the same.
//! const QUARTER: TraceIdRatioBased = TraceIdRatioBased::new(0.25).unwrap();
//! const SAMPLER: ParentBased<AlwaysOn> = ParentBased::new(AlwaysOn).remote_parent_not_sampled(&QUARTER);
//!
//! let layer = ExtractLayer::new(presets::W3C)
//!     .sampler_fn(|input, head| match head.uri.path() {
//!         "/health" => Sampling::NotSampled.into(),
//!         _ => SAMPLER.should_sample(input),
//!     })
//!     .on_report(|report| {
//!         for reject in report.rejects() {
//!             eprintln!("{reject}"); // or a counter, labelled with reject.reason()
//!         }
//!     });
//!
//! # let _ = layer;
//! ```
//!
//! # Trust
//!
//! How far callers are trusted is a setting of each listener: services continue each other's traces, a partner's begin
//! anew with a link, and browsers keep their ids while the decision is made here. Layers can share a propagator:
//!
//! ```
//! use std::sync::Arc;
//! use traceprop_tower::{Allow, Trust, ExtractLayer, Propagator, presets};
//!
//! let propagator: Arc<Propagator> = presets::W3C.into();
//! let inside = ExtractLayer::new(propagator.clone());
//! let partners = ExtractLayer::new(propagator.clone()).trust(Trust::Restart).allow_baggage(Allow::None);
//! let browsers = ExtractLayer::new(propagator)
//!     .trust(Trust::Resample)
//!     .allow_baggage(Allow::Only(&["session.id"]))
//!     .skip(|head| matches!(head.uri.path(), "/health" | "/rum/intake"));
//! # let _ = (inside, partners, browsers);
//! ```
//!
//! The link to a trace that was begun anew is in the report ([`ExtractLayer::on_report`], `report.extraction().links()`).
//!
//! Routes have settings of their own where each has its own layer. Of two layers around one route the outer one counts,
//! unless it leaves the request out.
//!
//! # What is left alone
//!
//! * `OPTIONS`: a preflight is the browser's, not the page's. No context is made for it.
//! * A request that has an [`OwnedContext`] in its extensions: an outer layer has read it already. One request, one span.
//! * Routes that are added to an axum `Router` behind the layer: `Router::layer` goes around those that are there.
//! * The response, unless [`ExtractLayer::response_headers`] says what to write. Its body is sent after the future is done: for a
//!   stream that makes calls while it is read, there is `ExtractLayer::include_response_body` behind feature `http-body`.
//!
//! [`OwnedContext`]: traceprop_core::OwnedContext

mod future;
mod layer;
mod service;

pub use future::ExtractFuture;
pub use layer::ExtractLayer;
pub use service::Extract;
