//! The options of grpc-trace-bin.

use serde_json::{Map, Value};
use traceprop_core::report::ExtractReport;

pub(super) fn add(keys: &mut Map<String, Value>, report: &ExtractReport<'_>) {
    let context = report.extraction().grpc_trace_context();
    keys.insert("options".into(), context.and_then(|context| context.options).into());
}
