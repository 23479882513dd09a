//! Datadog data of the context, from its headers or from the `dd` member of the tracestate.

use serde_json::{Map, Value, json};
use traceprop_core::formats::datadog::{PropagationError, TAG_PREFIX};
use traceprop_core::report::ExtractReport;

pub(super) fn add(keys: &mut Map<String, Value>, report: &ExtractReport<'_>) {
    let fields = report.extraction().datadog();
    keys.insert("priority".into(), fields.priority().into());
    keys.insert("origin".into(), fields.origin().map(|origin| origin.to_string()).into());
    let tags = fields.tags();
    let tags = tags.iter().map(|tag| (format!("{TAG_PREFIX}{}", tag.name), tag.value.to_string().into()));
    keys.insert("tags".into(), Value::Object(tags.collect()));
    keys.insert("propagation_error".into(), fields.propagation_error().map(|error| text_of(&error)).into());
    keys.insert("last_parent_id".into(), fields.last_span().map(|span| span.to_string()).into());
    let members = fields.vendor_tracestate().map(|member| json!([member.key, member.value]));
    keys.insert("vendor_tracestate".into(), members.collect());
}

/// Formats the error as Datadog's tracers do in their tag `_dd.propagation_error`.
fn text_of(error: &PropagationError<'_>) -> String {
    match error.tid() {
        Some(tid) => format!("{} {tid}", error.as_str()),
        None => error.as_str().to_owned(),
    }
}
