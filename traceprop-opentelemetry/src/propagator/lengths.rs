//! The lengths of the names that a propagator reads.

use traceprop_core::Propagator;

/// The lengths of the names that are read, as bits. Most headers of a request have another one, and need no closer look.
#[derive(Clone, Copy)]
pub(super) struct Lengths(u64);

impl Lengths {
    /// Returns the lengths of all `fields` of a propagator.
    pub(super) fn of(propagator: &Propagator, fields: &[String]) -> Self {
        let bits = fields.iter().map(|field| match propagator.reads_field(&format!("{field}a")) {
            // It is a prefix, so the names that begin with it have any length.
            true => u64::MAX,
            false => Self::bit(field),
        });
        Self(bits.fold(0, |all, bits| all | bits))
    }

    const fn bit(name: &str) -> u64 {
        1 << (name.len() % 64)
    }

    #[inline]
    pub(super) const fn contains(self, name: &str) -> bool {
        self.0 & Self::bit(name) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OtelPropagator;

    fn lengths(extract: &str) -> Lengths {
        OtelPropagator::new(Propagator::from_names(extract, "none").unwrap()).lengths
    }

    #[test]
    fn ok_names_of_other_lengths_are_passed_over() {
        let w3c = lengths("tracecontext,baggage");
        assert!(["traceparent", "TraceState", "baggage", "user-agent"].iter().all(|name| w3c.contains(name)));
        assert!(!["", "b3", "accept", "cache-control"].iter().any(|name| w3c.contains(name)));
    }

    #[test]
    fn ok_names_with_a_prefix_have_any_length() {
        let jaeger = lengths("jaeger");
        for len in 1..200 {
            assert!(jaeger.contains(&format!("uberctx-{}", "a".repeat(len))));
        }
    }
}
