//! The memory of the process over time, and its growth.

use std::fmt;
use std::time::Duration;

/// The warm-up as a part of the time. Pools fill, and the allocator reaches its size.
const WARM_UP: f64 = 0.2;

/// The allowed growth, for memory that an allocator does not return. A leak of one small context for each request is many
/// times larger after minutes.
const ALLOWED_KIB: u64 = 8 * 1024;

/// Samples of the resident set over the whole time.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    time: Duration,
    samples: Vec<(Duration, u64)>,
}

/// The memory after the warm-up: the medians of the first and last quarter of the samples, and the maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Growth {
    pub start_kib: u64,
    pub end_kib: u64,
    pub most_kib: u64,
}

impl Growth {
    pub const fn is_allowed(self) -> bool {
        self.end_kib <= self.start_kib + ALLOWED_KIB
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |kib: u64| kib as f64 / 1024.0;
        let (start, end, most) = (mib(self.start_kib), mib(self.end_kib), mib(self.most_kib));
        write!(f, "{start:.1} MiB after the warm-up, {end:.1} at the end, {most:.1} at most; ")?;
        write!(f, "{:+.1}, allowed {:+.1}", end - start, mib(ALLOWED_KIB))
    }
}

impl Memory {
    pub fn new(time: Duration) -> Self {
        Self { time, samples: Vec::new() }
    }

    /// Returns the time until the next sample.
    pub fn pause(&self) -> Duration {
        (self.time / 50).clamp(Duration::from_millis(20), Duration::from_secs(1))
    }

    /// Takes a sample, if the system reports the memory of the process.
    pub fn sample(&mut self, at: Duration) {
        self.samples.extend(resident_kib().map(|kib| (at, kib)));
    }

    /// Returns the memory after the warm-up, or `None` if the system does not report it.
    pub fn growth(&self) -> Option<Growth> {
        let warm = self.time.mul_f64(WARM_UP);
        let samples: Vec<u64> = self.samples.iter().filter(|(at, _)| *at >= warm).map(|(_, kib)| *kib).collect();
        let quarter = samples.len().div_ceil(4);
        Some(Growth {
            start_kib: median(samples.get(..quarter)?)?,
            end_kib: median(&samples[samples.len() - quarter..])?,
            most_kib: samples.iter().copied().max()?,
        })
    }
}

fn median(samples: &[u64]) -> Option<u64> {
    let mut samples = samples.to_vec();
    samples.sort_unstable();
    samples.get(samples.len() / 2).copied()
}

/// Reads the resident set as Linux reports it.
fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(kib: impl IntoIterator<Item = u64>) -> Memory {
        let samples = kib.into_iter().enumerate().map(|(second, kib)| (Duration::from_secs(second as u64), kib));
        Memory { time: Duration::from_secs(100), samples: samples.collect() }
    }

    #[test]
    fn ok_what_grows_in_the_warm_up_and_a_peak_do_not_count() {
        let warm = memory((0..100).map(|second| if second < 20 { second * 10_000 } else { 200_000 }));
        let growth = warm.growth().unwrap();
        assert_eq!(growth, Growth { start_kib: 200_000, end_kib: 200_000, most_kib: 200_000 });
        let peak = memory((0..100).map(|second| if second == 90 { 900_000 } else { 200_000 })).growth().unwrap();
        assert_eq!((peak.end_kib, peak.most_kib, peak.is_allowed()), (200_000, 900_000, true));
    }

    #[test]
    fn err_a_steady_leak_is_growth() {
        let small = memory((0..100).map(|second| 200_000 + second * 100)).growth().unwrap();
        let large = memory((0..100).map(|second| 200_000 + second * 200)).growth().unwrap();
        assert_eq!((small.is_allowed(), large.is_allowed()), (true, false));
        let text = "201.2 MiB after the warm-up, 212.9 at the end, 214.6 at most; +11.7, allowed +8.0";
        assert_eq!(large.to_string(), text);
    }

    #[test]
    fn ok_without_samples_nothing_is_said() {
        assert_eq!(memory([]).growth(), None);
        #[cfg(target_os = "linux")]
        assert!(resident_kib().unwrap() > 100);
    }
}
