use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// So many a second, and a count of those that were left out. A caller who sends nothing but bad headers must not be
/// able to fill a disk.
#[derive(Debug)]
pub(super) struct Limit {
    per_second: u32,
    start: Instant,
    /// The second, from `start` on, in the upper half; how many were let through in it, in the lower.
    window: AtomicU64,
    left_out: AtomicU64,
}

impl Limit {
    pub(super) fn per_second(per_second: u32) -> Self {
        Self { per_second, start: Instant::now(), window: AtomicU64::new(0), left_out: AtomicU64::new(0) }
    }

    /// Whether one more is let through now, and then how many were not since the last one that was.
    pub(super) fn admit(&self) -> Option<u64> {
        self.admit_at(self.start.elapsed())
    }

    fn admit_at(&self, since_start: Duration) -> Option<u64> {
        // A lifetime of 136 years fits; what comes behind it counts as the last second.
        let now = u64::from(u32::try_from(since_start.as_secs()).unwrap_or(u32::MAX));
        let admitted = self.window.fetch_update(Relaxed, Relaxed, |window| {
            let (second, count) = (window >> 32, window & u64::from(u32::MAX));
            // Another thread may have seen the next second already.
            let (second, count) = if now > second { (now, 0) } else { (second, count) };
            (count < u64::from(self.per_second)).then_some(second << 32 | (count + 1))
        });
        if admitted.is_err() {
            self.left_out.fetch_add(1, Relaxed);
            return None;
        }
        Some(self.left_out.swap(0, Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(limit: &Limit, millis: &[u64]) -> Vec<Option<u64>> {
        millis.iter().map(|&millis| limit.admit_at(Duration::from_millis(millis))).collect()
    }

    #[test]
    fn ok_so_many_a_second_and_not_one_more() {
        let limit = Limit::per_second(2);
        assert_eq!(admitted(&limit, &[0, 10, 20, 999]), [Some(0), Some(0), None, None]);
        assert_eq!(admitted(&limit, &[1000, 1001, 1002]), [Some(2), Some(0), None]);
        assert_eq!(admitted(&limit, &[90_000]), [Some(1)]);
    }

    #[test]
    fn ok_clock_of_another_thread_that_lags_opens_no_window() {
        let limit = Limit::per_second(1);
        assert_eq!(admitted(&limit, &[2000, 1999, 2000, 3000]), [Some(0), None, None, Some(2)]);
    }

    #[test]
    fn ok_none_a_second() {
        assert_eq!(admitted(&Limit::per_second(0), &[0, 5000]), [None, None]);
    }

    #[test]
    fn ok_all_threads_share_it() {
        let limit = Limit::per_second(100);
        let admitted = || (0..1000).filter(|_| limit.admit_at(Duration::ZERO).is_some()).count();
        let total: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(admitted)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!((total, limit.left_out.load(Relaxed)), (100, 3900));
    }

    proptest::proptest! {
        #[test]
        fn ok_no_second_lets_more_through_and_none_is_lost(
            per_second in 0..5_u32,
            steps in proptest::collection::vec(0..700_u64, 0..60),
        ) {
            let limit = Limit::per_second(per_second);
            let (mut now, mut seconds, mut told) = (0, std::collections::BTreeMap::<u64, u32>::new(), 0);
            for step in &steps {
                now += step;
                if let Some(left_out) = limit.admit_at(Duration::from_millis(now)) {
                    *seconds.entry(now / 1000).or_default() += 1;
                    told += left_out;
                }
            }
            proptest::prop_assert!(seconds.values().all(|count| *count <= per_second), "{:?}", seconds);
            let admitted: u64 = seconds.values().map(|count| u64::from(*count)).sum();
            proptest::prop_assert_eq!(admitted + told + limit.left_out.load(Relaxed), steps.len() as u64);
        }
    }
}
