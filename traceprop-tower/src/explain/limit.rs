use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// A limit of events per second, with a count of suppressed events. A caller that sends only invalid headers must not
/// be able to fill a disk.
#[derive(Debug)]
pub(super) struct Limit {
    per_second: u32,
    start: Instant,
    /// The current second since `start` in the upper half, the number of events admitted in it in the lower half.
    window: AtomicU64,
    suppressed: AtomicU64,
}

impl Limit {
    pub(super) fn per_second(per_second: u32) -> Self {
        Self { per_second, start: Instant::now(), window: AtomicU64::new(0), suppressed: AtomicU64::new(0) }
    }

    /// Admits one event. Returns the number of events suppressed since the last admitted one, or `None` if this event
    /// exceeds the limit.
    pub(super) fn admit(&self) -> Option<u64> {
        self.admit_at(self.start.elapsed())
    }

    fn admit_at(&self, since_start: Duration) -> Option<u64> {
        // Up to 136 years fit; later times count as the last second.
        let now = u64::from(u32::try_from(since_start.as_secs()).unwrap_or(u32::MAX));
        let admitted = self.window.fetch_update(Relaxed, Relaxed, |window| {
            let (second, count) = (window >> 32, window & u64::from(u32::MAX));
            // Another thread may have advanced to the next second.
            let (second, count) = if now > second { (now, 0) } else { (second, count) };
            (count < u64::from(self.per_second)).then_some(second << 32 | (count + 1))
        });
        if admitted.is_err() {
            self.suppressed.fetch_add(1, Relaxed);
            return None;
        }
        Some(self.suppressed.swap(0, Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(limit: &Limit, millis: &[u64]) -> Vec<Option<u64>> {
        millis.iter().map(|&millis| limit.admit_at(Duration::from_millis(millis))).collect()
    }

    #[test]
    fn ok_admit_up_to_the_limit_per_second() {
        let limit = Limit::per_second(2);
        assert_eq!(admitted(&limit, &[0, 10, 20, 999]), [Some(0), Some(0), None, None]);
        assert_eq!(admitted(&limit, &[1000, 1001, 1002]), [Some(2), Some(0), None]);
        assert_eq!(admitted(&limit, &[90_000]), [Some(1)]);
    }

    #[test]
    fn ok_lagging_clock_of_another_thread_opens_no_window() {
        let limit = Limit::per_second(1);
        assert_eq!(admitted(&limit, &[2000, 1999, 2000, 3000]), [Some(0), None, None, Some(2)]);
    }

    #[test]
    fn ok_limit_of_zero_admits_nothing() {
        assert_eq!(admitted(&Limit::per_second(0), &[0, 5000]), [None, None]);
    }

    #[test]
    fn ok_all_threads_share_the_limit() {
        let limit = Limit::per_second(100);
        let admitted = || (0..1000).filter(|_| limit.admit_at(Duration::ZERO).is_some()).count();
        let total: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(admitted)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!((total, limit.suppressed.load(Relaxed)), (100, 3900));
    }

    proptest::proptest! {
        #[test]
        fn ok_no_second_exceeds_the_limit_and_every_event_is_counted(
            per_second in 0..5_u32,
            steps in proptest::collection::vec(0..700_u64, 0..60),
        ) {
            let limit = Limit::per_second(per_second);
            let (mut now, mut seconds, mut told) = (0, std::collections::BTreeMap::<u64, u32>::new(), 0);
            for step in &steps {
                now += step;
                if let Some(suppressed) = limit.admit_at(Duration::from_millis(now)) {
                    *seconds.entry(now / 1000).or_default() += 1;
                    told += suppressed;
                }
            }
            proptest::prop_assert!(seconds.values().all(|count| *count <= per_second), "{:?}", seconds);
            let admitted: u64 = seconds.values().map(|count| u64::from(*count)).sum();
            proptest::prop_assert_eq!(admitted + told + limit.suppressed.load(Relaxed), steps.len() as u64);
        }
    }
}
