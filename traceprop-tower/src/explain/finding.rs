use std::fmt;

use traceprop_core::{
    InvalidHeader, InvalidReason,
    format::Outcome,
    report::{BaggageReport, ExtractReport, FormatReport},
};

/// One result of one format for one request. All parts have few values, so they fit as labels of a metric.
///
/// Passed to the callback of [`ExtractLayer::on_finding`](crate::ExtractLayer::on_finding).
///
/// # Examples
///
/// ```
/// use traceprop_tower::explain::FindingOutcome;
/// use traceprop_tower::{ExtractLayer, presets};
///
/// let layer = ExtractLayer::new(presets::ALL_TO_W3C).on_finding(|finding| {
///     if finding.outcome == FindingOutcome::Invalid {
///         let reason = finding.reason.map_or("unknown", |reason| reason.as_str());
///         eprintln!("{} is invalid: {reason}", finding.format);
///     }
/// });
/// # let _ = layer;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding<'r> {
    /// The name of the format or, where it has several encodings, of the encoding that was read.
    pub format: &'r str,
    /// What the format found.
    pub outcome: FindingOutcome,
    /// Why a header is invalid or ignored; `None` for every other outcome.
    pub reason: Option<InvalidReason>,
}

/// The outcome of a [`Finding`].
///
/// # Examples
///
/// ```
/// use traceprop_tower::explain::FindingOutcome;
///
/// assert_eq!(FindingOutcome::DifferentTrace.as_str(), "different-trace");
/// assert_eq!(FindingOutcome::Ignored.to_string(), "ignored");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FindingOutcome {
    /// The request has no header of the format.
    Absent,
    /// A sampling decision without ids.
    SamplingOnly,
    /// A context of the trace that is used. For baggage: at least one member.
    Context,
    /// A context of a different trace than the one that is used.
    DifferentTrace,
    /// A correlation id that names no trace, or another one than the context of another format.
    PassedOn,
    /// A header that is invalid, so the format has no context.
    Invalid,
    /// An optional part that is invalid while the rest is used: a tracestate, a priority, a tag, a baggage member.
    Ignored,
}

impl FindingOutcome {
    /// Returns the label: `absent`, `sampling-only`, `context`, `different-trace`, `passed-on`, `invalid` or
    /// `ignored`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::SamplingOnly => "sampling-only",
            Self::Context => "context",
            Self::DifferentTrace => "different-trace",
            Self::PassedOn => "passed-on",
            Self::Invalid => "invalid",
            Self::Ignored => "ignored",
        }
    }
}

impl fmt::Display for FindingOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Passes each finding of a report to `found`: one for each format, and one for each part that was ignored.
pub(super) fn each(report: &ExtractReport<'_>, mut found: impl FnMut(Finding<'_>)) {
    for entry in report.entries() {
        let format = entry.format;
        let (outcome, reason) = of_format(report, &entry);
        found(Finding { format, outcome, reason });
        for invalid in entry.parsed.ignored() {
            found(Finding { format, outcome: FindingOutcome::Ignored, reason: Some(invalid.reason()) });
        }
    }
    let format = "baggage";
    let (outcome, ignored) = match report.baggage() {
        BaggageReport::NotRead => return,
        BaggageReport::Absent => (FindingOutcome::Absent, None),
        BaggageReport::Members(_, ignored) => (FindingOutcome::Context, ignored),
        BaggageReport::Invalid(invalid) => {
            return found(Finding { format, outcome: FindingOutcome::Invalid, reason: Some(invalid.reason()) });
        }
    };
    found(Finding { format, outcome, reason: None });
    if let Some(reason) = ignored.map(InvalidHeader::reason) {
        found(Finding { format, outcome: FindingOutcome::Ignored, reason: Some(reason) });
    }
}

fn of_format(report: &ExtractReport<'_>, entry: &FormatReport<'_>) -> (FindingOutcome, Option<InvalidReason>) {
    match entry.parsed.outcome() {
        Outcome::Absent if report.is_passed_on(entry) => (FindingOutcome::PassedOn, None),
        Outcome::Absent => (FindingOutcome::Absent, None),
        Outcome::SamplingOnly(_) => (FindingOutcome::SamplingOnly, None),
        Outcome::Invalid(invalid) => (FindingOutcome::Invalid, Some(invalid.reason())),
        Outcome::Context(_) if report.is_conflicting(entry) => (FindingOutcome::DifferentTrace, None),
        Outcome::Context(_) if report.is_passed_on(entry) => (FindingOutcome::PassedOn, None),
        Outcome::Context(_) => (FindingOutcome::Context, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use traceprop_core::presets;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[track_caller]
    fn check(request: &[(&str, &str)], expected: &[&str]) {
        let propagator = presets::ALL_TO_W3C.propagator();
        let mut found = Vec::new();
        each(&propagator.explain(&request), |finding| {
            let reason = finding.reason.map_or(String::new(), |reason| format!(" {reason}"));
            found.push(format!("{} {}{reason}", finding.format, finding.outcome));
        });
        found.retain(|finding| !finding.ends_with(" absent"));
        assert_eq!(found, expected);
    }

    #[test]
    fn ok_each_outcome_has_a_label() {
        let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
        check(&[], &[]);
        check(&[("b3", "0")], &["b3 sampling-only"]);
        check(&[("traceparent", &parent), ("b3", "4bf9-1")], &["tracecontext context", "b3 invalid bad-length"]);
        check(
            &[("traceparent", &parent), ("tracestate", "a=1,b"), ("uber-trace-id", "7:8:0:1")],
            &["tracecontext context", "tracecontext ignored bad-member", "jaeger different-trace"],
        );
        check(&[("baggage", "a=1")], &["baggage context"]);
        check(&[("baggage", "a=1,b")], &["baggage context", "baggage ignored bad-member"]);
        check(&[("baggage", "b")], &["baggage invalid no-valid-member"]);
    }

    #[test]
    fn ok_each_configured_format_is_counted() {
        let propagator = presets::ALL_TO_W3C.propagator();
        let nothing: [(&str, &str); 0] = [];
        let mut formats = Vec::new();
        each(&propagator.explain(&nothing), |finding| formats.push((finding.format.to_owned(), finding.outcome)));
        let expected: Vec<_> =
            propagator.extract_names().map(|format| (format.to_owned(), FindingOutcome::Absent)).collect();
        assert!(!expected.is_empty());
        assert_eq!(formats, expected);
    }
}
