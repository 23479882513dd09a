//! Ready configurations.

use crate::composite::Preset;
use crate::formats::tracecontext::TraceContext;

pub(crate) static TRACE_CONTEXT: TraceContext = TraceContext::new();

/// W3C trace context and baggage: what OpenTelemetry speaks by default.
pub const W3C: Preset = Preset { extract: &[&TRACE_CONTEXT], inject: &[&TRACE_CONTEXT], bridges: &[], baggage: true };
