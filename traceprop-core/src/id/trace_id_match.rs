//! When two trace ids name the same trace.

use super::TraceId;

/// When two formats of one request name the same trace.
///
/// ```
/// use traceprop_core::{Propagator, TraceIdMatch};
///
/// let builder = || Propagator::builder().names("tracecontext,b3", "none");
/// let request = [
///     ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
///     ("b3", "a3ce929d0e0e4736-b7ad6b7169203331-1"),
/// ];
/// assert_eq!(builder()?.build()?.extract(&request).links().count(), 1);
/// let propagator = builder()?.trace_id_match(TraceIdMatch::Low64).build()?;
/// assert_eq!(propagator.extract(&request).links().count(), 0);
/// # Ok::<(), traceprop_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TraceIdMatch {
    /// All 128 bits are equal, or the lower 64 bits and the span, while the upper bits of one id are zero.
    ///
    /// The second case is one sender that writes an id of 128 bits in one format and its half in another.
    #[default]
    Exact,
    /// The lower 64 bits are equal, and the upper ones are equal or zero in one of the ids.
    ///
    /// A 64-bit system, or a proxy that drops `x-datadog-tags`, removes the upper bits. The wider id is continued.
    Low64,
}

impl TraceIdMatch {
    pub(crate) const fn is_same(self, one: TraceId, other: TraceId) -> bool {
        let low_half = matches!(self, Self::Low64) && (one.high() == 0 || other.high() == 0);
        one.get() == other.get() || (low_half && one.low() == other.low())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_low_halves_match_only_if_an_upper_one_is_missing() {
        let id = |high, low| TraceId::from_halves(high, low).unwrap();
        for (one, other, exact, low_half) in [
            (id(1, 2), id(1, 2), true, true),
            (id(0, 2), id(1, 2), false, true),
            (id(1, 2), id(0, 2), false, true),
            (id(1, 2), id(3, 2), false, false),
            (id(0, 2), id(0, 3), false, false),
        ] {
            assert_eq!(TraceIdMatch::Exact.is_same(one, other), exact);
            assert_eq!(TraceIdMatch::Low64.is_same(one, other), low_half);
        }
    }
}
