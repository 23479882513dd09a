//! `GET /inspect`: the result of extracting the headers of a request.
//!
//! | key | value |
//! |---|---|
//! | `outcome` | `context`, `sampling-only`, `absent` or `invalid` |
//! | `trace_id`, `parent_id` | 32 and 16 hex digits, or null |
//! | `sampling` | `sampled`, `not-sampled`, `debug`, `deferred`, or null |
//! | `flags` | a number if `style` is `jaeger`, else the two hex digits of the equivalent traceparent, or null |
//! | `version` | version of a valid traceparent: two hex digits, or null |
//! | `tracestate` | `[[key, value], …]` |
//! | `baggage` | W3C: `[[key, decoded value, properties or null], …]`; without any, Jaeger's or OpenTracing's: `[[key, value], …]` |
//! | `style` | the source format, or its encoding, or null |
//! | `links` | the contexts that are not continued: `[{trace_id, span_id, reason, style}, …]` |
//! | `reason`, `rejects` | why the outcome is `invalid`; all invalid headers: `{field, reason, at}` |
//! | `formats` | the outcome of each format: `{style, outcome}` |
//! | `headers` | the request's headers: `[[name, value], …]` |
//! | `inject`, `omitted` | the headers that a span of this service writes with everything allowed, and what it omits |
//! | `relay` | the headers that a passthrough writes |
//! | `explain`, `explain_table` | the report as one line and as a table |
//!
//! Keys of single formats:
//!
//! | key | value |
//! |---|---|
//! | `priority`, `origin`, `tags` | Datadog: a number or null, text or null, `{name: value}` in the order of the header |
//! | `propagation_error`, `last_parent_id` | Datadog: text or null |
//! | `vendor_tracestate` | the members of the tracestate except `dd`: `[[key, value], …]` |
//! | `parent_span_id` | B3: 16 hex digits or null |
//! | `debug_id`, `jaeger_baggage` | Jaeger: text or null, `[[key, value], …]` |
//! | `sw8`, `sw8_x` | SkyWalking: the fields of the header, and `{tracing_mode, sent_at_ms}`; or null |
//! | `correlation` | the pairs of sw8-correlation: `[[key, value], …]` |
//! | `level`, `correlation_type`, `correlation_id`, `synthetic` | Instana: `0`, `1` or null, text or null, a bool |
//! | `extra`, `asked` | X-Ray: Lineage and fields of the application as `[[key, value], …]`, a bool |
//! | `dsc` | Sentry's members of baggage: `[[key without prefix, value], …]` |
//! | `newrelic` | New Relic: `{type, account, app, transaction, priority, trust_key, timestamp}` or null |
//! | `options` | grpc-trace-bin: a number or null |
//! | `raw`, `correlation_ids` | the first correlation id or null, and all: `[[header, id], …]` |
//!
//! Each module adds its keys. Each format with data of its own has a module.

mod b3;
mod context;
mod correlation;
mod datadog;
mod grpc_trace_bin;
mod headers;
mod instana;
mod jaeger;
mod newrelic;
mod ottrace;
mod rejects;
mod sentry;
mod sw8;
mod text;
mod xray;

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

/// Returns all keys for these headers.
pub fn inspection(propagator: &Propagator, headers: &HeaderMap) -> Value {
    let carrier = HeaderCarrier::new(headers);
    let report = propagator.explain(&carrier);
    let mut keys = Map::new();
    context::add(&mut keys, &report, propagator);
    text::add(&mut keys, &report);
    datadog::add(&mut keys, &report);
    b3::add(&mut keys, &report);
    jaeger::add(&mut keys, &report);
    instana::add(&mut keys, &report);
    xray::add(&mut keys, &report);
    sentry::add(&mut keys, &report);
    newrelic::add(&mut keys, &report);
    grpc_trace_bin::add(&mut keys, &report);
    ottrace::add(&mut keys, &report);
    sw8::add(&mut keys, &report);
    correlation::add(&mut keys, &report, propagator);
    rejects::add(&mut keys, &report);
    headers::add(&mut keys, headers, &report, propagator);
    keys.insert("explain".into(), report.to_string().into());
    keys.insert("explain_table".into(), report.table().to_string().into());
    Value::Object(keys)
}
