//! Reports for diagnosis: what each format found, which format supplied the context, and which formats conflict.

#[cfg(feature = "alloc")]
mod owned;
mod text;

use core::fmt;

use super::{Extraction, Link, Propagator, Recorder};
use crate::baggage::Baggage;
use crate::carrier::Carrier;
use crate::context::{RemoteContext, Trust};
use crate::field::{Field, InvalidHeader};
use crate::format::{Format, Outcome, Parsed};
use crate::id::TraceId;
use crate::wire::Shown;
#[cfg(feature = "alloc")]
pub use owned::OwnedReport;

/// What one format found in a request.
///
/// ```
/// use traceprop_core::{Sampling, presets, format::Outcome};
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
    /// Whether the format usually names another trace: correlation ids, and headers of load balancers.
    may_differ: bool,
}

impl<'c> FormatReport<'c> {
    fn new(format: &'c dyn Format, parsed: Parsed) -> Self {
        let kind = format.fields().kind;
        let may_differ = kind.has_only_custom_headers() || kind.is_set_by_infrastructure();
        Self { format: parsed.encoding().unwrap_or(format.name()), parsed, may_differ }
    }
}

/// What was read of the W3C baggage.
///
/// ```
/// use traceprop_core::{presets, report::BaggageReport};
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
    findings: Findings,
    /// What further formats found, if the headers are gone.
    further: &'c [Parsed],
    baggage: BaggageReport,
}

/// What the formats found. Formats without a header in the request are not asked.
#[derive(Clone, Debug, Default)]
struct Findings {
    /// The places of the asked formats in the list, as bits.
    asked: u32,
    /// What the first of them found.
    kept: [Option<Parsed>; Self::KEPT],
}

impl Findings {
    /// A request seldom has more formats. A report is moved whole, so it has no room for more; further formats parse again.
    const KEPT: usize = 4;
}

impl Recorder for Findings {
    #[inline]
    fn record(&mut self, place: usize, parsed: &Parsed) {
        if let Some(free) = self.kept.get_mut(self.asked.count_ones() as usize) {
            *free = Some(*parsed);
        }
        self.asked |= 1 << place;
    }
}

impl Propagator {
    /// Extracts, and keeps what each format found. Like [`Propagator::extract`], it does not allocate.
    pub fn explain<'c, C: Carrier>(&'c self, carrier: &'c C) -> ExtractReport<'c> {
        self.explain_with_trust(carrier, Trust::Continue)
    }

    /// Explains an extraction with [`Propagator::extract_with_trust`].
    ///
    /// ```
    /// use traceprop_core::{Trust, presets};
    ///
    /// let propagator = presets::W3C.propagator();
    /// let request = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
    /// let report = propagator.explain_with_trust(&request, Trust::Restart);
    /// assert_eq!((report.extraction().trust(), report.source_format()), (Trust::Restart, None));
    /// ```
    pub fn explain_with_trust<'c, C: Carrier>(&'c self, carrier: &'c C, trust: Trust) -> ExtractReport<'c> {
        let mut findings = Findings::default();
        let extraction = Extraction::read(self, carrier, trust, &mut findings);
        let baggage = BaggageReport::of(&extraction);
        ExtractReport { extraction, findings, further: &[], baggage }
    }
}

impl BaggageReport {
    fn of(extraction: &Extraction<'_>) -> Self {
        let Some(limits) = extraction.propagator.baggage_limits else { return Self::NotRead };
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
        let stops_at_first = self.extraction.propagator.options.extract_first;
        let mut formats = self.found();
        let mut is_over = false;
        core::iter::from_fn(move || {
            let is_context = |format: &dyn Format| !format.fields().kind.is_text_alone();
            let (format, found) = formats.find(|(format, _)| is_context(*format)).filter(|_| !is_over)?;
            // A format that was not asked had none of its fields.
            let parsed = found.unwrap_or(Parsed::new(Outcome::Absent));
            is_over = stops_at_first && trace_of(&parsed).is_some();
            Some((format, parsed))
        })
    }

    /// The formats that are read, and what those found that were asked.
    fn found(&self) -> impl Iterator<Item = (&'c dyn Format, Option<Parsed>)> {
        let mut asked = self.findings.asked;
        let mut kept = self.findings.kept.iter().flatten().chain(self.further);
        self.extraction.propagator.extract.iter().map(move |format| {
            let is_asked = asked & 1 != 0;
            asked >>= 1;
            let again = || format.extract(self.extraction.headers());
            (format, is_asked.then(|| kept.next().copied().unwrap_or_else(again)))
        })
    }

    /// Returns the received contexts that are not continued; see [`Extraction::links`].
    fn links(&self) -> impl Iterator<Item = Link<'c>> {
        self.extraction.links_of(self.found().filter_map(|(format, found)| Some((format, found?))))
    }

    /// Returns what was read of the W3C baggage.
    pub const fn baggage(&self) -> BaggageReport {
        self.baggage
    }

    /// Returns the name of the format that supplied the context, or `None` if no trace is continued.
    pub const fn source_format(&self) -> Option<&'c str> {
        self.extraction.source_format()
    }

    /// Returns the formats whose trace differs from the first one. A trace without a span is [not](Self::is_passed_on) among
    /// them.
    pub fn conflicting(&self) -> impl Iterator<Item = FormatReport<'c>> {
        let first = self.extraction.merged;
        self.found().filter_map(move |(format, found)| {
            let parsed = found.filter(|parsed| self.conflicts(first, parsed))?;
            Some(FormatReport::new(format, parsed))
        })
    }

    /// Returns whether the trace of `entry` differs from the first one. It is `false` for a trace
    /// without a span.
    pub fn is_conflicting(&self, entry: &FormatReport<'_>) -> bool {
        self.conflicts(self.extraction.merged, &entry.parsed)
    }

    /// Returns whether `entry` is a correlation id that names no trace, or another one than the first format. That includes
    /// the id that a load balancer adds, such as a `Root` of X-Ray.
    ///
    /// That is usual in a mesh, where each request has an `x-request-id`. The id is forwarded and no conflict.
    ///
    /// ```
    /// use traceprop_core::Propagator;
    ///
    /// let propagator = Propagator::from_names("tracecontext,correlation:x-request-id", "none")?;
    /// let request = [
    ///     ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ///     ("x-request-id", "2996f8a3-26f8-40a5-a080-c74e911caddb"),
    /// ];
    /// let report = propagator.explain(&request);
    /// let id = report.entries().last().unwrap();
    /// assert!(report.is_passed_on(&id) && !report.is_conflicting(&id));
    /// # Ok::<(), traceprop_core::ConfigError>(())
    /// ```
    pub fn is_passed_on(&self, entry: &FormatReport<'_>) -> bool {
        let first = self.extraction.merged;
        let differs = || self.differs(first, &entry.parsed) && !self.conflicts(first, &entry.parsed);
        entry.parsed.has_text || (entry.may_differ && differs())
    }

    /// Whether a format names another span to continue. A trace without a span is no contradiction.
    fn conflicts(&self, first: Option<RemoteContext>, parsed: &Parsed) -> bool {
        let has_span = matches!(parsed.outcome(), Outcome::Context(context) if context.parent_id.is_some());
        has_span && parsed.makes_link && self.differs(first, parsed)
    }

    fn differs(&self, first: Option<RemoteContext>, parsed: &Parsed) -> bool {
        let id_match = self.extraction.propagator.options.id_match;
        let Outcome::Context(other) = parsed.outcome() else { return false };
        first.is_some_and(|first| !id_match.is_same_context(&first, &other))
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
        self.extraction.propagator.reads.name_of(field)
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
        Shown(|f: &mut fmt::Formatter<'_>| self.show_table(f))
    }
}

fn trace_of(parsed: &Parsed) -> Option<TraceId> {
    match parsed.outcome() {
        Outcome::Context(context) => Some(context.trace_id),
        _ => None,
    }
}

#[cfg(feature = "alloc")]
#[cfg(test)]
mod tests {
    use crate::field::Field;
    use crate::field::invalid::InvalidHeader;
    use crate::propagator::Propagator;
    use crate::wire::reason::InvalidReason;
    use alloc::string::String;
    use alloc::vec::Vec;

    #[test]
    fn ok_more_formats_found_something_than_are_kept() {
        let names =
            "correlation:a,correlation:b,correlation:c,correlation:d,correlation:e,correlation:f,correlation:g,b3";
        let propagator = Propagator::from_names(names, "none").unwrap();
        let uuid = |n: usize| alloc::format!("d19931bb-f235-4dcb-2e2f-b9d31225d6{n:02x}");
        let values: Vec<String> = (0..7).map(uuid).collect();
        let mut request: Vec<_> = ["a", "b", "c", "d", "e", "f", "g"].into_iter().zip(&values).collect();
        // A header in the middle is absent.
        request.remove(2);
        let bad = String::from("x");
        request.push(("b3", &bad));
        let report = propagator.explain(&request);
        let found: Vec<_> = report.entries().map(|entry| entry.parsed.outcome().as_str()).collect();
        assert_eq!(found, ["context", "context", "absent", "context", "context", "context", "context", "invalid"]);
        let traces: Vec<_> = report.entries().filter_map(|entry| super::trace_of(&entry.parsed)).collect();
        let expected: Vec<_> = [0, 1, 3, 4, 5, 6].map(|n| uuid(n).replace('-', "").parse().unwrap()).into();
        assert_eq!(traces, expected);
        assert_eq!(report.conflicting().count(), 0);
        let formats: Vec<_> =
            report.entries().filter(|entry| report.is_passed_on(entry)).map(|entry| entry.format).collect();
        assert_eq!(formats, ["correlation:b", "correlation:d", "correlation:e", "correlation:f", "correlation:g"]);
        assert!(report.invalid_headers().map(|(_, invalid)| invalid).eq([InvalidHeader::new(
            Field::B3,
            InvalidReason::BadSampling,
            0
        )]));
    }

    #[test]
    fn ok_a_format_after_the_first_context_is_not_asked() {
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
