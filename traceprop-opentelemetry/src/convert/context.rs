//! Contexts of spans.

use opentelemetry::trace as otel;
use traceprop_core::{OwnedContext, RemoteContext, Sampling, SpanContext};

use super::tracestate::with_tracestate;
use super::{ToOtel, ToTraceprop};

const RANDOM: u8 = 0x02;

/// Returns the flags of a span context.
pub(crate) fn to_flags(sampled: bool, random: bool) -> otel::TraceFlags {
    otel::TraceFlags::new(u8::from(sampled) | if random { RANDOM } else { 0 })
}

/// Returns the flags of a caller's span.
///
/// An open decision counts as sampled, as in `Extraction::new_span`: OpenTelemetry has no flag for it, and would drop the
/// trace. And the random flag is only given to a sampled span, because other libraries read `02` alone as an open decision.
pub(crate) fn remote_flags(remote: &RemoteContext) -> otel::TraceFlags {
    let sampled = remote.sampling.decision().unwrap_or(true);
    to_flags(sampled, sampled && remote.random)
}

pub(crate) const fn sampling_of(sampled: bool) -> Sampling {
    if sampled { Sampling::Sampled } else { Sampling::NotSampled }
}

/// Returns the caller's span, or `None` if there is a trace id alone.
impl ToOtel for RemoteContext {
    type Otel = Option<otel::SpanContext>;

    fn to_otel(&self) -> Option<otel::SpanContext> {
        let parent = self.parent_id?.to_otel();
        let flags = remote_flags(self);
        Some(otel::SpanContext::new(self.trace_id.to_otel(), parent, flags, true, otel::TraceState::NONE))
    }
}

/// Returns the span of the context, or `None` if there is none. It is remote if the context is a passthrough.
impl ToOtel for OwnedContext {
    type Otel = Option<otel::SpanContext>;

    fn to_otel(&self) -> Option<otel::SpanContext> {
        let (trace_id, span_id) = (self.trace_id()?.to_otel(), self.span_id()?.to_otel());
        let sampled = self.sampling().decision().unwrap_or(true);
        let flags = to_flags(sampled, sampled && self.is_random());
        Some(otel::SpanContext::new(trace_id, span_id, flags, self.is_passthrough(), self.tracestate().to_otel()))
    }
}

/// Returns a passthrough for a remote span, and otherwise a span that is [reported](OwnedContext::reported).
impl ToTraceprop for otel::SpanContext {
    type Traceprop = OwnedContext;

    fn to_traceprop(&self) -> Option<OwnedContext> {
        let remote = to_remote(self)?;
        let context = match (self.is_remote(), remote.parent_id) {
            (false, Some(span_id)) => {
                let span = SpanContext::new(remote.trace_id, span_id).with_sampling(remote.sampling);
                let span = if remote.random { span.with_random(true) } else { span };
                OwnedContext::new(span).reported()
            }
            _ => OwnedContext::from_remote(remote),
        };
        Some(match *self.trace_state() == otel::TraceState::NONE {
            true => context,
            false => with_tracestate(context, self.trace_state()),
        })
    }
}

/// Returns the ids and flags of a span.
pub(super) fn to_remote(span: &otel::SpanContext) -> Option<RemoteContext> {
    Some(RemoteContext {
        parent_id: Some(span.span_id().to_traceprop()?),
        sampling: sampling_of(span.is_sampled()),
        random: is_random(span),
        ..RemoteContext::new(span.trace_id().to_traceprop()?, None)
    })
}

pub(crate) fn is_random(span: &otel::SpanContext) -> bool {
    span.trace_flags().to_u8() & RANDOM != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use traceprop_core::{SpanId, TraceId};

    fn remote(sampling: Sampling, random: bool) -> RemoteContext {
        RemoteContext { sampling, random, ..RemoteContext::new(TraceId::MIN, Some(SpanId::MIN)) }
    }

    #[test]
    fn ok_flags_of_a_caller_are_never_random_alone() {
        let flags = |sampling, random| remote_flags(&remote(sampling, random)).to_u8();
        assert_eq!([flags(Sampling::Sampled, true), flags(Sampling::Sampled, false)], [3, 1]);
        assert_eq!([flags(Sampling::NotSampled, true), flags(Sampling::NotSampled, false)], [0, 0]);
        assert_eq!([flags(Sampling::Deferred, true), flags(Sampling::Debug, false)], [3, 1]);
    }

    #[test]
    fn ok_a_span_context_there_and_back() {
        for is_remote in [false, true] {
            let state = otel::TraceState::from_key_value([("rojo", "1")]).unwrap();
            let span = otel::SpanContext::new(
                otel::TraceId::from(7),
                otel::SpanId::from(8),
                otel::TraceFlags::new(3),
                is_remote,
                state,
            );
            let context = span.to_traceprop().unwrap();
            assert_eq!((context.is_passthrough(), context.is_reported()), (is_remote, !is_remote));
            assert_eq!(context.to_otel(), Some(span));
        }
    }

    #[test]
    fn err_no_span() {
        assert!(otel::SpanContext::empty_context().to_traceprop().is_none());
        assert!(RemoteContext::new(TraceId::MIN, None).to_otel().is_none());
        assert!(OwnedContext::from_remote(RemoteContext::new(TraceId::MIN, None)).to_otel().is_none());
    }
}
