//! Trace context in the headers of the `http` crate.
//!
//! Wrap a [`http::HeaderMap`] in [`HeaderCarrier`] to read it and in [`HeaderCarrierMut`] to write it. An
//! [`OwnedContext`] is what belongs into request extensions: it copies the few bytes it needs, since header values pin
//! the buffers they were read into.
//!
//! ```
//! use http::{HeaderMap, HeaderValue};
//! use traceprop_core::{presets, InjectOptions, OwnedContext, RandomIds};
//! use traceprop_http::{HeaderCarrier, HeaderCarrierMut};
//!
//! let propagator = presets::W3C.propagator();
//! let mut incoming = HeaderMap::new();
//! let value = HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
//! incoming.insert("traceparent", value);
//!
//! let carrier = HeaderCarrier::new(&incoming);
//! let extraction = propagator.extract(&carrier);
//! let span = extraction.new_span(&RandomIds);
//! let mut request = http::Request::new(());
//! request.extensions_mut().insert(OwnedContext::from_span(&extraction, &span));
//!
//! let mut outgoing = HeaderMap::new();
//! propagator.inject(&span, &InjectOptions::new(), &mut HeaderCarrierMut::new(&mut outgoing));
//! assert!(outgoing["traceparent"].to_str().unwrap().starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
//! ```
//!
//! # Browsers
//!
//! An agent on a page and the server behind it find the same trace with these; each does one thing, and only when asked:
//!
//! | for | there is |
//! |---|---|
//! | the preflight that trace headers cause | [`cors::allow_headers`], [`cors::browser_agent_headers`], a list for each format |
//! | telling the page which trace its request was | [`ResponseHeaders`], [`cors::expose_headers`] |
//! | telling the page which trace it was loaded in | [`PageMarkup`] |
//! | not telling it to someone else, from a cache | [`caching`] |
//! | finding the session, the view and the resource of a trace | [`RumIds`] |

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod caching;
mod carrier;
pub mod cors;
mod names;
mod page;
mod response;
mod rum;

pub use carrier::{HeaderCarrier, HeaderCarrierMut};
pub use page::{MetaTag, PageMarkup};
pub use response::{MAX_SERVER_TIMING_LEN, ResponseHeader, ResponseHeaders};
pub use rum::RumIds;
pub use traceprop_core::OwnedContext;
