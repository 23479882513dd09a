//! Trace ids whose first 32 bits are the time.

use std::time::SystemTime;

use crate::id::{IdBits, IdGenerator, SpanId, TraceId};

/// Trace ids as X-Ray makes them: 32 bits of time in seconds since 1970, then 96 bits of another generator.
///
/// X-Ray took only such ids for years. Since it reads W3C ids too, a random id is valid. Use this generator for services
/// that read the time from the id.
///
/// # Examples
///
/// ```
/// use traceprop_core::{IdBits, IdGenerator, formats::xray::XRayIds};
///
/// let ids = XRayIds::new(|| IdBits::random(7));
/// let (trace_id, random) = ids.new_trace_id();
/// assert!(trace_id.high() >> 32 > 1_700_000_000);
/// // The lower 56 bits are random, which is what the flag of traceparent promises.
/// assert!(random);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct XRayIds<G>(G);

impl<G: IdGenerator> XRayIds<G> {
    /// Creates a generator that draws its random bits from `ids`.
    pub const fn new(ids: G) -> Self {
        Self(ids)
    }
}

impl<G: IdGenerator> IdGenerator for XRayIds<G> {
    fn next_bits(&self) -> IdBits {
        self.0.next_bits()
    }

    fn new_span_id(&self) -> SpanId {
        self.0.new_span_id()
    }

    fn new_trace_id(&self) -> (TraceId, bool) {
        let (trace_id, random) = self.0.new_trace_id();
        let high = u64::from(seconds()) << 32 | trace_id.high() & 0xffff_ffff;
        match TraceId::from_halves(high, trace_id.low()) {
            Some(timed) => (timed, random),
            None => (trace_id, random),
        }
    }
}

/// Returns the seconds since 1970, which have 32 bits until 2106.
fn seconds() -> u32 {
    // A browser has no clock here.
    if cfg!(all(target_family = "wasm", target_os = "unknown")) {
        return 0;
    }
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.as_secs() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_a_trace_id_is_the_time_and_96_bits_of_the_generator() {
        let before = seconds();
        let ids = XRayIds::new(|| IdBits::non_random(0x0123_4567_89ab_cdef));
        let (trace_id, random) = ids.new_trace_id();
        let time = (trace_id.high() >> 32) as u32;
        assert!(time >= before && time <= seconds() && !random);
        assert_eq!(trace_id.get() << 32 >> 32, 0x89ab_cdef_0123_4567_89ab_cdef);
        assert_eq!(ids.new_span_id().get(), 0x0123_4567_89ab_cdef);
    }
}
