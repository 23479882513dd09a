//! How reports display: one line, or a table with the same rows.

use core::fmt;

use super::{BaggageReport, ExtractReport, FormatReport};
use crate::context::Trust;
use crate::field::{InvalidHeader, Named};
use crate::format::{Format, Outcome, Parsed};
use crate::id::{Sampling, TraceId};
use crate::propagator::LinkReason;

impl ExtractReport<'_> {
    fn verdict(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sampling = self.extraction.sampling();
        match self.extraction.context() {
            None if sampling == Sampling::Deferred => f.write_str("new trace"),
            None => write!(f, "new trace, {}", sampling_words(sampling)),
            Some(context) => {
                write!(f, "continued trace {}, ", context.trace_id)?;
                match context.parent_id {
                    Some(parent) => write!(f, "parent {parent}, ")?,
                    None => f.write_str("no parent, ")?,
                }
                f.write_str(sampling_words(sampling))
            }
        }
    }

    fn finding(&self, format: &dyn Format, parsed: &Parsed, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |invalid: InvalidHeader| Named(Some(&self.extraction.propagator.reads), invalid.field());
        match parsed.outcome() {
            Outcome::Absent if parsed.has_text => f.write_str(match self.extraction.trust() {
                Trust::Ignore => "not continued (trust: ignore)",
                _ => "passed on",
            })?,
            Outcome::Absent => f.write_str("absent")?,
            Outcome::SamplingOnly(sampling) => write!(f, "{}, no trace id", sampling_words(sampling))?,
            Outcome::Invalid(invalid) => write!(f, "invalid {} ({})", name(invalid), invalid.place())?,
            Outcome::Context(context) => self.trace(format, parsed, context.trace_id, f)?,
        }
        for (i, ignored) in parsed.ignored().enumerate() {
            let separator = if i == 0 { ", ignored" } else { "," };
            write!(f, "{separator} {} ({})", name(ignored), ignored.place())?;
        }
        Ok(())
    }

    fn trace(
        &self,
        format: &dyn Format,
        parsed: &Parsed,
        trace_id: TraceId,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        let is_source = || self.source_format() == Some(parsed.encoding().unwrap_or(format.name()));
        let kind = format.fields().kind;
        // Under this trust a correlation id is not passed on either.
        let is_dropped = kind.has_only_custom_headers() && self.extraction.trust() == Trust::Ignore;
        if self.differs(self.extraction.merged, parsed) && !is_dropped {
            // A correlation id is usually older than the trace, and a load balancer does not know the trace.
            return match kind.has_only_custom_headers() || kind.is_set_by_infrastructure() {
                true if !self.conflicts(self.extraction.merged, parsed) => f.write_str("passed on"),
                _ => write!(f, "different trace {trace_id}"),
            };
        }
        match self.extraction.trust() {
            Trust::Restart => write!(f, "not continued (trust: restart), trace {trace_id}"),
            Trust::Ignore => write!(f, "not continued (trust: ignore), trace {trace_id}"),
            _ if self.extraction.merged.is_none() => write!(f, "not continued, trace {trace_id}"),
            Trust::Continue | Trust::Resample => f.write_str(if is_source() { "used" } else { "same trace" }),
        }
    }

    /// Writes a row for each format, one for the baggage and one for all that is absent. `start` begins a row with its title.
    fn rows(
        &self,
        f: &mut fmt::Formatter<'_>,
        mut start: impl FnMut(&mut fmt::Formatter<'_>, &str) -> fmt::Result,
    ) -> fmt::Result {
        for (format, parsed) in self.parsed().filter(|(_, parsed)| !is_absent(parsed)) {
            start(f, FormatReport::new(format, parsed).format)?;
            self.finding(format, &parsed, f)?;
        }
        if let baggage @ (BaggageReport::Members(..) | BaggageReport::Invalid(_)) = self.baggage {
            start(f, "baggage")?;
            if self.extraction.trust() == Trust::Ignore {
                f.write_str("not continued (trust: ignore), ")?;
            }
            write!(f, "{baggage}")?;
        }
        let formats = self.parsed().filter(|(_, parsed)| is_absent(parsed)).map(|(format, _)| format.name());
        let baggage = (self.baggage == BaggageReport::Absent).then_some("baggage");
        for (i, name) in formats.chain(baggage).enumerate() {
            if i == 0 {
                start(f, "absent")?;
            } else {
                f.write_str(", ")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }

    /// One line a format, then the links and the verdict.
    pub(super) fn show_table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.entries().map(|entry| entry.format.len()).max().unwrap_or(0).max("baggage".len());
        let mut line_end = "";
        self.rows(f, |f, title| {
            write!(f, "{line_end}{title:width$}  ")?;
            line_end = "\n";
            Ok(())
        })?;
        f.write_str(line_end)?;
        for link in self.links() {
            let reason = match link.reason {
                LinkReason::DifferentTrace => "different-trace",
                LinkReason::Restarted => "restarted",
            };
            writeln!(f, "link: trace {}, span {}, from {} ({reason})", link.trace_id, link.span_id, link.format)?;
        }
        f.write_str("=> ")?;
        self.verdict(f)
    }
}

const fn sampling_words(sampling: Sampling) -> &'static str {
    match sampling {
        Sampling::Deferred => "sampling undecided",
        Sampling::NotSampled => "not sampled",
        Sampling::Sampled | Sampling::Debug => sampling.as_str(),
    }
}

/// Whether the format found neither a context, nor text, nor a part that is invalid.
fn is_absent(parsed: &Parsed) -> bool {
    parsed.outcome() == Outcome::Absent && !parsed.has_text && parsed.ignored().next().is_none()
}

impl fmt::Display for BaggageReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRead => f.write_str("not read"),
            Self::Absent => f.write_str("absent"),
            Self::Invalid(invalid) => write!(f, "invalid {} ({})", invalid.field(), invalid.place()),
            Self::Members(count, ignored) => {
                write!(f, "{count} member{}", if *count == 1 { "" } else { "s" })?;
                ignored.map_or(Ok(()), |first| write!(f, ", some ignored (first: {})", first.place()))
            }
        }
    }
}

impl fmt::Display for ExtractReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.verdict(f)?;
        self.rows(f, |f, title| write!(f, "; {title}: "))
    }
}

#[cfg(feature = "alloc")]
#[cfg(test)]
mod tests {
    use crate::context::trust::Trust;
    use crate::propagator::Propagator;
    use alloc::string::{String, ToString};

    #[test]
    fn ok_one_format_supplies_and_others_agree_or_do_not() {
        let propagator = Propagator::from_names("b3,tracecontext,datadog", "none").unwrap();
        let request = [
            ("b3", "000000000000000080e6b5d0a9d93650-8a0ac984f71ab247-1"),
            ("traceparent", "00-000000000000000080e6b5d0a9d93650-8a0ac984f71ab247-01"),
            ("x-datadog-trace-id", "77"),
        ];
        assert_eq!(
            propagator.explain(&request).to_string(),
            "continued trace 000000000000000080e6b5d0a9d93650, parent 8a0ac984f71ab247, sampled; \
             b3: used; tracecontext: same trace; datadog: different trace 0000000000000000000000000000004d"
        );
    }

    fn explain(names: &str, request: &[(&'static str, &'static str)]) -> String {
        let propagator = Propagator::from_names(names, "none").unwrap();
        let request = request.to_vec();
        propagator.explain(&request).to_string()
    }

    #[test]
    fn ok_absent_formats_are_last_and_together() {
        assert_eq!(explain("b3,jaeger,baggage", &[]), "new trace; absent: b3, jaeger, baggage");
        assert_eq!(
            explain("jaeger,b3,datadog", &[("b3", "0")]),
            "new trace, not sampled; b3: not sampled, no trace id; absent: jaeger, datadog"
        );
        assert_eq!(
            explain("tracecontext,baggage", &[("baggage", "a=1,b=\u{e9}")]),
            "new trace; baggage: 1 member, some ignored (first: bad-value at byte 6); absent: tracecontext"
        );
        assert_eq!(
            explain("baggage,b3", &[("baggage", "=")]),
            "new trace; baggage: invalid baggage (no-valid-member at byte 0); absent: b3"
        );
    }

    #[test]
    fn ok_an_ignored_part_without_a_context_is_not_absent() {
        assert_eq!(
            explain("sw8,b3", &[("sw8-correlation", "x")]),
            "new trace; sw8: absent, ignored sw8-correlation (no-valid-member at byte 0); absent: b3"
        );
    }

    #[test]
    fn ok_a_correlation_id_in_addition_to_a_context_is_passed_on() {
        let b3 = ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1");
        let line = |id| explain("b3,correlation:x-request-id", &[b3, ("x-request-id", id)]);
        let start = "continued trace 4bf92f3577b34da6a3ce929d0e0e4736, parent 00f067aa0ba902b7, sampled; b3: used";
        let ends = [
            ("d19931bb-f235-4dcb-2e2f-b9d31225d600", "passed on"),
            ("4bf92f35-77b3-4da6-a3ce-929d0e0e4736", "same trace"),
            ("order-7", "invalid x-request-id (bad-length, ends at byte 7)"),
        ];
        for (id, end) in ends {
            assert_eq!(line(id), alloc::format!("{start}; correlation:x-request-id: {end}"));
        }
    }

    #[test]
    fn ok_text_that_is_not_taken_over_is_said_to_be_so() {
        let line = |trust| {
            let propagator =
                Propagator::from_names("baggage,b3,correlation:x-a,correlation:x-b;opaque", "none").unwrap();
            let request = [
                ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1"),
                ("baggage", "a=1"),
                ("x-a", "d19931bb-f235-4dcb-2e2f-b9d31225d600"),
                ("x-b", "order-7"),
            ];
            propagator.with_trust(trust).explain(&request).to_string()
        };
        let b3 = "new trace; b3: not continued (trust: ignore), trace 4bf92f3577b34da6a3ce929d0e0e4736";
        let ids = "correlation:x-a: not continued (trust: ignore), trace d19931bbf2354dcb2e2fb9d31225d600; \
                   correlation:x-b: not continued (trust: ignore)";
        assert_eq!(
            line(Trust::Ignore),
            alloc::format!("{b3}; {ids}; baggage: not continued (trust: ignore), 1 member")
        );
        for trust in [Trust::Continue, Trust::Restart, Trust::Resample] {
            let end = "; correlation:x-a: passed on; correlation:x-b: passed on; baggage: 1 member";
            assert!(line(trust).ends_with(end), "{}", line(trust));
        }
    }

    #[test]
    fn ok_trust_says_why_a_trace_is_not_continued() {
        let request = [("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"), ("x-datadog-trace-id", "77")];
        let line = |trust| {
            let propagator = Propagator::from_names("b3,datadog", "none").unwrap().with_trust(trust);
            propagator.explain(&request).to_string()
        };
        let datadog = "datadog: different trace 0000000000000000000000000000004d";
        for (trust, word) in [(Trust::Restart, "restart"), (Trust::Ignore, "ignore")] {
            let b3 = alloc::format!("b3: not continued (trust: {word}), trace 4bf92f3577b34da6a3ce929d0e0e4736");
            assert_eq!(line(trust), alloc::format!("new trace; {b3}; {datadog}"));
        }
        let continued = "continued trace 4bf92f3577b34da6a3ce929d0e0e4736, parent 00f067aa0ba902b7, sampling undecided";
        assert_eq!(line(Trust::Resample), alloc::format!("{continued}; b3: used; {datadog}"));
    }
}
