//! What the benchmarks have in common: the requests they read, the answers they expect, and the loops that time.
//!
//! An area (`w3c`, `server`) is a list of [`Case`]s. Its bench target and the `ratios` program run the same list, so a
//! contender is added in one place. A peer's module (`opentelemetry`, `fastrace`) holds its glue and nothing else.

pub mod allocations;
pub mod fastrace;
pub mod opentelemetry;
pub mod server;
pub mod traceprop;
pub mod w3c;

mod contender;
mod input;

pub use contender::{Case, Contender, OURS, Sample};
pub use input::{Baggage, Found, Input, OTHERS, Tracestate, outgoing};
