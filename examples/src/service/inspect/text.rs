//! Tracestate and baggage.

use serde_json::{Map, Value, json};
use traceprop_core::report::ExtractReport;

pub(super) fn add(keys: &mut Map<String, Value>, report: &ExtractReport<'_>) {
    let tracestate = report.extraction().tracestate();
    let members = tracestate.iter().map(|member| json!([member.key, member.value]));
    keys.insert("tracestate".into(), members.collect());
    let baggage = report.extraction().baggage();
    let members = baggage.iter().map(|member| {
        let properties = Some(member.properties()).filter(|properties| !properties.is_empty());
        json!([member.key(), member.value(), properties.map(|properties| properties.to_string())])
    });
    keys.insert("baggage".into(), members.collect());
}
