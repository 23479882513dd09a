//! Samplers, which decide whether a trace is recorded.
//!
//! Samplers here are deterministic functions of the request: they keep no state and read no clock. Only `RateLimited`
//! has both.
//! [`Extraction::new_span_with`](crate::Extraction::new_span_with) asks one. Without one,
//! [`new_span`](crate::Extraction::new_span) follows the caller and samples undecided traces.
//!
//! ```
//! use traceprop_core::sampler::{ParentBased, TraceIdRatioBased};
//! use traceprop_core::{presets, IdBits, Sampling};
//!
//! // Samples a tenth of the new traces, and follows the decision of a caller.
//! const SAMPLER: ParentBased<TraceIdRatioBased> = ParentBased::new(TraceIdRatioBased::new(0.1).unwrap());
//!
//! let propagator = presets::W3C.propagator();
//! let nothing: [(&str, &str); 0] = [];
//! let span = propagator.extract(&nothing).new_span_with(&|| IdBits::random(7), &SAMPLER);
//! assert_eq!(span.sampling(), Sampling::NotSampled);
//!
//! let request = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
//! let span = propagator.extract(&request).new_span_with(&|| IdBits::random(7), &SAMPLER);
//! assert_eq!(span.sampling(), Sampling::Sampled);
//! ```

mod consistent;
#[cfg(feature = "std")]
mod env;
mod parent;
#[cfg(all(feature = "std", not(all(target_family = "wasm", target_os = "unknown"))))]
mod rate_limited;
mod ratio;
mod session;

pub use consistent::Probability;
#[cfg(feature = "std")]
pub use env::{BoxSampler, from_env};
pub use parent::{FollowParent, ParentBased};
// A browser has no clock here.
#[cfg(all(feature = "std", not(all(target_family = "wasm", target_os = "unknown"))))]
pub use rate_limited::RateLimited;
pub use ratio::TraceIdRatioBased;
pub use session::SessionRatioBased;

pub use crate::tracestate::otel::{OtelMember, OtelTraceState, Threshold};

use crate::baggage::{Baggage, BaggageLimits};
use crate::carrier::HeaderLines;
use crate::context::{RemoteContext, SpanContext};
use crate::id::{Sampling, TraceId};
use crate::tracestate::TraceState;
use crate::tracestate::otel::{OtelEdit, mix, randomness_of};
use crate::wire::debug_as;

/// Decides whether a trace is recorded. Closures that return a [`Sampling`] are samplers too.
///
/// ```
/// use traceprop_core::sampler::SamplingParameters;
/// use traceprop_core::{presets, IdBits, Sampling};
///
/// let propagator = presets::W3C.propagator();
/// let nothing: [(&str, &str); 0] = [];
/// let health_check = |_: &SamplingParameters<'_>| Sampling::NotSampled;
/// let span = propagator.extract(&nothing).new_span_with(&|| IdBits::random(7), &health_check);
/// assert!(!span.sampling().is_sampled());
/// ```
pub trait Sampler: Send + Sync {
    /// Returns the decision for a span that is about to start.
    fn should_sample(&self, input: &SamplingParameters<'_>) -> SamplingResult;
}

impl<F: Fn(&SamplingParameters<'_>) -> Sampling + Send + Sync> Sampler for F {
    fn should_sample(&self, input: &SamplingParameters<'_>) -> SamplingResult {
        SamplingResult::new(self(input))
    }
}

/// Decides the same for every trace.
///
/// ```
/// use traceprop_core::sampler::{Sampler, SamplingParameters};
/// use traceprop_core::{Sampling, TraceId};
///
/// let result = Sampling::NotSampled.should_sample(&SamplingParameters::new(TraceId::MIN, true));
/// assert_eq!(result.sampling(), Sampling::NotSampled);
/// ```
impl Sampler for Sampling {
    fn should_sample(&self, _: &SamplingParameters<'_>) -> SamplingResult {
        SamplingResult::new(*self)
    }
}

/// The input of a [`Sampler`].
///
/// ```
/// use traceprop_core::sampler::{AlwaysOn, ParentBased, Sampler, SamplingParameters};
/// use traceprop_core::{RemoteContext, Sampling, TraceId};
///
/// let parent = RemoteContext { sampling: Sampling::NotSampled, ..RemoteContext::new(TraceId::MIN, None) };
/// let parameters = SamplingParameters::new(TraceId::MIN, true).with_parent(parent);
/// assert_eq!(ParentBased::new(AlwaysOn).should_sample(&parameters).sampling(), Sampling::NotSampled);
/// ```
#[derive(Clone, Copy)]
pub struct SamplingParameters<'c> {
    parent: Option<RemoteContext>,
    sampling: Sampling,
    trace_id: TraceId,
    random: bool,
    tracestate: TraceState<'c>,
    /// What earlier decisions of this service change in the tracestate.
    otel: OtelEdit,
    session_id: Option<&'c str>,
    /// Searched for a session id only if a sampler asks for it.
    baggage: (HeaderLines<'c>, BaggageLimits),
}

impl<'c> SamplingParameters<'c> {
    /// The baggage key of a session id, as RUM agents send it.
    pub const SESSION_ID: &'static str = "session.id";

    /// Creates the parameters of a new trace that no caller has decided.
    ///
    /// `random` says whether the low 56 bits of the trace id are random, as reported by the generator of the id.
    pub const fn new(trace_id: TraceId, random: bool) -> Self {
        Self {
            parent: None,
            sampling: Sampling::Deferred,
            trace_id,
            random,
            tracestate: TraceState::EMPTY,
            otel: OtelEdit::NONE,
            session_id: None,
            baggage: (HeaderLines::none(), BaggageLimits::W3C),
        }
    }

    /// Sets the caller's context, whose decision then is [`sampling`](Self::sampling).
    pub const fn with_parent(self, parent: RemoteContext) -> Self {
        Self { parent: Some(parent), sampling: parent.sampling, ..self }
    }

    /// Sets the received decision. Use it for a decision that was received without a trace.
    pub const fn with_sampling(self, sampling: Sampling) -> Self {
        Self { sampling, ..self }
    }

    /// Sets the tracestate of the trace.
    pub const fn with_tracestate(self, state: TraceState<'c>) -> Self {
        Self { tracestate: state, ..self }
    }

    /// Sets a session id from another source than the baggage, for example from a cookie.
    pub const fn with_session_id(self, id: &'c str) -> Self {
        Self { session_id: Some(id), ..self }
    }

    /// Sets the randomness of the trace: the low 56 bits of `bits`, which should be uniformly random.
    ///
    /// Ratio samplers decide by it instead of by the trace id or a received `rv`, and write it as `rv`. Use it for a trace
    /// whose id a stranger chose. Spans of [`Trust::Resample`](crate::Trust::Resample) have it already.
    ///
    /// ```
    /// use traceprop_core::sampler::{Probability, Sampler, SamplingParameters};
    /// use traceprop_core::{TraceId, TraceState};
    ///
    /// let parameters = SamplingParameters::new(TraceId::MIN, true).with_randomness(0xc0_0000_0000_0000);
    /// let result = Probability::new(0.25).ok_or("a ratio")?.should_sample(&parameters);
    /// let member = result.otel_member(TraceId::MIN, &TraceState::EMPTY).ok_or("a new member")?;
    /// assert_eq!(member.as_str(), "th:c;rv:c0000000000000");
    /// # Ok::<(), &'static str>(())
    /// ```
    pub const fn with_randomness(self, bits: u64) -> Self {
        Self { otel: self.otel.with_randomness(bits), ..self }
    }

    #[cfg(feature = "alloc")]
    pub(crate) const fn with_otel(self, otel: OtelEdit) -> Self {
        Self { otel, ..self }
    }

    pub(crate) const fn with_baggage(self, lines: HeaderLines<'c>, limits: BaggageLimits) -> Self {
        Self { baggage: (lines, limits), ..self }
    }

    /// Returns the caller's context, or `None` for a new trace.
    pub const fn parent(&self) -> Option<RemoteContext> {
        self.parent
    }

    /// Returns the received decision. A new trace can have one too, as with `b3: 0`.
    pub const fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// Returns `true` for a new trace.
    pub const fn is_root(&self) -> bool {
        self.parent.is_none()
    }

    /// Returns the trace id of the span: the caller's, or the new one.
    pub const fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// Returns `true` if the low 56 bits of the trace id are known to be random.
    pub const fn is_random(&self) -> bool {
        self.random
    }

    /// Returns the 56 bits by which the trace is sampled: the explicit randomness, or else the low bits of the trace id.
    ///
    /// Explicit are those of [`with_randomness`](Self::with_randomness), or else `rv` of the tracestate. A sampler that keeps
    /// a trace if they are below or above a bound decides as [`Probability`] does.
    ///
    /// ```
    /// use traceprop_core::{TraceId, sampler::SamplingParameters};
    ///
    /// assert_eq!(SamplingParameters::new(TraceId::MIN, true).randomness(), 1);
    /// ```
    pub fn randomness(&self) -> u64 {
        self.explicit_randomness().unwrap_or(randomness_of(self.trace_id))
    }

    fn explicit_randomness(&self) -> Option<u64> {
        self.otel.randomness_after(self.trace_id, OtelTraceState::from_tracestate(&self.tracestate))
    }

    /// Returns the tracestate of the trace.
    pub const fn tracestate(&self) -> TraceState<'c> {
        self.tracestate
    }

    /// Returns the session id that was set, or else `session.id` of the W3C baggage in its encoded form.
    pub fn session_id(&self) -> Option<&'c str> {
        if self.session_id.is_some() {
            return self.session_id;
        }
        let (lines, limits) = self.baggage;
        // Most requests have no baggage.
        lines.first()?;
        let id = Baggage::from_lines(lines, limits).ok()?.get(Self::SESSION_ID)?.raw_value();
        Some(id).filter(|id| !id.is_empty())
    }
}

// A session id is personal data and must not be logged.
debug_as!(
    SamplingParameters<'_>, |it|
    parent: it.parent, sampling: it.sampling, trace_id: it.trace_id, random: it.random
);

/// The decision of a [`Sampler`], and its changes to OpenTelemetry's tracestate member.
///
/// ```
/// use traceprop_core::Sampling;
/// use traceprop_core::sampler::{SamplingResult, Threshold};
///
/// let result = SamplingResult::new(Sampling::Sampled).with_threshold(Threshold::ALWAYS_SAMPLE);
/// assert_eq!(result.threshold(), Some(Threshold::ALWAYS_SAMPLE));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SamplingResult {
    sampling: Sampling,
    otel: OtelEdit,
}

impl SamplingResult {
    /// Creates a result. A received threshold is kept if the received decision is unchanged, and removed otherwise.
    pub const fn new(sampling: Sampling) -> Self {
        Self { sampling, otel: OtelEdit::NONE }
    }

    /// Sets the threshold by which the decision was made. It is written as `th`.
    pub const fn with_threshold(self, threshold: Threshold) -> Self {
        Self { otel: self.otel.with_threshold(Some(threshold)), ..self }
    }

    /// Removes `th`, because the sampling probability is not known.
    pub const fn without_threshold(self) -> Self {
        Self { otel: self.otel.with_threshold(None), ..self }
    }

    /// Writes a randomness (`rv`) for a new trace whose id is not random: a mix of the bits of the id. A received one is kept.
    pub const fn with_explicit_randomness(self) -> Self {
        Self { otel: self.otel.with_mixed_randomness(), ..self }
    }

    /// Writes the low 56 bits of `bits` as the randomness (`rv`) of the trace. A received one is replaced.
    ///
    /// OpenTelemetry lets only the service that starts a trace write a randomness. Use this for a trace whose caller is not
    /// trusted with the decision. Samplers of this crate use it with [`SamplingParameters::with_randomness`].
    ///
    /// ```
    /// use traceprop_core::{Sampling, TraceId, TraceState, sampler::SamplingResult};
    ///
    /// let received = TraceState::parse(b"ot=rv:ffffffffffffff")?;
    /// let result = SamplingResult::new(Sampling::NotSampled).with_randomness(7);
    /// let member = result.otel_member(TraceId::MIN, &received).expect("it changes");
    /// assert_eq!(member.as_str(), "rv:00000000000007");
    /// # Ok::<(), traceprop_core::InvalidHeader>(())
    /// ```
    pub const fn with_randomness(self, bits: u64) -> Self {
        Self { otel: self.otel.with_randomness(bits), ..self }
    }

    /// Writes the randomness if a sampler was given one in place of that of the trace id.
    const fn with_own_randomness(self, input: &SamplingParameters<'_>) -> Self {
        match input.otel.randomness() {
            Some(randomness) => self.with_randomness(randomness),
            None => self,
        }
    }

    #[cfg(feature = "std")]
    const fn with_sampling(self, sampling: Sampling) -> Self {
        Self { sampling, ..self }
    }

    /// Notes that the bits of a random trace id decided. Its randomness is written if the random flag is not.
    pub(super) const fn decided_by_id(self) -> Self {
        Self { otel: self.otel.with_decision_by_id(), ..self }
    }

    /// Returns the decision.
    pub const fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// Returns the threshold to write.
    pub const fn threshold(&self) -> Option<Threshold> {
        self.otel.threshold()
    }

    /// Returns `true` if a randomness is written.
    pub const fn has_explicit_randomness(&self) -> bool {
        self.otel.has_randomness()
    }

    /// Returns the `ot` member that replaces the one in `received`, or `None` if that is unchanged.
    ///
    /// Use it in tracers that write their own tracestate. A span made with this result writes the member itself.
    pub fn otel_member(&self, trace_id: TraceId, received: &TraceState<'_>) -> Option<OtelMember> {
        self.otel.member(trace_id, received)
    }
}

impl From<Sampling> for SamplingResult {
    fn from(sampling: Sampling) -> Self {
        Self::new(sampling)
    }
}

impl SpanContext<'_> {
    /// Applies the result of a sampler. A changed decision counts as made by this service.
    pub const fn with_sampling_result(self, result: SamplingResult) -> Self {
        let mut span = self.with_sampling(result.sampling);
        span.otel = span.otel.then(result.otel);
        span
    }

    /// Returns randomness that the caller did not choose, for a trace whose id it did choose.
    ///
    /// OpenTelemetry's rule is different: only the service that starts a trace writes `rv`, and no other service changes it.
    /// That rule assumes a trusted caller. Here a stranger could choose a trace id or an `rv` that is always sampled.
    pub(crate) const fn randomness_of_this_service(&self) -> u64 {
        // The span id is drawn here. It is mixed, because a generator may count.
        mix(self.span_id.get())
    }
}

/// Samples every trace. A received debug decision is kept.
///
/// What a caller can choose: that its trace is a debug trace. At an edge, wrap it in `RateLimited`.
///
/// ```
/// use traceprop_core::sampler::{AlwaysOn, Sampler, SamplingParameters};
/// use traceprop_core::TraceId;
///
/// assert!(AlwaysOn.should_sample(&SamplingParameters::new(TraceId::MIN, true)).sampling().is_sampled());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlwaysOn;

impl Sampler for AlwaysOn {
    fn should_sample(&self, input: &SamplingParameters<'_>) -> SamplingResult {
        match input.sampling() {
            Sampling::Debug => SamplingResult::new(Sampling::Debug),
            _ => SamplingResult::new(Sampling::Sampled),
        }
    }
}

/// Samples nothing, not even an incoming debug trace. A caller can choose nothing.
///
/// ```
/// use traceprop_core::sampler::{AlwaysOff, Sampler, SamplingParameters};
/// use traceprop_core::TraceId;
///
/// assert!(!AlwaysOff.should_sample(&SamplingParameters::new(TraceId::MIN, true)).sampling().is_sampled());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlwaysOff;

impl Sampler for AlwaysOff {
    fn should_sample(&self, _: &SamplingParameters<'_>) -> SamplingResult {
        SamplingResult::new(Sampling::NotSampled)
    }
}

#[cfg(feature = "alloc")]
impl<S: Sampler + ?Sized> Sampler for alloc::sync::Arc<S> {
    fn should_sample(&self, input: &SamplingParameters<'_>) -> SamplingResult {
        (**self).should_sample(input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::RemoteContext;

    pub(super) fn trace(id: u128) -> TraceId {
        TraceId::new(id).unwrap()
    }

    pub(super) fn root(id: u128) -> SamplingParameters<'static> {
        SamplingParameters::new(trace(id), true)
    }

    pub(super) fn child(id: u128, sampling: Sampling) -> SamplingParameters<'static> {
        let context = RemoteContext { sampling, ..RemoteContext::new(trace(id), None) };
        SamplingParameters::new(trace(id), false).with_parent(context)
    }

    pub(super) const STATES: [Sampling; 4] =
        [Sampling::Deferred, Sampling::NotSampled, Sampling::Sampled, Sampling::Debug];

    #[test]
    fn ok_always_and_never_whatever_was_received() {
        for state in STATES {
            let (always, never) = (AlwaysOn.should_sample(&child(1, state)), AlwaysOff.should_sample(&child(1, state)));
            assert_eq!(always.sampling() == Sampling::Debug, state == Sampling::Debug);
            assert!(always.sampling().is_sampled());
            assert_eq!(never, SamplingResult::new(Sampling::NotSampled));
        }
        assert_eq!(AlwaysOn.should_sample(&root(1)), Sampling::Sampled.into());
    }

    #[test]
    fn ok_closures_are_samplers() {
        let odd = |input: &SamplingParameters<'_>| match input.trace_id().get() % 2 {
            1 => Sampling::Sampled,
            _ => Sampling::NotSampled,
        };
        let sampler: &dyn Sampler = &odd;
        assert_eq!(sampler.should_sample(&root(3)).sampling(), Sampling::Sampled);
        assert_eq!(sampler.should_sample(&root(4)).sampling(), Sampling::NotSampled);
    }

    #[test]
    fn ok_session_id_of_the_caller_before_that_of_the_baggage() {
        let lines = HeaderLines::one(b"user.id=7,session.id=abc%20d;ttl=1");
        let input = root(1).with_baggage(lines, BaggageLimits::W3C);
        assert_eq!(input.session_id(), Some("abc%20d"));
        assert_eq!(input.with_session_id("cookie").session_id(), Some("cookie"));
        assert_eq!(root(1).with_baggage(HeaderLines::one(b"session.id="), BaggageLimits::W3C).session_id(), None);
        assert_eq!(root(1).session_id(), None);
    }
}
