//! Response headers that tell a caller which trace its request belongs to.
//!
//! A browser sends no trace headers when it loads a page, and many browser agents have no trace of their own. An agent
//! can read the server's trace from the response instead, and link the page to it. [`ResponseHeaders`] defines what is
//! written; each header is opt-in:
//!
//! ```
//! use axum::{Router, routing::get};
//! use http::HeaderValue;
//! use traceprop_tower::{ExtractLayer, ResponseHeaders, presets};
//!
//! let response_headers = ResponseHeaders::new()
//!     .server_timing() // server-timing: traceparent;desc="00-4bf9..-00f0..-01"
//!     .timing_allow_origin(HeaderValue::from_static("https://shop.example"))
//!     .expose_headers();
//! let app: Router = Router::new()
//!     .route("/", get(async || "hello"))
//!     .layer(ExtractLayer::new(presets::W3C).response_headers(response_headers));
//! ```
//!
//! # Unchanged responses
//!
//! * Responses to preflights and to requests that the layer [skips](crate::ExtractLayer::skip), which have no span.
//! * Responses that shared caches may store, unless [`ResponseHeaders::allow_shared_caches`] is set. These are
//!   responses with a lifetime in `Cache-Control`, in `Expires` or in a field for CDNs, or with `Last-Modified`, and
//!   with neither `private` nor `no-store`; see
//!   [`caching::allows_shared_cache`](traceprop_http::caching::allows_shared_cache). If a cache stores responses by its
//!   own configuration, configure it to remove these headers.
//! * In [passthrough](crate::ExtractLayer::passthrough) mode, the headers that name a span. Those of an upstream
//!   service are kept.
//!
//! # With a CORS layer
//!
//! Add the CORS layer outside of [`ExtractLayer`](crate::ExtractLayer). The `CorsLayer` of tower-http answers
//! preflights itself, and overwrites `Access-Control-Expose-Headers` if it has a list. Give such a layer the names that
//! [`cors::expose_headers`](traceprop_http::cors::expose_headers) returns. If it has no list,
//! [`ResponseHeaders::expose_headers`] writes the header. `Timing-Allow-Origin` is not part of CORS, and no CORS layer
//! writes it.

pub use traceprop_http::{ResponseHeader, ResponseHeaders};
