//! The payload of New Relic's header.

use serde_json::{Map, Value, json};
use traceprop_core::formats::newrelic::NewRelicPayload;
use traceprop_core::report::ExtractReport;

pub(super) fn add(keys: &mut Map<String, Value>, report: &ExtractReport<'_>) {
    let mut buffer = NewRelicPayload::BUFFER;
    let payload = report.extraction().newrelic(&mut buffer).map(|payload| {
        json!({
            "type": payload.kind,
            "account": payload.account,
            "app": payload.app,
            "transaction": payload.transaction,
            "priority": payload.priority(),
            "trust_key": payload.trust_key,
            "timestamp": payload.timestamp,
        })
    });
    keys.insert("newrelic".into(), payload.unwrap_or_default());
}
