//! Trace context in the headers of the `http` crate.
//!
//! [`HeaderCarrier`] reads a [`HeaderMap`](http::HeaderMap), [`HeaderCarrierMut`] writes one. In request extensions,
//! store an [`OwnedContext`] and not the headers: it copies a few bytes, while header values keep the read buffer of the
//! connection alive.
//!
//! Related crates:
//!
//! * `traceprop-tower` propagates trace context as middleware for axum, tonic and hyper.
//! * `traceprop-reqwest` propagates it with reqwest.
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
//! # Destinations
//!
//! [`Rules`] say which host receives which formats, baggage keys and correlation ids. The layers of `traceprop-tower` and the
//! clients of `traceprop-reqwest` take them; other clients call [`Rules::inject_headers`] for each request.
//!
//! # Browsers
//!
//! These optional items let a browser agent and the server share a trace:
//!
//! | task | item |
//! |---|---|
//! | allow trace headers in CORS preflight responses | [`cors::allow_headers`], [`cors::browser_agent_headers`], the lists of [`cors`] |
//! | tell the page which trace its request belongs to | [`ResponseHeaders`], [`cors::expose_headers`] |
//! | tell the page which trace it was loaded in | [`PageMarkup`] |
//! | keep a trace of an upstream service from a caller | [`strip_upstream`] |
//! | keep ids out of responses that are cached | [`caching`] |
//! | link a trace to the session, view and resource of a browser agent | [`RumIds`] |

//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `idna` | patterns of [`Rules`] with names that are not ASCII, such as `bücher.example` |

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod caching;
mod carrier;
pub mod cors;
mod names;
mod page;
mod refused;
mod response;
mod rules;
mod rum;
mod without_context;

pub use carrier::{HeaderCarrier, HeaderCarrierMut};
pub use page::{MetaTag, PageMarkup};
pub use refused::{Refused, count_refused, remove_refused};
pub use response::{MAX_SERVER_TIMING_LEN, ResponseHeader, ResponseHeaders, strip_upstream};
pub use rules::{Destination, MAX_RULE_KEYS, PatternError, Rule, Rules, RulesBuilder, RulesError};
pub use rum::RumIds;
pub use traceprop_core::OwnedContext;
pub use without_context::WithoutContext;

/// Runs the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
