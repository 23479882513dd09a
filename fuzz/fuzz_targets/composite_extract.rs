//! Any request, in all formats at once: each format judges as if it were alone, and the findings merge by the rules.
//!
//! What is written of it is legal, private if it must be, and equal from a context that owns its lines.
#![cfg_attr(fuzzing, no_main)]

use std::sync::LazyLock;

use traceprop_core::formats::b3::B3;
use traceprop_core::formats::baggage::W3cBaggage;
use traceprop_core::formats::cloudtrace::CloudTrace;
use traceprop_core::formats::correlation::Correlation;
use traceprop_core::formats::datadog::Datadog;
use traceprop_core::formats::elastic::Elastic;
use traceprop_core::formats::grpc_trace_bin::GrpcTraceBin;
use traceprop_core::formats::instana::Instana;
use traceprop_core::formats::jaeger::Jaeger;
use traceprop_core::formats::newrelic::NewRelic;
use traceprop_core::formats::ottrace::OtTrace;
use traceprop_core::formats::sentry::Sentry;
use traceprop_core::formats::sw8::Sw8;
use traceprop_core::formats::tracecontext::W3cTraceContext;
use traceprop_core::formats::xray::XRay;
use traceprop_core::{
    Allow, Extraction, Field, InjectOptions, LinkReason, OwnedContext, Propagator, PropagatorBuilder, RemoteContext,
    Sampling, TraceId, TraceIdMatch, Trust,
    report::{ExtractReport, InjectReport},
};
use traceprop_fuzz::oracle::{
    Expected, b3, cloudtrace, correlation, datadog, elastic, grpc_trace_bin, instana, is_digits, jaeger, newrelic,
    ottrace, sentry, sw8, w3c, xray,
};
use traceprop_fuzz::{
    Headers, Input, READING, Sink, Steps, WRITING, extract, field_len, ids, target, values, within, written_by_owned,
    written_by_passthrough, written_by_span,
};

/// Returns the context and the decision of a request.
fn merged_of(extraction: &Extraction<'_>) -> (Option<RemoteContext>, Sampling) {
    (extraction.context(), extraction.sampling())
}

target!(run);

const NAME: &str = "x-request-id";

/// The formats that `all` includes, and a correlation header. W3C baggage is always read and written.
static FORMATS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let all = Propagator::from_names("all", "none").expect("a known name");
    let formats = all.extract_names().filter(|name| *name != "baggage").map(str::to_owned);
    formats.chain([format!("correlation:{NAME}")]).collect()
});

fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let settings = Settings::of(input.bytes());
    let headers = input.headers();
    let propagator = settings.propagator();
    let carrier = Steps::new(&headers);
    let extraction = carrier.at_most(READING * FORMATS.len(), || extract(&propagator, &carrier));
    let report = propagator.explain(&headers);
    assert_eq!(merged_of(report.extraction()), merged_of(&extraction));
    reported(&report, &headers);
    settings.merged(&extraction, &settings.judged(&report, &headers));

    carrier.at_most(WRITING * FORMATS.len() * 12, || passed_on(&propagator, &extraction));
    let sent = inject_span(&propagator, &extraction, &InjectOptions::everything()).0;
    for other in [shouted(&headers), sorted(&headers)] {
        let extraction = propagator.extract(&other);
        assert_eq!(merged_of(&extraction), merged_of(report.extraction()));
        assert_eq!(
            inject_span(&propagator, &extraction, &InjectOptions::everything()).0,
            sent,
            "order or letter case of names"
        );
    }
    assert_eq!(merged_of(&extract(&propagator, &Steps::indexed(&headers))), merged_of(&extraction));
    match settings.behavior {
        Trust::Continue | Trust::Resample => {}
        // Datadog's member is written anew where its headers are.
        Trust::Restart => {
            assert!(sent.value("tracestate").is_none_or(|state| state == "dd=s:1"), "a restart empties it")
        }
        Trust::Ignore => {
            let nothing = Headers::new();
            let nothing = propagator.extract(&nothing);
            assert_eq!(
                inject_span(&propagator, &nothing, &InjectOptions::everything()).0,
                sent,
                "forgotten is forgotten"
            );
        }
    }
}

/// Checks what a span and a passthrough write, with everything allowed and with trace context only.
fn passed_on(propagator: &Propagator, extraction: &Extraction<'_>) {
    let span = extraction.new_span(&ids);
    let owned = OwnedContext::from_span(extraction, &span);
    let passthrough = OwnedContext::from_passthrough(extraction);
    for outgoing in [InjectOptions::everything(), InjectOptions::new()] {
        let sent = inject_span(propagator, extraction, &outgoing);
        let owned = written_by_owned(propagator, &owned, &outgoing);
        assert_eq!(said(&owned), said(&sent), "from lines of its own");
        names(
            &sent.0,
            RemoteContext { sampling: span.sampling(), ..RemoteContext::new(span.trace_id(), Some(span.span_id())) },
        );
        let passed = written_by_passthrough(propagator, &extraction.passthrough(), &outgoing);
        let owned = written_by_owned(propagator, &passthrough, &outgoing);
        assert_eq!(said(&owned), said(&passed), "from lines of its own");
        if let Some(context) = extraction.passthrough().context() {
            of_trace(&passed.0, context.trace_id);
        }
        if outgoing.allowed_baggage() == Allow::None {
            private(&sent.0);
            private(&passed.0);
        }
    }
}

fn inject_span<'p>(
    propagator: &'p Propagator,
    extraction: &Extraction<'_>,
    outgoing: &InjectOptions<'_>,
) -> (Sink, InjectReport<'p>) {
    written_by_span(propagator, &extraction.new_span(&ids), outgoing)
}

fn said<'s>((sink, omitted): &'s (Sink, InjectReport<'_>)) -> (&'s Sink, String) {
    (sink, omitted.to_string())
}

/// Checks that every written format has this trace, this span, and the decision as far as the format can say it.
fn names(sink: &Sink, context: RemoteContext) {
    let same = |found: Expected, decision: &[Sampling]| match found {
        Expected::Absent => {}
        Expected::Context(found) => {
            assert_eq!((found.trace_id, found.parent_id), (context.trace_id, context.parent_id));
            assert!(decision.contains(&found.sampling), "{} became {}", context.sampling, found.sampling);
        }
        found => panic!("{found:?} was written"),
    };
    use Sampling::{Debug, Deferred, NotSampled, Sampled};
    let sampling = context.sampling;
    let yes_or_no = if sampling.is_sampled() { Sampled } else { NotSampled };
    same(w3c::expected(&sink.0), &[sampling, yes_or_no]);
    same(b3::expected(&sink.0), &[sampling]);
    same(datadog::expected(&sink.0), &[if sampling == Deferred { Deferred } else { yes_or_no }]);
    same(
        jaeger_trace(sink),
        if sampling == Sampled {
            &[Sampled, Debug]
        } else {
            std::slice::from_ref(if sampling == Debug { &Debug } else { &NotSampled })
        },
    );
    same(elastic::expected(&sink.0), &[yes_or_no]);
    // A passthrough forwards the lines of an open decision.
    same(grpc_trace_bin::expected(&sink.0), &[sampling, yes_or_no]);
    same(instana::expected(&sink.0), &[if sampling == NotSampled { NotSampled } else { Sampled }]);
    if let Expected::Context(found) = ottrace::expected(&sink.0) {
        // Only the low half of the id is written, and a passthrough forwards the lines of an open decision.
        assert_eq!((found.trace_id.low(), found.parent_id), (context.trace_id.low(), context.parent_id));
        assert!([sampling, yes_or_no].contains(&found.sampling), "{sampling} became {}", found.sampling);
    }
    same(sentry::expected(&sink.0), &[if sampling == Deferred { Deferred } else { yes_or_no }]);
    same(cloudtrace::expected(&sink.0), &[if sampling == Deferred { Deferred } else { yes_or_no }]);
    same(xray::expected(&sink.0), &[if sampling == Deferred { Deferred } else { yes_or_no }]);
    same(sw8::expected(&sink.0), &[if sampling == NotSampled { NotSampled } else { Sampled }]);
}

/// Checks that each forwarded format has this trace. Its lines can name another parent, as the proxies of a mesh do.
fn of_trace(sink: &Sink, trace_id: TraceId) {
    let formats = [w3c::expected, b3::expected, datadog::expected, sw8::expected, elastic::expected, xray::expected];
    let more = [grpc_trace_bin::expected, instana::expected, ottrace::expected];
    let found = formats.into_iter().chain(more).map(|expected| expected(&sink.0)).chain([jaeger_trace(sink)]);
    for found in found {
        if let Expected::Context(found) = found {
            assert_eq!(found.trace_id.low(), trace_id.low());
        }
    }
}

fn jaeger_trace(sink: &Sink) -> Expected {
    match jaeger::expected(&sink.0) {
        // A passthrough forwards the debug id of a request.
        Expected::Decision(_) => Expected::Absent,
        found => found,
    }
}

/// Checks that no baggage is sent where it is not allowed.
fn private(sink: &Sink) {
    let is_private = |name: &str| {
        ["baggage", "jaeger-baggage", "sw8-correlation", NAME].contains(&name)
            || jaeger::is_line(name)
            || ottrace::is_line(name)
    };
    assert!(!sink.0.iter().any(|(name, _)| is_private(name)));
    let fields = xray::line(&sink.0).and_then(xray::value).map(|fields| fields.more);
    assert!(fields.iter().flatten().all(|(key, _)| key == "Lineage"), "a field of the application");
    let members = w3c::tracestate(&values(&sink.0, "tracestate")).unwrap_or_default();
    if let Expected::Context(context) = w3c::expected(&sink.0) {
        let items = w3c::bridged(&members, context.trace_id).unwrap_or_default();
        assert!(items.split(';').all(|item| !item.starts_with('c')), "a correlation id in disguise");
    }
}

/// Returns a request with all names in capitals.
fn shouted(headers: &Headers) -> Headers {
    headers.iter().map(|(name, value)| (name.to_ascii_uppercase(), value.clone())).collect()
}

/// Returns a request ordered by field, without lines that are not a field.
fn sorted(headers: &Headers) -> Headers {
    let is_known = |(name, _): &&(String, Vec<u8>)| Field::from_name(name).is_some() || name.eq_ignore_ascii_case(NAME);
    let mut sorted: Headers = headers.iter().filter(is_known).cloned().collect();
    sorted.sort_by_key(|(name, _)| Field::from_name(name).map(std::cmp::Reverse));
    sorted
}

/// What a propagator is told.
struct Settings {
    /// Names of [`FORMATS`], in the order in which they are read.
    extract: Vec<&'static str>,
    inject: Vec<&'static str>,
    behavior: Trust,
    matching: TraceIdMatch,
    extract_first: bool,
    rules: correlation::Rules,
}

impl Settings {
    /// Reads the settings. Four zeros mean all formats in the order of `all`, read and written.
    fn of([order, without, inject, more]: [u8; 4]) -> Self {
        let mut left: Vec<usize> = (0..FORMATS.len()).collect();
        let mut order = usize::from(order);
        let mut extract = Vec::new();
        while !left.is_empty() {
            let place = order % left.len();
            order /= left.len();
            extract.push(left.remove(place));
        }
        let is_in = |bits: u8, place: &usize| bits >> (place % 8) & 1 == 0;
        let named = |place: usize| FORMATS[place].as_str();
        let written = extract.iter().rev().copied().filter(|place| is_in(inject, place)).map(named);
        let written = written.filter(|name| *name != "newrelic").collect();
        let extract: Vec<_> = extract.into_iter().filter(|place| is_in(without, place)).map(named).collect();
        let behavior = [Trust::Continue, Trust::Restart, Trust::Ignore, Trust::Resample];
        Self {
            behavior: behavior[usize::from(more & 3)],
            extract_first: more & 4 != 0 && extract.len() > 1,
            matching: if more & 8 != 0 { TraceIdMatch::Low64 } else { TraceIdMatch::Exact },
            rules: correlation::Rules { opaque: more & 0x10 != 0, envoy_mask: more & 0x20 != 0 },
            extract,
            inject: written,
        }
    }

    fn propagator(&self) -> Propagator {
        let builder =
            Propagator::builder().with_format(W3cBaggage::new()).trust(self.behavior).trace_id_match(self.matching);
        let builder = if self.extract_first { builder.extract_first() } else { builder };
        let builder = self.extract.iter().fold(builder, |builder, format| self.add(builder, *format, false));
        let builder = self.inject.iter().fold(builder, |builder, format| self.add(builder, *format, true));
        builder.build().expect("a list of formats, and baggage")
    }

    fn is_same(&self, one: TraceId, other: TraceId) -> bool {
        let cut = self.matching == TraceIdMatch::Low64 && (one.high() == 0 || other.high() == 0);
        one == other || (cut && one.low() == other.low())
    }

    fn add(&self, builder: PropagatorBuilder, format: &str, inject: bool) -> PropagatorBuilder {
        macro_rules! add {
            ($format:expr) => {
                if inject { builder.inject($format) } else { builder.extract($format) }
            };
        }
        match format {
            "tracecontext" => add!(W3cTraceContext::new()),
            "b3" => add!(B3::both()),
            "datadog" => add!(Datadog::new()),
            "jaeger" => add!(Jaeger::new()),
            "sw8" => add!(Sw8::new("cart", "cart-1")),
            "elastic" => add!(Elastic::new()),
            "instana" => add!(Instana::new()),
            "grpc-trace-bin" => add!(GrpcTraceBin::new()),
            "ottrace" => add!(OtTrace::new()),
            "sentry" => add!(Sentry::new()),
            "newrelic" => builder.extract(NewRelic::new()),
            "cloudtrace" => add!(CloudTrace::new()),
            "xray" => add!(XRay::new()),
            name => {
                assert!(name.starts_with("correlation:"), "{name} has no instance here");
                let format = Correlation::from_static(NAME);
                let format = if self.rules.opaque { format.opaque() } else { format };
                add!(if self.rules.envoy_mask { format } else { format.exact() })
            }
        }
    }

    fn expected(&self, format: &str, headers: &Headers) -> Expected {
        match format {
            "tracecontext" => w3c::expected(headers),
            "b3" => b3::expected(headers),
            "datadog" => datadog::expected(headers),
            "jaeger" => jaeger::expected(headers),
            "sw8" => sw8::expected(headers),
            "elastic" => elastic::expected(headers),
            "instana" => instana::expected(headers),
            "grpc-trace-bin" => grpc_trace_bin::expected(headers),
            "ottrace" => ottrace::expected(headers),
            "sentry" => sentry::expected(headers),
            "newrelic" => newrelic::expected(headers),
            "cloudtrace" => cloudtrace::expected(headers),
            "xray" => xray::expected(headers),
            name => {
                assert!(name.starts_with("correlation:"), "{name} has no oracle");
                correlation::expected(headers, NAME, self.rules)
            }
        }
    }

    /// Checks that each format finds what it finds alone: an invalid format hides no valid one.
    fn judged(&self, report: &ExtractReport<'_>, headers: &Headers) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut entries = report.entries();
        for &format in &self.extract {
            let found = self.expected(format, headers);
            let entry = entries.next().expect("an entry for each format that is read");
            assert_eq!(Expected::from(entry.parsed.outcome()), found, "{}", entry.format);
            findings.push(Finding { format, found, is_tentative: is_tentative(format, found, headers) });
            if self.extract_first && matches!(found, Expected::Context(_)) {
                break;
            }
        }
        assert!(entries.next().is_none());
        findings
    }

    /// Checks that the first context wins, later ones of its trace fill in, and those of other traces become links.
    fn merged(&self, extraction: &Extraction<'_>, findings: &[Finding]) {
        let mut merged: Option<RemoteContext> = None;
        let (mut source, mut parent_of) = ("", "");
        let mut decision = None;
        let mut others = Vec::new();
        for Finding { format, found, is_tentative } in findings {
            match (found, &mut merged) {
                (Expected::Absent | Expected::Invalid, _) => {}
                (Expected::Decision(sampling), _) => decision = decision.or(Some(*sampling)),
                (Expected::Context(context), None) => {
                    (merged, source) = (Some(*context), format);
                    parent_of = if context.parent_id.is_some() { format } else { "" };
                }
                (Expected::Context(context), Some(first))
                    if self.is_same(first.trace_id, context.trace_id) || is_half_of(first, context) =>
                {
                    first.trace_id = first.trace_id.max(context.trace_id);
                    // The parent of the first format counts; a traceparent knows better than Datadog.
                    if (*format == "tracecontext" && parent_of == "datadog") || first.parent_id.is_none() {
                        first.parent_id = context.parent_id.or(first.parent_id);
                        parent_of = format;
                    }
                    if context.sampling != Sampling::Deferred && !is_tentative {
                        decision = decision.or(Some(context.sampling));
                    }
                }
                (Expected::Context(_), Some(_)) if self.extract_first => panic!("a format was read after the first"),
                // A load balancer adds a trace of its own.
                (Expected::Context(context), Some(first))
                    if ["xray", "cloudtrace"].contains(&source)
                        && first.parent_id.is_none()
                        && format.starts_with("correlation:") =>
                {
                    (*first, source, decision) = (*context, format, None);
                }
                // Its balancers add a span that nobody reports.
                (Expected::Context(_), Some(_)) if *format == "cloudtrace" => {}
                (Expected::Context(context), Some(_)) => {
                    others.extend(context.parent_id.map(|span_id| (context.trace_id, span_id)));
                }
            }
        }
        if let Some(context) = merged.as_mut().filter(|context| context.sampling == Sampling::Deferred) {
            context.sampling = decision.unwrap_or(Sampling::Deferred);
        }
        let mut inbound = match (merged, decision) {
            (Some(context), _) => (Some(context), context.sampling),
            (None, sampling) => (None, sampling.unwrap_or(Sampling::Deferred)),
        };
        let links: Vec<_> = extraction.links().map(|link| (link.trace_id, link.span_id)).collect();
        let reasons: Vec<_> = extraction.links().map(|link| link.reason).collect();
        if self.behavior == Trust::Resample {
            // The trace continues, and sampling is undecided.
            let context = merged.map(|context| RemoteContext { sampling: Sampling::Deferred, ..context });
            inbound = (context, Sampling::Deferred);
        }
        match self.behavior {
            Trust::Continue | Trust::Resample => {
                assert_eq!((merged_of(&extraction), links), (inbound, others));
                assert!(reasons.iter().all(|reason| *reason == LinkReason::DifferentTrace));
            }
            Trust::Restart => {
                let received = merged.and_then(|context| Some((context.trace_id, context.parent_id?)));
                assert_eq!(
                    (merged_of(&extraction), links),
                    ((None, Sampling::Deferred), received.into_iter().collect())
                );
                assert!(reasons.iter().all(|reason| *reason == LinkReason::Restarted));
            }
            Trust::Ignore => assert!(merged_of(&extraction) == (None, Sampling::Deferred) && links.is_empty()),
        }
    }
}

/// What one format found.
struct Finding {
    format: &'static str,
    found: Expected,
    /// The decision is implicit, because the format has no field for it, so it replaces no other one.
    is_tentative: bool,
}

fn is_tentative(format: &str, found: Expected, headers: &Headers) -> bool {
    let Expected::Context(context) = found else { return false };
    match (format, context.sampling) {
        // Unless Datadog's member says with which priority.
        ("tracecontext", Sampling::NotSampled) => {
            let members = w3c::tracestate(&values(headers, "tracestate")).unwrap_or_default();
            let dd = members.iter().find(|(key, _)| key == "dd").map_or("", |(_, value)| value);
            let numbers = dd.split(';').filter_map(|item| item.strip_prefix("s:"));
            !numbers.into_iter().any(|number| is_digits(number.strip_prefix('-').unwrap_or(number).as_bytes()))
        }
        ("jaeger" | "elastic" | "ottrace" | "grpc-trace-bin", Sampling::NotSampled) => true,
        ("instana", Sampling::Sampled) | ("sw8", Sampling::Sampled) => true,
        _ => false,
    }
}

fn reported(report: &ExtractReport<'_>, headers: &Headers) {
    let (line, table) = (report.to_string(), report.table().to_string());
    assert!(line.chars().all(|c| !c.is_control()) && table.chars().all(|c| c == '\n' || !c.is_control()));
    for (_, reject) in report.invalid_headers() {
        let is_of_field = |name: &str| match reject.field() {
            Field::Custom(_) => name.eq_ignore_ascii_case(NAME),
            field => Field::from_name(name) == Some(field),
        };
        within(reject, field_len(headers, is_of_field));
    }
}

/// Whether one names half of the other's trace, and the same span: a hop on the way lost the upper half.
fn is_half_of(one: &RemoteContext, other: &RemoteContext) -> bool {
    let lost = one.trace_id.high() == 0 || other.trace_id.high() == 0;
    lost && one.trace_id.low() == other.trace_id.low() && one.parent_id.is_some() && one.parent_id == other.parent_id
}
