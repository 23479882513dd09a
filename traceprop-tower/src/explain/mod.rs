//! Why a trace is what it is: as a line in the log, as counters, and on a page for whoever is looking for it.
//!
//! Nothing here is on unless it is asked for, and nothing shows a byte of a header: an explanation holds ids, names of
//! formats, reasons and offsets.
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
//! * `ExtractLayer::log_problems` (feature `tracing`): one event of level `DEBUG` for each request in which something was
//!   turned down, or two formats name different traces; at most ten a second.
//! * [`ExtractLayer::on_finding`](crate::ExtractLayer::on_finding): what each format found, for metrics.
//! * [`ExplainService`]: a route that shows a caller what was made of its own request.
//! * [`ExtractLayer::on_report`](crate::ExtractLayer::on_report): the whole report, for anything else.
//!
//! What the lines mean, and what to do: [Trace IDs do not match][page].
//!
//! [page]: https://github.com/traceprop/traceprop/blob/main/docs/trace-ids-do-not-match.md

mod finding;
mod layer;
#[cfg(feature = "tracing")]
mod limit;
mod service;

pub use finding::{Finding, FindingOutcome};
pub use service::ExplainService;
