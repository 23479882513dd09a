//! Why a trace is what it is: what each format found, which one won, and who disagrees.

use core::fmt;

use crate::baggage::Baggage;
use crate::carrier::Carrier;
use crate::composite::{Extraction, MAX_FORMATS, Propagator, Recorder};
use crate::context::Inbound;
use crate::field::Field;
use crate::format::{Format, Outcome, Reading};
use crate::id::TraceId;
use crate::reject::Reject;

/// What one format found.
#[derive(Clone, Copy, Debug)]
pub struct ReportEntry<'c> {
    /// The name of the format, or of the encoding that was read.
    pub style: &'c str,
    /// What it found.
    pub reading: Reading,
}

/// What became of the W3C baggage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaggageReport {
    /// It is not read.
    NotRead,
    /// Nothing there.
    Absent,
    /// So many members, and the first thing that was skipped beside them.
    Members(usize, Option<Reject>),
    /// Nothing of it can be used.
    Invalid(Reject),
}

/// The explanation of one request. Displays as one line; [`Report::table`] as a table for people.
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
pub struct Report<'c> {
    extraction: Extraction<'c>,
    entries: [Option<ReportEntry<'c>>; MAX_FORMATS],
    len: usize,
    baggage: BaggageReport,
}

struct Entries<'c> {
    entries: [Option<ReportEntry<'c>>; MAX_FORMATS],
    len: usize,
}

impl<'c> Recorder<'c> for Entries<'c> {
    fn record(&mut self, format: &'c dyn Format, reading: &Reading) {
        if let Some(place) = self.entries.get_mut(self.len) {
            *place = Some(ReportEntry { style: reading.style().unwrap_or(format.name()), reading: *reading });
            self.len += 1;
        }
    }
}

impl Propagator {
    /// Extracts, and keeps what each format found. Allocates nothing, like [`Propagator::extract`].
    pub fn explain<'c, C: Carrier>(&'c self, carrier: &'c C) -> Report<'c> {
        let mut recorder = Entries { entries: [const { None }; MAX_FORMATS], len: 0 };
        let extraction = Extraction::read(self, carrier, &mut recorder);
        let baggage = BaggageReport::of(&extraction);
        Report { extraction, entries: recorder.entries, len: recorder.len, baggage }
    }
}

impl BaggageReport {
    fn of(extraction: &Extraction<'_>) -> Self {
        if !extraction.propagator().extracts_baggage() {
            return Self::NotRead;
        }
        let lines = extraction.slots().lines(Field::Baggage);
        match Baggage::read(lines, extraction.propagator().baggage_limits()) {
            Ok(baggage) if baggage.is_empty() => Self::Absent,
            Ok(baggage) => Self::Members(baggage.len(), baggage.skipped()),
            Err(reject) => Self::Invalid(reject),
        }
    }
}

impl<'c> Report<'c> {
    /// What was made of the request, as [`Propagator::extract`] gives it.
    pub const fn extraction(&self) -> &Extraction<'c> {
        &self.extraction
    }

    /// What each format found, in order.
    pub fn entries(&self) -> impl Iterator<Item = &ReportEntry<'c>> {
        self.entries.iter().take(self.len).flatten()
    }

    /// What became of the baggage.
    pub const fn baggage(&self) -> BaggageReport {
        self.baggage
    }

    /// The format that supplied the context.
    pub const fn winner(&self) -> Option<&'c str> {
        self.extraction.style()
    }

    /// The formats that name another trace than the first one.
    pub fn disagreeing(&self) -> impl Iterator<Item = &ReportEntry<'c>> {
        let matching = self.extraction.propagator().trace_matching();
        let first = self.entries().find_map(|entry| trace_of(&entry.reading));
        let differs = move |trace| first.is_some_and(|first| !matching.is_same(first, trace));
        self.entries().filter(move |entry| trace_of(&entry.reading).is_some_and(differs))
    }

    /// Everything that was turned down, whole or in part.
    pub fn rejects(&self) -> impl Iterator<Item = Reject> {
        let of_formats = self.entries().flat_map(|entry| {
            let whole = match entry.reading.outcome() {
                Outcome::Invalid(reject) => Some(reject),
                _ => None,
            };
            whole.into_iter().chain(entry.reading.refused())
        });
        let of_baggage = match self.baggage {
            BaggageReport::Invalid(reject) | BaggageReport::Members(_, Some(reject)) => Some(reject),
            _ => None,
        };
        of_formats.chain(of_baggage)
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

    fn finding(&self, entry: &ReportEntry<'c>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match entry.reading.outcome() {
            Outcome::Absent => f.write_str("absent")?,
            Outcome::SamplingOnly(sampling) => write!(f, "{sampling}, no ids")?,
            Outcome::Invalid(reject) => write!(f, "{reject}")?,
            Outcome::Context(context) => {
                let disagrees = self.disagreeing().any(|other| core::ptr::eq(other, entry));
                match disagrees {
                    true => write!(f, "another trace, {}", context.trace_id)?,
                    false if self.extraction.context().is_none() => write!(f, "left behind, {}", context.trace_id)?,
                    false if self.winner() == Some(entry.style) => f.write_str("supplied the context")?,
                    false => f.write_str("the same trace")?,
                }
            }
        }
        for reject in entry.reading.refused() {
            write!(f, " ({reject}, left out)")?;
        }
        Ok(())
    }
}

fn trace_of(reading: &Reading) -> Option<TraceId> {
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

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.verdict(f)?;
        for entry in self.entries() {
            write!(f, "; {}: ", entry.style)?;
            self.finding(entry, f)?;
        }
        match self.baggage {
            BaggageReport::NotRead => Ok(()),
            baggage => write!(f, "; baggage: {baggage}"),
        }
    }
}

/// A [`Report`] as a table.
#[derive(Clone, Copy, Debug)]
pub struct ReportTable<'r, 'c>(&'r Report<'c>);

impl fmt::Display for ReportTable<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        let width = report.entries().map(|entry| entry.style.len()).max().unwrap_or(0).max("baggage".len());
        for entry in report.entries() {
            write!(f, "{:width$}  {:13}  ", entry.style, entry.reading.outcome().as_str())?;
            report.finding(entry, f)?;
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
                link.style,
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
    use crate::composite::Propagator;
    use alloc::string::ToString;

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
}
