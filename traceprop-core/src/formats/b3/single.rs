//! The single header, `b3`.

use core::fmt;

use super::ids::{B3Ids, first_element};
use crate::context::RemoteContext;
use crate::field::Field;
use crate::field::invalid::InvalidHeader;
use crate::format::{Outcome, Parsed};
use crate::id::sampling::Sampling;
use crate::id::{SpanId, TraceId};
use crate::wire::hex::{self, Letters};
use crate::wire::reason::{InvalidReason, ReasonAt};

/// A `b3` value: ids and a decision, or a decision alone. It cannot hold anything the grammar forbids.
///
/// ```
/// use traceprop_core::{B3Single, Sampling};
///
/// let b3 = B3Single::parse(b"e88b759131db6e32d8dcb35f94c662cd-8a0ac984f71ab247-d")?;
/// assert_eq!(b3.sampling(), Sampling::Debug);
/// assert_eq!(b3.to_string(), "e88b759131db6e32d8dcb35f94c662cd-8a0ac984f71ab247-d");
/// assert_eq!(B3Single::parse(b"0")?.ids(), None);
/// # Ok::<(), traceprop_core::InvalidHeader>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct B3Single {
    /// Without ids there is a decision.
    ids: Option<B3Ids>,
    sampling: Sampling,
}

impl B3Single {
    /// Bytes of the longest value.
    pub const MAX_LEN: usize = 32 + 1 + 16 + 1 + 1 + 1 + 16;

    /// A value with ids.
    pub const fn new(ids: B3Ids, sampling: Sampling) -> Self {
        Self { ids: Some(ids), sampling }
    }

    /// A decision without ids; `None` if nothing is decided.
    pub const fn from_sampling(sampling: Sampling) -> Option<Self> {
        match sampling {
            Sampling::Deferred => None,
            _ => Some(Self { ids: None, sampling }),
        }
    }

    /// The ids, if there are any.
    pub const fn ids(&self) -> Option<B3Ids> {
        self.ids
    }

    /// The decision.
    pub const fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// Reads one value; spaces and tabs around it are no part of it. Of several that are joined by commas the first
    /// counts.
    ///
    /// # Errors
    /// `empty`, `field-count`, `empty-field`, `bad-length`, `bad-hex`, `uppercase-hex`, `zero-trace-id`, `zero-span-id`
    /// or `bad-sampling`, at the byte where it shows.
    #[inline]
    pub fn parse(value: &[u8]) -> Result<Self, InvalidHeader> {
        match parse(value) {
            Some(single) => Ok(single),
            None => Self::parse_odd(value),
        }
    }

    /// The context of a value with 32 digits, 16 and a decision, as most have; none of another.
    #[inline]
    pub(super) fn plain(value: &[u8]) -> Option<RemoteContext> {
        let (trace_id, rest) = value.split_first_chunk()?;
        let (span_id, rest) = rest.strip_prefix(b"-")?.split_first_chunk()?;
        let [b'-', letter] = *rest else { return None };
        let (trace_id, span_id) = (TraceId::new(hex::lower32(trace_id)?)?, SpanId::new(hex::lower16(span_id)?)?);
        Some(RemoteContext { sampling: sampling(letter)?, ..RemoteContext::new(trace_id, Some(span_id)) })
    }

    #[cold]
    fn parse_odd(value: &[u8]) -> Result<Self, InvalidHeader> {
        let (lead, element) = first_element(value);
        // What has nothing around it was read a moment ago.
        let single = if element.len() < value.len() { parse(element) } else { None };
        single.ok_or_else(|| diagnose(element).behind(lead).of(Field::B3))
    }

    /// Writes the value into the caller's buffer, so that nobody allocates.
    ///
    /// A parent is left out where nothing is decided: `trace-span-parent` is legal, and many receivers refuse it.
    pub fn write<'b>(&self, buffer: &'b mut [u8; Self::MAX_LEN]) -> &'b str {
        // Hex, dashes and three letters are ASCII, so the other arm is never taken.
        core::str::from_utf8(self.write_bytes(buffer)).unwrap_or_default()
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

    /// What the header says, as the outcome of its encoding.
    pub(super) const fn reading(&self) -> Parsed {
        let outcome = match &self.ids {
            Some(ids) => Outcome::Context(ids.context(self.sampling)),
            None => Outcome::SamplingOnly(self.sampling),
        };
        Parsed::new(outcome).with_encoding("b3")
    }
}

impl fmt::Display for B3Single {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.write(&mut [0; Self::MAX_LEN]))
    }
}

/// Bytes of the shortest value with ids.
const MIN_WITH_IDS: usize = 16 + 1 + 16;

/// Reads what is well-formed, by the offsets that leaves: `None` for everything else.
#[inline]
fn parse(value: &[u8]) -> Option<B3Single> {
    let (ids, rest) = match value {
        [letter] => return Some(B3Single { ids: None, sampling: sampling(*letter)? }),
        _ if value.len() < MIN_WITH_IDS => return None,
        _ if value[16] == b'-' => {
            let (trace, rest) = value.split_first_chunk::<16>()?;
            let trace_id = TraceId::from_halves(0, hex::u64_16(trace, Letters::Lower).ok()?)?;
            let (span_id, rest) = span(rest)?;
            (B3Ids::new(trace_id, span_id).with_64_bit_trace_id(), rest)
        }
        _ => {
            let (trace, rest) = value.split_first_chunk::<32>()?;
            let trace_id = TraceId::new(hex::u128_32(trace, Letters::Lower).ok()?)?;
            let (span_id, rest) = span(rest)?;
            (B3Ids::new(trace_id, span_id), rest)
        }
    };
    // A dash is no hex digit, so one behind a letter tells a decision from the parent that may stand there as well.
    match rest {
        [] => Some(B3Single::new(ids, Sampling::Deferred)),
        [b'-', letter] => Some(B3Single::new(ids, sampling(*letter)?)),
        [b'-', letter, b'-', parent @ ..] => {
            Some(B3Single::new(ids.with_parent_span_id(optional_span(parent)?), sampling(*letter)?))
        }
        [b'-', parent @ ..] => Some(B3Single::new(ids.with_parent_span_id(optional_span(parent)?), Sampling::Deferred)),
        _ => None,
    }
}

/// `"-" spanid`, and what follows.
fn span(value: &[u8]) -> Option<(SpanId, &[u8])> {
    let (digits, rest) = value.strip_prefix(b"-")?.split_first_chunk::<16>()?;
    Some((SpanId::new(hex::u64_16(digits, Letters::Lower).ok()?)?, rest))
}

/// A parent; one of zeros is none.
fn optional_span(value: &[u8]) -> Option<Option<SpanId>> {
    let digits = <&[u8; 16]>::try_from(value).ok()?;
    hex::u64_16(digits, Letters::Lower).ok().map(SpanId::new)
}

const fn sampling(letter: u8) -> Option<Sampling> {
    match letter {
        b'0' => Some(Sampling::NotSampled),
        b'1' => Some(Sampling::Sampled),
        b'd' => Some(Sampling::Debug),
        _ => None,
    }
}

/// Why a value is refused, found field by field.
fn diagnose(value: &[u8]) -> ReasonAt {
    if value.is_empty() {
        return InvalidReason::Empty.at(0);
    }
    let mut fields = [(0, &value[..0]); 4];
    let mut count = 0;
    let mut at = 0;
    for field in value.split(|&b| b == b'-') {
        match fields.get_mut(count) {
            Some(place) => *place = (at, field),
            None => return InvalidReason::FieldCount.at(at),
        }
        count += 1;
        at += field.len() + 1;
    }
    if let Some((at, _)) = fields[..count].iter().find(|(_, field)| field.is_empty()) {
        return InvalidReason::EmptyField.at(*at);
    }
    let found = match fields[..count] {
        [(_, [_])] => Some(InvalidReason::BadSampling.at(0)),
        [_] => Some(InvalidReason::FieldCount.at(value.len())),
        [trace, span] => bad_ids(trace, span),
        [trace, span, (at, third)] => bad_ids(trace, span).or_else(|| match third.len() {
            16 => bad_digits(at, third),
            _ => bad_sampling(at, third),
        }),
        [trace, span, (at, third), (parent_at, parent)] => {
            bad_ids(trace, span).or_else(|| bad_sampling(at, third)).or_else(|| bad_digits(parent_at, parent))
        }
        _ => None,
    };
    found.unwrap_or(InvalidReason::BadFormat.at(0))
}

fn bad_ids((trace_at, trace): (usize, &[u8]), (span_at, span): (usize, &[u8])) -> Option<ReasonAt> {
    let zeros = |field: &[u8]| field.iter().all(|&b| b == b'0');
    let bad_trace = match trace.len() {
        32 => trace.first_chunk().and_then(|digits| hex::u128_32(digits, Letters::Lower).err()),
        16 => trace.first_chunk().and_then(|digits| hex::u64_16(digits, Letters::Lower).err()),
        len => return Some(InvalidReason::BadLength.at(trace_at + len)),
    };
    let bad_trace = bad_trace.map(|error| error.reason.at(trace_at + error.at));
    bad_trace
        .or_else(|| zeros(trace).then_some(InvalidReason::ZeroTraceId.at(trace_at)))
        .or_else(|| bad_digits(span_at, span))
        .or_else(|| zeros(span).then_some(InvalidReason::ZeroSpanId.at(span_at)))
}

fn bad_digits(at: usize, field: &[u8]) -> Option<ReasonAt> {
    match <&[u8; 16]>::try_from(field) {
        Ok(digits) => hex::u64_16(digits, Letters::Lower).err().map(|error| error.reason.at(at + error.at)),
        Err(_) => Some(InvalidReason::BadLength.at(at + field.len())),
    }
}

fn bad_sampling(at: usize, field: &[u8]) -> Option<ReasonAt> {
    let known = matches!(field, [letter] if sampling(*letter).is_some());
    (!known).then_some(InvalidReason::BadSampling.at(at))
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
        let reject = B3Single::parse(value.as_bytes()).unwrap_err();
        assert_eq!(reject.field(), Field::B3);
        (reject.reason(), reject.offset())
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
    fn err_parse_names_reason_and_place() {
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
    fn ok_write_leaves_the_parent_out_where_nothing_is_decided() {
        let write = |single: B3Single| std::string::ToString::to_string(&single);
        let with_parent = ids().with_parent_span_id(parent());
        assert_eq!(write(B3Single::new(with_parent, Sampling::Sampled)).as_bytes(), FULL);
        assert_eq!(FULL.len(), B3Single::MAX_LEN);
        assert_eq!(write(B3Single::new(with_parent, Sampling::Deferred)).as_bytes(), &FULL[..49]);
        assert_eq!(B3Single::from_sampling(Sampling::Deferred), None);
    }

    /// The grammar once more, by splitting.
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
        let plain = B3Single::plain(value);
        let is_plain = parsed.is_ok() && value.len() == 51 && value[49] == b'-' && value[32] == b'-';
        assert_eq!(plain.is_some(), is_plain, "{}", value.escape_ascii());
        if let Some(context) = plain {
            assert_eq!(parsed.unwrap().reading().outcome(), Outcome::Context(context));
        }
        if let Err(reject) = parsed {
            assert_ne!(reject.reason(), InvalidReason::BadFormat, "{}", value.escape_ascii());
            assert!(reject.offset() as usize <= value.len());
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
