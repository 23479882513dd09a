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

use core::fmt;

use super::{Propagator, PropagatorBuilder};
use crate::format::{Format, FormatRef};
use crate::formats::{self, BAGGAGE, BUILT_IN, TRACE_CONTEXT};

/// A configuration of built-in formats, as a constant.
///
/// # Examples
///
/// ```
/// use traceprop_core::{formats::b3::B3, presets, Trust};
///
/// static B3_MULTI: B3 = B3::multi();
///
/// let propagator = presets::W3C.builder().with_format(&B3_MULTI).trust(Trust::Resample).build()?;
/// assert!(propagator.inject_names().eq(["tracecontext", "baggage", "b3multi"]));
/// # Ok::<(), traceprop_core::ConfigError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Preset {
    pub(crate) extract: &'static [&'static dyn Format],
    pub(crate) inject: &'static [&'static dyn Format],
}

impl Preset {
    /// Returns a builder with the formats of this preset, to extend.
    pub fn builder(&self) -> PropagatorBuilder {
        let builder = PropagatorBuilder::new();
        let builder = self.extract.iter().fold(builder, |b, format| b.extract(FormatRef::from_static(*format)));
        let builder = self.inject.iter().fold(builder, |b, format| b.inject(FormatRef::from_static(*format)));
        builder.preserve_in_tracestate()
    }

    /// Returns the propagator with these formats.
    pub fn propagator(&self) -> Propagator {
        self.builder().assemble()
    }
}

impl From<Preset> for Propagator {
    fn from(preset: Preset) -> Self {
        preset.propagator()
    }
}

/// Layers and clients share a propagator, and take a preset as well.
#[cfg(feature = "alloc")]
impl From<Preset> for alloc::sync::Arc<Propagator> {
    fn from(preset: Preset) -> Self {
        Self::new(preset.propagator())
    }
}

impl fmt::Debug for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.builder().fmt(f)
    }
}

/// Reads and writes W3C trace context and baggage, the default of OpenTelemetry.
pub const W3C: Preset = Preset { extract: &[&TRACE_CONTEXT, &BAGGAGE], inject: &[&TRACE_CONTEXT, &BAGGAGE] };

/// Reads all built-in formats and writes W3C trace context and baggage, for a service with callers of any vendor.
pub const ALL_TO_W3C: Preset = Preset { extract: BUILT_IN, inject: &[&TRACE_CONTEXT, &BAGGAGE] };

/// Reads and writes the `x-datadog-*` headers, W3C trace context and baggage, the default of Datadog tracers.
pub const DATADOG: Preset = Preset {
    extract: &[&formats::DATADOG, &TRACE_CONTEXT, &BAGGAGE],
    inject: &[&formats::DATADOG, &TRACE_CONTEXT, &BAGGAGE],
};
