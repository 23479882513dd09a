//! Sentry's dynamic sampling context.

use serde_json::{Map, Value, json};
use traceprop_core::report::ExtractReport;

pub(super) fn add(keys: &mut Map<String, Value>, report: &ExtractReport<'_>) {
    let context = report.extraction().sentry().map(|sentry| sentry.sampling_context());
    let members = context.iter().flat_map(|context| context.iter());
    keys.insert("dsc".into(), members.map(|member| json!([member.key(), member.value()])).collect());
}
