//! Baggage of OpenTracing's headers.

use serde_json::{Map, Value, json};
use traceprop_core::report::ExtractReport;

pub(super) fn add(keys: &mut Map<String, Value>, report: &ExtractReport<'_>) {
    let baggage = report.extraction().ot_baggage();
    let item = |(key, value): (&str, &[u8])| json!([key.to_lowercase(), String::from_utf8_lossy(value)]);
    let pairs: Vec<_> = baggage.iter().map(item).collect();
    // `baggage` holds that of W3C, or of Jaeger.
    if !pairs.is_empty() && keys.get("baggage").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        keys.insert("baggage".into(), pairs.into());
    }
}
