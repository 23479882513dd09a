//! Ready configurations.

use super::Preset;
use crate::format::Format;
use crate::formats::{self, BAGGAGE, BUILT_IN, TRACE_CONTEXT};

/// The formats whose words cross a hop that speaks only W3C, in its tracestate.
pub static BRIDGES: &[&dyn Format] = BUILT_IN;

/// W3C trace context and baggage: what OpenTelemetry speaks by default.
pub const W3C: Preset =
    Preset { extract: &[&TRACE_CONTEXT, &BAGGAGE], inject: &[&TRACE_CONTEXT, &BAGGAGE], bridges: BUILT_IN };

/// Reads every dialect, writes W3C trace context and baggage: the service in the middle of a mixed fleet.
pub const ALL_TO_W3C: Preset = Preset { extract: BUILT_IN, inject: &[&TRACE_CONTEXT, &BAGGAGE], bridges: BUILT_IN };

/// Datadog's default: its own headers first, then W3C, then baggage; writes all of them.
pub const DATADOG: Preset = Preset {
    extract: &[&formats::DATADOG, &TRACE_CONTEXT, &BAGGAGE],
    inject: &[&formats::DATADOG, &TRACE_CONTEXT, &BAGGAGE],
    bridges: BUILT_IN,
};
