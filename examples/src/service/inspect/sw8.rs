//! SkyWalking headers, with their text as received.

use serde_json::{Map, Value, json};
use traceprop_core::formats::sw8::{Sw8Extension, Sw8Header};
use traceprop_core::report::ExtractReport;

pub(super) fn add(keys: &mut Map<String, Value>, report: &ExtractReport<'_>) {
    let received = report.extraction().sw8();
    keys.insert("sw8".into(), received.map(|received| header(&received.header)).into());
    let pairs = received.iter().flat_map(|received| received.correlation.iter());
    keys.insert("correlation".into(), pairs.map(|(key, value)| json!([key.to_string(), value.to_string()])).collect());
    keys.insert("sw8_x".into(), received.and_then(|received| received.extension).map(extension).into());
}

fn header(header: &Sw8Header<'_>) -> Value {
    json!({
        "sample": if header.is_sampled() { "1" } else { "0" },
        "trace_id": header.trace_id().to_string(),
        "segment_id": header.segment_id().to_string(),
        "span_id": header.span_number(),
        "service": header.service().to_string(),
        "instance": header.instance().to_string(),
        "endpoint": header.endpoint().to_string(),
        "peer": header.peer().to_string(),
    })
}

fn extension(extension: Sw8Extension) -> Value {
    json!({
        "tracing_mode": if extension.skip_analysis { "1" } else { "0" },
        "sent_at_ms": extension.sent_at_ms,
    })
}
