//! `ottrace.json`: OpenTracing's headers and their baggage.

use traceprop_core::formats::ottrace::OtTrace;
use traceprop_core::{InjectOptions, OwnedContext, Propagator, RemoteContext};

use crate::case::{Case, Differences, Op, ToInject, Verdict};

pub(crate) fn check(case: &Case) -> Verdict {
    let propagator = Propagator::builder().with_format(OtTrace::new()).build().expect("one format");
    match case.op() {
        Op::Extract => extract(case, &propagator),
        Op::Inject => inject(case, &propagator),
    }
}

fn extract(case: &Case, propagator: &Propagator) -> Verdict {
    let headers = case.headers();
    let report = propagator.explain(&headers);
    let mut differences = Differences::default();
    case.compare_outcome(&report.entries().next().expect("one format").parsed.outcome(), &mut differences);
    if let Some(expected) = case.expect().pairs("baggage") {
        let baggage = report.extraction().ot_baggage();
        let items: Vec<_> = baggage.iter().map(|(key, value)| (key.to_lowercase(), value)).collect();
        let got: Vec<_> =
            items.iter().map(|(key, value)| (key.as_str(), std::str::from_utf8(value).expect("ASCII"))).collect();
        differences.equal("baggage", expected, got);
    }
    differences.verdict()
}

fn inject(case: &Case, propagator: &Propagator) -> Verdict {
    let fields = case.context();
    let context = ToInject::of(fields);
    let baggage = fields.pairs("baggage").unwrap_or_default();
    let outgoing = InjectOptions::everything();
    let mut headers = case.carrier();
    let _ = match (fields.text("outcome"), context.trace_id) {
        (Some("context"), Some(trace_id)) => {
            let owned = match context.span() {
                Some(span) => OwnedContext::new(span),
                None => OwnedContext::from_remote(RemoteContext::new(trace_id, None)),
            };
            propagator.inject(&owned.with_ot_baggage(baggage).expect("legal items"), &outgoing, &mut headers)
        }
        _ => context.forward(propagator, &outgoing, &mut headers),
    };
    let mut differences = Differences::default();
    case.compare_headers(&headers, &mut differences);
    differences.verdict()
}
