//! What Jaeger's headers say beside the trace: its baggage, and the id of a request that is to be debugged.

use serde_json::{Map, Value, json};
use traceprop_core::ExtractReport;

pub(super) fn add(keys: &mut Map<String, Value>, report: &ExtractReport<'_>) {
    let extraction = report.extraction();
    let baggage = extraction.jaeger().baggage();
    let pairs: Vec<_> = baggage.iter().map(|item| json!([item.key(), item.value()])).collect();
    // In `baggage` the members of the W3C's header come first; where there are none it holds what Jaeger's sender sent.
    if extraction.baggage().is_empty() {
        keys.insert("baggage".into(), pairs.clone().into());
    }
    keys.insert("jaeger_baggage".into(), pairs.into());
    keys.insert("debug_id".into(), extraction.jaeger().debug_id().map(|id| id.value()).into());
}
