//! Ready configurations.

use crate::composite::Preset;
use crate::format::Format;
use crate::formats::b3::B3;
use crate::formats::datadog::Datadog;
use crate::formats::jaeger::Jaeger;
use crate::formats::sw8::Sw8;
use crate::formats::tracecontext::TraceContext;

pub(crate) static TRACE_CONTEXT: TraceContext = TraceContext::new();
pub(crate) static B3_SINGLE: B3 = B3::single();
pub(crate) static B3_MULTI: B3 = B3::multi();
pub(crate) static DATADOG: Datadog = Datadog::new();
pub(crate) static JAEGER: Jaeger = Jaeger::new();
pub(crate) static SW8_READER: Sw8 = Sw8::reader();

/// The formats whose words cross a hop that speaks only W3C, in its tracestate.
pub const BRIDGES: &[&dyn Format] = &[&B3_SINGLE, &DATADOG, &JAEGER, &SW8_READER];

/// W3C trace context and baggage: what OpenTelemetry speaks by default.
pub const W3C: Preset =
    Preset { extract: &[&TRACE_CONTEXT], inject: &[&TRACE_CONTEXT], bridges: BRIDGES, baggage: true };

/// Reads every dialect, writes W3C trace context and baggage: the service in the middle of a mixed fleet.
pub const MIXED: Preset = Preset {
    extract: &[&TRACE_CONTEXT, &B3_SINGLE, &DATADOG, &JAEGER, &SW8_READER],
    inject: &[&TRACE_CONTEXT],
    bridges: BRIDGES,
    baggage: true,
};

/// Datadog's default: its own headers first, then W3C, then baggage; writes all of them.
pub const DATADOG_DEFAULT: Preset = Preset {
    extract: &[&DATADOG, &TRACE_CONTEXT],
    inject: &[&DATADOG, &TRACE_CONTEXT],
    bridges: BRIDGES,
    baggage: true,
};
