//! Instana's level, and what comes with it.

use serde_json::{Map, Value};
use traceprop_core::report::ExtractReport;

pub(super) fn add(keys: &mut Map<String, Value>, report: &ExtractReport<'_>) {
    let view = report.extraction().instana();
    keys.insert("level".into(), view.level().map(|is_on| if is_on { "1" } else { "0" }).into());
    keys.insert("correlation_type".into(), view.correlation().map(|correlation| correlation.kind).into());
    keys.insert("correlation_id".into(), view.correlation().map(|correlation| correlation.id).into());
    keys.insert("synthetic".into(), view.is_synthetic().into());
}
