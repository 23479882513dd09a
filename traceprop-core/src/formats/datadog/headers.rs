//! The five `x-datadog-*` headers, read together.

use super::error::PropagationError;
use super::tags::DatadogTags;
use crate::carrier::Headers;
use crate::context::RemoteContext;
use crate::field::{Field, InvalidHeader};
use crate::format::{Outcome, Parsed};
use crate::id::{Sampling, SpanId, TraceId};
use crate::wire::{self, InvalidReason, ReasonAt, debug_as, decimal};

/// The longest origin that is read, in bytes. Real origins are one word; servers limit a header to about this length.
pub const MAX_ORIGIN_LEN: usize = 8192;

/// The `x-datadog-*` headers of a request. The trace id is never zero; any other invalid field is `None`.
///
/// ```
/// use traceprop_core::formats::datadog::DatadogHeaders;
/// use traceprop_core::{Propagator, Sampling};
///
/// let propagator = Propagator::from_names("datadog", "none")?;
/// let request = [
///     ("x-datadog-trace-id", "8135627190345512087"),
///     ("x-datadog-parent-id", "4611686018427387905"),
///     ("x-datadog-sampling-priority", "2"),
///     ("x-datadog-origin", "synthetics"),
///     ("x-datadog-tags", "_dd.p.tid=66c1f3a000000000,_dd.p.dm=-4"),
/// ];
/// let extraction = propagator.extract(&request);
/// let headers = DatadogHeaders::from_lines(extraction.headers())?.expect("a trace id");
/// assert_eq!(headers.trace_id.to_string(), "66c1f3a00000000070e78dd3418db497");
/// assert_eq!((headers.priority, headers.origin), (Some(2), Some("synthetics")));
/// assert_eq!(headers.sampling(), Sampling::Sampled);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct DatadogHeaders<'c> {
    /// `x-datadog-trace-id`, with the upper half from the tag `_dd.p.tid`.
    pub trace_id: TraceId,
    /// `x-datadog-parent-id`. 0 means no parent.
    pub parent_id: Option<SpanId>,
    /// `x-datadog-sampling-priority`.
    pub priority: Option<i32>,
    /// `x-datadog-origin`.
    pub origin: Option<&'c str>,
    /// `x-datadog-tags`.
    pub tags: DatadogTags<'c>,
}

impl<'c> DatadogHeaders<'c> {
    /// Reads the headers. Returns `None` if there is no trace id.
    ///
    /// # Errors
    /// Returns [`InvalidHeader`] if the trace id is not a decimal number from 1 to 2^64-1 (`empty`, `bad-decimal`,
    /// `out-of-range`, `zero-trace-id` or `too-long`), or has several values that differ (`repeated-field`).
    pub fn from_lines(headers: &Headers<'c>) -> Result<Option<Self>, InvalidHeader> {
        let parsed = Self::parse(headers, &mut Parsed::new(Outcome::Absent))?;
        let origin = origin(headers).ok().flatten().and_then(|origin| core::str::from_utf8(origin).ok());
        Ok(parsed.map(|parsed| Self { origin, ..parsed }))
    }

    /// Reads what a context needs of the headers: all but the text of the origin. Tells `parsed` which are ignored.
    #[inline(always)]
    pub(super) fn parse(headers: &Headers<'c>, parsed: &mut Parsed) -> Result<Option<Self>, InvalidHeader> {
        let Some(low) = number(headers, Field::DatadogTraceId, decimal::unsigned)? else {
            return Ok(None);
        };
        let parent_id = or_ignore(number(headers, Field::DatadogParentId, decimal::unsigned), parsed);
        let priority = or_ignore(number(headers, Field::DatadogSamplingPriority, decimal::signed), parsed);
        or_ignore(origin(headers), parsed);
        let tags = DatadogTags::from_lines(headers.get_all(Field::DatadogTags));
        let checked = tags.check();
        match (checked.invalid, checked.error) {
            (Some(invalid), Some(PropagationError::ExtractMaxSize)) => parsed.ignore_field(invalid),
            (Some(invalid), _) => parsed.ignore_member(invalid),
            (None, _) => {}
        }
        let zero = InvalidHeader::new(Field::DatadogTraceId, InvalidReason::ZeroTraceId, 0);
        // An upper half alone is not a trace id: tracers that know only the lower half would see no trace.
        let trace_id = TraceId::from_halves(checked.trace_id_high, low).filter(|_| low != 0).ok_or(zero)?;
        let parent_id = parent_id.and_then(SpanId::new);
        Ok(Some(Self { trace_id, parent_id, priority, origin: None, tags }))
    }

    /// Returns the sampling decision: sampled above priority 0, deferred without a priority.
    pub const fn sampling(&self) -> Sampling {
        match self.priority {
            None => Sampling::Deferred,
            Some(1..) => Sampling::Sampled,
            Some(_) => Sampling::NotSampled,
        }
    }

    pub(super) const fn context(&self) -> RemoteContext {
        // Datadog's tracers put a time into the upper half, and do not promise random bits.
        RemoteContext { trace_id: self.trace_id, parent_id: self.parent_id, sampling: self.sampling(), random: false }
    }
}

debug_as!(
    DatadogHeaders<'_>, |it|
    trace_id: it.trace_id, parent_id: it.parent_id, priority: it.priority, origin: it.origin.map(str::len), tags: it.tags
);

/// An optional field that is invalid costs itself, since the trace id is what holds a trace together.
#[inline]
fn or_ignore<T>(read: Result<Option<T>, InvalidHeader>, parsed: &mut Parsed) -> Option<T> {
    read.unwrap_or_else(|invalid| {
        parsed.ignore_field(invalid);
        None
    })
}

/// Reads the parent id alone.
pub(super) fn parent_id(headers: &Headers<'_>) -> Option<SpanId> {
    SpanId::new(number(headers, Field::DatadogParentId, decimal::unsigned).ok()??)
}

/// Reads the priority alone.
pub(super) fn priority(headers: &Headers<'_>) -> Option<i32> {
    number(headers, Field::DatadogSamplingPriority, decimal::signed).ok()?
}

/// Reads a header that holds one number. Equal copies are one number. Different numbers are invalid, on lines of their own
/// and joined by a comma: RFC 9110 makes the two forms equal, and taking one of the values would be a guess.
#[inline(always)]
fn number<T>(
    headers: &Headers<'_>,
    field: Field,
    parse: fn(&[u8]) -> Result<T, ReasonAt>,
) -> Result<Option<T>, InvalidHeader> {
    let Some(line) = headers.get(field) else { return Ok(None) };
    let number = match headers.is_repeated(field) {
        true => Err(InvalidHeader::new(field, InvalidReason::RepeatedField, 0)),
        // Nearly no number has blanks around it.
        false => parse(line)
            .or_else(|_| parse(wire::trim(line)))
            .map_err(|error| error.shifted_by(wire::lead(line)).of(field)),
    };
    match number {
        Ok(number) => Ok(Some(number)),
        Err(error) => headers.get_all(field).equal_value().and_then(|value| parse(value).ok()).map(Some).ok_or(error),
    }
}

/// Reads the origin. It is free text, so a comma is part of it; of several lines the first counts.
#[inline(always)]
fn origin<'c>(headers: &Headers<'c>) -> Result<Option<&'c [u8]>, InvalidHeader> {
    let Some(line) = headers.get(Field::DatadogOrigin) else { return Ok(None) };
    let value = wire::trim(line);
    let error = match value {
        [] => InvalidReason::Empty.at(0),
        _ if value.len() > MAX_ORIGIN_LEN => InvalidReason::TooLong.at(value.len()),
        _ if wire::is_visible(value, b' ', []) => return Ok(Some(value)),
        _ => InvalidReason::BadCharacter
            .at(wire::lead(line) + value.iter().take_while(|&&b| matches!(b, b' '..=b'~')).count()),
    };
    Err(error.of(Field::DatadogOrigin))
}

/// Returns the text of a field that is known to be valid, or that code gave, without the blanks around it.
#[inline(always)]
pub(super) fn known_text<'c>(headers: &Headers<'c>, field: Field) -> Option<&'c str> {
    core::str::from_utf8(wire::trim(headers.get(field)?)).ok().filter(|text| !text.is_empty())
}

#[cfg(feature = "alloc")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{FieldNames, FieldSet};
    use std::vec::Vec;

    fn names() -> FieldNames {
        let mut names = FieldNames::new();
        names.watch(FieldSet::of(Field::BUILT_IN));
        names
    }

    /// Returns the context, and what is ignored.
    fn read(headers: &[(&str, &[u8])]) -> (Result<Option<RemoteContext>, InvalidHeader>, Vec<Ignored>) {
        let names = names();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, *value)).collect();
        let mut parsed = Parsed::new(Outcome::Absent);
        let read = DatadogHeaders::parse(&Headers::collect(&headers, &names), &mut parsed);
        let is_field = |invalid: &InvalidHeader| parsed.ignored_fields().contains(invalid.field());
        let ignored = parsed.ignored().map(|it| if is_field(&it) { Ignored::Field(it) } else { Ignored::Member(it) });
        (read.map(|headers| headers.map(|headers| headers.context())), ignored.collect())
    }

    /// How much of a field is ignored.
    #[derive(Debug, PartialEq)]
    enum Ignored {
        Field(InvalidHeader),
        Member(InvalidHeader),
    }

    const TRACE: (&str, &[u8]) = ("x-datadog-trace-id", b"77");

    fn context(parent_id: Option<u64>, sampling: Sampling) -> RemoteContext {
        let parent_id = parent_id.map(|id| SpanId::new(id).unwrap());
        RemoteContext { sampling, ..RemoteContext::new(TraceId::new(77).unwrap(), parent_id) }
    }

    #[track_caller]
    fn ignored(headers: &[(&str, &[u8])]) -> Vec<Ignored> {
        let (read, ignored) = read(headers);
        assert!(read.unwrap().is_some());
        ignored
    }

    #[test]
    fn ok_read_all_with_blanks_around() {
        let (read, ignored) = read(&[
            ("X-Datadog-Trace-Id", b" 77\t"),
            ("X-DATADOG-PARENT-ID", b"\t78"),
            ("x-datadog-sampling-priority", b" -2 "),
        ]);
        assert_eq!(read, Ok(Some(context(Some(78), Sampling::NotSampled))));
        assert!(ignored.is_empty());
    }

    #[test]
    fn ok_nothing_without_a_trace_id() {
        let (read, ignored) = read(&[("x-datadog-parent-id", b"x"), ("x-datadog-tags", b"x")]);
        assert_eq!((read, ignored.len()), (Ok(None), 0));
    }

    #[test]
    fn err_trace_id_that_is_none() {
        let err = |value: &[u8]| {
            let reject = read(&[("x-datadog-trace-id", value)]).0.unwrap_err();
            assert_eq!(reject.field(), Field::DatadogTraceId);
            (reject.reason(), reject.offset())
        };
        assert_eq!(err(b""), (InvalidReason::Empty, 0));
        assert_eq!(err(b" \t"), (InvalidReason::Empty, 2));
        assert_eq!(err(b"0"), (InvalidReason::ZeroTraceId, 0));
        assert_eq!(err(b"000"), (InvalidReason::ZeroTraceId, 0));
        assert_eq!(err(b" +991"), (InvalidReason::BadDecimal, 1));
        assert_eq!(err(b"18446744073709551616"), (InvalidReason::OutOfRange, 0));
        assert_eq!(err(b"8135627190345512087, 17"), (InvalidReason::BadDecimal, 19));
    }

    #[test]
    fn err_trace_id_of_an_upper_half_alone() {
        let tags = ("x-datadog-tags", &b"_dd.p.tid=66c1f3a000000000"[..]);
        let (read, _) = read(&[("x-datadog-trace-id", b"0"), tags]);
        assert_eq!(read, Err(InvalidHeader::new(Field::DatadogTraceId, InvalidReason::ZeroTraceId, 0)));
    }

    #[test]
    fn err_repeated_ids_and_priority_that_differ() {
        let (twice, _) = read(&[TRACE, ("x-datadog-trace-id", b"78")]);
        assert_eq!(twice, Err(InvalidHeader::new(Field::DatadogTraceId, InvalidReason::RepeatedField, 0)));
        let parent = ("x-datadog-parent-id", &b"78"[..]);
        let other = ("x-datadog-parent-id", &b"79"[..]);
        let [priority, second] = [&b"1"[..], b"2"].map(|value| ("x-datadog-sampling-priority", value));
        let (read, ignored) = read(&[TRACE, parent, other, priority, second]);
        assert_eq!(read, Ok(Some(context(None, Sampling::Deferred))));
        let repeated = |field| Ignored::Field(InvalidHeader::new(field, InvalidReason::RepeatedField, 0));
        assert_eq!(ignored, [repeated(Field::DatadogParentId), repeated(Field::DatadogSamplingPriority)]);
    }

    #[test]
    fn ok_equal_copies_are_one_value() {
        let expected = Ok(Some(context(Some(78), Sampling::Sampled)));
        let [parent, joined] = [&b" 78"[..], b"78 ,78"].map(|value| ("x-datadog-parent-id", value));
        let priority = ("x-datadog-sampling-priority", &b"1"[..]);
        let (on_lines, ignored) = read(&[TRACE, TRACE, parent, joined, priority, priority]);
        assert_eq!((on_lines, ignored.len()), (expected, 0));
        let (joined, ignored) = read(&[("x-datadog-trace-id", b"77,77, 77"), joined, priority]);
        assert_eq!((joined, ignored.len()), (expected, 0));
        let (missing, _) = read(&[("x-datadog-trace-id", b"77,")]);
        assert_eq!(missing, Err(InvalidHeader::new(Field::DatadogTraceId, InvalidReason::BadDecimal, 2)));
        let too_many = [TRACE; crate::carrier::headers::MAX_HEADER_LINES + 1];
        assert_eq!(read(&too_many).0.map_err(|invalid| invalid.reason()), Err(InvalidReason::RepeatedField));
    }

    #[test]
    fn ok_bad_parent_and_priority_cost_themselves() {
        let (read, ignored) =
            read(&[TRACE, ("x-datadog-parent-id", b"span-7"), ("x-datadog-sampling-priority", b"keep")]);
        assert_eq!(read, Ok(Some(context(None, Sampling::Deferred))));
        let bad = |field| Ignored::Field(InvalidHeader::new(field, InvalidReason::BadDecimal, 0));
        assert_eq!(ignored, [bad(Field::DatadogParentId), bad(Field::DatadogSamplingPriority)]);
    }

    #[test]
    fn ok_parent_zero_is_none_and_no_fault() {
        let (read, ignored) = read(&[TRACE, ("x-datadog-parent-id", b"0")]);
        assert_eq!((read, ignored.len()), (Ok(Some(context(None, Sampling::Deferred))), 0));
    }

    #[test]
    fn ok_origin_keeps_its_commas_and_its_first_line() {
        let names = names();
        let origin = |lines: &[&'static str]| {
            let mut headers: Vec<(&str, &str)> = [("x-datadog-trace-id", "77")].into();
            headers.extend(lines.iter().map(|line| ("x-datadog-origin", *line)));
            let headers = Headers::collect(&headers, &names);
            DatadogHeaders::from_lines(&headers).unwrap().unwrap().origin.map(std::string::String::from)
        };
        assert_eq!(origin(&["\t lambda;=x, y:1 "]), Some("lambda;=x, y:1".into()));
        assert_eq!(origin(&["rum", "synthetics"]), Some("rum".into()));
        assert_eq!(origin(&[""]), None);
    }

    #[test]
    fn err_origin_that_is_no_printable_ascii() {
        let ignored = |value: &[u8]| ignored(&[TRACE, ("x-datadog-origin", value)]);
        let reject = |reason, at| [Ignored::Field(InvalidHeader::new(Field::DatadogOrigin, reason, at))];
        assert_eq!(ignored("rum é".as_bytes()), reject(InvalidReason::BadCharacter, 4));
        assert_eq!(ignored(b" a\tb"), reject(InvalidReason::BadCharacter, 2));
        assert_eq!(ignored(b"a\x7f"), reject(InvalidReason::BadCharacter, 1));
        assert_eq!(ignored(b"  "), reject(InvalidReason::Empty, 0));
        assert_eq!(ignored(&[b'o'; MAX_ORIGIN_LEN]), []);
        assert_eq!(ignored(&[b'o'; MAX_ORIGIN_LEN + 1]), reject(InvalidReason::TooLong, MAX_ORIGIN_LEN + 1));
    }

    #[test]
    fn err_debug_holds_no_text() {
        let (names, headers) = (names(), [("x-datadog-trace-id", "77"), ("x-datadog-origin", "secret")].to_vec());
        let headers = Headers::collect(&headers, &names);
        let shown = std::format!("{:?}", DatadogHeaders::from_lines(&headers).unwrap().unwrap());
        assert!(shown.contains("origin: Some(6)") && !shown.contains("secret"), "{shown}");
    }

    #[test]
    fn ok_tags_that_are_too_long_take_the_upper_half_with_them() {
        let mut long = Vec::from(&b"_dd.p.tid=66c1f3a000000000,_dd.p.a="[..]);
        long.resize(513, b'x');
        let (read, ignored) = read(&[TRACE, ("x-datadog-tags", &long)]);
        assert_eq!(read, Ok(Some(context(None, Sampling::Deferred))));
        assert_eq!(ignored, [Ignored::Field(InvalidHeader::new(Field::DatadogTags, InvalidReason::TooLong, 513))]);
    }
}
