//! Why a trace is what it is: what each format found, which one won, and who disagrees.

use core::fmt;

use super::{Extraction, Propagator, Recorder};
use crate::baggage::Baggage;
use crate::carrier::Carrier;
use crate::context::Inbound;
use crate::field::invalid::InvalidHeader;
use crate::field::{Field, Named};
use crate::format::{Format, Outcome, Parsed};
use crate::id::TraceId;

/// What one format found.
#[derive(Clone, Copy, Debug)]
pub struct FormatReport<'c> {
    /// The name of the format, or of the encoding that was read.
    pub format: &'c str,
    /// What it found.
    pub parsed: Parsed,
}

impl<'c> FormatReport<'c> {
    fn new(format: &'c dyn Format, reading: Parsed) -> Self {
        Self { format: reading.encoding().unwrap_or(format.name()), parsed: reading }
    }
}

/// What became of the W3C baggage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaggageReport {
    /// It is not read.
    NotRead,
    /// Nothing there.
    Absent,
    /// So many members, and the first thing that was skipped beside them.
    Members(usize, Option<InvalidHeader>),
    /// Nothing of it can be used.
    Invalid(InvalidHeader),
}

/// The explanation of one request. Displays as one line; [`ExtractReport::table`] as a table for people.
///
/// It holds ids and reasons, never a byte of a header's text, so it can be logged.
///
/// ```
/// use traceprop_core::presets;
///
/// let propagator = presets::W3C.propagator();
/// let request = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0")];
/// assert_eq!(
///     propagator.explain(&request).to_string(),
///     "new trace; tracecontext: traceparent: bad-length at byte 54; baggage: absent",
/// );
/// ```
#[derive(Clone, Debug)]
pub struct ExtractReport<'c> {
    extraction: Extraction<'c>,
    readings: Readings,
    baggage: BaggageReport,
}

/// What the formats found that were asked.
#[derive(Clone, Debug)]
struct Readings {
    /// The places of these formats in the list, as bits.
    asked: u32,
    /// What the first of them found.
    kept: [Option<Parsed>; Self::KEPT],
}

impl Readings {
    /// A request seldom speaks more dialects. A report is moved whole, so there is no room for more; those are asked again.
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
    /// Extracts, and keeps what each format found. Allocates nothing, like [`Propagator::extract`].
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
            Err(reject) => Self::Invalid(reject),
        }
    }
}

impl<'c> ExtractReport<'c> {
    /// What was made of the request, as [`Propagator::extract`] gives it.
    pub const fn extraction(&self) -> &Extraction<'c> {
        &self.extraction
    }

    /// What each format found, in order.
    pub fn entries(&self) -> impl Iterator<Item = FormatReport<'c>> {
        let stops_at_first = self.extraction.propagator().extracts_first();
        let mut formats = self.found();
        let mut is_over = false;
        core::iter::from_fn(move || {
            // Of baggage the report has a line of its own.
            let is_context = |format: &dyn Format| !format.fields().kind().is_text_alone();
            let (format, found) = formats.find(|(format, _)| is_context(*format)).filter(|_| !is_over)?;
            // One that was not asked had none of its fields.
            let reading = found.unwrap_or(Parsed::new(Outcome::Absent));
            is_over = stops_at_first && trace_of(&reading).is_some();
            Some(FormatReport::new(format, reading))
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

    /// What became of the baggage.
    pub const fn baggage(&self) -> BaggageReport {
        self.baggage
    }

    /// The format that supplied the context.
    pub const fn source_format(&self) -> Option<&'c str> {
        self.extraction.source_format()
    }

    /// The formats that name another trace than the first one.
    pub fn conflicting(&self) -> impl Iterator<Item = FormatReport<'c>> {
        let first = self.first_trace();
        self.found().filter_map(move |(format, found)| {
            let reading = found.filter(|reading| self.differs(first, reading))?;
            Some(FormatReport::new(format, reading))
        })
    }

    /// Whether this format names another trace than the first one.
    pub fn is_conflicting(&self, entry: &FormatReport<'_>) -> bool {
        self.differs(self.first_trace(), &entry.parsed)
    }

    fn first_trace(&self) -> Option<TraceId> {
        self.found().find_map(|(_, found)| trace_of(&found?))
    }

    fn differs(&self, first: Option<TraceId>, reading: &Parsed) -> bool {
        let matching = self.extraction.propagator().trace_id_match();
        first.zip(trace_of(reading)).is_some_and(|(first, other)| !matching.is_same(first, other))
    }

    /// Everything that was turned down, whole or in part.
    pub fn rejects(&self) -> impl Iterator<Item = InvalidHeader> {
        let of_formats = self.found().filter_map(|(_, found)| found).flat_map(|reading| {
            let whole = match reading.outcome() {
                Outcome::Invalid(reject) => Some(reject),
                _ => None,
            };
            whole.into_iter().chain(reading.ignored())
        });
        let of_baggage = match self.baggage {
            BaggageReport::Invalid(reject) | BaggageReport::Members(_, Some(reject)) => Some(reject),
            _ => None,
        };
        of_formats.chain(of_baggage)
    }

    /// The name of a header that something was turned down of.
    pub fn name_of(&self, field: Field) -> Option<&'c str> {
        self.extraction.propagator().reads().name_of(field)
    }

    /// A reject with the name of its header.
    fn show(&self, reject: InvalidHeader) -> Shown<'c> {
        let field = Named(Some(self.extraction.propagator().reads()), reject.field());
        Shown(field, reject)
    }

    /// The same as a table, a format a line.
    pub const fn table(&self) -> ReportTable<'_, 'c> {
        ReportTable(self)
    }

    fn verdict(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.extraction.inbound() {
            Inbound::Nothing => f.write_str("new trace"),
            Inbound::Decision(sampling) => write!(f, "new trace, {sampling}"),
            Inbound::Context(context) => {
                write!(f, "trace {} continued, ", context.trace_id)?;
                match context.parent_id {
                    Some(parent) => write!(f, "parent {parent}, ")?,
                    None => f.write_str("no parent, ")?,
                }
                write!(f, "{}", context.sampling)
            }
        }
    }

    fn finding(&self, entry: &FormatReport<'c>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match entry.parsed.outcome() {
            Outcome::Absent => f.write_str("absent")?,
            Outcome::SamplingOnly(sampling) => write!(f, "{sampling}, no ids")?,
            Outcome::Invalid(reject) => write!(f, "{}", self.show(reject))?,
            Outcome::Context(context) => match self.is_conflicting(entry) {
                true => write!(f, "another trace, {}", context.trace_id)?,
                false if self.extraction.context().is_none() => write!(f, "left behind, {}", context.trace_id)?,
                false if self.source_format() == Some(entry.format) => f.write_str("supplied the context")?,
                false => f.write_str("the same trace")?,
            },
        }
        for reject in entry.parsed.ignored() {
            write!(f, " ({}, left out)", self.show(reject))?;
        }
        Ok(())
    }
}

/// A reject with the name of its header.
struct Shown<'c>(Named<'c>, InvalidHeader);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} at byte {}", self.0, self.1.reason(), self.1.offset())
    }
}

fn trace_of(reading: &Parsed) -> Option<TraceId> {
    match reading.outcome() {
        Outcome::Context(context) => Some(context.trace_id),
        _ => None,
    }
}

impl fmt::Display for BaggageReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRead => f.write_str("not read"),
            Self::Absent => f.write_str("absent"),
            Self::Invalid(reject) => reject.fmt(f),
            Self::Members(count, skipped) => {
                write!(f, "{count} member{}", if *count == 1 { "" } else { "s" })?;
                skipped.map_or(Ok(()), |reject| write!(f, " ({reject}, left out)"))
            }
        }
    }
}

impl fmt::Display for ExtractReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.verdict(f)?;
        for entry in self.entries() {
            write!(f, "; {}: ", entry.format)?;
            self.finding(&entry, f)?;
        }
        match self.baggage {
            BaggageReport::NotRead => Ok(()),
            baggage => write!(f, "; baggage: {baggage}"),
        }
    }
}

/// A [`ExtractReport`] as a table.
#[derive(Clone, Copy, Debug)]
pub struct ReportTable<'r, 'c>(&'r ExtractReport<'c>);

impl fmt::Display for ReportTable<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        let width = report.entries().map(|entry| entry.format.len()).max().unwrap_or(0).max("baggage".len());
        for entry in report.entries() {
            write!(f, "{:width$}  {:13}  ", entry.format, entry.parsed.outcome().as_str())?;
            report.finding(&entry, f)?;
            f.write_str("\n")?;
        }
        if report.baggage != BaggageReport::NotRead {
            let outcome = match report.baggage {
                BaggageReport::Members(..) => "context",
                BaggageReport::Invalid(_) => "invalid",
                BaggageReport::Absent | BaggageReport::NotRead => "absent",
            };
            writeln!(f, "{:width$}  {outcome:13}  {}", "baggage", report.baggage)?;
        }
        for link in report.extraction.links() {
            writeln!(
                f,
                "link: trace {} span {} from {}, {}",
                link.trace_id,
                link.span_id,
                link.format,
                link.reason.as_str()
            )?;
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
    use crate::propagator::Propagator;
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
            "trace 000000000000000080e6b5d0a9d93650 continued, parent 8a0ac984f71ab247, sampled; \
             b3: supplied the context; tracecontext: the same trace; \
             datadog: another trace, 0000000000000000000000000000004d"
        );
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
        assert!(report.rejects().eq([InvalidHeader::new(Field::B3, InvalidReason::BadSampling, 0)]));
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
