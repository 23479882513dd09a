//! A request's context as OpenTelemetry's, and back.

mod baggage;
mod remote;

use std::sync::OnceLock;

use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{self as otel, TraceContextExt};
use traceprop_core::{Allow, Extraction, IdGenerator, OwnedContext, RandomIds, Sampling, TraceId, presets};

pub use remote::Remote;

use crate::convert::{self, ToOtel, ToTraceprop};

/// Connects an OpenTelemetry [`Context`] with the trace headers of a request.
///
/// The [propagator](crate::OtelPropagator) and `ServerLayer` use it. Use it for carriers that are not HTTP:
///
/// ```
/// use opentelemetry::Context;
/// use opentelemetry::trace::TraceContextExt;
/// use traceprop_core::{InjectOptions, Pairs, presets};
/// use traceprop_opentelemetry::OtelContextExt;
///
/// let propagator = presets::ALL_TO_W3C.propagator();
/// let message = [("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1")];
/// let cx = Context::new().with_extraction(&propagator.extract(&message));
/// assert!(cx.span().span_context().is_remote());
/// // ... a tracer starts spans in it, and calls are made:
///
/// let mut headers = Pairs::new();
/// let context = cx.to_owned_context().expect("there is a trace");
/// propagator.inject(&context, &InjectOptions::new(), &mut headers);
/// assert_eq!(headers.get("traceparent"), Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
/// ```
pub trait OtelContextExt {
    /// Returns a context in which spans continue the caller's trace, with all of its baggage.
    ///
    /// - A caller's span becomes the parent: `is_remote`, with its flags and its tracestate. An open decision counts as
    ///   sampled, and the random flag is only set for sampled spans; `IncomingSampler` (feature `sdk`) knows better.
    /// - A decision without a trace, as in `b3: 0`, becomes a remote parent without a span id, which starts a new trace.
    ///   `Sampler::ParentBased` of the SDK and `IncomingSampler` follow it; the SDK's `ParentBasedSampler` does not.
    /// - A trace id without a span is no parent. `IncomingIds` (feature `sdk`) gives it to the span of the request.
    /// - All headers are kept in a [`Remote`].
    ///
    /// If the request contains nothing of this, the context is unchanged, as OpenTelemetry demands.
    fn with_extraction(&self, extraction: &Extraction<'_>) -> Self
    where
        Self: Sized,
    {
        self.with_extraction_accepting(extraction, Allow::All)
    }

    /// Returns a context as [`with_extraction`](Self::with_extraction) does, with the baggage of these keys alone.
    fn with_extraction_accepting(&self, extraction: &Extraction<'_>, baggage: Allow<'_>) -> Self
    where
        Self: Sized;

    /// Returns the active span with the data of the request, for calls, or `None` if there is neither.
    ///
    /// If there is no span of this service, it is the received context, to be forwarded. Baggage is that of OpenTelemetry;
    /// members that the program did not change keep their bytes and their order.
    ///
    /// It is `None` where telemetry is suppressed.
    fn to_owned_context(&self) -> Option<OwnedContext>;

    /// Returns what was received with the request that the context belongs to.
    fn remote(&self) -> Option<&Remote>;
}

impl OtelContextExt for Context {
    fn with_extraction_accepting(&self, extraction: &Extraction<'_>, accept: Allow<'_>) -> Self {
        let state = extraction.tracestate().to_otel();
        let mut remote = Remote::new(extraction, &state, accept);
        let baggage = extraction.baggage();
        if remote.is_void() && baggage.is_empty() && (remote.received().is_empty() || self.remote().is_some()) {
            return self.clone();
        }
        let mut cx = match extraction.context() {
            Some(context) => match context.parent_id {
                Some(parent) => {
                    let (trace_id, flags) = (context.trace_id.to_otel(), convert::remote_flags(&context));
                    self.with_remote_span_context(otel::SpanContext::new(
                        trace_id,
                        parent.to_otel(),
                        flags,
                        true,
                        state,
                    ))
                }
                None => with_decision(self, context.sampling, Some(context.trace_id)),
            },
            None => with_decision(self, extraction.sampling(), None),
        };
        if !baggage.is_empty() {
            cx = baggage::with_received(&cx, &baggage, accept);
            remote.baggage_len = cx.baggage().len();
        }
        cx.with_value(remote)
    }

    fn to_owned_context(&self) -> Option<OwnedContext> {
        if self.is_telemetry_suppressed() {
            return None;
        }
        let remote = self.remote();
        let span = self.span();
        let context = match (remote, span.span_context().is_valid()) {
            (None, false) if self.baggage().is_empty() => return None,
            (None, false) => nothing(),
            (None, true) => span.span_context().to_traceprop()?,
            (Some(remote), false) => remote.received().clone(),
            (Some(remote), true) => with_span(remote.received(), span.span_context(), Some(remote))?,
        };
        let accepted = remote.map_or(0, |remote| remote.baggage_len);
        Some(baggage::with_baggage(context, self.baggage(), accepted))
    }

    fn remote(&self) -> Option<&Remote> {
        self.get()
    }
}

/// Returns `base`, a context of the same request, as that of the active span.
///
/// If the program has changed OpenTelemetry's baggage since the request was received, it is sent. Otherwise the baggage is
/// that of `base`.
pub(crate) fn active_on(base: &OwnedContext, cx: &Context) -> Option<OwnedContext> {
    let remote = cx.remote();
    let context = with_span(base, cx.span().span_context(), remote)?;
    Some(match remote {
        Some(remote) if baggage::is_unchanged(remote.received(), cx.baggage(), remote.baggage_len) => context,
        Some(remote) => baggage::with_baggage(context, cx.baggage(), remote.baggage_len),
        // What was received was not given to OpenTelemetry, so nothing is missing there.
        None => baggage::add(context, cx.baggage()),
    })
}

/// Returns the span with the data of `base`.
fn with_span(base: &OwnedContext, span: &otel::SpanContext, remote: Option<&Remote>) -> Option<OwnedContext> {
    let (trace_id, span_id) = (span.trace_id().to_traceprop()?, span.span_id().to_traceprop()?);
    if span.is_remote() && base.is_passthrough() && (base.trace_id(), base.span_id()) == (Some(trace_id), Some(span_id))
    {
        // This service has no span, so the request is forwarded as it was received.
        return Some(base.clone());
    }
    let mut context = base.with_ids(trace_id, span_id);
    if context.sampling().decision() != Some(span.is_sampled()) {
        context = context.with_sampling(convert::sampling_of(span.is_sampled()));
    }
    if convert::is_random(span) && !context.is_random() {
        context = context.with_random(true);
    }
    // A sampler may have changed it.
    let state = span.trace_state();
    let is_callers = match remote {
        Some(remote) => remote.has_tracestate(trace_id, state),
        // OpenTelemetry was not told of a received one.
        None if *state == otel::TraceState::NONE => true,
        None => context.tracestate().iter().map(|member| (member.key, member.value)).eq(state),
    };
    let is_absent = *state == otel::TraceState::NONE && context.tracestate().is_empty();
    if !is_callers && !is_absent {
        context = convert::with_tracestate(context, state);
    }
    Some(context.reported())
}

/// Returns the context of a request that held nothing, of which nothing is sent.
pub(crate) fn nothing() -> OwnedContext {
    static NOTHING: OnceLock<OwnedContext> = OnceLock::new();
    const NO_LINES: [(&str, &str); 0] = [];
    NOTHING.get_or_init(|| OwnedContext::from_passthrough(&presets::W3C.propagator().extract(&NO_LINES))).clone()
}

/// Returns a context whose parent has a decision and no span id. A span that is active already has a decision of its own,
/// and an open decision is left to the sampler of new traces.
///
/// opentelemetry_sdk 0.33.0 takes the trace id of such a parent for the new trace. Later releases make one themselves.
fn with_decision(cx: &Context, sampling: Sampling, trace_id: Option<TraceId>) -> Context {
    match sampling.decision() {
        Some(sampled) if !cx.span().span_context().is_valid() => cx.with_remote_span_context(otel::SpanContext::new(
            trace_id.unwrap_or_else(|| RandomIds.new_trace_id().0).to_otel(),
            otel::SpanId::INVALID,
            convert::to_flags(sampled, false),
            true,
            otel::TraceState::NONE,
        )),
        _ => cx.clone(),
    }
}
