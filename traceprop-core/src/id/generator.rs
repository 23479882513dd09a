//! Where new ids come from: one method, so a closure is enough.

use crate::id::{SpanId, TraceId};

/// Sixty-four fresh bits for an id, and whether they are uniformly random.
///
/// W3C level 2 has a flag that promises random trace ids; it is set only when the bits say so here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdBits {
    bits: u64,
    random: bool,
}

impl IdBits {
    /// Bits of a uniform random source.
    pub const fn random(bits: u64) -> Self {
        Self { bits, random: true }
    }

    /// Bits that are merely unique: counters, clocks, a test's constants.
    pub const fn non_random(bits: u64) -> Self {
        Self { bits, random: false }
    }
}

/// Makes new ids. Closures are generators too.
///
/// ```
/// use std::cell::Cell;
/// use traceprop_core::{IdBits, IdGenerator};
///
/// let count = Cell::new(0);
/// let ids = || {
///     count.set(count.get() + 1);
///     IdBits::non_random(count.get())
/// };
/// assert_eq!(ids.new_span_id().get(), 1);
/// let (trace_id, random) = ids.new_trace_id();
/// assert_eq!((trace_id.high(), trace_id.low(), random), (2, 3, false));
/// ```
pub trait IdGenerator {
    /// The next 64 bits. A trace id takes two draws, a span id one.
    fn next_bits(&self) -> IdBits;

    /// A new span id.
    fn new_span_id(&self) -> SpanId {
        // Zero is no id. A source that keeps drawing it is broken, and one is as good an id as it can give.
        for _ in 0..DRAWS {
            if let Some(id) = SpanId::new(self.next_bits().bits) {
                return id;
            }
        }
        SpanId::MIN
    }

    /// A new trace id, and whether its bits are random (flag `02` of traceparent).
    fn new_trace_id(&self) -> (TraceId, bool) {
        for _ in 0..DRAWS {
            let (high, low) = (self.next_bits(), self.next_bits());
            if let Some(id) = TraceId::from_halves(high.bits, low.bits) {
                return (id, high.random && low.random);
            }
        }
        (TraceId::MIN, false)
    }
}

/// How often a zero is drawn again before the source counts as broken.
const DRAWS: u32 = 4;

impl<F: Fn() -> IdBits> IdGenerator for F {
    fn next_bits(&self) -> IdBits {
        self()
    }
}

/// Uniform random ids from the thread's generator (ChaCha, seeded by the operating system; no system call for each id).
///
/// ```
/// use traceprop_core::{IdGenerator, RandomIds};
///
/// let (trace_id, random) = RandomIds.new_trace_id();
/// assert!(random);
/// assert_ne!(trace_id, RandomIds.new_trace_id().0);
/// ```
#[cfg(feature = "rand")]
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomIds;

#[cfg(feature = "rand")]
impl IdGenerator for RandomIds {
    fn next_bits(&self) -> IdBits {
        IdBits::random(rand::random())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;

    #[test]
    fn ok_zero_is_drawn_again() {
        let draws = Cell::new(0);
        let ids = || {
            draws.set(draws.get() + 1);
            IdBits::random(if draws.get() < 3 { 0 } else { draws.get() })
        };
        assert_eq!(ids.new_span_id(), SpanId::new(3).unwrap());
    }

    #[test]
    fn ok_broken_source_still_gives_an_id() {
        let ids = || IdBits::random(0);
        assert_eq!(ids.new_span_id(), SpanId::MIN);
        assert_eq!(ids.new_trace_id(), (TraceId::MIN, false));
    }

    #[test]
    fn ok_random_only_if_both_halves_are() {
        let odd = Cell::new(false);
        let ids = || {
            odd.set(!odd.get());
            if odd.get() { IdBits::random(7) } else { IdBits::non_random(7) }
        };
        assert!(!ids.new_trace_id().1);
        assert!((|| IdBits::random(7)).new_trace_id().1);
    }
}
