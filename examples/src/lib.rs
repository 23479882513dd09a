//! Programs that run on loopback and need nothing else.
//!
//! - [`explain`] says where captured requests lost their trace.
//! - [`fleet`] shows one trace through several services, in a terminal or on a page.
//! - [`service`] answers which trace context it received.
//!   With `--upstream` it is a [gateway](service::gateway). A smaller one is in `src/bin/reverse_proxy.rs`.
//! - [`soak`] sends load for a long time and checks every context.
//!
//! Examples of carriers that are not HTTP are in `traceprop-core/examples`.

pub mod explain;
pub mod fleet;
pub mod lines;
pub mod service;
pub mod soak;

/// Compiles and runs the code of the README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

/// Compiles the code of the pages about gateways.
#[cfg(doctest)]
#[doc = include_str!("../../docs/gateways.md")]
#[doc = include_str!("../../docs/envoy.md")]
pub struct Gateways;
