//! `grpc-trace-bin.json`: the binary context of OpenCensus.

use traceprop_core::formats::grpc_trace_bin::GrpcTraceBin;
use traceprop_core::{InjectOptions, Pairs, Propagator};

use crate::case::{Case, Differences, Op, ToInject, Verdict};

pub(crate) fn check(case: &Case) -> Verdict {
    let propagator = Propagator::builder().with_format(GrpcTraceBin::new()).build().expect("one format");
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
    if let Some(expected) = case.expect().value("options") {
        let options = report.extraction().grpc_trace_context().and_then(|context| context.options);
        differences.equal("options", expected.as_u64(), options.map(u64::from));
    }
    differences.verdict()
}

fn inject(case: &Case, propagator: &Propagator) -> Verdict {
    assert_eq!(case.context().text("outcome"), Some("context"));
    let context = ToInject::of(case.context());
    let mut headers = Pairs::new();
    let _ = match context.span() {
        Some(span) => propagator.inject(&span, &InjectOptions::everything(), &mut headers),
        None => context.forward(propagator, &InjectOptions::everything(), &mut headers),
    };
    let mut differences = Differences::default();
    case.compare_headers(&headers, &mut differences);
    differences.verdict()
}
