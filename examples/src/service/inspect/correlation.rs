//! The correlation ids as received.

use serde_json::{Map, Value, json};
use traceprop_core::{Propagator, format::Outcome, formats::correlation::Correlation, report::ExtractReport};

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
    // Other text than an id of a trace is only in the list.
    let names_trace = |header: &str| {
        let mut entries = report.entries();
        let entry = entries.find(|entry| entry.format.strip_prefix("correlation:") == Some(header));
        entry.is_some_and(|entry| matches!(entry.parsed.outcome(), Outcome::Context(_)))
    };
    let raw = ids.iter().find(|(header, _)| names_trace(header));
    keys.insert("raw".into(), raw.map(|(_, id)| id.clone()).into());
    keys.insert("correlation_ids".into(), json!(ids));
}
