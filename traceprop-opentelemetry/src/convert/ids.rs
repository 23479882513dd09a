//! Trace ids, span ids and flags.

use opentelemetry::trace as otel;
use traceprop_core::formats::tracecontext::TraceFlags;
use traceprop_core::{SpanId, TraceId};

use super::{ToOtel, ToTraceprop};

impl ToOtel for TraceId {
    type Otel = otel::TraceId;

    fn to_otel(&self) -> otel::TraceId {
        otel::TraceId::from_bytes(self.to_bytes())
    }
}

impl ToOtel for SpanId {
    type Otel = otel::SpanId;

    fn to_otel(&self) -> otel::SpanId {
        otel::SpanId::from_bytes(self.to_bytes())
    }
}

impl ToTraceprop for otel::TraceId {
    type Traceprop = TraceId;

    fn to_traceprop(&self) -> Option<TraceId> {
        TraceId::from_bytes(self.to_bytes())
    }
}

impl ToTraceprop for otel::SpanId {
    type Traceprop = SpanId;

    fn to_traceprop(&self) -> Option<SpanId> {
        SpanId::from_bytes(self.to_bytes())
    }
}

/// Converts each bit. A caller's context is converted with more care, see
/// [`OtelContextExt`](crate::OtelContextExt::with_extraction).
impl ToOtel for TraceFlags {
    type Otel = otel::TraceFlags;

    fn to_otel(&self) -> otel::TraceFlags {
        otel::TraceFlags::new(self.to_byte())
    }
}

/// Converts each bit, and is never `None`.
impl ToTraceprop for otel::TraceFlags {
    type Traceprop = TraceFlags;

    fn to_traceprop(&self) -> Option<TraceFlags> {
        Some(TraceFlags::from_byte(self.to_u8()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_ids_and_flags_there_and_back() {
        let trace_id: TraceId = "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap();
        let span_id: SpanId = "00f067aa0ba902b7".parse().unwrap();
        assert_eq!(trace_id.to_otel().to_string(), trace_id.to_string());
        assert_eq!(span_id.to_otel().to_string(), span_id.to_string());
        assert_eq!(trace_id.to_otel().to_traceprop(), Some(trace_id));
        assert_eq!(span_id.to_otel().to_traceprop(), Some(span_id));
        for byte in 0..=3 {
            let flags = TraceFlags::from_byte(byte);
            assert_eq!(flags.to_otel().to_u8(), byte);
            assert_eq!(flags.to_otel().to_traceprop(), Some(flags));
        }
    }

    #[test]
    fn err_zero_ids_are_none() {
        assert_eq!(otel::TraceId::INVALID.to_traceprop(), None);
        assert_eq!(otel::SpanId::INVALID.to_traceprop(), None);
    }
}
