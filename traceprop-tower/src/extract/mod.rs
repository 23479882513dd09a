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
//! A listener that serves several kinds of callers decides for each request with [`ExtractLayer::trust_fn`].
//!
//! # What a handler sees
//!
//! A service that forwards a request usually copies its headers. So the layer removes what it refuses before a handler
//! runs, from every request, preflights and skipped ones included:
//!
//! | removed | `Continue` | `Resample` | `Restart` | `Ignore` |
//! |---|---|---|---|---|
//! | headers of all trace formats, read or not, and of custom formats | - | - | yes | yes |
//! | baggage that [`allow_baggage`](ExtractLayer::allow_baggage) does not accept | yes | yes | yes | yes |
//! | `sentry-*` members of baggage, which carry a decision | - | yes | yes | yes |
//! | other baggage, and correlation ids | - | - | - | yes |
//! | names that a WSGI server reads as one of these, such as `x_b3_traceid` | - | yes | yes | yes |
//!
//! Values that stay keep their bytes and their order. [`RefusedContext`], a request extension, has ids, formats and
//! counts of what was refused. [`ExtractLayer::keep_refused`] leaves the headers, for handlers that verify a signature or
//! audit a request. [`ExtractLayer::take_headers`] removes the headers of trusted callers too, for gateways whose calls
//! are made by another library. Reports are made before anything is removed, and [`ExtractLayer::keep_report`] keeps them.
//!
//! # Requests without a span
//!
//! Requests that are [skipped](ExtractLayer::skip), and preflights (`OPTIONS` with `Access-Control-Request-Method`), get
//! no span, no report and no response headers. Their context is a [passthrough](ExtractLayer::passthrough), so calls
//! forward what was received. Any other `OPTIONS` request is a request like others.
//!
//! # Layers inside of layers
//!
//! For settings by route, add a layer to each route. A layer inside of another one works on the context of the outer layer
//! and not on the headers. The stricter trust of the two is used:
//!
//! * An inner layer of the same or a weaker trust keeps the context. Its allow-list filters the baggage further.
//! * [`Trust::Resample`] inside of `Continue` keeps the trace and the span, and decides again.
//! * [`Trust::Restart`] and [`Trust::Ignore`] start a new trace. `Restart` keeps the baggage and the correlation ids of the
//!   outer context.
//!
//! If the outer layer skipped the request, an inner layer reads the headers, unless the outer one trusts less.
//!
//! [`Trust::Resample`]: traceprop_core::Trust::Resample
//! [`Trust::Restart`]: traceprop_core::Trust::Restart
//! [`Trust::Ignore`]: traceprop_core::Trust::Ignore
//!
//! # Responses
//!
//! * Responses are unchanged unless [`ExtractLayer::response_headers`] is set.
//! * The context is not current while a response body is sent. For bodies that make calls, use
//!   `ExtractLayer::include_response_body` (feature `http-body`).
//!
//! [`OwnedContext`]: traceprop_core::OwnedContext

mod adopt;
pub(crate) mod begin;
mod finish;
mod future;
mod layer;
mod refused;
mod service;

pub use adopt::{Adopt, AdoptFuture, AdoptingLayer};
pub use future::ExtractFuture;
pub use layer::ExtractLayer;
pub use refused::RefusedContext;
pub use service::Extract;
