//! The `X-B3-*` headers.
//!
//! ```text
//! X-B3-TraceId: 80f198ee56343ba864fe8b2a57d3eff7
//! X-B3-SpanId: e457b5a2e4d86bd1
//! X-B3-ParentSpanId: 05e3ac9a4f6e3b90            optional
//! X-B3-Sampled: 1                                "0" / "1"; absent if undecided
//! X-B3-Flags: 1                                  debug; replaces X-B3-Sampled
//! ```
//!
//! `true` and `false` in `X-B3-Sampled` are read too: senders older than the specification write them.
//! Spec: <https://github.com/openzipkin/b3-propagation#multiple-headers>

use super::ids::{self, B3Ids, first_element};
use super::single::B3Single;
use crate::field::{Field, InvalidHeader};
use crate::format::Parsed;
use crate::id::Sampling;
use crate::wire::{self, InvalidReason, ReasonAt};

/// The error for other ids without a trace id.
const MISSING_TRACE_ID: ReasonAt = InvalidReason::MissingTraceId.at(0);

/// The `X-B3-*` headers of a request: ids and a sampling decision, or a decision alone.
///
/// # Examples
///
/// ```
/// use traceprop_core::{Field, Sampling, formats::b3::B3Multi};
///
/// let headers = [("x-b3-traceid", "80f198ee56343ba864fe8b2a57d3eff7"), ("x-b3-spanid", "e457b5a2e4d86bd1")];
/// let first = |field: Field| {
///     let header = headers.iter().find(|(name, _)| Some(*name) == field.name());
///     header.map(|(_, value)| value.as_bytes())
/// };
/// let b3 = B3Multi::parse(first)?.expect("the headers are there");
/// assert_eq!(b3.sampling(), Sampling::Deferred);
///
/// let mut written = Vec::new();
/// b3.write(|field, value| written.push((field, value.to_owned())));
/// assert_eq!(written[1], (Field::B3SpanId, "e457b5a2e4d86bd1".to_owned()));
/// assert_eq!(written.len(), 2);
/// # Ok::<(), traceprop_core::InvalidHeader>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct B3Multi {
    single: B3Single,
    /// The errors of `X-B3-Sampled` and `X-B3-ParentSpanId`, which leave the ids valid.
    ignored: [Option<InvalidHeader>; 2],
    sampled_beside_debug: bool,
}

impl B3Multi {
    /// Creates headers with ids.
    pub const fn new(ids: B3Ids, sampling: Sampling) -> Self {
        Self { single: B3Single::new(ids, sampling), ignored: [None; 2], sampled_beside_debug: false }
    }

    /// Creates headers with a decision and no ids. Returns `None` for [`Sampling::Deferred`].
    pub const fn from_sampling(sampling: Sampling) -> Option<Self> {
        match B3Single::from_sampling(sampling) {
            Some(single) => Some(Self { single, ignored: [None; 2], sampled_beside_debug: false }),
            None => None,
        }
    }

    /// Writes `X-B3-Sampled: 1` in addition to the flags of a debug trace; see
    /// [`B3::with_sampled_beside_debug`](super::B3::with_sampled_beside_debug).
    pub const fn with_sampled_beside_debug(self) -> Self {
        Self { sampled_beside_debug: true, ..self }
    }

    /// Returns the ids, if there are any.
    pub const fn ids(&self) -> Option<B3Ids> {
        self.single.ids()
    }

    /// Returns the sampling decision.
    pub const fn sampling(&self) -> Sampling {
        self.single.sampling()
    }

    /// Returns the errors of optional headers that were ignored. The ids are valid without them.
    pub fn ignored(&self) -> impl Iterator<Item = InvalidHeader> {
        self.ignored.into_iter().flatten()
    }

    /// Parses the headers. `first` returns the first value of each field.
    ///
    /// Returns `None` if no header has an id or a decision. Flags other than `1` are ignored.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidHeader`] if one id is missing (`missing-span-id`, `missing-trace-id`) or invalid (`empty`,
    /// `bad-length`, `bad-hex`, `uppercase-hex`, `zero-trace-id`, `zero-span-id`). Without ids, the reason is that of the
    /// decision (`bad-sampling`, `empty`).
    pub fn parse<'v>(first: impl Fn(Field) -> Option<&'v [u8]>) -> Result<Option<Self>, InvalidHeader> {
        let (sampling, bad_sampled) = match first(Field::B3Sampled).map(sampled) {
            None => (Sampling::Deferred, None),
            Some(Ok(sampling)) => (sampling, None),
            Some(Err(invalid)) => (Sampling::Deferred, Some(invalid)),
        };
        // Debug implies a decision, so it overrides `X-B3-Sampled`.
        let is_debug = first(Field::B3Flags).is_some_and(|value| first_element(value).1 == b"1");
        let sampling = if is_debug { Sampling::Debug } else { sampling };
        let parent = first(Field::B3ParentSpanId);
        match (first(Field::B3TraceId), first(Field::B3SpanId)) {
            (Some(trace_id), span_id) => {
                let (trace_id, is_64_bit) = ids::trace_id(trace_id)?;
                let span_id = span_id.ok_or(InvalidHeader::new(Field::B3SpanId, InvalidReason::MissingSpanId, 0))?;
                let ids = B3Ids::new(trace_id, ids::span_id(span_id)?);
                let (parent, bad_parent) = match parent.map(ids::parent_span_id) {
                    None => (None, None),
                    Some(Ok(parent)) => (parent, None),
                    Some(Err(invalid)) => (None, Some(invalid)),
                };
                let ids = if is_64_bit { ids.with_64_bit_trace_id() } else { ids }.with_parent_span_id(parent);
                Ok(Some(Self {
                    single: B3Single::new(ids, sampling),
                    ignored: [bad_sampled, bad_parent],
                    sampled_beside_debug: false,
                }))
            }
            (None, Some(_)) => Err(MISSING_TRACE_ID.of(Field::B3TraceId)),
            (None, None) => match (Self::from_sampling(sampling), bad_sampled, parent) {
                (Some(decision), bad_sampled, parent) => {
                    let bad_parent = parent.map(|_| MISSING_TRACE_ID.of(Field::B3ParentSpanId));
                    Ok(Some(Self { ignored: [bad_sampled, bad_parent], ..decision }))
                }
                (None, Some(invalid), _) => Err(invalid),
                (None, None, Some(_)) => Err(MISSING_TRACE_ID.of(Field::B3TraceId)),
                (None, None, None) => Ok(None),
            },
        }
    }

    /// Calls `header` with each header to write, in order.
    ///
    /// A debug trace is written as flags, by default without `X-B3-Sampled`. An undecided trace has neither.
    pub fn write(&self, mut header: impl FnMut(Field, &str)) {
        let mut hex = |field, digits: &[u8]| header(field, wire::ascii(digits));
        if let Some(ids) = self.ids() {
            hex(Field::B3TraceId, ids.write_trace_id(&mut [0; 32]));
            hex(Field::B3SpanId, &ids.span_id().to_hex());
            if let Some(parent) = ids.parent_span_id() {
                hex(Field::B3ParentSpanId, &parent.to_hex());
            }
        }
        match self.sampling() {
            Sampling::Deferred => {}
            Sampling::NotSampled => header(Field::B3Sampled, "0"),
            Sampling::Sampled => header(Field::B3Sampled, "1"),
            Sampling::Debug => {
                if self.sampled_beside_debug {
                    header(Field::B3Sampled, "1");
                }
                header(Field::B3Flags, "1");
            }
        }
    }

    /// Converts the headers to what a format returns from `extract`.
    #[inline]
    pub(super) fn parsed(&self) -> Parsed {
        let mut parsed = self.single.parsed().with_encoding("b3multi");
        if self.ignored != [None; 2] {
            self.ignored().for_each(|invalid| parsed.ignore_field(invalid));
        }
        parsed
    }
}

impl From<B3Single> for B3Multi {
    fn from(single: B3Single) -> Self {
        Self { single, ignored: [None; 2], sampled_beside_debug: false }
    }
}

/// Parses `X-B3-Sampled`.
#[inline]
fn sampled(value: &[u8]) -> Result<Sampling, InvalidHeader> {
    Sampling::from_digit(value).map_or_else(|| sampled_in_words(value), Ok)
}

/// Parses `true` and `false` in any letter case. The specification lets receivers accept them.
fn sampled_in_words(value: &[u8]) -> Result<Sampling, InvalidHeader> {
    let (at, word) = first_element(value);
    let reason = if word.is_empty() { InvalidReason::Empty } else { InvalidReason::BadSampling };
    Sampling::from_word(word).ok_or(reason.at(at).of(Field::B3Sampled))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{SpanId, TraceId};

    const TRACE: (Field, &str) = (Field::B3TraceId, "bd8ec9a1f80385ed3d7c9ec7081ab44d");
    const SPAN: (Field, &str) = (Field::B3SpanId, "17857e0831e5554e");

    fn ids() -> B3Ids {
        let trace_id = TraceId::new(0xbd8e_c9a1_f803_85ed_3d7c_9ec7_081a_b44d);
        B3Ids::new(trace_id.unwrap(), SpanId::new(0x1785_7e08_31e5_554e).unwrap())
    }

    fn parse(headers: &[(Field, &'static str)]) -> Result<Option<B3Multi>, InvalidHeader> {
        B3Multi::parse(|field| headers.iter().find(|(name, _)| *name == field).map(|(_, value)| value.as_bytes()))
    }

    fn invalid(field: Field, reason: InvalidReason, at: usize) -> InvalidHeader {
        InvalidHeader::new(field, reason, at)
    }

    #[track_caller]
    fn decided(headers: &[(Field, &'static str)]) -> (Sampling, Option<InvalidHeader>) {
        let multi = parse(&[&[TRACE, SPAN], headers].concat()).unwrap().unwrap();
        assert_eq!(multi.ids(), Some(ids()));
        (multi.sampling(), multi.ignored().next())
    }

    #[test]
    fn ok_sampled_is_a_digit_or_an_old_word() {
        let sampled = |value| decided(&[(Field::B3Sampled, value)]);
        for value in ["1", " 1 ", "1,0", "true", "True", "TRUE"] {
            assert_eq!(sampled(value), (Sampling::Sampled, None), "{value}");
        }
        for value in ["0", "0, 1", "false", "False"] {
            assert_eq!(sampled(value), (Sampling::NotSampled, None), "{value}");
        }
        assert_eq!(decided(&[]), (Sampling::Deferred, None));
    }

    #[test]
    fn ok_invalid_sampled_leaves_the_ids_valid() {
        let ignored = |value, reason| {
            let expected = (Sampling::Deferred, Some(invalid(Field::B3Sampled, reason, 0)));
            assert_eq!(decided(&[(Field::B3Sampled, value)]), expected, "{value}");
        };
        ignored("", InvalidReason::Empty);
        for value in ["d", "2", "11", "yes", "01", "tru"] {
            ignored(value, InvalidReason::BadSampling);
        }
    }

    #[test]
    fn ok_flags_1_overrides_sampled_and_other_flags_are_ignored() {
        for sampled in ["0", "1"] {
            let headers = [(Field::B3Flags, "1"), (Field::B3Sampled, sampled)];
            assert_eq!(decided(&headers), (Sampling::Debug, None));
        }
        let unreadable = invalid(Field::B3Sampled, InvalidReason::BadSampling, 0);
        let headers = [(Field::B3Flags, "1"), (Field::B3Sampled, "x")];
        assert_eq!(decided(&headers), (Sampling::Debug, Some(unreadable)));
        for flags in ["0", "", "2", "11", "true", "x"] {
            let headers = [(Field::B3Flags, flags), (Field::B3Sampled, "1")];
            assert_eq!(decided(&headers), (Sampling::Sampled, None), "{flags}");
            assert_eq!(parse(&[(Field::B3Flags, flags)]), Ok(None), "{flags}");
        }
    }

    #[test]
    fn ok_decision_alone() {
        assert_eq!(parse(&[(Field::B3Sampled, "0")]), Ok(B3Multi::from_sampling(Sampling::NotSampled)));
        assert_eq!(parse(&[(Field::B3Flags, "1")]), Ok(B3Multi::from_sampling(Sampling::Debug)));
        let with_parent = parse(&[(Field::B3Sampled, "1"), (Field::B3ParentSpanId, "90f26b82fe915329")]);
        let with_parent = with_parent.unwrap().unwrap();
        assert_eq!((with_parent.ids(), with_parent.sampling()), (None, Sampling::Sampled));
        let stray = invalid(Field::B3ParentSpanId, InvalidReason::MissingTraceId, 0);
        assert!(with_parent.ignored().eq([stray]));
    }

    #[test]
    fn err_invalid_decision_without_ids() {
        let sampled = |value| parse(&[(Field::B3Sampled, value)]);
        assert_eq!(sampled(""), Err(invalid(Field::B3Sampled, InvalidReason::Empty, 0)));
        assert_eq!(sampled(" d"), Err(invalid(Field::B3Sampled, InvalidReason::BadSampling, 1)));
    }

    #[test]
    fn err_ids_that_are_not_complete() {
        let sampled = (Field::B3Sampled, "1");
        assert_eq!(parse(&[TRACE, sampled]), Err(invalid(Field::B3SpanId, InvalidReason::MissingSpanId, 0)));
        assert_eq!(parse(&[SPAN, sampled]), Err(invalid(Field::B3TraceId, InvalidReason::MissingTraceId, 0)));
        let parent = (Field::B3ParentSpanId, "90f26b82fe915329");
        assert_eq!(parse(&[parent]), Err(invalid(Field::B3TraceId, InvalidReason::MissingTraceId, 0)));
        assert_eq!(parse(&[(Field::B3TraceId, ""), SPAN]), Err(invalid(Field::B3TraceId, InvalidReason::Empty, 0)));
        assert_eq!(parse(&[TRACE, (Field::B3SpanId, " ")]), Err(invalid(Field::B3SpanId, InvalidReason::Empty, 1)));
    }

    #[test]
    fn err_invalid_ids() {
        let zeros = (Field::B3TraceId, "00000000000000000000000000000000");
        assert_eq!(parse(&[zeros, SPAN]), Err(invalid(Field::B3TraceId, InvalidReason::ZeroTraceId, 0)));
        let zeros = (Field::B3SpanId, "0000000000000000");
        assert_eq!(parse(&[TRACE, zeros]), Err(invalid(Field::B3SpanId, InvalidReason::ZeroSpanId, 0)));
        let capitals = (Field::B3SpanId, "17857E0831E5554E");
        assert_eq!(parse(&[TRACE, capitals]), Err(invalid(Field::B3SpanId, InvalidReason::UppercaseHex, 5)));
    }

    #[test]
    fn ok_invalid_parent_leaves_the_ids_valid() {
        let parent = |value| parse(&[TRACE, SPAN, (Field::B3ParentSpanId, value)]).unwrap().unwrap();
        let good = parent("90f26b82fe915329");
        assert_eq!(good.ids(), Some(ids().with_parent_span_id(SpanId::new(0x90f2_6b82_fe91_5329))));
        assert_eq!(parent("0000000000000000"), B3Multi::new(ids(), Sampling::Deferred));
        let bad = parent("-");
        assert_eq!(bad.ids(), Some(ids()));
        assert!(bad.ignored().eq([invalid(Field::B3ParentSpanId, InvalidReason::BadLength, 1)]));
    }
}
