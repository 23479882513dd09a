//! `sentry.json`: `sentry-trace`, and Sentry's members of baggage.

use traceprop_core::formats::sentry::Sentry;
use traceprop_core::report::ExtractReport;

use crate::case::{Case, Differences, ToInject, Verdict};
use crate::one_format;

pub(crate) fn check(case: &Case) -> Verdict {
    let config = case.config();
    let mut format = Sentry::new();
    if let Some(org_id) = config.text("org_id") {
        format = format.org_id(org_id.to_owned().leak());
    }
    if config.value("strict_trace_continuation").is_some_and(|strict| strict == true) {
        format = format.strict_trace_continuation();
    }
    let compare = |report: &ExtractReport<'_>, differences: &mut Differences| {
        if let Some(expected) = case.expect().pairs("dsc") {
            let members = report.extraction().sentry().expect("a context").sampling_context();
            let got: Vec<_> = members.iter().map(|member| (member.key(), member.value())).collect();
            let expected: Vec<_> = expected.into_iter().map(|(key, value)| (key, value.into())).collect();
            differences.equal("dsc", expected, got);
        }
    };
    let members = case.context().pairs("dsc").unwrap_or_default();
    let own = |context: &ToInject| Some(one_format::span(context)?.with_sentry_sampling_context(members));
    one_format::check(case, format, compare, own)
}
