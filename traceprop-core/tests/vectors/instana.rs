//! `instana.json`: Instana's ids, its level, and what accompanies them.

use traceprop_core::formats::instana::Instana;
use traceprop_core::report::ExtractReport;

use crate::case::{Case, Differences, Verdict};
use crate::one_format;

pub(crate) fn check(case: &Case) -> Verdict {
    let compare = |report: &ExtractReport<'_>, differences: &mut Differences| {
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
    };
    one_format::check(case, Instana::new(), compare, one_format::span)
}
