//! `cloudtrace.json`: Google's header.

use traceprop_core::formats::cloudtrace::CloudTrace;
use traceprop_core::{InjectOptions, Pairs, Propagator};

use crate::case::{Case, Differences, Op, ToInject, Verdict};

pub(crate) fn check(case: &Case) -> Verdict {
    let propagator = Propagator::builder().with_format(CloudTrace::new()).build().expect("one format");
    let mut differences = Differences::default();
    match case.op() {
        Op::Extract => {
            let headers = case.headers();
            let report = propagator.explain(&headers);
            case.compare_outcome(&report.entries().next().expect("one format").parsed.outcome(), &mut differences);
        }
        Op::Inject => {
            let fields = case.context();
            let has_trace = fields.text("outcome") == Some("context");
            let context = ToInject::of(fields);
            let outgoing = InjectOptions::everything();
            let mut headers = Pairs::new();
            let _ = match context.span().filter(|_| has_trace) {
                Some(span) => propagator.inject(&span, &outgoing, &mut headers),
                None => context.forward(&propagator, &outgoing, &mut headers),
            };
            case.compare_headers(&headers, &mut differences);
        }
    }
    differences.verdict()
}
