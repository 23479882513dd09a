//! OpenTelemetry's consistent probability sampling.

use super::{OtelTraceState, Sampler, SamplingParameters, SamplingResult, Threshold, TraceIdRatioBased};
use crate::id::Sampling;
use crate::tracestate::otel::mixed_randomness_of;

/// Samples a ratio of all traces, as OpenTelemetry's probability sampler does.
///
/// It decides by `rv` of the `ot` member, or else by the low 56 bits of the trace id. Sampled traces get the threshold
/// (`th`). The caller's decision is ignored: see [`ParentBased`](super::ParentBased), which keeps a caller's threshold.
///
/// A new trace gets an `rv`, so that all samplers of the trace make consistent decisions: the low 56 bits of the trace id,
/// or a mix of its bits if the id is [not random](crate::IdBits::non_random). It gets none if the random flag of its
/// traceparent [is set](crate::PropagatorBuilder::mark_random). The id of a received trace counts as random, whatever its flag: only the
/// service that starts a trace may add an `rv`.
///
/// What a caller can choose: under [`Trust::Continue`](crate::Trust::Continue) its trace id and `rv`, and by them whether it
/// is sampled. At an edge, take [`Trust::Resample`](crate::Trust::Resample). The sampler then decides by randomness of this
/// service, and writes it as `rv`, for all later services to decide by.
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use traceprop_core::sampler::Probability;
/// use traceprop_core::{presets, IdBits, InjectOptions, Pairs};
///
/// const QUARTER: Probability = Probability::new(0.25).unwrap();
///
/// let propagator = presets::W3C.propagator();
/// let nothing: [(&str, &str); 0] = [];
/// let span = propagator.extract(&nothing).new_span_with(&|| IdBits::random(u64::MAX), &QUARTER);
/// let mut headers = Pairs::new();
/// propagator.inject(&span, &InjectOptions::new(), &mut headers);
/// assert_eq!(headers.get("tracestate"), Some("ot=th:c;rv:ffffffffffffff"));
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probability(TraceIdRatioBased);

impl Probability {
    /// Creates a sampler from a ratio of 0 to 1. Returns `None` for other numbers. Below 2^-56 nothing is sampled.
    pub const fn new(ratio: f64) -> Option<Self> {
        match TraceIdRatioBased::new(ratio) {
            Some(ratio) => Some(Self(ratio)),
            None => None,
        }
    }

    /// Creates a sampler from a threshold.
    pub const fn from_threshold(threshold: Threshold) -> Self {
        Self(TraceIdRatioBased::from_threshold(threshold))
    }
}

impl Sampler for Probability {
    fn should_sample(&self, input: &SamplingParameters<'_>) -> SamplingResult {
        let explicit = input.explicit_randomness();
        let made = (explicit.is_none() && input.is_root() && !input.is_random())
            .then(|| mixed_randomness_of(input.trace_id()));
        let randomness = made.unwrap_or_else(|| input.randomness());
        let result = match self.0.threshold().filter(|threshold| threshold.keeps(randomness)) {
            Some(threshold) => SamplingResult::new(Sampling::Sampled).with_threshold(threshold),
            // OTEP 235 keeps the threshold here. The SDK specification does not, and an unsampled trace has no use for it.
            None => SamplingResult::new(Sampling::NotSampled).without_threshold(),
        };
        let result = match made {
            Some(_) => result.with_explicit_randomness(),
            None if explicit.is_none() && input.is_root() => result.decided_by_id(),
            None => result,
        };
        result.with_own_randomness(input)
    }
}

/// Returns `true` if the received threshold explains the received decision, or if there is no threshold.
pub(super) fn is_consistent(input: &SamplingParameters<'_>, sampling: Sampling) -> bool {
    // A threshold of this service replaces a received one.
    let threshold = if input.otel.changes_threshold() {
        let Some(threshold) = input.otel.threshold() else { return true };
        Some(threshold)
    } else {
        let received = OtelTraceState::from_tracestate(&input.tracestate());
        if !received.has_threshold() {
            return true;
        }
        received.threshold()
    };
    threshold.is_some_and(|threshold| threshold.keeps(input.randomness()) == sampling.is_sampled())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{child, root, trace};
    use super::*;
    use crate::tracestate::TraceState;
    use std::format;

    const QUARTER: Probability = Probability::new(0.25).unwrap();

    fn with<'c>(input: SamplingParameters<'c>, state: &'c [u8]) -> SamplingParameters<'c> {
        input.with_tracestate(TraceState::parse(state).unwrap())
    }

    #[test]
    fn ok_writes_its_threshold_where_it_records() {
        let kept = QUARTER.should_sample(&root(0xc0_0000_0000_0000));
        assert_eq!((kept.sampling(), kept.threshold().unwrap().get()), (Sampling::Sampled, 0xc0_0000_0000_0000));
        let not = QUARTER.should_sample(&root(0xbf_ffff_ffff_ffff));
        assert_eq!(not, SamplingResult::new(Sampling::NotSampled).without_threshold().decided_by_id());
    }

    #[test]
    fn ok_explicit_randomness_counts_before_the_id() {
        let (low, high) = (b"ot=rv:bfffffffffffff", b"ot=rv:c0000000000000");
        assert_eq!(QUARTER.should_sample(&with(root(u128::MAX), low)).sampling(), Sampling::NotSampled);
        assert_eq!(QUARTER.should_sample(&with(child(1, Sampling::NotSampled), high)).sampling(), Sampling::Sampled);
        // One that cannot be read counts as absent.
        assert_eq!(QUARTER.should_sample(&with(root(u128::MAX), b"ot=rv:0")).sampling(), Sampling::Sampled);
    }

    #[test]
    fn ok_only_a_root_without_randomness_gets_some() {
        let unique = SamplingParameters::new(trace(7), false);
        let verdict = Probability::new(1.0).unwrap().should_sample(&unique);
        let member = verdict.otel_member(trace(7), &TraceState::EMPTY).unwrap();
        assert_eq!(member.as_str(), format!("th:0;rv:{:014x}", mixed_randomness_of(trace(7))));
        for input in [root(7), child(7, Sampling::Deferred), with(unique, b"ot=rv:00000000000007")] {
            assert!(!QUARTER.should_sample(&input).has_explicit_randomness());
        }
        // It decides, and is named for others to decide by, also where nothing is recorded.
        let never = Probability::new(0.0).unwrap().should_sample(&unique);
        assert_eq!((never.sampling(), never.has_explicit_randomness()), (Sampling::NotSampled, true));
    }

    #[test]
    fn ok_a_threshold_is_held_against_the_decision() {
        let is = |state: &'static [u8], sampling| is_consistent(&with(child(u128::MAX, sampling), state), sampling);
        assert!(is(b"ot=th:8", Sampling::Sampled) && !is(b"ot=th:8", Sampling::NotSampled));
        assert!(is(b"ot=th:8", Sampling::Debug));
        assert!(!is(b"ot=th:8;rv:00000000000000", Sampling::Sampled));
        assert!(is(b"ot=th:8;rv:00000000000000", Sampling::NotSampled));
        assert!(!is(b"ot=th:G", Sampling::Sampled) && is(b"ot=x:1", Sampling::NotSampled));
    }

    #[test]
    fn ok_randomness_that_the_service_sets_decides_and_is_written() {
        let stranger = with(child(u128::MAX, Sampling::Deferred), b"ot=rv:ffffffffffffff;th:0");
        for (bits, sampling) in [(0xc0_0000_0000_0000, Sampling::Sampled), (0xbf_ffff_ffff_ffff, Sampling::NotSampled)]
        {
            let input = stranger.with_randomness(0xab << 56 | bits);
            assert_eq!(input.randomness(), bits);
            let result = QUARTER.should_sample(&input);
            assert_eq!(result.sampling(), sampling);
            let member = result.otel_member(trace(u128::MAX), &input.tracestate()).unwrap();
            let threshold = if sampling.is_sampled() { "th:c;" } else { "" };
            assert_eq!(member.as_str(), format!("{threshold}rv:{bits:014x}"));
        }
        assert_eq!((stranger.randomness(), root(7).randomness()), (0xff_ffff_ffff_ffff, 7));
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn ok_a_threshold_of_this_service_is_held_against_the_decision() {
        let half = Threshold::from_ratio(0.5);
        let received = with(child(u128::MAX, Sampling::Sampled), b"ot=th:ff");
        let is = |otel, sampling| is_consistent(&received.with_otel(otel), sampling);
        let low = crate::tracestate::otel::OtelEdit::NONE.with_randomness(1 << 55);
        assert!(!is(low, Sampling::Sampled) && is(low.with_threshold(half), Sampling::Sampled));
        assert!(
            !is(low.with_threshold(half), Sampling::NotSampled) && is(low.with_threshold(None), Sampling::NotSampled)
        );
    }
}
