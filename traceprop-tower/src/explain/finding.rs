use std::fmt;

use traceprop_core::{BaggageReport, ExtractReport, FormatReport, InvalidHeader, InvalidReason, Outcome};

/// One thing that a format found in a request. Its parts are few and known, so they can be labels of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding<'r> {
    /// The name of the format, or of the encoding that was read; `baggage` for W3C baggage.
    pub format: &'r str,
    /// What it found.
    pub outcome: FindingOutcome,
    /// Why it was turned down, if it was.
    pub reason: Option<InvalidReason>,
}

/// What a format found, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FindingOutcome {
    /// Nothing.
    Absent,
    /// A decision without ids.
    SamplingOnly,
    /// A context: the one that counts, or one of the same trace. Of baggage: members.
    Context,
    /// A context of another trace than the one that counts.
    DifferentTrace,
    /// Something that cannot be used.
    Invalid,
    /// An optional part that cannot be used, beside what can: a tracestate, a priority, a tag, a member of the baggage.
    Ignored,
}

impl FindingOutcome {
    /// The word for it: `absent`, `sampling-only`, `context`, `other-trace`, `invalid`, `left-out`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::SamplingOnly => "sampling-only",
            Self::Context => "context",
            Self::DifferentTrace => "other-trace",
            Self::Invalid => "invalid",
            Self::Ignored => "left-out",
        }
    }
}

impl fmt::Display for FindingOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// All findings of a report, one for each format that was asked, and one more for each part that was left out.
pub(super) fn each(report: &ExtractReport<'_>, mut found: impl FnMut(Finding<'_>)) {
    for entry in report.entries() {
        let format = entry.format;
        let (outcome, reason) = of_format(report, &entry);
        found(Finding { format, outcome, reason });
        for reject in entry.parsed.ignored() {
            found(Finding { format, outcome: FindingOutcome::Ignored, reason: Some(reject.reason()) });
        }
    }
    let format = "baggage";
    let (outcome, left_out) = match report.baggage() {
        BaggageReport::NotRead => return,
        BaggageReport::Absent => (FindingOutcome::Absent, None),
        BaggageReport::Members(_, left_out) => (FindingOutcome::Context, left_out),
        BaggageReport::Invalid(reject) => {
            return found(Finding { format, outcome: FindingOutcome::Invalid, reason: Some(reject.reason()) });
        }
    };
    found(Finding { format, outcome, reason: None });
    if let Some(reason) = left_out.map(InvalidHeader::reason) {
        found(Finding { format, outcome: FindingOutcome::Ignored, reason: Some(reason) });
    }
}

fn of_format(report: &ExtractReport<'_>, entry: &FormatReport<'_>) -> (FindingOutcome, Option<InvalidReason>) {
    match entry.parsed.outcome() {
        Outcome::Absent => (FindingOutcome::Absent, None),
        Outcome::SamplingOnly(_) => (FindingOutcome::SamplingOnly, None),
        Outcome::Invalid(reject) => (FindingOutcome::Invalid, Some(reject.reason())),
        Outcome::Context(_) => {
            (if report.is_conflicting(entry) { FindingOutcome::DifferentTrace } else { FindingOutcome::Context }, None)
        }
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
    fn ok_each_outcome_has_its_word() {
        let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
        check(&[], &[]);
        check(&[("b3", "0")], &["b3 sampling-only"]);
        check(&[("traceparent", &parent), ("b3", "4bf9-1")], &["tracecontext context", "b3 invalid bad-length"]);
        check(
            &[("traceparent", &parent), ("tracestate", "a=1,b"), ("uber-trace-id", "7:8:0:1")],
            &["tracecontext context", "tracecontext left-out bad-member", "jaeger other-trace"],
        );
        check(&[("baggage", "a=1")], &["baggage context"]);
        check(&[("baggage", "a=1,b")], &["baggage context", "baggage left-out bad-member"]);
        check(&[("baggage", "b")], &["baggage invalid no-valid-member"]);
    }

    #[test]
    fn ok_every_format_that_was_asked_is_counted() {
        let propagator = presets::ALL_TO_W3C.propagator();
        let nothing: [(&str, &str); 0] = [];
        let mut formats = Vec::new();
        each(&propagator.explain(&nothing), |finding| formats.push((finding.format.to_owned(), finding.outcome)));
        let expected = ["tracecontext", "b3", "datadog", "jaeger", "sw8", "baggage"];
        assert_eq!(formats, expected.map(|format| (format.to_owned(), FindingOutcome::Absent)));
    }
}
