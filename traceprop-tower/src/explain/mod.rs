//! Explanations of why a request continued a trace, started a new one, or lost its context.
//!
//! Everything in this module is off by default. An explanation contains ids, names of formats and headers, reasons and
//! offsets, never a byte of a header value.
//!
//! # Examples
//!
//! ```
//! use traceprop_tower::{ExtractLayer, presets};
//!
//! let layer = ExtractLayer::new(presets::ALL_TO_W3C).on_finding(|finding| {
//!     let reason = finding.reason.map_or("none", |reason| reason.as_str());
//!     let labels = [("format", finding.format), ("outcome", finding.outcome.as_str()), ("reason", reason)];
//!     // trace_headers_total.with(labels).increment()
//! #   let _ = labels;
//! });
//! ```
//!
//! # Overview
//!
//! * `ExtractLayer::log_problems` (feature `tracing`) logs an event of level `DEBUG` for each request with an invalid
//!   or ignored header, or with formats that name different traces.
//! * [`ExtractLayer::on_finding`](crate::ExtractLayer::on_finding) passes the result of each format to a callback, for
//!   metrics.
//! * [`ExplainService`] is a route that explains the request that it receives.
//! * [`ExtractLayer::on_report`](crate::ExtractLayer::on_report) passes the whole report to a callback.
//!
//! The meaning of each line, with its fix, is in [Trace IDs do not match][page].
//!
//! [page]: https://github.com/traceprop/traceprop/blob/main/docs/trace-ids-do-not-match.md

mod finding;
mod layer;
#[cfg(feature = "tracing")]
mod limit;
mod service;

pub use finding::{Finding, FindingOutcome};
pub use service::ExplainService;
