//! `xray.json`: AWS X-Ray's tracing header.

use traceprop_core::formats::xray::XRay;
use traceprop_core::report::ExtractReport;
use traceprop_core::{OwnedContext, RemoteContext};

use crate::case::{Case, Differences, ToInject, Verdict};
use crate::one_format;

pub(crate) fn check(case: &Case) -> Verdict {
    let compare = |report: &ExtractReport<'_>, differences: &mut Differences| {
        let header = report.extraction().xray();
        if let Some(expected) = case.expect().pairs("extra") {
            differences.equal("extra", expected, header.iter().flat_map(|header| header.fields()).collect());
        }
        if let Some(expected) = case.expect().value("asked") {
            differences.equal("asked", expected.as_bool(), header.map(|header| header.asks_for_decision()));
        }
    };
    let fields = case.context().pairs("extra").unwrap_or_default();
    let own = |context: &ToInject| {
        let remote = RemoteContext::new(context.trace_id?, context.span_id);
        let owned = OwnedContext::from_remote(RemoteContext { sampling: context.sampling, ..remote });
        Some(owned.with_xray_fields(fields))
    };
    one_format::check(case, XRay::new(), compare, own)
}
