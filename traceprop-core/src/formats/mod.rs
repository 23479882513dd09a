//! The built-in formats, one module each. No format depends on another, but for W3C
//! baggage and Sentry, which share a header.
//!
//! A name in a list or in an environment variable means one of these formats in its default configuration. Formats with
//! settings are added to a builder:
//!
//! ```
//! use traceprop_core::{Propagator, formats::b3::B3};
//!
//! let propagator = Propagator::builder().extract(B3::single()).inject(B3::both()).build()?;
//! assert!(propagator.extract(&[("b3", "0")]).context().is_none());
//! # Ok::<(), traceprop_core::ConfigError>(())
//! ```

pub mod b3;
pub mod baggage;
pub mod cloudtrace;
pub mod correlation;
pub mod datadog;
pub mod elastic;
pub mod grpc_trace_bin;
pub mod instana;
pub mod jaeger;
pub mod newrelic;
pub mod ottrace;
pub mod sentry;
pub mod sw8;
pub mod tracecontext;
pub mod xray;

#[cfg(feature = "alloc")]
use crate::context::{FilteredLine, TextFilter, TextLine};
#[cfg(feature = "std")]
use crate::field::{Field, FormatKind};
use crate::format::Format;

pub(crate) static TRACE_CONTEXT: tracecontext::W3cTraceContext = tracecontext::W3cTraceContext::new();
pub(crate) static DATADOG: datadog::Datadog = datadog::Datadog::new();
pub(crate) static BAGGAGE: baggage::W3cBaggage = baggage::W3cBaggage::new();

/// The formats that names mean, in the order of the rows in `field/builtin.rs`.
///
/// Correlation headers are configured at run time (`correlation:HEADER`), so no name means one.
pub(crate) static BUILT_IN: &[&dyn Format] = &[
    &TRACE_CONTEXT,
    &b3::B3::single(),
    &b3::B3::multi(),
    &DATADOG,
    &jaeger::Jaeger::new(),
    &sw8::Sw8::read_only(),
    &sentry::Sentry::new(),
    &instana::Instana::new(),
    &newrelic::NewRelic::new(),
    &elastic::Elastic::new(),
    &grpc_trace_bin::GrpcTraceBin::new(),
    &ottrace::OtTrace::new(),
    &xray::XRay::new(),
    &cloudtrace::CloudTrace::new(),
    &BAGGAGE,
];

/// Environment variables with another name than the header that they hold, and the format that has them.
#[cfg(feature = "std")]
pub(crate) const VARIABLES: &[(&str, FormatKind, Field)] = &[
    ("SENTRY_BAGGAGE", FormatKind::Sentry, Field::Baggage),
    ("_X_AMZN_TRACE_ID", FormatKind::XRay, Field::XAmznTraceId),
];

/// Returns what remains of a received line of baggage, or `None` if the line is not baggage.
#[cfg(feature = "alloc")]
pub(crate) fn filter_text<'l>(line: TextLine<'_, 'l>, filter: TextFilter<'_>) -> Option<FilteredLine<'l>> {
    let formats =
        [baggage::filter_text, jaeger::filter_text, sw8::filter_text, ottrace::filter_text, xray::filter_text];
    formats.into_iter().find_map(|filter_text| filter_text(line, filter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{FormatKind, ROWS};

    #[test]
    fn ok_each_name_of_a_row_means_an_instance_in_that_order() {
        let rows = ROWS.iter().filter(|row| row.kind != FormatKind::Correlation);
        let names = rows.flat_map(|row| row.names.iter().map(|name| (row.kind, *name)));
        assert!(names.eq(BUILT_IN.iter().map(|format| (format.fields().kind, format.name()))));
    }
}
