//! Sampling by session: all traces of a session get the same decision.

use super::ratio::is_ratio;
use super::{Sampler, SamplingParameters, SamplingResult, TraceIdRatioBased};
use crate::id::Sampling;
use crate::tracestate::otel::mix;
use crate::wire::uuid;

/// Knuth's multiplicative hash with the factor that Datadog's agents and tracers share.
const KNUTH_FACTOR: u64 = 1_111_111_111_111_111_111;

/// Samples a ratio of all sessions.
///
/// A session id that is a UUID gets the decision of Datadog's browser SDK. Other text is decided by a hash of its bytes.
/// Without a session id the sampler is a [`TraceIdRatioBased`].
///
/// The session id is that of [`SamplingParameters::with_session_id`], or else `session.id` of the W3C baggage, which the
/// propagator has to read.
///
/// What a caller can choose: its session id, and by it whether it is sampled, except under
/// [`Trust::Ignore`](crate::Trust::Ignore). That is the price of deciding as the browser does. At an edge, wrap the sampler in
/// `RateLimited`, or set the session id of a cookie that this service signed. Without a session id it is the trace id that
/// counts: take [`Trust::Resample`](crate::Trust::Resample), under which the sampler decides by randomness of this service.
///
/// ```
/// use traceprop_core::sampler::{ParentBased, SessionRatioBased};
///
/// // The browser samples 20 % of sessions, and half of the traces of these.
/// const SAMPLER: ParentBased<SessionRatioBased> = ParentBased::new(SessionRatioBased::rum(20.0, 50.0).unwrap());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SessionRatioBased {
    ratio: f64,
    without: TraceIdRatioBased,
}

impl SessionRatioBased {
    /// Creates a sampler from a ratio of 0 to 1. Returns `None` for other numbers.
    pub const fn new(ratio: f64) -> Option<Self> {
        match TraceIdRatioBased::new(ratio) {
            Some(without) => Some(Self { ratio, without }),
            None => None,
        }
    }

    /// Creates a sampler from the settings `sessionSampleRate` and `traceSampleRate` of Datadog's RUM SDK, in percent.
    ///
    /// Returns `None` if one is not between 0 and 100.
    pub const fn rum(session_sample_rate: f64, trace_sample_rate: f64) -> Option<Self> {
        // The SDK calculates in this order. Another order can change the last bit.
        match is_ratio(session_sample_rate / 100.0) && is_ratio(trace_sample_rate / 100.0) {
            true => Self::new(session_sample_rate * trace_sample_rate / 100.0 / 100.0),
            false => None,
        }
    }

    fn keeps(&self, session: &str) -> bool {
        /// 2^64
        const ALL: f64 = 18_446_744_073_709_551_616.0;
        if self.ratio == 0.0 || self.ratio == 1.0 {
            return self.ratio == 1.0;
        }
        let hash = match uuid_number(session) {
            Some(number) => number.wrapping_mul(KNUTH_FACTOR),
            None => stable_hash(session),
        };
        // The SDK compares doubles too, and includes the bound.
        hash as f64 <= self.ratio * ALL
    }
}

/// The last group of a hyphenated UUID.
fn uuid_number(session: &str) -> Option<u64> {
    let text = session.as_bytes().try_into().ok()?;
    uuid::parse(text).ok().map(|id| id as u64 & 0xffff_ffff_ffff)
}

/// FNV-1a, 64 bits, and a finalizer, because the upper bits of FNV hardly depend on the last letters of a short text.
fn stable_hash(text: &str) -> u64 {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    mix(hash)
}

impl Sampler for SessionRatioBased {
    fn should_sample(&self, input: &SamplingParameters<'_>) -> SamplingResult {
        let Some(session) = input.session_id() else { return self.without.should_sample(input) };
        // A received threshold does not explain this decision.
        SamplingResult::new(Sampling::from_flag(self.keeps(session))).without_threshold()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::root;
    use super::*;
    use proptest::prelude::*;
    use std::format;
    use std::string::String;

    fn samples(ratio: f64, session: &str) -> bool {
        SessionRatioBased::new(ratio).unwrap().should_sample(&root(1).with_session_id(session)).sampling().is_sampled()
    }

    /// Sessions whose hashes are near the minimum and the maximum.
    const LOW: &str = "29a4b5e3-9859-4290-99fa-4bc4a1a348b9";
    const HIGH: &str = "5321b54a-d6ec-4b24-996d-dd70c617e09a";

    #[test]
    fn ok_decides_as_the_browser_sdk_does() {
        for percent in [0.1, 0.01, 0.001, 0.0001] {
            assert!(samples(percent / 100.0, LOW), "{percent}");
        }
        assert!(!samples(0.000_000_000_1 / 100.0, LOW));
        for percent in [99.9, 99.99, 99.999, 99.9999] {
            assert!(!samples(percent / 100.0, HIGH), "{percent}");
        }
        assert!(samples(99.999_999_999_9 / 100.0, HIGH));
    }

    #[test]
    fn ok_hash_is_the_one_that_tracers_share() {
        // Identifiers, percents and decisions that Datadog's Go tracer and browser SDK agree on.
        let shared: [(u64, f64, bool); 10] = [
            (5_577_006_791_947_779_410, 94.0509, true),
            (15_352_856_648_520_921_629, 43.7714, true),
            (3_916_589_616_287_113_937, 68.6823, true),
            (894_385_949_183_117_216, 30.0912, true),
            (12_156_940_908_066_221_323, 46.889, true),
            (9_828_766_684_487_745_566, 15.6519, false),
            (4_751_997_750_760_398_084, 81.364, false),
            (11_199_607_447_739_267_382, 38.0657, false),
            (6_263_450_610_539_110_790, 21.8553, false),
            (1_874_068_156_324_778_273, 36.0871, false),
        ];
        for (id, percent, expected) in shared {
            let hash = id.wrapping_mul(KNUTH_FACTOR) as f64;
            assert_eq!(hash <= percent / 100.0 * 18_446_744_073_709_551_616.0, expected, "{id}");
        }
    }

    /// The numbers are those of the authors of FNV.
    #[test]
    fn ok_other_text_is_hashed_by_fnv_1a_and_mixed() {
        for (text, fnv) in
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            assert_eq!(stable_hash(text), mix(fnv), "{text}");
        }
    }

    #[test]
    fn ok_a_ratio_of_zero_records_no_session_at_all() {
        // Its hash is zero, the bound itself.
        let zero = "29a4b5e3-9859-4290-99fa-000000000000";
        assert!(!samples(0.0, zero) && samples(1e-12, zero));
    }

    #[test]
    fn ok_rates_multiply_as_in_the_browser() {
        assert_eq!(SessionRatioBased::rum(20.0, 50.0), SessionRatioBased::new(0.1));
        assert_eq!(SessionRatioBased::rum(100.0, 100.0), SessionRatioBased::new(1.0));
        assert_eq!(SessionRatioBased::rum(101.0, 1.0), None);
        assert_eq!(SessionRatioBased::rum(1.0, -1.0), None);
        assert_eq!(SessionRatioBased::new(f64::NAN), None);
    }

    #[test]
    fn ok_without_a_session_the_trace_decides() {
        let half = SessionRatioBased::new(0.5).unwrap();
        assert_eq!(half.should_sample(&root(u128::MAX)).sampling(), Sampling::Sampled);
        assert_eq!(half.should_sample(&root(1)).sampling(), Sampling::NotSampled);
        assert!(!samples(0.0, LOW) && samples(1.0, HIGH));
    }

    #[test]
    fn ok_randomness_that_the_service_sets_decides_only_without_a_session() {
        let half = SessionRatioBased::new(0.5).unwrap();
        let input = root(u128::MAX).with_randomness(7);
        let without = SamplingResult::new(Sampling::NotSampled).without_threshold().with_randomness(7);
        assert_eq!(half.should_sample(&input), without);
        let session = SamplingResult::new(Sampling::Sampled).without_threshold();
        assert_eq!(half.should_sample(&input.with_session_id(LOW)), session);
    }

    #[test]
    fn ok_texts_that_differ_in_a_letter_are_spread() {
        let kept = (0..1000).filter(|n| samples(0.5, &format!("session-{n}"))).count();
        assert!((440..=560).contains(&kept), "{kept}");
        let kept = (0..1000).filter(|n| samples(0.1, &format!("{n}"))).count();
        assert!((70..=130).contains(&kept), "{kept}");
    }

    proptest! {
        #[test]
        fn ok_a_session_decides_alike_in_every_trace(session in "[ -~]{1,40}", id in 1..=u128::MAX, ratio in 0.0..=1.0_f64) {
            let sampler = SessionRatioBased::new(ratio).unwrap();
            let first = sampler.should_sample(&root(1).with_session_id(&session));
            prop_assert_eq!(first, sampler.should_sample(&root(id).with_session_id(&session)));
        }

        #[test]
        fn ok_a_higher_ratio_records_what_a_lower_one_does(low in 0.0..=1.0_f64, high in 0.0..=1.0_f64, number: u64) {
            let (low, high) = (low.min(high), low.max(high));
            let uuid: String = format!("29a4b5e3-9859-4290-99fa-{:012x}", number & 0xffff_ffff_ffff);
            for session in [uuid.as_str(), "faro-4711"] {
                prop_assert!(!samples(low, session) || samples(high, session));
            }
        }
    }
}
