//! Fields of X-Amzn-Trace-Id in addition to the trace.

use serde_json::{Map, Value, json};
use traceprop_core::report::ExtractReport;

pub(super) fn add(keys: &mut Map<String, Value>, report: &ExtractReport<'_>) {
    let header = report.extraction().xray();
    let fields = header.iter().flat_map(|header| header.fields());
    keys.insert("extra".into(), fields.map(|(key, value)| json!([key, value])).collect());
    keys.insert("asked".into(), header.is_some_and(|header| header.asks_for_decision()).into());
}
