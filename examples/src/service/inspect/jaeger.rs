//! Jaeger data in addition to the trace: baggage and the debug id.

use serde_json::{Map, Value, json};
use traceprop_core::report::ExtractReport;

pub(super) fn add(keys: &mut Map<String, Value>, report: &ExtractReport<'_>) {
    let extraction = report.extraction();
    let baggage = extraction.jaeger().baggage();
    let pairs: Vec<_> = baggage.iter().map(|item| json!([item.key(), item.value()])).collect();
    // `baggage` holds W3C members. Without any, it holds Jaeger's baggage.
    if extraction.baggage().is_empty() {
        keys.insert("baggage".into(), pairs.clone().into());
    }
    keys.insert("jaeger_baggage".into(), pairs.into());
    keys.insert("debug_id".into(), extraction.jaeger().debug_id().map(|id| id.value()).into());
}
