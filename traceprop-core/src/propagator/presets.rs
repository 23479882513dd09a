//! Configurations for common deployments.
//!
//! # Examples
//!
//! ```
//! use traceprop_core::{Propagator, presets};
//!
//! let propagator: Propagator = presets::ALL_TO_W3C.into();
//! assert!(propagator.inject_names().eq(["tracecontext", "baggage"]));
//! ```

use super::Preset;
use crate::formats::{self, BAGGAGE, BUILT_IN, TRACE_CONTEXT};

/// Reads and writes W3C trace context and baggage, the default of OpenTelemetry.
pub const W3C: Preset = Preset { extract: &[&TRACE_CONTEXT, &BAGGAGE], inject: &[&TRACE_CONTEXT, &BAGGAGE] };

/// Reads all built-in formats and writes W3C trace context and baggage, for a service with callers of any vendor.
pub const ALL_TO_W3C: Preset = Preset { extract: BUILT_IN, inject: &[&TRACE_CONTEXT, &BAGGAGE] };

/// Reads and writes the `x-datadog-*` headers, W3C trace context and baggage, the default of Datadog tracers.
pub const DATADOG: Preset = Preset {
    extract: &[&formats::DATADOG, &TRACE_CONTEXT, &BAGGAGE],
    inject: &[&formats::DATADOG, &TRACE_CONTEXT, &BAGGAGE],
};
