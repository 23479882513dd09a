//! The correlation ids as received.

use serde_json::{Map, Value, json};
use traceprop_core::{Propagator, formats::correlation::Correlation, report::ExtractReport};

pub(super) fn add(keys: &mut Map<String, Value>, report: &ExtractReport<'_>, propagator: &Propagator) {
    let headers = propagator.extract_names().filter_map(|name| name.strip_prefix("correlation:"));
    // Every header name of a propagator is valid.
    let formats = headers.filter_map(|header| Correlation::new(header).ok());
    let ids: Vec<_> = formats
        .filter_map(|format| {
            let id = report.extraction().correlation(&format)?;
            Some((format.header_name().to_owned(), id.as_str().to_owned()))
        })
        .collect();
    keys.insert("raw".into(), ids.first().map(|(_, id)| id.clone()).into());
    keys.insert("correlation_ids".into(), json!(ids));
}
