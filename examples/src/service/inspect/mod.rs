//! `GET /inspect`: what was made of the headers of a request.
//!
//! | key | value |
//! |---|---|
//! | `outcome` | `context`, `sampling-only`, `absent` or `invalid` |
//! | `trace_id`, `parent_id` | 32 and 16 hex digits, or null |
//! | `sampling` | `sampled`, `not-sampled`, `debug`, `deferred`, or null |
//! | `flags` | the flags of a traceparent that would say this: two hex digits, or null |
//! | `tracestate` | `[[key, value], …]` |
//! | `baggage` | `[[key, decoded value, properties or null], …]` |
//! | `style`, `links` | the format that supplied the context, and the contexts that are not continued |
//! | `reason`, `rejects` | why the outcome is `invalid`; all that was turned down: `{field, reason, at}` |
//! | `formats` | what each format found: `{style, outcome}` |
//! | `headers` | the request's headers: `[[name, value], …]` |
//! | `inject`, `omitted` | what a span of this service would write into a trusted call, and what not |
//! | `relay` | what a service without spans would pass on |
//! | `explain`, `explain_table` | the report as one line and as a table |
//!
//! Each module here adds the keys that it knows; so does each format with words of its own.

mod context;
mod headers;
mod rejects;
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
    rejects::add(&mut keys, &report);
    headers::add(&mut keys, headers, &report, propagator);
    keys.insert("explain".into(), report.to_string().into());
    keys.insert("explain_table".into(), report.table().to_string().into());
    Value::Object(keys)
}
