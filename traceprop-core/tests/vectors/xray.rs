//! `xray.json`: AWS X-Ray's tracing header.

use traceprop_core::formats::xray::XRay;
use traceprop_core::{InjectOptions, OwnedContext, Propagator, RemoteContext};

use crate::case::{Case, Differences, Op, ToInject, Verdict};

pub(crate) fn check(case: &Case) -> Verdict {
    let propagator = Propagator::builder().with_format(XRay::new()).build().expect("one format");
    match case.op() {
        Op::Extract => extract(case, &propagator),
        Op::Inject => inject(case, &propagator),
    }
}

fn extract(case: &Case, propagator: &Propagator) -> Verdict {
    let headers = case.headers();
    let report = propagator.explain(&headers);
    let header = report.extraction().xray();
    let mut differences = Differences::default();
    case.compare_outcome(&report.entries().next().expect("one format").parsed.outcome(), &mut differences);
    if let Some(expected) = case.expect().pairs("extra") {
        differences.equal("extra", expected, header.iter().flat_map(|header| header.fields()).collect());
    }
    if let Some(expected) = case.expect().value("asked") {
        differences.equal("asked", expected.as_bool(), header.map(|header| header.asks_for_decision()));
    }
    differences.verdict()
}

fn inject(case: &Case, propagator: &Propagator) -> Verdict {
    let fields = case.context();
    let has_trace = fields.text("outcome") == Some("context");
    let context = ToInject::of(fields);
    let outgoing = InjectOptions::everything();
    let mut headers = case.carrier();
    let _ = match context.trace_id.filter(|_| has_trace) {
        Some(trace_id) => {
            let remote = RemoteContext { sampling: context.sampling, ..RemoteContext::new(trace_id, context.span_id) };
            let owned = OwnedContext::from_remote(remote);
            let owned = owned.with_xray_fields(fields.pairs("extra").unwrap_or_default());
            propagator.inject(&owned, &outgoing, &mut headers)
        }
        None => context.forward(propagator, &outgoing, &mut headers),
    };
    let mut differences = Differences::default();
    case.compare_headers(&headers, &mut differences);
    differences.verdict()
}
