//! Reports for diagnosis: what each format found, which format supplied the context, and which formats conflict.

use core::fmt;

use super::{Extraction, LinkReason, Propagator, Recorder, Trust};
use crate::baggage::Baggage;
use crate::carrier::Carrier;
use crate::context::RemoteContext;
use crate::field::invalid::InvalidHeader;
use crate::field::{Field, Named};
use crate::format::{Format, Outcome, Parsed};
use crate::id::TraceId;
use crate::id::sampling::Sampling;

/// What one format found in a request.
///
/// ```
/// use traceprop_core::{Outcome, Sampling, presets};
///
/// let propagator = presets::ALL_TO_W3C.propagator();
/// let request = [("b3", "0")];
/// let report = propagator.explain(&request);
/// let b3 = report.entries().find(|entry| entry.format == "b3").expect("b3 is read");
/// assert_eq!(b3.parsed.outcome(), Outcome::SamplingOnly(Sampling::NotSampled));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FormatReport<'c> {
    /// The name of the format, or of the encoding that was read.
    pub format: &'c str,
    /// What the format found.
    pub parsed: Parsed,
}

impl<'c> FormatReport<'c> {
    fn new(format: &'c dyn Format, parsed: Parsed) -> Self {
        Self { format: parsed.encoding().unwrap_or(format.name()), parsed }
    }
}

/// What was read of the W3C baggage.
///
/// ```
/// use traceprop_core::{BaggageReport, presets};
///
/// let propagator = presets::W3C.propagator();
/// let request = [("baggage", "tenant=acme,user=7")];
/// assert_eq!(propagator.explain(&request).baggage(), BaggageReport::Members(2, None));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaggageReport {
    /// The propagator does not read baggage.
    NotRead,
    /// The request has no baggage.
    Absent,
    /// The number of members, and the first reason why other members were ignored.
    Members(usize, Option<InvalidHeader>),
    /// No member is valid.
    Invalid(InvalidHeader),
}

/// The explanation of one request. Displays as one line; [`ExtractReport::table`] displays one line a format.
///
/// A report holds ids, field names and reasons, never the text of a header, so it can be logged.
///
/// ```
/// use traceprop_core::presets;
///
/// let propagator = presets::W3C.propagator();
/// let request = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0")];
/// assert_eq!(
///     propagator.explain(&request).to_string(),
///     "new trace; tracecontext: invalid traceparent (bad-length, ends at byte 54); absent: baggage",
/// );
/// ```
#[derive(Clone, Debug)]
pub struct ExtractReport<'c> {
    extraction: Extraction<'c>,
    readings: Readings,
    baggage: BaggageReport,
}

/// What the formats found whose fields may be in the request.
#[derive(Clone, Debug)]
struct Readings {
    /// The places of these formats in the list, as bits.
    asked: u32,
    /// What the first of them found.
    kept: [Option<Parsed>; Self::KEPT],
}

impl Readings {
    /// A request seldom has more formats. A report is moved whole, so it has no room for more; further formats parse again.
    const KEPT: usize = 4;

    const NONE: Self = Self { asked: 0, kept: [const { None }; Self::KEPT] };
}

impl Recorder for Readings {
    #[inline]
    fn record(&mut self, place: usize, reading: &Parsed) {
        if let Some(free) = self.kept.get_mut(self.asked.count_ones() as usize) {
            *free = Some(*reading);
        }
        self.asked |= 1 << place;
    }
}

impl Propagator {
    /// Extracts, and keeps what each format found. Like [`Propagator::extract`], it does not allocate.
    pub fn explain<'c, C: Carrier>(&'c self, carrier: &'c C) -> ExtractReport<'c> {
        let mut readings = Readings::NONE;
        let extraction = Extraction::read(self, carrier, &mut readings);
        let baggage = BaggageReport::of(&extraction);
        ExtractReport { extraction, readings, baggage }
    }
}

impl BaggageReport {
    fn of(extraction: &Extraction<'_>) -> Self {
        let Some(limits) = extraction.propagator().baggage_limits() else { return Self::NotRead };
        let lines = extraction.headers().get_all(Field::Baggage);
        if lines.is_empty() {
            return Self::Absent;
        }
        match Baggage::from_lines(lines, limits) {
            Ok(baggage) if baggage.is_empty() => Self::Absent,
            Ok(baggage) => Self::Members(baggage.len(), baggage.ignored()),
            Err(invalid) => Self::Invalid(invalid),
        }
    }
}

impl<'c> ExtractReport<'c> {
    /// Returns the extraction, as [`Propagator::extract`] does.
    pub const fn extraction(&self) -> &Extraction<'c> {
        &self.extraction
    }

    /// Returns what each format found, in the order in which they are read. W3C baggage is [separate](Self::baggage).
    ///
    /// With [`extract_first`](crate::PropagatorBuilder::extract_first), formats after the first context are omitted.
    pub fn entries(&self) -> impl Iterator<Item = FormatReport<'c>> {
        self.parsed().map(|(format, parsed)| FormatReport::new(format, parsed))
    }

    /// The formats that are read, up to the first context if the others are not asked.
    fn parsed(&self) -> impl Iterator<Item = (&'c dyn Format, Parsed)> {
        let stops_at_first = self.extraction.propagator().extracts_first();
        let mut formats = self.found();
        let mut is_over = false;
        core::iter::from_fn(move || {
            let is_context = |format: &dyn Format| !format.fields().kind().is_text_alone();
            let (format, found) = formats.find(|(format, _)| is_context(*format)).filter(|_| !is_over)?;
            // A format that was not asked had none of its fields.
            let parsed = found.unwrap_or(Parsed::new(Outcome::Absent));
            is_over = stops_at_first && trace_of(&parsed).is_some();
            Some((format, parsed))
        })
    }

    /// The formats that are read, and what those found that were asked.
    fn found(&self) -> impl Iterator<Item = (&'c dyn Format, Option<Parsed>)> {
        let mut asked = self.readings.asked;
        let mut kept = self.readings.kept.iter();
        self.extraction.readers().map(move |format| {
            let is_asked = asked & 1 != 0;
            asked >>= 1;
            let again = || format.extract(self.extraction.headers());
            (format, is_asked.then(|| kept.next().copied().flatten().unwrap_or_else(again)))
        })
    }

    /// Returns what was read of the W3C baggage.
    pub const fn baggage(&self) -> BaggageReport {
        self.baggage
    }

    /// Returns the name of the format that supplied the context, or `None` if no trace is continued.
    pub const fn source_format(&self) -> Option<&'c str> {
        self.extraction.source_format()
    }

    /// Returns the formats whose trace differs from the first one.
    pub fn conflicting(&self) -> impl Iterator<Item = FormatReport<'c>> {
        let first = self.first_trace();
        self.found().filter_map(move |(format, found)| {
            let parsed = found.filter(|parsed| self.differs(first, parsed))?;
            Some(FormatReport::new(format, parsed))
        })
    }

    /// Returns whether the trace of `entry` differs from the first one.
    pub fn is_conflicting(&self, entry: &FormatReport<'_>) -> bool {
        self.differs(self.first_trace(), &entry.parsed)
    }

    fn first_trace(&self) -> Option<TraceId> {
        self.found().find_map(|(_, found)| trace_of(&found?))
    }

    fn differs(&self, first: Option<TraceId>, parsed: &Parsed) -> bool {
        let matching = self.extraction.propagator().trace_id_match();
        first.zip(trace_of(parsed)).is_some_and(|(first, other)| !matching.is_same(first, other))
    }

    /// Returns each header that is invalid as a whole or in part, with its name.
    ///
    /// ```
    /// use traceprop_core::{Propagator, InvalidReason};
    ///
    /// let propagator = Propagator::from_names("tracecontext,correlation:x-request-id", "none")?;
    /// let request = [("x-request-id", "order/77")];
    /// let report = propagator.explain(&request);
    /// let (name, invalid) = report.invalid_headers().next().expect("the id is not a UUID");
    /// assert_eq!((name, invalid.reason(), invalid.offset()), ("x-request-id", InvalidReason::BadLength, 8));
    /// # Ok::<(), traceprop_core::ConfigError>(())
    /// ```
    pub fn invalid_headers(&self) -> impl Iterator<Item = (&'c str, InvalidHeader)> {
        let of_formats = self.found().filter_map(|(_, found)| found).flat_map(|parsed| {
            let whole = match parsed.outcome() {
                Outcome::Invalid(invalid) => Some(invalid),
                _ => None,
            };
            whole.into_iter().chain(parsed.ignored())
        });
        let of_baggage = match self.baggage {
            BaggageReport::Invalid(invalid) | BaggageReport::Members(_, Some(invalid)) => Some(invalid),
            _ => None,
        };
        let all = of_formats.chain(of_baggage);
        all.map(|invalid| (self.name_of(invalid.field()).unwrap_or("custom header"), invalid))
    }

    /// Returns the name of `field`, or `None` for a custom header that the propagator does not read.
    pub fn name_of(&self, field: Field) -> Option<&'c str> {
        self.extraction.propagator().reads().name_of(field)
    }

    /// Returns a table that displays one line a format, then the links and the verdict.
    ///
    /// ```
    /// use traceprop_core::{presets, Trust};
    ///
    /// let propagator = presets::W3C.propagator().with_trust(Trust::Restart);
    /// let request = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
    /// assert_eq!(
    ///     propagator.explain(&request).table().to_string(),
    ///     "tracecontext  not continued (trust: restart), trace 4bf92f3577b34da6a3ce929d0e0e4736\n\
    ///      absent        baggage\n\
    ///      link: trace 4bf92f3577b34da6a3ce929d0e0e4736, span 00f067aa0ba902b7, from tracecontext (restarted)\n\
    ///      => new trace",
    /// );
    /// ```
    pub fn table(&self) -> impl fmt::Display {
        ReportTable(self)
    }

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
        match parsed.outcome() {
            Outcome::Absent => f.write_str("absent")?,
            Outcome::SamplingOnly(sampling) => write!(f, "{}, no trace id", sampling_words(sampling))?,
            Outcome::Invalid(invalid) => write!(f, "invalid {}", self.show(invalid))?,
            Outcome::Context(context) => self.trace(format, parsed, context, f)?,
        }
        for (i, ignored) in parsed.ignored().enumerate() {
            write!(f, "{} {}", if i == 0 { ", ignored" } else { "," }, self.show(ignored))?;
        }
        Ok(())
    }

    fn trace(
        &self,
        format: &dyn Format,
        parsed: &Parsed,
        context: RemoteContext,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        let is_source = || self.source_format() == Some(parsed.encoding().unwrap_or(format.name()));
        if self.differs(self.first_trace(), parsed) {
            // A correlation id is usually older than the trace, so it is not expected to name the same one.
            return match format.fields().kind().has_only_custom_headers() {
                true => f.write_str("passed on"),
                false => write!(f, "different trace {}", context.trace_id),
            };
        }
        match self.extraction.propagator().options.behavior {
            Trust::Restart => write!(f, "not continued (trust: restart), trace {}", context.trace_id),
            Trust::Ignore => write!(f, "not continued (trust: ignore), trace {}", context.trace_id),
            Trust::Continue | Trust::Resample => f.write_str(if is_source() { "used" } else { "same trace" }),
        }
    }

    fn show(&self, invalid: InvalidHeader) -> Shown<'c> {
        Shown(Named(Some(self.extraction.propagator().reads()), invalid.field()), invalid)
    }

    /// Writes the names of what is absent, with `separator` before all but the first. Returns whether there is one.
    fn absent(&self, f: &mut fmt::Formatter<'_>, title: fmt::Arguments<'_>) -> Result<bool, fmt::Error> {
        let formats = self.parsed().filter(|(_, parsed)| is_absent(parsed)).map(|(format, _)| format.name());
        let baggage = (self.baggage == BaggageReport::Absent).then_some("baggage");
        let mut any = false;
        for name in formats.chain(baggage) {
            match any {
                true => f.write_str(", ")?,
                false => f.write_fmt(title)?,
            }
            f.write_str(name)?;
            any = true;
        }
        Ok(any)
    }
}

/// An invalid header by the name that it has in its propagator: `traceparent (uppercase-hex at byte 4)`.
struct Shown<'c>(Named<'c>, InvalidHeader);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0, self.1.place())
    }
}

const fn sampling_words(sampling: Sampling) -> &'static str {
    match sampling {
        Sampling::Deferred => "sampling undecided",
        Sampling::NotSampled => "not sampled",
        Sampling::Sampled | Sampling::Debug => sampling.as_str(),
    }
}

fn trace_of(parsed: &Parsed) -> Option<TraceId> {
    match parsed.outcome() {
        Outcome::Context(context) => Some(context.trace_id),
        _ => None,
    }
}

/// Whether the format found neither a context nor a part that is invalid.
fn is_absent(parsed: &Parsed) -> bool {
    parsed.outcome() == Outcome::Absent && parsed.ignored().next().is_none()
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
        for (format, parsed) in self.parsed().filter(|(_, parsed)| !is_absent(parsed)) {
            write!(f, "; {}: ", FormatReport::new(format, parsed).format)?;
            self.finding(format, &parsed, f)?;
        }
        if let baggage @ (BaggageReport::Members(..) | BaggageReport::Invalid(_)) = self.baggage {
            write!(f, "; baggage: {baggage}")?;
        }
        self.absent(f, format_args!("; absent: ")).map(drop)
    }
}

struct ReportTable<'r, 'c>(&'r ExtractReport<'c>);

impl fmt::Display for ReportTable<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        let width = report.entries().map(|entry| entry.format.len()).max().unwrap_or(0).max("baggage".len());
        for (format, parsed) in report.parsed().filter(|(_, parsed)| !is_absent(parsed)) {
            write!(f, "{:width$}  ", FormatReport::new(format, parsed).format)?;
            report.finding(format, &parsed, f)?;
            f.write_str("\n")?;
        }
        if let baggage @ (BaggageReport::Members(..) | BaggageReport::Invalid(_)) = report.baggage {
            writeln!(f, "{:width$}  {baggage}", "baggage")?;
        }
        if report.absent(f, format_args!("{:width$}  ", "absent"))? {
            f.write_str("\n")?;
        }
        for link in report.extraction.links() {
            let reason = match link.reason {
                LinkReason::DifferentTrace => "different-trace",
                LinkReason::Restarted => "restarted",
            };
            writeln!(f, "link: trace {}, span {}, from {} ({reason})", link.trace_id, link.span_id, link.format)?;
        }
        f.write_str("=> ")?;
        report.verdict(f)
    }
}

#[cfg(feature = "alloc")]
#[cfg(test)]
mod tests {
    use crate::field::Field;
    use crate::field::invalid::InvalidHeader;
    use crate::propagator::{Propagator, Trust};
    use crate::wire::reason::InvalidReason;
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

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
    fn ok_a_correlation_id_beside_a_context_is_passed_on() {
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

    #[test]
    fn ok_more_formats_found_something_than_are_kept() {
        let names =
            "correlation:a,correlation:b,correlation:c,correlation:d,correlation:e,correlation:f,correlation:g,b3";
        let propagator = Propagator::from_names(names, "none").unwrap();
        let uuid = |n: usize| alloc::format!("d19931bb-f235-4dcb-2e2f-b9d31225d6{n:02x}");
        let values: Vec<String> = (0..7).map(uuid).collect();
        let mut request: Vec<_> = ["a", "b", "c", "d", "e", "f", "g"].into_iter().zip(&values).collect();
        // One in between is not there.
        request.remove(2);
        let bad = String::from("x");
        request.push(("b3", &bad));
        let report = propagator.explain(&request);
        let found: Vec<_> = report.entries().map(|entry| entry.parsed.outcome().as_str()).collect();
        assert_eq!(found, ["context", "context", "absent", "context", "context", "context", "context", "invalid"]);
        let traces: Vec<_> = report.entries().filter_map(|entry| super::trace_of(&entry.parsed)).collect();
        let expected: Vec<_> = [0, 1, 3, 4, 5, 6].map(|n| uuid(n).replace('-', "").parse().unwrap()).into();
        assert_eq!(traces, expected);
        let styles: Vec<_> = report.conflicting().map(|entry| entry.format).collect();
        assert_eq!(styles, ["correlation:b", "correlation:d", "correlation:e", "correlation:f", "correlation:g"]);
        assert!(report.invalid_headers().map(|(_, invalid)| invalid).eq([InvalidHeader::new(
            Field::B3,
            InvalidReason::BadSampling,
            0
        )]));
    }

    #[test]
    fn ok_a_format_behind_the_first_context_is_not_asked() {
        let found = |request: &[(&'static str, &'static str)]| {
            let builder = Propagator::builder().names("b3,tracecontext,datadog", "none").unwrap();
            let propagator = builder.extract_first().build().unwrap();
            let request = request.to_vec();
            let report = propagator.explain(&request);
            let found =
                report.entries().map(|entry| alloc::format!("{} {}", entry.format, entry.parsed.outcome().as_str()));
            found.collect::<Vec<_>>()
        };
        let w3c = ("traceparent", "00-000000000000000080e6b5d0a9d93650-8a0ac984f71ab247-01");
        let datadog = ("x-datadog-trace-id", "77");
        assert_eq!(found(&[w3c, datadog]), ["b3 absent", "tracecontext context"]);
        assert_eq!(found(&[datadog]), ["b3 absent", "tracecontext absent", "datadog context"]);
        assert_eq!(found(&[("b3", "1"), w3c]), ["b3 sampling-only", "tracecontext context"]);
        assert_eq!(found(&[]), ["b3 absent", "tracecontext absent", "datadog absent"]);
    }
}
