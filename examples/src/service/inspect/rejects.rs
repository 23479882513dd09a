//! The invalid headers of a request: field, reason and offset.

use serde_json::{Map, Value, json};
use traceprop_core::report::ExtractReport;

pub(super) fn add(keys: &mut Map<String, Value>, report: &ExtractReport<'_>) {
    let rejects = report
        .invalid_headers()
        .map(|(name, invalid)| json!({ "field": name, "reason": invalid.reason().as_str(), "at": invalid.offset() }));
    let rejects: Vec<_> = rejects.collect();
    let invalid = keys.get("outcome").is_some_and(|outcome| outcome == "invalid");
    let reason = rejects.first().filter(|_| invalid).map(|reject| reject["reason"].clone());
    keys.insert("reason".into(), reason.into());
    keys.insert("rejects".into(), rejects.into());
}
