//! What was turned down: a field, a reason, a place.

use serde_json::{Map, Value, json};
use traceprop_core::ExtractReport;

pub(super) fn add(keys: &mut Map<String, Value>, report: &ExtractReport<'_>) {
    let rejects = report.rejects().map(
        |reject| json!({ "field": reject.field().to_string(), "reason": reject.reason().as_str(), "at": reject.offset() }),
    );
    let rejects: Vec<_> = rejects.collect();
    let invalid = keys.get("outcome").is_some_and(|outcome| outcome == "invalid");
    let reason = rejects.first().filter(|_| invalid).map(|reject| reject["reason"].clone());
    keys.insert("reason".into(), reason.into());
    keys.insert("rejects".into(), rejects.into());
}
