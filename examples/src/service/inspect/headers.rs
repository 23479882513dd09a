//! Received and written headers.

use axum::http::HeaderMap;
use serde_json::{Map, Value, json};
use traceprop_core::{InjectOptions, Pairs, Propagator, RandomIds, report::ExtractReport};

use crate::lines;

pub(super) fn add(
    keys: &mut Map<String, Value>,
    headers: &HeaderMap,
    report: &ExtractReport<'_>,
    propagator: &Propagator,
) {
    keys.insert("headers".into(), json!(lines::all(headers)));

    let extraction = report.extraction();
    let mut pairs = Pairs::new();
    let omitted = propagator.inject(&extraction.new_span(&RandomIds), &InjectOptions::everything(), &mut pairs);
    keys.insert("inject".into(), lines_of(&pairs));
    let omitted = omitted.iter().map(|omission| {
        json!({ "field": omission.field.to_string(), "reason": omission.reason.as_str(), "count": omission.count })
    });
    keys.insert("omitted".into(), omitted.collect());

    let mut pairs = Pairs::new();
    propagator.inject(extraction.passthrough(), &InjectOptions::everything(), &mut pairs);
    keys.insert("relay".into(), lines_of(&pairs));
}

fn lines_of(pairs: &Pairs) -> Value {
    pairs.iter().map(|(name, value)| json!([name, value])).collect()
}
