//! A report that outlives its request.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;

use super::{BaggageReport, ExtractReport, Findings, FormatReport};
use crate::context::{RemoteContext, Trust};
use crate::field::InvalidHeader;
use crate::format::Parsed;
use crate::id::Sampling;
use crate::propagator::{Extraction, Propagator};
use crate::wire::Shown;

/// An [`ExtractReport`] without the headers, for a request extension or a queue.
///
/// It holds ids, names and reasons. It takes no allocation of its own, unless more formats than usual found something.
/// Displays like the report; [`OwnedReport::table`] displays one line a format.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use traceprop_core::{Propagator, presets, report::OwnedReport};
///
/// let propagator: Arc<Propagator> = presets::W3C.into();
/// let owned = {
///     let request = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0")];
///     OwnedReport::new(&propagator.explain(&request), Arc::clone(&propagator))
/// };
/// assert_eq!(
///     owned.to_string(),
///     "new trace; tracecontext: invalid traceparent (bad-length, ends at byte 54); absent: baggage",
/// );
/// ```
#[derive(Clone)]
pub struct OwnedReport {
    propagator: Arc<Propagator>,
    trust: Trust,
    context: Option<RemoteContext>,
    decision: Sampling,
    /// The place of the format of the context, among those that found something.
    source: Option<u8>,
    findings: Findings,
    further: Box<[Parsed]>,
    baggage: BaggageReport,
}

impl OwnedReport {
    /// Copies a report of `propagator`, which names the formats and the custom headers.
    pub fn new(report: &ExtractReport<'_>, propagator: Arc<Propagator>) -> Self {
        let Extraction { merged: context, decision, encoding, .. } = report.extraction;
        let is_source = |format: &FormatReport<'_>| Some(format.format) == encoding;
        let source = report.asked().position(|format| is_source(&format)).and_then(|place| u8::try_from(place).ok());
        let further = report.asked().skip(Findings::KEPT).map(|format| format.parsed).collect();
        Self {
            propagator,
            trust: report.extraction.trust(),
            context,
            decision,
            source: source.filter(|_| encoding.is_some()),
            findings: report.findings.clone(),
            further,
            baggage: report.baggage,
        }
    }

    fn report(&self) -> ExtractReport<'_> {
        let report = |encoding| {
            let extraction =
                Extraction::without_headers(&self.propagator, self.context, self.decision, self.trust, encoding);
            let (findings, further) = (self.findings.clone(), &*self.further);
            ExtractReport { extraction, findings, further, baggage: self.baggage }
        };
        let unnamed = report(None);
        let encoding =
            self.source.and_then(|place| unnamed.asked().nth(usize::from(place))).map(|source| source.format);
        report(encoding)
    }

    /// Calls `look` with what each format found, in the order in which they are read; see [`ExtractReport::entries`].
    pub fn each_entry(&self, look: impl FnMut(FormatReport<'_>)) {
        self.report().entries().for_each(look);
    }

    /// Calls `look` with each header that is invalid as a whole or in part, and its name.
    ///
    /// ```
    /// use traceprop_core::{Propagator, InvalidReason, presets, report::OwnedReport};
    ///
    /// let propagator = std::sync::Arc::new(presets::W3C.propagator());
    /// let owned = OwnedReport::new(&propagator.explain(&[("traceparent", "00")]), propagator.clone());
    /// owned.each_invalid_header(|name, invalid| {
    ///     assert_eq!((name, invalid.reason()), ("traceparent", InvalidReason::BadLength));
    /// });
    /// ```
    pub fn each_invalid_header(&self, mut look: impl FnMut(&str, InvalidHeader)) {
        self.report().invalid_headers().for_each(|(name, invalid)| look(name, invalid));
    }

    /// Returns what was read of the W3C baggage.
    pub const fn baggage(&self) -> BaggageReport {
        self.baggage
    }

    /// Returns how far the caller was trusted.
    pub const fn trust(&self) -> Trust {
        self.trust
    }

    /// Returns the received context, whether it was continued or refused.
    pub const fn received(&self) -> Option<RemoteContext> {
        self.context
    }

    /// Returns a table that displays one line a format, then the links and the verdict.
    pub fn table(&self) -> impl fmt::Display {
        Shown(|f: &mut fmt::Formatter<'_>| self.report().show_table(f))
    }
}

impl<'c> ExtractReport<'c> {
    /// What the formats found that were asked.
    fn asked(&self) -> impl Iterator<Item = FormatReport<'c>> {
        self.found().filter_map(|(format, found)| Some(FormatReport::new(format, found?)))
    }
}

impl fmt::Display for OwnedReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.report().fmt(f)
    }
}

impl fmt::Debug for OwnedReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnedReport({self})")
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;
    use std::vec::Vec;

    const NAMES: &str = "b3,tracecontext,datadog,jaeger,sw8,correlation:x-request-id,baggage";

    const REQUESTS: &[&[(&str, &str)]] = &[
        &[],
        &[("b3", "0")],
        &[("b3", "000000000000000080e6b5d0a9d93650-8a0ac984f71ab247-1"), ("x-datadog-trace-id", "77")],
        &[("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("baggage", "a=1,b")],
        &[("x-request-id", "a/b"), ("baggage", "=")],
        // More formats than a report keeps.
        &[
            ("b3", "bad"),
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("x-datadog-trace-id", "77"),
            ("x-datadog-parent-id", "78"),
            ("uber-trace-id", "41c156cf264ca243:5688d53247ceefc7:0:b"),
            ("sw8", "1-x"),
            ("x-request-id", "d19931bb-f235-4dcb-2e2f-b9d31225d600"),
        ],
    ];

    #[test]
    fn ok_an_owned_report_says_what_the_report_says() {
        for trust in [Trust::Continue, Trust::Resample, Trust::Restart, Trust::Ignore] {
            let propagator = Arc::new(Propagator::from_names(NAMES, "none").unwrap());
            for request in REQUESTS {
                let report = propagator.explain_with_trust(request, trust);
                let owned = OwnedReport::new(&report, Arc::clone(&propagator));
                assert_eq!(owned.to_string(), report.to_string(), "{trust:?}");
                assert_eq!(owned.table().to_string(), report.table().to_string(), "{trust:?}");
                assert_eq!((owned.baggage(), owned.trust()), (report.baggage(), trust));
                let mut invalid = Vec::new();
                owned.each_invalid_header(|name, header| invalid.push((name.to_string(), header)));
                assert!(invalid.iter().map(|(name, header)| (name.as_str(), *header)).eq(report.invalid_headers()));
                let mut formats = Vec::new();
                owned.each_entry(|entry| formats.push((entry.format.to_string(), entry.parsed.outcome())));
                assert!(
                    formats
                        .iter()
                        .map(|(name, outcome)| (name.as_str(), *outcome))
                        .eq(report.entries().map(|entry| (entry.format, entry.parsed.outcome())))
                );
            }
        }
    }

    #[test]
    fn ok_a_refused_context_is_known() {
        let propagator = Arc::new(Propagator::from_names(NAMES, "none").unwrap());
        let report = propagator.explain_with_trust(&REQUESTS[3], Trust::Ignore);
        let owned = OwnedReport::new(&report, Arc::clone(&propagator));
        assert_eq!(owned.received(), report.extraction().refused());
        assert!(std::format!("{owned:?}").starts_with("OwnedReport(new trace; tracecontext: not continued"));
    }
}
