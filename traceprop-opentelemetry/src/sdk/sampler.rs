use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SamplingDecision, SamplingResult, ShouldSample};
use traceprop_core::{Sampling, Trust};

use crate::context::OtelContextExt;

/// A sampler that follows received decisions as their format means them, and asks another sampler for all others.
///
/// | received | decision |
/// |---|---|
/// | sampled or not, with a trace or without (`b3: 0`) | the caller's |
/// | debug (`b3: d`, `X-B3-Flags: 1`, Datadog priority 2) | sampled |
/// | none: an open decision, or a new trace | that of the inner sampler |
///
/// Spans inside of a local span have its decision. So the inner sampler need not be parent-based.
///
/// What a caller can choose: its own decision, debug included, unless the propagator trusts it less than
/// [`Trust::Continue`]. Under [`Trust::Resample`] the inner sampler decides by a random trace id, because the caller chose
/// its own. The randomness of that id is written as `rv` of the tracestate, so that later services decide by it as well.
///
/// ```
/// use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
/// use traceprop_opentelemetry::IncomingSampler;
///
/// let provider =
///     SdkTracerProvider::builder().with_sampler(IncomingSampler::new(Sampler::TraceIdRatioBased(0.1))).build();
/// # let _ = provider;
/// ```
#[derive(Clone, Debug)]
pub struct IncomingSampler<S> {
    inner: S,
}

impl<S> IncomingSampler<S> {
    /// Creates a sampler that asks `inner` for new traces and open decisions.
    pub const fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S: ShouldSample + Clone + 'static> ShouldSample for IncomingSampler<S> {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        match parent.map_or(Sampling::Deferred, received_decision).decision() {
            Some(sampled) => SamplingResult {
                decision: if sampled { SamplingDecision::RecordAndSample } else { SamplingDecision::Drop },
                attributes: Vec::new(),
                trace_state: tracestate(parent),
            },
            None => {
                let drawn = is_resampled(parent).then(|| RandomIdGenerator::default().new_trace_id());
                let trace_id = drawn.unwrap_or(trace_id);
                // Without the caller's span, so that a parent-based sampler asks the one of new traces.
                let visible = parent.filter(|cx| !cx.has_active_span());
                let mut result = self.inner.should_sample(visible, trace_id, name, kind, attributes, links);
                let ot = result.trace_state.get("ot").unwrap_or_default().to_owned();
                if result.trace_state == TraceState::NONE {
                    result.trace_state = tracestate(parent);
                }
                if let Some(drawn) = drawn {
                    result.trace_state = with_randomness(result.trace_state, &ot, drawn);
                }
                result
            }
        }
    }
}

/// Returns the decision of the parent, or of a request without a trace.
fn received_decision(cx: &Context) -> Sampling {
    let span = cx.span();
    let span = span.span_context();
    let remote = cx.remote();
    if span.is_valid() {
        let context = remote.filter(|_| span.is_remote()).and_then(|remote| remote.context());
        let is_callers = |id: traceprop_core::TraceId| id.to_bytes() == span.trace_id().to_bytes();
        return match context.filter(|context| is_callers(context.trace_id)) {
            Some(context) => context.sampling,
            None => crate::convert::sampling_of(span.is_sampled()),
        };
    }
    remote.map_or(Sampling::Deferred, |remote| remote.sampling())
}

fn tracestate(parent: Option<&Context>) -> TraceState {
    parent.map_or(TraceState::NONE, |cx| cx.span().span_context().trace_state().clone())
}

/// Returns whether the caller chose the trace id and is not trusted with the decision.
fn is_resampled(parent: Option<&Context>) -> bool {
    let remote = parent.and_then(|cx| cx.remote());
    remote.is_some_and(|remote| remote.context().is_some() && remote.received().trust() == Trust::Resample)
}

/// Adds the randomness by which the trace was sampled to `ot`, the member of the inner sampler, unless it wrote its own. The
/// caller's member is replaced.
fn with_randomness(state: TraceState, ot: &str, drawn: TraceId) -> TraceState {
    if ot.split(';').any(|item| item.starts_with("rv:")) {
        return state;
    }
    let separator = if ot.is_empty() { "" } else { ";" };
    let randomness = u128::from_be_bytes(drawn.to_bytes()) & ((1 << 56) - 1);
    // An error would be a value that is too long: the decision counts all the same.
    state.insert("ot", format!("{ot}{separator}rv:{randomness:014x}")).unwrap_or(state)
}
