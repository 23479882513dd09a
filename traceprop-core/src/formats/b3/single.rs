//! The single header `b3`.
//!
//! ```text
//! b3       = decision / trace-id "-" span-id [ "-" decision ] [ "-" parent ]
//! decision = "0" / "1" / "d"
//!
//! 80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90
//! ```
//!
//! A parent without a decision is read too. Of several values that a proxy joined with commas, the first one counts.
//! Spec: <https://github.com/openzipkin/b3-propagation#single-header>

use core::fmt;

use super::ids::{B3Ids, first_element};
use crate::field::{Field, InvalidHeader};
use crate::format::Parsed;
use crate::id::{Sampling, SpanId, TraceId};
use crate::wire::hex::{self, Letters};
use crate::wire::{self, InvalidReason, ReasonAt};

/// A `b3` value: ids and a sampling decision, or a decision alone.
///
/// # Examples
///
/// ```
/// use traceprop_core::{Sampling, formats::b3::B3Single};
///
/// let b3 = B3Single::parse(b"e88b759131db6e32d8dcb35f94c662cd-8a0ac984f71ab247-d")?;
/// assert_eq!(b3.sampling(), Sampling::Debug);
/// assert_eq!(b3.to_string(), "e88b759131db6e32d8dcb35f94c662cd-8a0ac984f71ab247-d");
/// assert_eq!(B3Single::parse(b"0")?.ids(), None);
/// # Ok::<(), traceprop_core::InvalidHeader>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct B3Single {
    /// `None` only together with a decision.
    ids: Option<B3Ids>,
    sampling: Sampling,
}

impl B3Single {
    /// The length of the longest value in bytes.
    pub const MAX_LEN: usize = 32 + 1 + 16 + 1 + 1 + 1 + 16;

    /// Creates a value with ids.
    pub const fn new(ids: B3Ids, sampling: Sampling) -> Self {
        Self { ids: Some(ids), sampling }
    }

    /// Creates a value with a decision and no ids. Returns `None` for [`Sampling::Deferred`].
    pub const fn from_sampling(sampling: Sampling) -> Option<Self> {
        match sampling {
            Sampling::Deferred => None,
            _ => Some(Self { ids: None, sampling }),
        }
    }

    /// Returns the ids, if there are any.
    pub const fn ids(&self) -> Option<B3Ids> {
        self.ids
    }

    /// Returns the sampling decision.
    pub const fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// Parses one value. Spaces and tabs around it are ignored. If commas join several values, the first one counts.
    ///
    /// # Errors
    ///
    /// Returns `empty`, `field-count`, `empty-field`, `bad-length`, `bad-hex`, `uppercase-hex`, `zero-trace-id`,
    /// `zero-span-id` or `bad-sampling`, with the offset of the byte at fault.
    pub fn parse(value: &[u8]) -> Result<Self, InvalidHeader> {
        parse(value).or_else(|error| parse_first_element(value, error))
    }

    /// Writes the value into `buffer` and returns it.
    ///
    /// The parent is omitted if the decision is [`Sampling::Deferred`]: the specification allows `trace-span-parent`, but
    /// many receivers reject it.
    pub fn write<'b>(&self, buffer: &'b mut [u8; Self::MAX_LEN]) -> &'b str {
        wire::ascii(self.write_bytes(buffer))
    }

    #[inline]
    pub(super) fn write_bytes<'b>(&self, buffer: &'b mut [u8; Self::MAX_LEN]) -> &'b [u8] {
        let mut len = 0;
        let mut put = |bytes: &[u8]| {
            buffer[len..len + bytes.len()].copy_from_slice(bytes);
            len += bytes.len();
        };
        let letter = match self.sampling {
            Sampling::Deferred => None,
            Sampling::NotSampled => Some(b'0'),
            Sampling::Sampled => Some(b'1'),
            Sampling::Debug => Some(b'd'),
        };
        if let Some(ids) = &self.ids {
            put(ids.write_trace_id(&mut [0; 32]));
            put(b"-");
            put(&ids.span_id().to_hex());
            if letter.is_some() {
                put(b"-");
            }
        }
        if let Some(letter) = letter {
            put(&[letter]);
            if let Some(parent) = self.ids.and_then(|ids| ids.parent_span_id()) {
                put(b"-");
                put(&parent.to_hex());
            }
        }
        &buffer[..len]
    }

    /// Converts the value to what a format returns from `extract`.
    #[inline]
    pub(super) const fn parsed(&self) -> Parsed {
        let parsed = match &self.ids {
            Some(ids) => Parsed::context(ids.context(self.sampling)),
            None => Parsed::sampling_only(self.sampling),
        };
        parsed.with_encoding("b3")
    }
}

impl fmt::Display for B3Single {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.write(&mut [0; Self::MAX_LEN]))
    }
}

/// Parses a value that has blanks around it or is joined with others. Both are rare, so the usual form is tried first.
#[cold]
pub(super) fn parse_first_element(value: &[u8], error: ReasonAt) -> Result<B3Single, InvalidHeader> {
    let (lead, element) = first_element(value);
    let parsed = if element.len() < value.len() { parse(element) } else { Err(error) };
    // The number of fields says more than the digits of one of them, so its reasons come first.
    parsed.map_err(|error| count_fields(element).err().unwrap_or(error).shifted_by(lead).of(Field::B3))
}

/// Checks that there are as many fields as the grammar allows, and that none is empty.
fn count_fields(element: &[u8]) -> Result<(), ReasonAt> {
    let (mut count, mut at, mut empty) = (0, 0, None);
    for field in element.split(|&b| b == b'-') {
        if count == 4 {
            return Err(InvalidReason::FieldCount.at(at));
        }
        if field.is_empty() {
            empty = empty.or(Some(InvalidReason::EmptyField.at(at)));
        }
        count += 1;
        at += field.len() + 1;
    }
    match (element.len(), count, empty) {
        (0, ..) => Err(InvalidReason::Empty.at(0)),
        (.., Some(empty)) => Err(empty),
        (2.., 1, None) => Err(InvalidReason::FieldCount.at(element.len())),
        _ => Ok(()),
    }
}

#[inline(always)]
pub(super) fn parse(value: &[u8]) -> Result<B3Single, ReasonAt> {
    if let [letter] = *value {
        return Ok(B3Single { ids: None, sampling: sampling_at(letter, 0)? });
    }
    // A dash is not a hex digit, so one after 16 digits ends the trace id.
    let is_64_bit = value.get(16) == Some(&b'-');
    let (trace_id, rest) = match is_64_bit {
        true => {
            let (low, rest) = digits(value, 0, |digits| hex::u64_16(digits, Letters::Lower))?;
            (u128::from(low), rest)
        }
        false => digits(value, 0, |digits| hex::u128_32(digits, Letters::Lower))?,
    };
    let trace_id = TraceId::new(trace_id).ok_or(InvalidReason::ZeroTraceId.at(0))?;
    let [b'-', rest @ ..] = rest else { return Err(InvalidReason::FieldCount.at(value.len())) };
    let span_at = value.len() - rest.len();
    let (span_id, rest) = span_digits(rest, span_at)?;
    let span_id = SpanId::new(span_id).ok_or(InvalidReason::ZeroSpanId.at(span_at))?;
    let mut ids = B3Ids::new(trace_id, span_id);
    if is_64_bit {
        ids = ids.with_64_bit_trace_id();
    }
    // The third field is a sampling state or, with 16 digits, the parent.
    let (letter, parent) = match rest {
        [] => return Ok(B3Single::new(ids, Sampling::Deferred)),
        [_, letter] => return Ok(B3Single::new(ids, sampling_at(*letter, value.len() - 1)?)),
        [_, letter, b'-', parent @ ..] => (Some(*letter), parent),
        [_, parent @ ..] => (None, parent),
    };
    let parent_at = value.len() - parent.len();
    let sampling = match letter {
        Some(letter) => sampling_at(letter, parent_at - 2)?,
        None if parent.len() != SpanId::HEX_LEN || parent.contains(&b'-') => {
            return Err(InvalidReason::BadSampling.at(parent_at));
        }
        None => Sampling::Deferred,
    };
    let (parent, []) = span_digits(parent, parent_at)? else {
        return Err(InvalidReason::FieldCount.at(value.len()));
    };
    // A parent of zeros is absent.
    Ok(B3Single::new(ids.with_parent_span_id(SpanId::new(parent)), sampling))
}

#[inline]
fn span_digits(rest: &[u8], at: usize) -> Result<(u64, &[u8]), ReasonAt> {
    digits(rest, at, |digits| hex::u64_16(digits, Letters::Lower))
}

/// Reads a field of `N` digits that begins at byte `at` of the value, and returns what follows it.
#[inline(always)]
fn digits<const N: usize, T>(
    rest: &[u8],
    at: usize,
    decode: impl Fn(&[u8; N]) -> Result<T, ReasonAt>,
) -> Result<(T, &[u8]), ReasonAt> {
    if let Some((digits, tail @ ([] | [b'-', ..]))) = rest.split_first_chunk::<N>() {
        match decode(digits) {
            Ok(value) => return Ok((value, tail)),
            Err(error) => return Err(bad_field(rest, at, N, Some(error))),
        }
    }
    Err(bad_field(rest, at, N, None))
}

/// A dash among the digits ends the field early, so its length is at fault and not its digits.
#[cold]
fn bad_field(rest: &[u8], at: usize, expected: usize, error: Option<ReasonAt>) -> ReasonAt {
    let len = wire::find(rest, b'-').unwrap_or(rest.len());
    match error.filter(|_| len == expected) {
        Some(error) => error.shifted_by(at),
        None => InvalidReason::BadLength.at(at + len),
    }
}

fn sampling_at(letter: u8, at: usize) -> Result<Sampling, ReasonAt> {
    match letter {
        b'0' => Ok(Sampling::NotSampled),
        b'1' => Ok(Sampling::Sampled),
        b'd' => Ok(Sampling::Debug),
        _ => Err(InvalidReason::BadSampling.at(at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const FULL: &[u8] = b"e88b759131db6e32d8dcb35f94c662cd-8a0ac984f71ab247-1-5bd21b6aec89b7a6";

    fn trace(value: u128) -> TraceId {
        TraceId::new(value).unwrap()
    }

    fn span(value: u64) -> SpanId {
        SpanId::new(value).unwrap()
    }

    fn ids() -> B3Ids {
        B3Ids::new(trace(0xe88b_7591_31db_6e32_d8dc_b35f_94c6_62cd), span(0x8a0a_c984_f71a_b247))
    }

    fn parent() -> Option<SpanId> {
        SpanId::new(0x5bd2_1b6a_ec89_b7a6)
    }

    #[track_caller]
    fn err(value: &str) -> (InvalidReason, u32) {
        let invalid = B3Single::parse(value.as_bytes()).unwrap_err();
        assert_eq!(invalid.field(), Field::B3);
        (invalid.reason(), invalid.offset())
    }

    #[test]
    fn ok_parse_every_form() {
        let parse = |value: &str| B3Single::parse(value.as_bytes()).unwrap();
        let with_parent = ids().with_parent_span_id(parent());
        let head = "e88b759131db6e32d8dcb35f94c662cd-8a0ac984f71ab247";
        assert_eq!(B3Single::parse(FULL), Ok(B3Single::new(with_parent, Sampling::Sampled)));
        for (letter, sampling) in [("0", Sampling::NotSampled), ("1", Sampling::Sampled), ("d", Sampling::Debug)] {
            assert_eq!(parse(&std::format!("{head}-{letter}")), B3Single::new(ids(), sampling));
            assert_eq!(Some(parse(letter)), B3Single::from_sampling(sampling));
        }
        assert_eq!(parse(head), B3Single::new(ids(), Sampling::Deferred));
        assert_eq!(parse(&std::format!("{head}-5bd21b6aec89b7a6")), B3Single::new(with_parent, Sampling::Deferred));
        assert_eq!(parse(&std::format!("{head}-1-0000000000000000")), B3Single::new(ids(), Sampling::Sampled));
        let short = B3Ids::new(trace(0x80e6_b5d0_a9d9_3650), span(0x8a0a_c984_f71a_b247)).with_64_bit_trace_id();
        assert_eq!(parse("80e6b5d0a9d93650-8a0ac984f71ab247-1"), B3Single::new(short, Sampling::Sampled));
    }

    #[test]
    fn ok_parse_blanks_around_and_the_first_of_joined_values() {
        let expected = B3Single::from_sampling(Sampling::NotSampled).unwrap();
        for value in ["0", " 0\t", "0,1", " 0 , nonsense", "0,"] {
            assert_eq!(B3Single::parse(value.as_bytes()), Ok(expected), "{value}");
        }
    }

    #[test]
    fn ok_parse_trace_id_with_one_zero_half() {
        assert!(B3Single::parse(b"00000000000000000000000000000001-8a0ac984f71ab247").is_ok());
        assert!(B3Single::parse(b"00000000000000010000000000000000-8a0ac984f71ab247").is_ok());
    }

    #[test]
    fn err_parse_names_reason_and_offset() {
        let span = "8a0ac984f71ab247";
        let trace = "e88b759131db6e32d8dcb35f94c662cd";
        let with = |tail: &str| err(&std::format!("{trace}-{span}{tail}"));
        assert_eq!(err(""), (InvalidReason::Empty, 0));
        assert_eq!(err(" \t"), (InvalidReason::Empty, 2));
        assert_eq!(err(",0"), (InvalidReason::Empty, 0));
        assert_eq!(err("x"), (InvalidReason::BadSampling, 0));
        assert_eq!(err("-"), (InvalidReason::EmptyField, 0));
        assert_eq!(err("1-"), (InvalidReason::EmptyField, 2));
        assert_eq!(err(trace), (InvalidReason::FieldCount, 32));
        assert_eq!(err("d19931bb-f235-4dcb-2e2f-b9d31225d62e"), (InvalidReason::FieldCount, 24));
        assert_eq!(err("00-e88b759131db6e32d8dcb35f94c662cd-8a0ac984f71ab247-01"), (InvalidReason::BadLength, 2));
        assert_eq!(err(&std::format!("{}-{span}-1", &trace[..31])), (InvalidReason::BadLength, 31));
        assert_eq!(err(&std::format!("{trace}0-{span}-1")), (InvalidReason::BadLength, 33));
        assert_eq!(err(&std::format!("{}-{span}-1", &trace[..17])), (InvalidReason::BadLength, 17));
        assert_eq!(err(&std::format!("{trace}-{}-1", &span[..15])), (InvalidReason::BadLength, 48));
        assert_eq!(err(&std::format!("{trace}-{span}0-1")), (InvalidReason::BadLength, 50));
        assert_eq!(err(&std::format!("  {}-{span}-1", trace.to_uppercase())), (InvalidReason::UppercaseHex, 2));
        assert_eq!(err(&std::format!("{}g-{span}-1", &trace[..31])), (InvalidReason::BadHex, 31));
        assert_eq!(err(&std::format!("{trace}-+a0ac984f71ab247-1")), (InvalidReason::BadHex, 33));
        assert_eq!(err(&std::format!("{}-{span}", "0".repeat(32))), (InvalidReason::ZeroTraceId, 0));
        assert_eq!(err(&std::format!("{}-{span}", "0".repeat(16))), (InvalidReason::ZeroTraceId, 0));
        assert_eq!(err(&std::format!("{trace}-{}-1", "0".repeat(16))), (InvalidReason::ZeroSpanId, 33));
        assert_eq!(with("-"), (InvalidReason::EmptyField, 50));
        assert_eq!(with("-D"), (InvalidReason::BadSampling, 50));
        assert_eq!(with("-true"), (InvalidReason::BadSampling, 50));
        assert_eq!(with("--5bd21b6aec89b7a6"), (InvalidReason::EmptyField, 50));
        assert_eq!(with("-1-5bd21b6aec89b7a"), (InvalidReason::BadLength, 67));
        assert_eq!(with("-1-5bd21b6aec89b7A6"), (InvalidReason::UppercaseHex, 66));
        assert_eq!(with("-5bd21b6aec89b7g6"), (InvalidReason::BadHex, 64));
        assert_eq!(with("-1-5bd21b6aec89b7a6-0"), (InvalidReason::FieldCount, 69));
    }

    #[test]
    fn ok_write_omits_the_parent_of_an_undecided_trace() {
        let write = |single: B3Single| std::string::ToString::to_string(&single);
        let with_parent = ids().with_parent_span_id(parent());
        assert_eq!(write(B3Single::new(with_parent, Sampling::Sampled)).as_bytes(), FULL);
        assert_eq!(FULL.len(), B3Single::MAX_LEN);
        assert_eq!(write(B3Single::new(with_parent, Sampling::Deferred)).as_bytes(), &FULL[..49]);
        assert_eq!(B3Single::from_sampling(Sampling::Deferred), None);
    }

    /// Decides by the grammar, in another way: by splitting.
    fn oracle(value: &[u8]) -> bool {
        let first = value.split(|&b| b == b',').next().unwrap();
        let text = core::str::from_utf8(first).unwrap_or("?").trim_matches([' ', '\t']);
        let fields: Vec<&str> = text.split('-').collect();
        let hex = |field: &str| field.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let zeros = |field: &str| field.bytes().all(|b| b == b'0');
        let trace = |field: &str| [16, 32].contains(&field.len()) && hex(field) && !zeros(field);
        let parent = |field: &str| field.len() == 16 && hex(field);
        let span = |field: &str| parent(field) && !zeros(field);
        let decision = |field: &str| ["0", "1", "d"].contains(&field);
        match fields[..] {
            [d] => decision(d),
            [t, s] => trace(t) && span(s),
            [t, s, x] => trace(t) && span(s) && (decision(x) || parent(x)),
            [t, s, d, p] => trace(t) && span(s) && decision(d) && parent(p),
            _ => false,
        }
    }

    #[track_caller]
    fn agree(value: &[u8]) {
        let parsed = B3Single::parse(value);
        assert_eq!(parsed.is_ok(), oracle(value), "{}: {parsed:?}", value.escape_ascii());
        if let Err(invalid) = parsed {
            assert_ne!(invalid.reason(), InvalidReason::BadFormat, "{}", value.escape_ascii());
            assert!(invalid.offset() as usize <= value.len());
        }
    }

    #[test]
    fn ok_every_byte_in_every_place_of_every_form_agrees_with_the_grammar() {
        let short = b"80e6b5d0a9d93650-8a0ac984f71ab247-d-5bd21b6aec89b7a6";
        let parent_alone = b"80e6b5d0a9d93650-8a0ac984f71ab247-5bd21b6aec89b7a6";
        for value in [b"0", FULL, &FULL[..51], &FULL[..49], short, &short[..35], &short[..33], parent_alone] {
            agree(value);
            for at in 0..value.len() {
                agree(&value[..at]);
                agree(&[&value[..at], &value[at + 1..]].concat());
                for byte in 0..=255 {
                    agree(&[&value[..at], &[byte], &value[at + 1..]].concat());
                    agree(&[&value[..at], &[byte], &value[at..]].concat());
                }
            }
        }
    }
}
