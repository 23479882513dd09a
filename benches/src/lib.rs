//! What the benchmarks have in common: the requests they read, the answers they expect, and the loops that time.
//!
//! An area (`w3c`, `formats`, `composite`, `server`, `client`) is a list of [`Case`]s. Its bench target and the `ratios` program run the same list, so a
//! contender is added in one place. A peer's module (`opentelemetry`, `fastrace`, …) holds its glue and nothing else.

pub mod allocations;
pub mod chart;
pub mod client;
pub mod composite;
pub mod curves;
pub mod datadog_opentelemetry;
pub mod end_to_end;
pub mod fastrace;
pub mod floor;
pub mod formats;
pub mod measure;
pub mod opentelemetry;
pub mod opentelemetry_jaeger;
pub mod opentelemetry_stackdriver;
pub mod results;
pub mod sentry_core;
pub mod server;
#[cfg(feature = "skywalking")]
pub mod skywalking;
pub mod targets;
pub mod traceprop;
pub mod w3c;

mod contender;
mod found;
mod input;

pub use contender::{Case, Contender, FLOOR, OURS, Sample};
pub use found::{Baggage, Fields, Found, Tracestate};
pub use input::{CHILD, CORRELATION, Input, OTHERS, outgoing};
