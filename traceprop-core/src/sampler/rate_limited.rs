//! A limit on how many traces are sampled per second.

use core::fmt;
use core::time::Duration;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::{Sampler, SamplingParameters, SamplingResult};
use crate::id::Sampling;

/// Limits how many traces another sampler samples per second. The traces beyond the limit are not sampled.
///
/// The limit also holds for decisions that a caller asked for: debug traces, `X-B3-Flags: 1` and Datadog's priority 2. So
/// it bounds what callers can have recorded under [`Trust::Continue`](crate::Trust::Continue). Up to a second's worth of
/// traces is sampled at once.
///
/// The decision is not consistent between services. A trace that one service drops for its limit can be sampled by the
/// next, and the trace then lacks spans. Set the limit where traces begin or enter, and follow the parent elsewhere.
///
/// No threshold is written, because the probability of a decision depends on the load.
///
/// What a caller can choose: what the inner sampler lets it choose, within the limit. Callers share the limit, so one of
/// them can use it up. At an edge, set [`Trust::Resample`](crate::Trust::Resample) or a stricter trust as well.
///
/// ```
/// use traceprop_core::sampler::{FollowParent, RateLimited};
/// use traceprop_core::{presets, IdBits, Sampling};
///
/// // A static, because the limit has a state.
/// static SAMPLER: RateLimited<FollowParent> = RateLimited::new(FollowParent, 1);
///
/// let propagator = presets::W3C.propagator();
/// let request = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
/// let sampling = || propagator.extract(&request).new_span_with(&|| IdBits::random(7), &SAMPLER).sampling();
/// assert_eq!(sampling(), Sampling::Sampled);
/// assert_eq!(sampling(), Sampling::NotSampled);
/// ```
pub struct RateLimited<S> {
    inner: S,
    per_second: u32,
    /// The time at which the bucket is full again. `None` before the first trace.
    full_at: Mutex<Option<Instant>>,
}

impl<S> RateLimited<S> {
    /// Creates a sampler that samples at most `per_second` of the traces that `inner` samples. With 0 it samples nothing.
    pub const fn new(inner: S, per_second: u32) -> Self {
        Self { inner, per_second, full_at: Mutex::new(None) }
    }

    /// Takes a token, if there is one.
    fn take(&self, now: Instant) -> bool {
        let Some(interval) = Duration::from_secs(1).checked_div(self.per_second) else {
            return false;
        };
        // No code under the lock panics. If a thread dies there, the time is still valid.
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have read the clock later and taken the lock first.
        let missing = full_at.map_or(Duration::ZERO, |full_at| full_at.saturating_duration_since(now));
        let then_missing = missing + interval;
        let is_free = then_missing <= interval * self.per_second;
        if is_free {
            *full_at = now.checked_add(then_missing);
        }
        is_free
    }
}

impl<S: Sampler> Sampler for RateLimited<S> {
    fn should_sample(&self, input: &SamplingParameters<'_>) -> SamplingResult {
        let result = self.inner.should_sample(input);
        if !result.sampling().is_sampled() {
            return result;
        }
        let sampling = if self.take(Instant::now()) { result.sampling() } else { Sampling::NotSampled };
        result.with_sampling(sampling).without_threshold()
    }
}

impl<S: fmt::Debug> fmt::Debug for RateLimited<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimited")
            .field("inner", &self.inner)
            .field("per_second", &self.per_second)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{STATES, child, root};
    use super::super::{AlwaysOff, AlwaysOn, FollowParent, Probability};
    use super::*;
    use proptest::prelude::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::vec::Vec;

    const MS: Duration = Duration::from_millis(1);

    /// How many of `asked` traces at one moment are sampled.
    fn taken<S>(sampler: &RateLimited<S>, now: Instant, asked: u32) -> u32 {
        (0..asked).map(|_| u32::from(sampler.take(now))).sum()
    }

    #[test]
    fn ok_a_second_at_once_and_then_as_time_passes() {
        let sampler = RateLimited::new(AlwaysOn, 10);
        let start = Instant::now();
        assert_eq!(taken(&sampler, start, 25), 10);
        assert_eq!(taken(&sampler, start + 99 * MS, 5), 0);
        assert_eq!(taken(&sampler, start + 100 * MS, 5), 1);
        assert_eq!(taken(&sampler, start + 450 * MS, 5), 3);
        // A quiet hour saves no more than a second's worth.
        assert_eq!(taken(&sampler, start + 3_600_000 * MS, 25), 10);
    }

    #[test]
    fn ok_limits_that_do_not_divide_a_second() {
        for per_second in [1, 3, 7, 1_000_003, u32::MAX] {
            let sampler = RateLimited::new(AlwaysOn, per_second);
            let asked = per_second.min(1000);
            assert_eq!(taken(&sampler, Instant::now(), asked), asked, "{per_second}");
        }
        assert_eq!(taken(&RateLimited::new(AlwaysOn, 3), Instant::now(), 4), 3);
    }

    #[test]
    fn ok_zero_samples_nothing() {
        assert_eq!(taken(&RateLimited::new(AlwaysOn, 0), Instant::now(), 3), 0);
    }

    #[test]
    fn ok_an_earlier_time_of_another_thread_gets_no_more() {
        let sampler = RateLimited::new(AlwaysOn, 2);
        let later = Instant::now() + 1000 * MS;
        assert_eq!(taken(&sampler, later, 5), 2);
        assert_eq!(taken(&sampler, later - 500 * MS, 5), 0);
        assert_eq!(taken(&sampler, later + 500 * MS, 5), 1);
    }

    #[test]
    fn ok_a_debug_request_counts_and_what_is_not_sampled_does_not() {
        let sampler = RateLimited::new(FollowParent, 2);
        let decide = |state| sampler.should_sample(&child(1, state)).sampling();
        for _ in 0..5 {
            assert_eq!(decide(Sampling::NotSampled), Sampling::NotSampled);
            assert_eq!(decide(Sampling::Deferred), Sampling::Deferred);
        }
        assert_eq!([decide(Sampling::Debug), decide(Sampling::Sampled)], [Sampling::Debug, Sampling::Sampled]);
        assert_eq!([decide(Sampling::Debug), decide(Sampling::Sampled)], [Sampling::NotSampled; 2]);
        let off = RateLimited::new(AlwaysOff, 2);
        assert!(STATES.iter().all(|state| off.should_sample(&child(1, *state)).sampling() == Sampling::NotSampled));
    }

    #[test]
    fn ok_no_threshold_is_written() {
        let sampler = RateLimited::new(Probability::new(1.0).unwrap(), 1);
        let decided = [sampler.should_sample(&root(7)), sampler.should_sample(&root(7))];
        let expected = [Sampling::Sampled, Sampling::NotSampled];
        assert_eq!(decided, expected.map(|sampling| SamplingResult::new(sampling).without_threshold().decided_by_id()));
    }

    #[test]
    fn ok_a_thread_that_panicked_changes_nothing() {
        let sampler = RateLimited::new(AlwaysOn, 1);
        let now = Instant::now();
        assert!(sampler.take(now));
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _held = sampler.full_at.lock();
            panic!("while it holds the lock");
        }));
        assert!(panicked.is_err() && sampler.full_at.is_poisoned());
        assert!(!sampler.take(now) && sampler.take(now + 1000 * MS));
    }

    #[test]
    fn ok_debug_shows_the_limit_and_the_inner_sampler() {
        let shown = std::format!("{:?}", RateLimited::new(AlwaysOff, 7));
        assert_eq!(shown, "RateLimited { inner: AlwaysOff, per_second: 7, .. }");
    }

    proptest! {
        /// In any second no more than twice the limit is sampled, whatever the times: a full bucket, and what flows in.
        #[test]
        fn ok_no_second_has_more_than_the_limit_and_a_full_bucket(
            per_second in 1..50_u32,
            gaps in proptest::collection::vec(0..200_u64, 1..300),
        ) {
            let sampler = RateLimited::new(AlwaysOn, per_second);
            let mut now = Instant::now();
            let mut sampled = Vec::new();
            for gap in gaps {
                now += Duration::from_millis(gap);
                if sampler.take(now) {
                    sampled.push(now);
                }
            }
            for (place, from) in sampled.iter().enumerate() {
                let within = sampled[place..].iter().take_while(|at| **at - *from < Duration::from_secs(1)).count();
                prop_assert!(within <= 2 * per_second as usize);
            }
        }
    }
}
