//! Reads the trace context of incoming requests.
//!
//! [`ExtractLayer`] reads the headers once, makes a span of this service, and stores an [`OwnedContext`] in the
//! request's extensions. The same context is [current](traceprop_core::OwnedContext::current) while the inner service's
//! `call` runs, during each poll of its response future and while that future is dropped. Inner layers, handlers and
//! the destructors of cancelled handlers see it.
//!
//! ```
//! use std::convert::Infallible;
//! use http::{Request, Response};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use traceprop_tower::{ExtractLayer, OwnedContext, presets};
//!
//! async fn handle(request: Request<()>) -> Result<Response<String>, Infallible> {
//!     let context = request.extensions().get::<OwnedContext>().expect("stored by the layer");
//!     assert_eq!(OwnedContext::current().and_then(|current| current.span_id()), context.span_id());
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
//! # Sampling
//!
//! Without a sampler the caller's decision is kept and undecided traces are sampled. In this example health checks are
//! never sampled, and a quarter of the traces that a browser did not sample is sampled:
//!
//! ```
//! use traceprop_core::Sampling;
//! use traceprop_core::sampler::{AlwaysOn, ParentBased, Sampler, TraceIdRatioBased};
//! use traceprop_tower::{ExtractLayer, presets};
//!
//! const QUARTER: TraceIdRatioBased = TraceIdRatioBased::new(0.25).unwrap();
//! const SAMPLER: ParentBased<AlwaysOn> = ParentBased::new(AlwaysOn).remote_parent_not_sampled(&QUARTER);
//!
//! let layer = ExtractLayer::new(presets::W3C)
//!     .sampler_fn(|parameters, request| match request.uri.path() {
//!         "/healthz" => Sampling::NotSampled.into(),
//!         _ => SAMPLER.should_sample(parameters),
//!     })
//!     .on_report(|report| {
//!         for (name, invalid) in report.invalid_headers() {
//!             eprintln!("{name}: {}", invalid.reason()); // or a counter, with the reason as label
//!         }
//!     });
//!
//! # let _ = layer;
//! ```
//!
//! # Trust
//!
//! Trust is a setting of each listener. An internal listener continues the traces of its callers, a listener for
//! partners starts new traces with a link, and a listener for browsers keeps trace ids but makes its own sampling
//! decisions. Layers can share a propagator:
//!
//! ```
//! use std::sync::Arc;
//! use traceprop_tower::{Allow, ExtractLayer, Propagator, Trust, presets};
//!
//! let propagator: Arc<Propagator> = presets::W3C.into();
//! let internal = ExtractLayer::new(propagator.clone());
//! let partners = ExtractLayer::new(propagator.clone()).trust(Trust::Restart).allow_baggage(Allow::None);
//! let browsers = ExtractLayer::new(propagator)
//!     .trust(Trust::Resample)
//!     .allow_baggage(Allow::Only(&["session.id"]))
//!     .skip(|request| matches!(request.uri.path(), "/healthz" | "/rum/intake"));
//! # let _ = (internal, partners, browsers);
//! ```
//!
//! The link of a restarted trace is in the report: [`ExtractLayer::on_report`], `report.extraction().links()`.
//!
//! For settings by route, add a layer to each route. Of two layers around one route the outer one is used, unless it
//! skips the request.
//!
//! # Unchanged requests and responses
//!
//! * `OPTIONS` requests get no context: a preflight belongs to the browser, not to the page.
//! * A request with an [`OwnedContext`] in its extensions keeps it, because an outer layer has read the headers.
//! * [Skipped](ExtractLayer::skip) requests get no context.
//! * Responses are unchanged unless [`ExtractLayer::response_headers`] is set.
//! * The context is not current while a response body is sent. For bodies that make calls, use
//!   `ExtractLayer::include_response_body` (feature `http-body`).
//!
//! [`OwnedContext`]: traceprop_core::OwnedContext

mod begin;
mod finish;
mod future;
mod layer;
mod refused;
mod service;

pub use future::ExtractFuture;
pub use layer::ExtractLayer;
pub use refused::RefusedContext;
pub use service::Extract;
