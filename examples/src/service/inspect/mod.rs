//! `GET /inspect`: what was made of the headers of a request.
//!
//! | key | value |
//! |---|---|
//! | `outcome` | `context`, `sampling-only`, `absent` or `invalid` |
//! | `trace_id`, `parent_id` | 32 and 16 hex digits, or null |
//! | `sampling` | `sampled`, `not-sampled`, `debug`, `deferred`, or null |
//! | `flags` | a number where `style` is `jaeger`; else the two hex digits of a traceparent that would say this; or null |
//! | `version` | of a readable traceparent: two hex digits, or null |
//! | `tracestate` | `[[key, value], …]` |
//! | `baggage` | W3C: `[[key, decoded value, properties or null], …]`; where none came, Jaeger's: `[[key, value], …]` |
//! | `style` | the format that supplied the context, or the encoding of it that was read; or null |
//! | `links` | the contexts that are not continued: `[{trace_id, span_id, reason, style}, …]` |
//! | `reason`, `rejects` | why the outcome is `invalid`; all that was turned down: `{field, reason, at}` |
//! | `formats` | what each format found: `{style, outcome}` |
//! | `headers` | the request's headers: `[[name, value], …]` |
//! | `inject`, `omitted` | what a span of this service would write into a trusted call, and what not |
//! | `relay` | what a service without spans would pass on |
//! | `explain`, `explain_table` | the report as one line and as a table |
//!
//! What single formats know beside that:
//!
//! | key | value |
//! |---|---|
//! | `priority`, `origin`, `tags` | Datadog: a number or null, text or null, `{name: value}` in the order of the header |
//! | `propagation_error`, `last_parent_id` | Datadog: text or null |
//! | `vendor_tracestate` | the members of the tracestate but `dd`: `[[key, value], …]` |
//! | `parent_span_id` | B3: 16 hex digits or null |
//! | `debug_id`, `jaeger_baggage` | Jaeger: text or null, `[[key, value], …]` |
//! | `sw8`, `sw8_x` | SkyWalking: the fields of the header, and `{tracing_mode, sent_at_ms}`; or null |
//! | `correlation` | the pairs of sw8-correlation: `[[key, value], …]` |
//! | `raw`, `correlation_ids` | the first correlation id or null, and all: `[[header, id], …]` |
//!
//! Each module here adds the keys that it knows; so does each format with words of its own.

mod b3;
mod context;
mod correlation;
mod datadog;
mod headers;
mod jaeger;
mod rejects;
mod sw8;
mod text;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::{Map, Value};
use traceprop_core::Propagator;
use traceprop_http::HeaderCarrier;

use super::Service;

pub(super) async fn inspect(State(service): State<Service>, headers: HeaderMap) -> Json<Value> {
    Json(inspection(&service.propagator, &headers))
}

/// All keys for these headers.
pub fn inspection(propagator: &Propagator, headers: &HeaderMap) -> Value {
    let carrier = HeaderCarrier::new(headers);
    let report = propagator.explain(&carrier);
    let mut keys = Map::new();
    context::add(&mut keys, &report, propagator);
    text::add(&mut keys, &report);
    datadog::add(&mut keys, &report);
    b3::add(&mut keys, &report);
    jaeger::add(&mut keys, &report);
    sw8::add(&mut keys, &report);
    correlation::add(&mut keys, &report, propagator);
    rejects::add(&mut keys, &report);
    headers::add(&mut keys, headers, &report, propagator);
    keys.insert("explain".into(), report.to_string().into());
    keys.insert("explain_table".into(), report.table().to_string().into());
    Value::Object(keys)
}
