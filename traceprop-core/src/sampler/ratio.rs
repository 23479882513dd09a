//! Sampling by trace id.

use super::{Sampler, SamplingParameters, SamplingResult, Threshold};
use crate::id::Sampling;
use crate::tracestate::otel::randomness_of;

/// Samples a ratio of all traces, by the low 56 bits of the trace id.
///
/// Services with the same ratio make the same decisions. A service with a higher ratio also samples what the others do.
/// The caller's decision is ignored: see [`ParentBased`](super::ParentBased).
///
/// Trace ids have to be random, and no threshold is written. [`Probability`](super::Probability) has neither limit.
///
/// What a caller can choose: under [`Trust::Continue`](crate::Trust::Continue) its trace id, and by it whether it is sampled.
/// At an edge, take [`Trust::Resample`](crate::Trust::Resample). The sampler then decides by randomness of this service, and
/// writes it as `rv`. Later services that sample by the trace id do not know it, so let them follow the parent.
///
/// ```
/// use traceprop_core::sampler::TraceIdRatioBased;
///
/// const TENTH: TraceIdRatioBased = TraceIdRatioBased::new(0.1).unwrap();
/// assert!(TraceIdRatioBased::new(1.1).is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceIdRatioBased(Option<Threshold>);

impl TraceIdRatioBased {
    /// Creates a sampler from a ratio of 0 to 1. Returns `None` for other numbers. Below 2^-56 nothing is sampled.
    pub const fn new(ratio: f64) -> Option<Self> {
        if is_ratio(ratio) { Some(Self(Threshold::from_ratio(ratio))) } else { None }
    }

    /// Creates a sampler from a threshold.
    pub const fn from_threshold(threshold: Threshold) -> Self {
        Self(Some(threshold))
    }

    pub(super) const fn threshold(self) -> Option<Threshold> {
        self.0
    }

    fn keeps(self, randomness: u64) -> bool {
        self.0.is_some_and(|threshold| threshold.keeps(randomness))
    }
}

/// Whether it is a number from 0 to 1.
pub(super) const fn is_ratio(ratio: f64) -> bool {
    ratio >= 0.0 && ratio <= 1.0
}

impl Sampler for TraceIdRatioBased {
    fn should_sample(&self, input: &SamplingParameters<'_>) -> SamplingResult {
        // A received threshold does not explain this decision.
        // An `rv` of others does not count: services with this sampler know the trace id alone.
        let is_sampled = self.keeps(input.otel.randomness().unwrap_or(randomness_of(input.trace_id())));
        SamplingResult::new(Sampling::from_flag(is_sampled)).without_threshold().with_own_randomness(input)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{STATES, child, root};
    use super::*;
    use proptest::prelude::*;

    fn samples(ratio: f64, id: u128) -> bool {
        TraceIdRatioBased::new(ratio).unwrap().should_sample(&root(id)).sampling().is_sampled()
    }

    #[test]
    fn ok_low_56_bits_decide_at_the_threshold() {
        let high = 0xffff_ffff_ffff_ffff_ff00_0000_0000_0000;
        assert!(samples(0.1, 0xe6_6600_0000_0000));
        assert!(!samples(0.1, 0xe6_65ff_ffff_ffff | high));
        assert!(samples(1.0, high) && !samples(0.0, u128::MAX) && !samples(1e-20, u128::MAX));
    }

    #[test]
    fn ok_what_came_does_not_count() {
        for state in STATES {
            assert_eq!(
                TraceIdRatioBased::new(0.5).unwrap().should_sample(&child(1, state)).sampling(),
                Sampling::NotSampled
            );
        }
    }

    #[test]
    fn ok_randomness_that_the_service_sets_decides_and_is_written() {
        let half = TraceIdRatioBased::new(0.5).unwrap();
        let (high, low) = (child(u128::MAX, Sampling::Sampled), child(1, Sampling::NotSampled));
        let decided = [half.should_sample(&high.with_randomness(7)), half.should_sample(&low.with_randomness(1 << 55))];
        let expected = [(Sampling::NotSampled, 7), (Sampling::Sampled, 1 << 55)];
        let result = |(sampling, bits)| SamplingResult::new(sampling).without_threshold().with_randomness(bits);
        assert_eq!(decided, expected.map(result));
    }

    #[test]
    fn err_no_ratio() {
        for bad in [-0.1, f64::from_bits(1.0_f64.to_bits() + 1), f64::NAN, f64::INFINITY] {
            assert_eq!(TraceIdRatioBased::new(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn ok_a_higher_ratio_records_what_a_lower_one_does(id in 1..=u128::MAX, low in 0.0..=1.0_f64, high in 0.0..=1.0_f64) {
            let (low, high) = (low.min(high), low.max(high));
            prop_assert!(!samples(low, id) || samples(high, id));
        }
    }
}
