//! Response headers that tell the caller which trace its request belongs to: `Server-Timing` and `traceresponse`.
//!
//! ```text
//! Server-Timing: traceparent;desc="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
//! Server-Timing: trace;desc=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03
//! traceresponse: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03
//! ```
//!
//! Browser agents read only the first. Two of them parse it differently; both accept double quotes, no blanks, `desc`
//! directly after the name, lower-case hex, and flags of 00 or 01.

mod header;
mod headers;
mod metrics;
mod upstream;

pub use header::{MAX_SERVER_TIMING_LEN, ResponseHeader};
pub use headers::ResponseHeaders;
pub use upstream::strip_upstream;

#[cfg(test)]
mod tests;
