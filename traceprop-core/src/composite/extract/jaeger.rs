//! What a request said in Jaeger's words.

use super::Extraction;
use crate::context::Inbound;
use crate::field::FormatKind;
use crate::formats::jaeger::{JaegerBaggage, JaegerDebugId, UberTraceId};
use crate::sampling::Sampling;

impl<'c> Extraction<'c> {
    /// The `uber-trace-id` that named this trace, with all of its flags.
    pub fn uber_trace_id(&self) -> Option<UberTraceId> {
        let header = UberTraceId::read(&self.slots)?.ok();
        header.filter(|_| self.received.agrees.contains(FormatKind::Jaeger))
    }

    /// The baggage in Jaeger's words; empty where there is none, or none is watched for. It does not depend on a trace.
    pub fn jaeger_baggage(&self) -> JaegerBaggage<'c> {
        if !self.received.keeps_text {
            return JaegerBaggage::EMPTY;
        }
        JaegerBaggage::read(&self.slots)
    }

    /// The `jaeger-debug-id` that asked for this request to become a debug root. With a trace to continue it does not
    /// count.
    pub fn jaeger_debug_id(&self) -> Option<JaegerDebugId<'c>> {
        match self.inbound() {
            Inbound::Decision(Sampling::Debug) => JaegerDebugId::read(&self.slots)?.ok(),
            _ => None,
        }
    }
}
