//! Values of traceprop as values of OpenTelemetry, and back.

mod context;
mod ids;
mod link;
mod tracestate;

pub use link::{BatchLinks, ToLink};

pub(crate) use context::{is_random, remote_flags, sampling_of, to_flags};
pub(crate) use tracestate::with_tracestate;

/// Converts a value of traceprop to the one of OpenTelemetry.
///
/// It is a trait because neither type belongs to this crate.
///
/// ```
/// use opentelemetry::trace as otel;
/// use traceprop_core::TraceId;
/// use traceprop_opentelemetry::ToOtel;
///
/// let id: TraceId = "4bf92f3577b34da6a3ce929d0e0e4736".parse()?;
/// assert_eq!(id.to_otel(), otel::TraceId::from_hex("4bf92f3577b34da6a3ce929d0e0e4736").unwrap());
/// # Ok::<(), traceprop_core::ParseIdError>(())
/// ```
pub trait ToOtel {
    /// The type of OpenTelemetry.
    type Otel;

    /// Returns the value as OpenTelemetry has it.
    fn to_otel(&self) -> Self::Otel;
}

/// Converts a value of OpenTelemetry to the one of traceprop.
///
/// ```
/// use opentelemetry::trace as otel;
/// use traceprop_opentelemetry::ToTraceprop;
///
/// assert_eq!(otel::TraceId::INVALID.to_traceprop(), None);
/// assert_eq!(otel::SpanId::from(1).to_traceprop(), Some(traceprop_core::SpanId::MIN));
/// ```
pub trait ToTraceprop {
    /// The type of traceprop.
    type Traceprop;

    /// Returns the value as traceprop has it, or `None` if an id is zero.
    fn to_traceprop(&self) -> Option<Self::Traceprop>;
}
