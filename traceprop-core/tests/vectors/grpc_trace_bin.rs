//! `grpc-trace-bin.json`: the binary context of OpenCensus.

use traceprop_core::formats::grpc_trace_bin::GrpcTraceBin;
use traceprop_core::report::ExtractReport;

use crate::case::{Case, Differences, Verdict};
use crate::one_format;

pub(crate) fn check(case: &Case) -> Verdict {
    let compare = |report: &ExtractReport<'_>, differences: &mut Differences| {
        if let Some(expected) = case.expect().value("options") {
            let options = report.extraction().grpc_trace_context().and_then(|context| context.options);
            differences.equal("options", expected.as_u64(), options.map(u64::from));
        }
    };
    one_format::check(case, GrpcTraceBin::new(), compare, one_format::span)
}
