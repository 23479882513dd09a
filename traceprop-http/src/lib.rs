//! Trace context in the headers of the `http` crate.
//!
//! [`HeaderCarrier`] reads a [`HeaderMap`](http::HeaderMap), [`HeaderCarrierMut`] writes one. Store an [`OwnedContext`]
//! in request extensions, and not the headers: it copies the few bytes that it needs, while header values keep the
//! whole buffer of the connection alive.
//!
//! Other crates of this family are for other tasks:
//!
//! * `traceprop-tower` does this as middleware for axum, tonic and hyper.
//! * `traceprop-reqwest` does it for reqwest.
//! * `traceprop-core` has formats, samplers and configuration, and carriers for messages and processes.
//!
//! ```
//! use http::{HeaderMap, HeaderValue};
//! use traceprop_core::{InjectOptions, OwnedContext, RandomIds, presets};
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
//! An agent on a page and the server find the same trace with these. Each is opt-in:
//!
//! | task | item |
//! |---|---|
//! | answer the preflight that trace headers cause | [`cors::allow_headers`], [`cors::browser_agent_headers`], the lists of [`cors`] |
//! | tell the page which trace its request belongs to | [`ResponseHeaders`], [`cors::expose_headers`] |
//! | tell the page which trace it was loaded in | [`PageMarkup`] |
//! | keep ids out of responses that are cached | [`caching`] |
//! | find the session, view and resource of a trace | [`RumIds`] |

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

/// Runs the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
