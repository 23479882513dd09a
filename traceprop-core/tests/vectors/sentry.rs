//! `sentry.json`: `sentry-trace`, and Sentry's members of baggage.

use traceprop_core::formats::sentry::Sentry;
use traceprop_core::{InjectOptions, OwnedContext, Propagator};

use crate::case::{Case, Differences, Op, ToInject, Verdict};

pub(crate) fn check(case: &Case) -> Verdict {
    let config = case.config();
    let mut format = Sentry::new();
    if let Some(org_id) = config.text("org_id") {
        format = format.org_id(org_id.to_owned().leak());
    }
    if config.value("strict_trace_continuation").is_some_and(|strict| strict == true) {
        format = format.strict_trace_continuation();
    }
    let propagator = Propagator::builder().with_format(format).build().expect("one format");
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
    if let Some(expected) = case.expect().pairs("dsc") {
        let members = report.extraction().sentry().expect("a context").sampling_context();
        let got: Vec<_> = members.iter().map(|member| (member.key(), member.value())).collect();
        let expected: Vec<_> = expected.into_iter().map(|(key, value)| (key, value.into())).collect();
        differences.equal("dsc", expected, got);
    }
    differences.verdict()
}

fn inject(case: &Case, propagator: &Propagator) -> Verdict {
    let fields = case.context();
    let has_trace = fields.text("outcome") == Some("context");
    let members = fields.pairs("dsc").unwrap_or_default();
    let context = ToInject::of(fields);
    let outgoing = InjectOptions::everything();
    let mut headers = case.carrier();
    let _ = match context.span().filter(|_| has_trace) {
        Some(span) => {
            let owned = OwnedContext::new(span).with_sentry_sampling_context(members);
            propagator.inject(&owned, &outgoing, &mut headers)
        }
        None => context.forward(propagator, &outgoing, &mut headers),
    };
    let mut differences = Differences::default();
    case.compare_headers(&headers, &mut differences);
    differences.verdict()
}
