//! `legacy-uuid.json`: correlation ids under the header name that each case configures.

use traceprop_core::{
    IdBits, InjectOptions, OwnedContext, Pairs, Propagator, RemoteContext, SpanContext, SpanId, format::Outcome,
    formats::correlation::Correlation,
};

use crate::case::{Case, Differences, Op, ToInject, Verdict};

pub(crate) fn check(case: &Case) -> Verdict {
    let header = case.fields().text("header").expect("header");
    let format = Correlation::new(header).expect("a header name");
    let propagator = Propagator::builder().with_format(format).build().expect("one format");
    match case.op() {
        Op::Extract => extract(case, &format, &propagator),
        Op::Inject => inject(case, &format, &propagator),
    }
}

fn extract(case: &Case, format: &Correlation, propagator: &Propagator) -> Verdict {
    let headers = case.headers();
    let report = propagator.explain(&headers);
    let outcome = report.entries().next().expect("one format").parsed.outcome();
    let mut differences = Differences::default();
    case.compare_outcome(&outcome, &mut differences);
    let extraction = report.extraction();
    let expected = case.expect().text("raw");
    // Text that is not an id is forwarded too, and no case is about it.
    let raw = extraction.correlation(format).filter(|_| matches!(outcome, Outcome::Context(_)));
    differences.equal("raw", expected, raw.as_ref().map(|id| id.as_str()));
    // Every call gets what was received.
    if let Some(expected) = expected {
        let mut sent = Pairs::new();
        let span = extraction.new_span(&|| IdBits::random(7));
        propagator.inject(&span, &InjectOptions::everything(), &mut sent);
        differences.equal("forwarded", Some(expected), sent.get(format.header_name()));
    }
    differences.verdict()
}

fn inject(case: &Case, format: &Correlation, propagator: &Propagator) -> Verdict {
    let fields = case.context();
    let _ = fields.text("outcome");
    let context = ToInject::of(fields);
    let trace_id = context.trace_id.expect("a trace id");
    let remote = RemoteContext { sampling: context.sampling, ..RemoteContext::new(trace_id, context.span_id) };
    // Neither a service without spans nor one with a span of its own changes a received id. Only a span makes one.
    let span = SpanContext::new(trace_id, context.span_id.unwrap_or(SpanId::MIN)).with_sampling(context.sampling);
    let mut differences = Differences::default();
    let passthrough = fields.text("raw").map(|_| OwnedContext::from_remote(remote));
    for owned in [OwnedContext::new(span)].into_iter().chain(passthrough) {
        let owned = match fields.text("raw") {
            Some(raw) => owned.with_correlation(format, raw).expect("an id that the format reads"),
            None => owned,
        };
        let mut headers = Pairs::new();
        let omitted = propagator.inject(&owned, &InjectOptions::everything(), &mut headers);
        differences.equal("everything was written", true, omitted.is_complete());
        case.compare_headers(&headers, &mut differences);
    }
    differences.verdict()
}
