//! `ottrace.json`: OpenTracing's headers and their baggage.

use traceprop_core::formats::ottrace::OtTrace;
use traceprop_core::report::ExtractReport;
use traceprop_core::{OwnedContext, RemoteContext};

use crate::case::{Case, Differences, ToInject, Verdict};
use crate::one_format;

pub(crate) fn check(case: &Case) -> Verdict {
    let compare = |report: &ExtractReport<'_>, differences: &mut Differences| {
        if let Some(expected) = case.expect().pairs("baggage") {
            let baggage = report.extraction().ot_baggage();
            let items: Vec<_> = baggage.iter().map(|(key, value)| (key.to_lowercase(), value)).collect();
            let got: Vec<_> =
                items.iter().map(|(key, value)| (key.as_str(), std::str::from_utf8(value).expect("ASCII"))).collect();
            differences.equal("baggage", expected, got);
        }
    };
    let baggage = case.context().pairs("baggage").unwrap_or_default();
    let own = |context: &ToInject| {
        let alone = || context.trace_id.map(|id| OwnedContext::from_remote(RemoteContext::new(id, None)));
        let owned = one_format::span(context).or_else(alone)?;
        Some(owned.with_ot_baggage(baggage).expect("legal items"))
    };
    one_format::check(case, OtTrace::new(), compare, own)
}
