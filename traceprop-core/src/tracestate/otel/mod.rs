//! OpenTelemetry's member of the tracestate: the sampling threshold and the randomness of a trace.
//!
//! ```text
//! ot   = item *( ";" item )       at most 256 characters
//! item = key ":" value
//! th   = 1*14 lower hex           the rejection threshold, padded with zeros on the right to 56 bits
//! rv   = 14 lower hex             the randomness, if that of the trace id is not used
//!
//! ot=th:fd70a4;rv:6e6d1a75832a2f
//! ```
//!
//! A trace is sampled if its randomness is at least the threshold. The randomness is `rv`, or the low 56 bits of the trace
//! id. A service that samples writes its own threshold; other services forward the member. A valid `rv` is never changed,
//! unless the caller is not trusted with the decision ([`Trust::Resample`](crate::Trust::Resample)).
//!
//! Spec: <https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/>

mod threshold;

pub use threshold::Threshold;

use core::fmt;

use crate::id::TraceId;
use crate::tracestate::edit::TraceStateEdit;
use crate::tracestate::list::TraceState;
use crate::tracestate::scan::Fact;
use crate::wire::{StackText, debug_as};
use threshold::{BITS, DIGITS, ONE};

const KEY: &str = "ot";

/// The longest value of a tracestate member in bytes.
const MAX_VALUE: usize = 256;

/// Returns the randomness of a trace id: its low 56 bits. Flag `02` of a traceparent tells whether they are random.
pub(crate) const fn randomness_of(trace_id: TraceId) -> u64 {
    trace_id.low() & (ONE - 1)
}

/// Returns a substitute for the randomness of an id that is unique but not random.
///
/// Ids that differ in one bit differ in about half of these bits.
pub(crate) const fn mixed_randomness_of(trace_id: TraceId) -> u64 {
    mix(trace_id.high() ^ mix(trace_id.low())) & (ONE - 1)
}

/// The finalizer of SplitMix64.
pub(crate) const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// The received member of OpenTelemetry. Invalid items in it are ignored.
///
/// # Examples
///
/// ```
/// use traceprop_core::{sampler::OtelTraceState, TraceState};
///
/// let state = TraceState::parse(b"rojo=1,ot=th:c;rv:6e6d1a75832a2f")?;
/// let ot = OtelTraceState::from_tracestate(&state);
/// assert_eq!(ot.threshold().map(|th| th.ratio()), Some(0.25));
/// assert_eq!(ot.randomness(), Some(0x6e_6d1a_7583_2a2f));
/// # Ok::<(), traceprop_core::InvalidHeader>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtelTraceState<'c>(&'c str);

impl<'c> OtelTraceState<'c> {
    /// Returns the member of a tracestate.
    ///
    /// It is empty if the tracestate has none, and under [`Trust::Resample`](crate::Trust::Resample), where the threshold
    /// and the randomness of the caller do not count.
    pub fn from_tracestate(state: &TraceState<'c>) -> Self {
        let member = if state.facts.has(Fact::Resampled) { None } else { state.get(KEY) };
        Self(member.unwrap_or_default())
    }

    fn value(&self, key: &str) -> Option<&'c str> {
        let mut items = self.0.split(';').filter_map(|item| item.split_once(':'));
        items.find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    /// Returns the threshold `th`, with which the trace was sampled so far.
    pub fn threshold(&self) -> Option<Threshold> {
        Threshold::parse(self.value("th")?)
    }

    /// Returns the randomness `rv`, which replaces that of the trace id.
    pub fn randomness(&self) -> Option<u64> {
        let value = self.value("rv")?;
        (value.len() == DIGITS as usize).then(|| Threshold::parse(value)).flatten().map(Threshold::get)
    }

    /// Returns true if there is a `th`, even an invalid one.
    pub(crate) fn has_threshold(&self) -> bool {
        self.value("th").is_some()
    }
}

/// The change of the member by a sampling decision.
///
/// Two words, because every span has one: 56 bits of a value each, and flags above them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct OtelEdit {
    threshold: u64,
    randomness: u64,
}

impl OtelEdit {
    /// The threshold is replaced.
    const SET: u64 = 1 << BITS;
    /// The threshold is removed.
    const ERASE: u64 = 2 << BITS;
    /// If no randomness was received, a mix of the bits of the trace id is added.
    const MIX: u64 = 1 << BITS;
    /// The randomness is replaced.
    const GIVEN: u64 = 2 << BITS;
    /// The sampler decided by the bits of the trace id.
    const DECIDED_BY_ID: u64 = 4 << BITS;
    /// The randomness to write is that of the trace id.
    const OF_ID: u64 = 8 << BITS;

    /// No change.
    pub(crate) const NONE: Self = Self { threshold: 0, randomness: 0 };

    pub(crate) const fn with_threshold(self, threshold: Option<Threshold>) -> Self {
        let threshold = match threshold {
            Some(threshold) => threshold.0 | Self::SET,
            None => Self::ERASE,
        };
        Self { threshold, ..self }
    }

    pub(crate) const fn with_mixed_randomness(self) -> Self {
        Self { randomness: self.randomness & (Self::DECIDED_BY_ID | Self::OF_ID) | Self::MIX, ..self }
    }

    /// Replaces the randomness by the low 56 bits of `bits`, a received one included.
    pub(crate) const fn with_randomness(self, bits: u64) -> Self {
        Self { randomness: bits & (ONE - 1) | Self::GIVEN, ..self }
    }

    /// Notes that the bits of the trace id decided for all samplers of the trace.
    pub(crate) const fn with_decision_by_id(self) -> Self {
        Self { randomness: self.randomness | Self::DECIDED_BY_ID, ..self }
    }

    /// Writes the randomness of the trace id if it decided: no flag tells that the id is random.
    pub(crate) const fn with_randomness_of_id(self) -> Self {
        match self.randomness & Self::DECIDED_BY_ID {
            0 => self,
            _ => Self { randomness: self.randomness | Self::OF_ID, ..self },
        }
    }

    pub(crate) const fn threshold(self) -> Option<Threshold> {
        if self.threshold & Self::SET != 0 { Some(Threshold(self.threshold & (ONE - 1))) } else { None }
    }

    /// Returns the randomness that replaces a received one.
    pub(crate) const fn randomness(self) -> Option<u64> {
        if self.randomness & Self::GIVEN != 0 { Some(self.randomness & (ONE - 1)) } else { None }
    }

    pub(crate) const fn has_randomness(self) -> bool {
        self.randomness & (Self::MIX | Self::GIVEN) != 0
    }

    pub(crate) const fn is_none(self) -> bool {
        self.threshold == 0 && self.randomness == 0
    }

    /// Returns this change followed by `next`, whose values count where both have one.
    pub(crate) const fn then(self, next: Self) -> Self {
        Self {
            threshold: if next.threshold != 0 { next.threshold } else { self.threshold },
            randomness: if next.randomness != 0 { next.randomness } else { self.randomness },
        }
    }

    /// Returns whether the threshold is replaced or removed.
    pub(crate) const fn changes_threshold(self) -> bool {
        self.threshold != 0
    }

    /// Returns the explicit randomness of the trace after the change.
    pub(crate) fn randomness_after(self, trace_id: TraceId, received: OtelTraceState<'_>) -> Option<u64> {
        let is_mixed = self.randomness & Self::MIX != 0;
        let mixed = || is_mixed.then(|| mixed_randomness_of(trace_id));
        self.randomness().or_else(|| received.randomness()).or_else(mixed)
    }

    /// Returns the member after the change, or `None` if it is unchanged.
    ///
    /// If the decision of the caller was replaced, its threshold and its randomness are removed in any case.
    pub(crate) fn member(self, trace_id: TraceId, state: &TraceState<'_>) -> Option<OtelMember> {
        let is_resampled = state.facts.has(Fact::Resampled);
        if self.is_none() && !is_resampled {
            return None;
        }
        let received = state.get(KEY).unwrap_or_default();
        let edit = if is_resampled { Self::NONE.with_threshold(None).then(self) } else { self };
        // If the threshold does not fit, an older one is removed, because it no longer applies.
        let erased = Self::NONE.with_threshold(None);
        let edits = [edit, edit.then(erased), erased];
        let text = edits.into_iter().find_map(|edit| edit.edited(trace_id, received, is_resampled).ok())?;
        (text.as_str() != received).then_some(OtelMember(text))
    }

    fn edited(self, trace_id: TraceId, received: &str, is_resampled: bool) -> Result<StackText<MAX_VALUE>, fmt::Error> {
        let mut text = StackText::new();
        let separator = |text: &StackText<MAX_VALUE>| if text.as_str().is_empty() { "" } else { ";" };
        if let Some(threshold) = self.threshold() {
            fmt::write(&mut text, format_args!("th:{threshold}"))?;
        }
        let of_id = self.randomness & Self::OF_ID != 0;
        let made = self.randomness().or_else(|| {
            // A valid received randomness is kept, but not that of a caller who does not decide.
            let is_kept = !is_resampled && OtelTraceState(received).randomness().is_some();
            let is_made = (self.has_randomness() || of_id) && !is_kept;
            is_made.then(|| if of_id { randomness_of(trace_id) } else { mixed_randomness_of(trace_id) })
        });
        if let Some(randomness) = made {
            let separator = separator(&text);
            fmt::write(&mut text, format_args!("{separator}rv:{randomness:014x}"))?;
        }
        for item in received.split(';').filter(|item| !item.is_empty()) {
            let gone = match item.split(':').next() {
                Some("th") => self.threshold != 0,
                Some("rv") => made.is_some() || is_resampled,
                _ => false,
            };
            if !gone {
                text.push(separator(&text))?;
                text.push(item)?;
            }
        }
        Ok(text)
    }
}

debug_as!(OtelEdit, |it| "{:016x}, {:016x}", it.threshold, it.randomness);

/// The member of OpenTelemetry to write.
///
/// # Examples
///
/// ```
/// use traceprop_core::sampler::{Probability, Sampler, SamplingParameters};
/// use traceprop_core::{TraceId, TraceState};
///
/// let sampler = Probability::new(0.5).ok_or("a ratio")?;
/// let trace_id: TraceId = "4bf92f3577b34da6a3ce929d0e0e4736".parse()?;
/// let result = sampler.should_sample(&SamplingParameters::new(trace_id, true));
/// let member = result.otel_member(trace_id, &TraceState::EMPTY).ok_or("a new member")?;
/// assert_eq!(member.as_str(), "th:8");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct OtelMember(StackText<MAX_VALUE>);

impl OtelMember {
    /// Returns the value. It is empty if the member is to be deleted.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns the edit of the tracestate, for [`InjectOptions::edit_tracestate`](crate::InjectOptions::edit_tracestate).
    pub fn edit(&self) -> TraceStateEdit<'_> {
        // Only an empty value is invalid: the received items were valid.
        TraceStateEdit::set(KEY, self.as_str()).unwrap_or(TraceStateEdit::delete(KEY))
    }
}

impl fmt::Debug for OtelMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OtelMember").field(&self.as_str()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::HeaderLines;
    use std::format;
    use std::string::ToString;

    #[test]
    fn ok_only_valid_items_count() {
        let read = |value| (OtelTraceState(value).threshold().map(Threshold::get), OtelTraceState(value).randomness());
        assert_eq!(read("rv:00000000000001;th:8"), (Some(ONE / 2), Some(1)));
        assert_eq!(read("p:8;r:62;th:8;th:c"), (Some(ONE / 2), None));
        assert_eq!(read("rv:1;th:X"), (None, None));
        assert_eq!(read("rv:0000000000000G;thx:8;th"), (None, None));
    }

    #[test]
    fn ok_edits_leave_other_items_alone() {
        let edited = |edit: OtelEdit, received: &str| {
            let line = format!("ot={received}");
            let state =
                if received.is_empty() { TraceState::EMPTY } else { TraceState::parse(line.as_bytes()).unwrap() };
            edit.member(TraceId::MIN, &state).map(|member| member.as_str().to_string())
        };
        let half = OtelEdit::NONE.with_threshold(Threshold::from_ratio(0.5));
        let erase = OtelEdit::NONE.with_threshold(None);
        let random = half.with_mixed_randomness();
        assert_eq!(edited(half, "").as_deref(), Some("th:8"));
        assert_eq!(edited(half, "x:1;th:c;rv:00000000000001").as_deref(), Some("th:8;x:1;rv:00000000000001"));
        assert_eq!(edited(half, "th:8;x:1"), None);
        assert_eq!(edited(erase, "th:c;x:1;th:d").as_deref(), Some("x:1"));
        assert_eq!(edited(erase, "th:c").as_deref(), Some(""));
        assert_eq!(edited(erase, "x:1"), None);
        assert_eq!(edited(random, "rv:00000000000001").as_deref(), Some("th:8;rv:00000000000001"));
        assert_eq!(
            edited(random, "rv:1;x:1").as_deref(),
            Some(format!("th:8;rv:{:014x};x:1", mixed_randomness_of(TraceId::MIN)).as_str())
        );
        assert_eq!(edited(OtelEdit::NONE, "th:X"), None);
        // Adding randomness keeps the threshold, and adding it twice is the same as once.
        let random = OtelEdit::NONE.with_mixed_randomness().with_mixed_randomness();
        let expected = format!("rv:{:014x};th:c", mixed_randomness_of(TraceId::MIN));
        assert_eq!(edited(random, "th:c").as_deref(), Some(expected.as_str()));
    }

    #[test]
    fn ok_randomness_of_this_service_replaces_a_received_one() {
        let state = TraceState::parse(b"ot=rv:00000000000001;x:1;th:c").unwrap();
        let edit = OtelEdit::NONE.with_randomness(0xff << 56 | 2);
        let text = |edit: OtelEdit| edit.member(TraceId::MIN, &state).map(|member| member.as_str().to_string());
        assert_eq!(text(edit).as_deref(), Some("rv:00000000000002;x:1;th:c"));
        assert_eq!((edit.randomness(), edit.threshold(), edit.has_randomness()), (Some(2), None, true));
        // A later decision adds to it, and replaces what it has itself.
        let half = OtelEdit::NONE.with_threshold(Threshold::from_ratio(0.5));
        assert_eq!(text(edit.then(half)).as_deref(), Some("th:8;rv:00000000000002;x:1"));
        assert_eq!(edit.then(half).then(OtelEdit::NONE), edit.then(half));
        assert_eq!(edit.then(half.with_threshold(None)).threshold(), None);
        assert_eq!(half.then(edit.with_randomness(3)).randomness(), Some(3));
    }

    #[test]
    fn ok_nothing_of_a_caller_who_does_not_decide_remains() {
        let written = |line: &str, edit: OtelEdit| {
            let state = TraceState::parse(line.as_bytes()).unwrap();
            let state = TraceState::known(HeaderLines::one(line.as_bytes()), state.resampled());
            assert_eq!(OtelTraceState::from_tracestate(&state), OtelTraceState(""));
            edit.member(TraceId::MIN, &state).map(|member| member.as_str().to_string())
        };
        let half = OtelEdit::NONE.with_threshold(Threshold::from_ratio(0.5));
        assert_eq!(written("ot=th:c;x:1;rv:00000000000001", OtelEdit::NONE).as_deref(), Some("x:1"));
        assert_eq!(written("ot=th:c", OtelEdit::NONE).as_deref(), Some(""));
        assert_eq!(written("ot=x:1,rojo=1", OtelEdit::NONE), None);
        assert_eq!(written("rojo=1", OtelEdit::NONE), None);
        assert_eq!(written("ot=rv:00000000000001;x:1", half).as_deref(), Some("th:8;x:1"));
        assert_eq!(written("ot=rv:00000000000001", half.with_randomness(7)).as_deref(), Some("th:8;rv:00000000000007"));
        let mixed = format!("rv:{:014x}", mixed_randomness_of(TraceId::MIN));
        assert_eq!(written("ot=rv:00000000000001", OtelEdit::NONE.with_mixed_randomness()).as_deref(), Some(&*mixed));
        // What was received is removed even if ours does not fit.
        let long = format!("ot=th:c;x:{}", "1".repeat(234));
        let kept = format!("x:{}", "1".repeat(234));
        assert_eq!(written(&long, half.with_randomness(7)).as_deref(), Some(&*format!("rv:00000000000007;{kept}")));
        let long = format!("ot=th:c;x:{}", "1".repeat(249));
        assert_eq!(written(&long, half.with_randomness(7)).as_deref(), Some(&long[8..]));
    }

    #[test]
    fn err_threshold_that_does_not_fit_is_omitted() {
        let long = format!("th:c;x:{}", "1".repeat(249));
        let line = format!("ot={long}");
        let state = TraceState::parse(line.as_bytes()).unwrap();
        let member = OtelEdit::NONE.with_threshold(Threshold::parse("fd70a4")).member(TraceId::MIN, &state).unwrap();
        assert_eq!(member.as_str(), &long[5..]);
        assert_eq!(member.edit(), TraceStateEdit::set("ot", &long[5..]).unwrap());
    }

    /// The first outputs of the reference implementation of SplitMix64 with seed 0.
    #[test]
    fn ok_mix_is_the_finalizer_of_split_mix_64() {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let outputs = [1, 2, 3].map(|n: u64| mix(n.wrapping_mul(STEP)));
        assert_eq!(outputs, [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f]);
        let id = TraceId::new(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736).unwrap();
        assert_eq!(mixed_randomness_of(id), 0xf7_724e_98d9_1aba);
    }

    #[test]
    fn ok_debug_shows_the_change() {
        let half = OtelEdit::NONE.with_threshold(Threshold::from_ratio(0.5));
        let member = half.member(TraceId::MIN, &TraceState::EMPTY);
        assert_eq!(
            format!("{half:?} {member:?}"),
            "OtelEdit(0180000000000000, 0000000000000000) Some(OtelMember(\"th:8\"))"
        );
    }

    #[test]
    fn ok_ids_that_count_upwards_are_spread() {
        let below_half = (1..=1000).filter(|n| mixed_randomness_of(TraceId::new(*n).unwrap()) < ONE / 2).count();
        assert!((440..=560).contains(&below_half), "{below_half}");
    }
}
