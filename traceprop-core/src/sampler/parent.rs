//! Samplers that follow the caller's decision.

use core::fmt;

use super::consistent::is_consistent;
use super::{Sampler, SamplingParameters, SamplingResult};
use crate::id::Sampling;

/// Follows the caller's decision. An open decision stays open.
///
/// A threshold in the `ot` member is kept if it explains the decision, and removed otherwise.
///
/// What a caller can choose: the decision, debug included, under [`Trust::Continue`](crate::Trust::Continue). Under any other
/// trust no decision is received, so every decision stays open, and an open one is written as not sampled by most formats.
/// At an edge, take a sampler that decides.
///
/// ```
/// use traceprop_core::sampler::{FollowParent, Sampler, SamplingParameters};
/// use traceprop_core::{Sampling, TraceId};
///
/// let parameters = SamplingParameters::new(TraceId::MIN, true).with_sampling(Sampling::Debug);
/// assert_eq!(FollowParent.should_sample(&parameters).sampling(), Sampling::Debug);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FollowParent;

impl Sampler for FollowParent {
    fn should_sample(&self, input: &SamplingParameters<'_>) -> SamplingResult {
        let result = SamplingResult::new(input.sampling());
        if is_consistent(input, input.sampling()) { result } else { result.without_threshold() }
    }
}

/// Chooses a sampler by the caller's decision.
///
/// By default the caller is followed, and the root sampler decides new and undecided traces. A decision that was received
/// without a trace counts like one with a trace.
///
/// What a caller can choose: under [`Trust::Continue`](crate::Trust::Continue) each decision for which the branch follows the
/// parent, and by its decision the branch. Under any other trust no decision is received: see each branch.
///
/// At an edge, take [`Trust::Resample`](crate::Trust::Resample) or a stricter trust. If callers may decide, wrap the sampler
/// in `RateLimited`.
///
/// ```
/// use traceprop_core::sampler::{AlwaysOn, ParentBased, TraceIdRatioBased};
///
/// // Traces that browsers do not sample are decided again.
/// const HALF: TraceIdRatioBased = TraceIdRatioBased::new(0.5).unwrap();
/// const SAMPLER: ParentBased<AlwaysOn> = ParentBased::new(AlwaysOn).remote_parent_not_sampled(&HALF);
/// ```
#[derive(Clone, Copy)]
pub struct ParentBased<R> {
    root: R,
    deferred: Option<&'static dyn Sampler>,
    not_sampled: &'static dyn Sampler,
    sampled: &'static dyn Sampler,
    debug: &'static dyn Sampler,
}

impl<R> ParentBased<R> {
    /// Creates a sampler that follows the caller. `root` decides new and undecided traces.
    ///
    /// Under [`Trust::Resample`](crate::Trust::Resample) it decides every trace for which no
    /// [`remote_parent_deferred`](Self::remote_parent_deferred) is set. Under [`Trust::Restart`](crate::Trust::Restart) and
    /// [`Trust::Ignore`](crate::Trust::Ignore) it decides all of them.
    pub const fn new(root: R) -> Self {
        Self { root, deferred: None, not_sampled: &FollowParent, sampled: &FollowParent, debug: &FollowParent }
    }

    /// Sets the sampler for traces whose caller made no decision.
    ///
    /// Under [`Trust::Resample`](crate::Trust::Resample) it decides every trace that is continued. It is never asked under
    /// [`Trust::Restart`](crate::Trust::Restart) and [`Trust::Ignore`](crate::Trust::Ignore).
    pub const fn remote_parent_deferred(mut self, sampler: &'static dyn Sampler) -> Self {
        self.deferred = Some(sampler);
        self
    }

    /// Sets the sampler for traces that the caller did not sample.
    ///
    /// It is asked only under [`Trust::Continue`](crate::Trust::Continue). Any other trust drops the caller's decision.
    pub const fn remote_parent_not_sampled(mut self, sampler: &'static dyn Sampler) -> Self {
        self.not_sampled = sampler;
        self
    }

    /// Sets the sampler for traces that the caller sampled.
    ///
    /// It is asked only under [`Trust::Continue`](crate::Trust::Continue). Any other trust drops the caller's decision.
    pub const fn remote_parent_sampled(mut self, sampler: &'static dyn Sampler) -> Self {
        self.sampled = sampler;
        self
    }

    /// Sets the sampler for debug traces.
    ///
    /// It is asked only under [`Trust::Continue`](crate::Trust::Continue). Any other trust drops the caller's decision.
    pub const fn remote_parent_debug(mut self, sampler: &'static dyn Sampler) -> Self {
        self.debug = sampler;
        self
    }
}

impl<R: Sampler> Sampler for ParentBased<R> {
    fn should_sample(&self, input: &SamplingParameters<'_>) -> SamplingResult {
        match input.sampling() {
            Sampling::Deferred => match self.deferred.filter(|_| !input.is_root()) {
                Some(sampler) => sampler.should_sample(input),
                None => self.root.should_sample(input),
            },
            Sampling::NotSampled => self.not_sampled.should_sample(input),
            Sampling::Sampled => self.sampled.should_sample(input),
            Sampling::Debug => self.debug.should_sample(input),
        }
    }
}

impl<R: fmt::Debug> fmt::Debug for ParentBased<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParentBased").field("root", &self.root).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{STATES, child, root, trace};
    use super::super::{AlwaysOff, AlwaysOn, Threshold};
    use super::*;
    use crate::tracestate::TraceState;

    fn decisions(sampler: ParentBased<AlwaysOff>) -> [Sampling; 4] {
        STATES.map(|state| sampler.should_sample(&child(1, state)).sampling())
    }

    #[test]
    fn ok_follows_and_asks_the_root_where_it_is_open() {
        use Sampling::{Debug, NotSampled, Sampled};
        assert_eq!(decisions(ParentBased::new(AlwaysOff)), [NotSampled, NotSampled, Sampled, Debug]);
        assert_eq!(ParentBased::new(AlwaysOn).should_sample(&root(1)).sampling(), Sampled);
        assert_eq!(ParentBased::new(AlwaysOn).should_sample(&child(1, Sampling::Deferred)).sampling(), Sampled);
    }

    #[test]
    fn ok_debug_shows_the_root() {
        assert_eq!(std::format!("{:?}", ParentBased::new(AlwaysOff)), "ParentBased { root: AlwaysOff, .. }");
        let shown = std::format!("{:?}", root(1).with_session_id("secret"));
        assert!(
            shown.starts_with("SamplingParameters { parent: None, sampling: Deferred, ") && !shown.contains("secret"),
            "{shown}"
        );
    }

    #[test]
    fn ok_each_state_has_a_sampler_of_its_own() {
        use Sampling::{Debug, NotSampled, Sampled};
        let plain = ParentBased::new(AlwaysOff);
        assert_eq!(decisions(plain.remote_parent_deferred(&AlwaysOn)), [Sampled, NotSampled, Sampled, Debug]);
        assert_eq!(decisions(plain.remote_parent_not_sampled(&AlwaysOn)), [NotSampled, Sampled, Sampled, Debug]);
        assert_eq!(decisions(plain.remote_parent_sampled(&AlwaysOff)), [NotSampled, NotSampled, NotSampled, Debug]);
        assert_eq!(decisions(plain.remote_parent_debug(&AlwaysOff)), [NotSampled, NotSampled, Sampled, NotSampled]);
        assert_eq!(plain.remote_parent_deferred(&AlwaysOn).should_sample(&root(1)).sampling(), NotSampled);
    }

    #[test]
    fn ok_a_decision_without_ids_decides_the_root() {
        for (state, expected) in [(Sampling::Debug, Sampling::Debug), (Sampling::NotSampled, Sampling::NotSampled)] {
            let input = SamplingParameters::new(trace(1), true).with_sampling(state);
            assert_eq!(ParentBased::new(AlwaysOn).should_sample(&input).sampling(), expected);
        }
    }

    #[test]
    fn ok_a_threshold_is_kept_only_with_its_decision() {
        let state = TraceState::parse(b"ot=th:8").unwrap();
        let result = |id, sampling| FollowParent.should_sample(&child(id, sampling).with_tracestate(state));
        let half = Threshold::from_ratio(0.5).unwrap().get();
        assert_eq!(result(u128::from(half), Sampling::Sampled), SamplingResult::new(Sampling::Sampled));
        let dropped = SamplingResult::new(Sampling::Sampled).without_threshold();
        assert_eq!(result(u128::from(half - 1), Sampling::Sampled), dropped);
    }
}
