//! Reads and writes distributed-tracing headers in every common format: W3C `traceparent`, `tracestate` and `baggage`, B3,
//! Datadog, Jaeger, SkyWalking and correlation ids.
//!
//! The core is `no_std`, and needs no allocator and no dependencies. It works on pairs of names and values, so it suits
//! any protocol: HTTP, gRPC, messages, environment variables. Use it directly for carriers of your own, or through a crate
//! that knows yours:
//!
//! | crate | use it for |
//! |---|---|
//! | `traceprop-core` | custom carriers, custom formats, `no_std` |
//! | `traceprop-http` | the `http` crate: carriers, CORS lists, response headers |
//! | `traceprop-tower` | servers and clients with tower: axum, tonic, hyper |
//! | `traceprop-reqwest` | clients with reqwest |
//!
//! # Extract, start a span, inject
//!
//! ```
//! # #[cfg(feature = "alloc")] {
//! use traceprop_core::{presets, IdBits, InjectOptions, Pairs};
//!
//! let propagator = presets::W3C.propagator();
//!
//! // A service receives a request ...
//! let request = [
//!     ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
//!     ("tracestate", "rojo=00f067aa0ba902b7"),
//! ];
//! let extraction = propagator.extract(&request);
//! let span = extraction.new_span(&|| IdBits::random(0xb7ad_6b71_6920_3331)); // use RandomIds (feature `rand`)
//!
//! // ... and calls another service.
//! let mut headers = Pairs::new();
//! let report = propagator.inject(&span, &InjectOptions::new(), &mut headers);
//! assert!(report.is_complete());
//! assert_eq!(
//!     headers.get("traceparent"),
//!     Some("00-4bf92f3577b34da6a3ce929d0e0e4736-b7ad6b7169203331-01"),
//! );
//!
//! // One line tells why a trace is broken.
//! let broken = [("traceparent", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01")];
//! assert_eq!(
//!     propagator.explain(&broken).to_string(),
//!     "new trace; tracecontext: invalid traceparent (uppercase-hex at byte 4); absent: baggage",
//! );
//! # }
//! ```
//!
//! An invalid header never fails a request: it is ignored and reported.
//!
//! # Where to find what
//!
//! - [`Propagator`] reads and writes a configured list of formats; [`presets`] has the common lists.
//! - [`Extraction`] is what a request contains. [`SpanContext`] is a span of this service that borrows from the request;
//!   `OwnedContext` owns its data and can be sent to other tasks.
//! - [`formats`] has the types of each format, and [`sampler`] has samplers and OpenTelemetry's `ot` member of the tracestate.
//! - [`Carrier`] and [`CarrierMut`] adapt a protocol; [`format::Format`] adds a format.
//! - [`report`] describes what an extraction found and what an injection omitted.
//! - [`active`] connects a tracer, so that calls name its spans.
//!
//! # Features
//!
//! All features are off by default.
//!
//! | feature | adds |
//! |---|---|
//! | `alloc` | [`OwnedContext`], [`OwnedBaggage`], [`Pairs`], formats configured at run time |
//! | `std` | the current context, the active span of a tracer, `HashMap`, `BTreeMap` and the environment as carriers; implies `alloc` |
//! | `rand` | [`RandomIds`]; implies `std` |
//! | `serde` | serialization of ids as hex text |
//! | `hex` | the traits `FromHex` and `ToHex` of the `hex` crate for ids |

#![cfg_attr(not(test), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

pub mod baggage;
pub mod carrier;
mod config;
mod context;
mod field;
pub mod format;
pub mod formats;
mod id;
#[cfg(feature = "alloc")]
mod owned;
mod propagator;
pub mod report;
pub mod sampler;
pub mod tracestate;
mod views;
mod wire;

pub use baggage::Baggage;
#[cfg(feature = "alloc")]
pub use baggage::OwnedBaggage;
#[cfg(feature = "alloc")]
pub use carrier::Pairs;
pub use carrier::{Carrier, CarrierMut};
pub use context::{Allow, InjectOptions, RemoteContext, SpanContext, Trust};
pub use field::{Field, InvalidHeader};
#[cfg(target_has_atomic = "64")]
pub use id::generator::SequentialIds;
#[cfg(feature = "rand")]
pub use id::random::RandomIds;
pub use id::{IdBits, IdGenerator, ParseIdError, Sampling, SpanId, TraceId, TraceIdMatch};
#[cfg(feature = "alloc")]
pub use owned::OwnedContext;
#[cfg(feature = "std")]
pub use owned::active;
#[cfg(feature = "std")]
pub use owned::current::{ContextFuture, ContextGuard, InContext};
#[cfg(feature = "alloc")]
pub use propagator::refusals;
pub use propagator::{
    ConfigError, ConfigList, ConfigWord, Extraction, Link, LinkReason, Propagator, PropagatorBuilder, presets,
};
pub use tracestate::TraceState;
pub use wire::InvalidReason;
#[cfg(feature = "std")]
pub use {config::EnvWarning, propagator::EnvCarrier};

// The example of the README runs.
#[cfg(all(doctest, feature = "rand"))]
#[doc = include_str!("../README.md")]
struct Readme;
