//! Reports: what each format found in a request, and what an injection omitted.
//!
//! ```
//! # #[cfg(feature = "alloc")] {
//! use traceprop_core::{IdBits, InjectOptions, Pairs, presets};
//!
//! let propagator = presets::W3C.propagator();
//! let request = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("baggage", "tenant=acme")];
//!
//! let report = propagator.explain(&request);
//! assert_eq!(report.source_format(), Some("tracecontext"));
//! assert_eq!(report.invalid_headers().count(), 0);
//!
//! let span = report.extraction().new_span(&|| IdBits::random(7));
//! let report = propagator.inject(&span, &InjectOptions::new(), &mut Pairs::new());
//! assert_eq!(report.to_string(), "baggage: 1 member omitted (not-allowed)");
//! # }
//! ```

pub use crate::context::{InjectReport, OmitReason, Omitted};
#[cfg(feature = "alloc")]
pub use crate::propagator::explain::OwnedReport;
pub use crate::propagator::explain::{BaggageReport, ExtractReport, FormatReport};
