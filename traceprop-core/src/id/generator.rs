//! Sources of new ids.

#[cfg(target_has_atomic = "64")]
use core::sync::atomic::{AtomicU64, Ordering};

use crate::id::{SpanId, TraceId};

/// 64 new bits for an id, and whether they are uniformly random.
///
/// W3C Trace Context level 2 has a flag for random trace ids. It is set only if all bits of the trace id are random.
///
/// ```
/// use traceprop_core::{IdBits, IdGenerator};
///
/// assert!((|| IdBits::random(7)).new_trace_id().1);
/// assert!(!(|| IdBits::non_random(7)).new_trace_id().1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdBits {
    bits: u64,
    random: bool,
}

impl IdBits {
    /// Creates bits from a uniform random source.
    pub const fn random(bits: u64) -> Self {
        Self { bits, random: true }
    }

    /// Creates bits that are not random, such as those of a counter, a clock or a constant in a test.
    pub const fn non_random(bits: u64) -> Self {
        Self { bits, random: false }
    }
}

/// Generates new ids. A closure that returns [`IdBits`] is a generator too.
///
/// # Order
///
/// A trace id takes two draws of bits, upper half first. A span id takes one. Zero is not an id and is drawn again.
/// [`Extraction::new_span`](crate::Extraction::new_span), [`new_span_with`](crate::Extraction::new_span_with) and
/// [`SpanContext::root`](crate::SpanContext::root) draw the trace id first, then the span id. A span that continues a trace
/// draws the span id only. Nothing else is drawn: samplers, children and injections take no bits. [`SequentialIds`] shows
/// the order in tests.
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
///
/// A closure that returns a number is not a generator: it does not say whether the number is random.
///
/// ```compile_fail,E0271
/// traceprop_core::SpanContext::root(&|| 7);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not generate ids",
    label = "not an `IdGenerator`",
    note = "use `RandomIds` (feature `rand`) or a closure that returns `IdBits`: `|| IdBits::random(number)`"
)]
pub trait IdGenerator {
    /// Returns the next 64 bits.
    fn next_bits(&self) -> IdBits;

    /// Returns a new span id.
    fn new_span_id(&self) -> SpanId {
        // A source that always returns zero is broken. A constant id is better than an endless loop.
        for _ in 0..DRAWS {
            if let Some(id) = SpanId::new(self.next_bits().bits) {
                return id;
            }
        }
        SpanId::MIN
    }

    /// Returns a new trace id, and whether its bits are random (flag `02` of traceparent).
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

/// The variable of Datadog for the width of trace ids.
#[cfg(feature = "std")]
pub(crate) const WIDTH_VARIABLE: &str = "DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED";

/// Draws of an id before the source counts as broken.
const DRAWS: u32 = 4;

impl<F: Fn() -> IdBits> IdGenerator for F {
    fn next_bits(&self) -> IdBits {
        self()
    }
}

/// Ids that count up: 1, 2, 3 and so on. For tests.
///
/// Trace ids and span ids share one counter, and clones do not. Only the lower half of a trace id is counted. The ids are
/// not random, so flag `02` of traceparent is not set.
///
/// ```
/// use traceprop_core::{presets, SequentialIds};
///
/// let ids = SequentialIds::new();
/// let nothing: [(&str, &str); 0] = [];
/// let propagator = presets::W3C.propagator();
/// let span = propagator.extract(&nothing).new_span(&ids);
/// // The trace id is drawn first.
/// assert_eq!((span.trace_id().get(), span.span_id().get()), (1, 2));
/// ```
#[cfg(target_has_atomic = "64")]
#[derive(Debug, Default)]
pub struct SequentialIds(AtomicU64);

#[cfg(target_has_atomic = "64")]
impl SequentialIds {
    /// Creates a generator whose first id is 1.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }
}

#[cfg(target_has_atomic = "64")]
impl IdGenerator for SequentialIds {
    fn next_bits(&self) -> IdBits {
        IdBits::non_random(self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1))
    }

    fn new_trace_id(&self) -> (TraceId, bool) {
        (TraceId::from_halves(0, self.next_bits().bits).unwrap_or(TraceId::MIN), false)
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
    fn ok_a_trace_id_is_drawn_before_the_span_id_and_nothing_after_them() {
        use crate::context::SpanContext;
        use crate::context::trust::Trust;
        use crate::propagator::presets;
        use crate::sampler::Probability;

        let draws = Cell::new(0);
        let ids = || {
            draws.set(draws.get() + 1);
            IdBits::non_random(draws.get())
        };
        let ids_of = |span: SpanContext<'_>| {
            let drawn = (span.trace_id().high(), span.trace_id().low(), span.span_id().get(), draws.take());
            let _ = span.child(SpanId::MIN);
            assert_eq!(draws.get(), 0);
            drawn
        };
        let half = Probability::new(0.5).unwrap();
        let nothing: [(&str, &str); 0] = [];
        let request = [("traceparent", "00-00000000000000630000000000000062-00f067aa0ba902b7-01")];
        assert_eq!(ids_of(SpanContext::root(&ids)), (1, 2, 3, 3));
        for trust in [Trust::Continue, Trust::Resample, Trust::Restart, Trust::Ignore] {
            let propagator = presets::W3C.propagator().with_trust(trust);
            let root = propagator.extract(&nothing);
            assert_eq!(ids_of(root.new_span(&ids)), (1, 2, 3, 3));
            assert_eq!(ids_of(root.new_span_with(&ids, &half)), (1, 2, 3, 3));
            let received = propagator.extract(&request);
            let expected = if trust.continues_trace() { (0x63, 0x62, 1, 1) } else { (1, 2, 3, 3) };
            assert_eq!(ids_of(received.new_span(&ids)), expected);
            assert_eq!(ids_of(received.new_span_with(&ids, &half)), expected);
        }
    }

    #[test]
    fn ok_sequential_ids_share_one_counter() {
        let ids = SequentialIds::new();
        assert_eq!(ids.new_span_id().get(), 1);
        assert_eq!(ids.new_trace_id(), (TraceId::new(2).unwrap(), false));
        assert_eq!(ids.new_span_id().get(), 3);
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
