//! What a span sends in a correlation header if no id was received.

use crate::id::TraceId;

/// What a span sends in a correlation header if no id was received.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use traceprop_core::formats::correlation::{Correlation, WhenAbsent};
/// use traceprop_core::{InjectOptions, Pairs, Propagator, SpanContext};
///
/// let sent = |when_absent| {
///     let format = Correlation::from_static("x-order").when_absent(when_absent);
///     let propagator = Propagator::builder().with_format(format).build().unwrap();
///     let span = SpanContext::new("4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap(), "00f067aa0ba902b7".parse().unwrap());
///     let mut headers = Pairs::new();
///     propagator.inject(&span, &InjectOptions::everything(), &mut headers);
///     headers.get("x-order").map(String::from)
/// };
/// assert_eq!(sent(WhenAbsent::TraceId).as_deref(), Some("4bf92f35-77b3-4da6-a3ce-929d0e0e4736"));
/// assert_eq!(sent(WhenAbsent::Generate).as_deref(), Some("8444bdf7-658f-4c9e-8d98-bc78c6e30ad1"));
/// assert_eq!(sent(WhenAbsent::Omit), None);
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WhenAbsent {
    /// Sends the trace id as a hyphenated UUID in lower case. It may have any version digit.
    TraceId,
    /// Sends a UUID of version 4 that is not the trace id.
    ///
    /// It is computed from the trace id, so all calls of one trace send the same one. To send an id of your own, set it
    /// with `OwnedContext::with_correlation`.
    Generate,
    /// Sends nothing.
    Omit,
}

impl WhenAbsent {
    pub(super) const fn id(self, trace_id: TraceId) -> Option<u128> {
        match self {
            Self::TraceId => Some(trace_id.get()),
            Self::Generate => Some(generated(trace_id)),
            Self::Omit => None,
        }
    }
}

/// Returns a valid UUID of version 4. Ids that differ in one bit get UUIDs that differ in about half of the bits.
const fn generated(trace_id: TraceId) -> u128 {
    use crate::tracestate::otel::mix;

    const VARIANT: u128 = 0b11 << 62;
    // An arbitrary odd number, so that the two halves are mixed differently.
    let low = mix(trace_id.low() ^ mix(trace_id.high().wrapping_add(0x9e37_79b9_7f4a_7c15)));
    let high = mix(trace_id.high() ^ mix(low));
    let bits = (high as u128) << 64 | low as u128;
    super::id::version_4(bits) & !VARIANT | 0b10 << 62
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn ok_ids_that_count_upwards_get_different_uuids() {
        let uuids: HashSet<u128> = (1..=10_000).map(|n| generated(TraceId::new(n).unwrap())).collect();
        assert_eq!(uuids.len(), 10_000);
        let high: HashSet<u128> = (1..=10_000).map(|n| generated(TraceId::new(n << 64).unwrap())).collect();
        assert_eq!(high.len(), 10_000);
    }

    proptest! {
        #[test]
        fn ok_a_generated_id_is_a_uuid_of_version_4(id in 1..=u128::MAX) {
            let uuid = generated(TraceId::new(id).unwrap());
            prop_assert_eq!((uuid >> 76 & 0xf, uuid >> 62 & 0b11), (4, 0b10));
            prop_assert_ne!(uuid, id);
        }
    }
}
