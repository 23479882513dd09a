//! `instana.json`: Instana's ids, its level, and what comes with it.

use traceprop_core::formats::instana::Instana;
use traceprop_core::{InjectOptions, Pairs, Propagator};

use crate::case::{Case, Differences, Op, ToInject, Verdict};

pub(crate) fn check(case: &Case) -> Verdict {
    let propagator = Propagator::builder().with_format(Instana::new()).build().expect("one format");
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
    let (expect, view) = (case.expect(), report.extraction().instana());
    if let Some(expected) = expect.text_or_null("level") {
        differences.equal("level", expected, view.level().map(|is_on| if is_on { "1" } else { "0" }));
    }
    if let Some(expected) = expect.text_or_null("correlation_type") {
        differences.equal("correlation_type", expected, view.correlation().map(|correlation| correlation.kind));
    }
    if let Some(expected) = expect.text_or_null("correlation_id") {
        differences.equal("correlation_id", expected, view.correlation().map(|correlation| correlation.id));
    }
    if let Some(expected) = expect.value("synthetic") {
        differences.equal("synthetic", expected.as_bool(), Some(view.is_synthetic()));
    }
    differences.verdict()
}

fn inject(case: &Case, propagator: &Propagator) -> Verdict {
    let fields = case.context();
    let context = ToInject::of(fields);
    let has_trace = fields.text("outcome") == Some("context");
    let mut headers = Pairs::new();
    let _ = match context.span().filter(|_| has_trace) {
        Some(span) => propagator.inject(&span, &InjectOptions::everything(), &mut headers),
        None => context.forward(propagator, &InjectOptions::everything(), &mut headers),
    };
    let mut differences = Differences::default();
    case.compare_headers(&headers, &mut differences);
    differences.verdict()
}
