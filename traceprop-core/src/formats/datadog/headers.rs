//! The five `x-datadog-*` headers, read together.

use core::fmt;

use super::error::PropagationError;
use super::plain::{self, is_plain_origin};
use super::tags::DatadogTags;
use crate::carrier::headers::Headers;
use crate::context::RemoteContext;
use crate::field::Field;
use crate::field::invalid::InvalidHeader;
use crate::id::sampling::Sampling;
use crate::id::{SpanId, TraceId};
use crate::wire;
use crate::wire::decimal;
use crate::wire::reason::{InvalidReason, ReasonAt};

/// Bytes of an origin that are read. Real ones are a word; servers cap a header about here.
pub const MAX_ORIGIN_LEN: usize = 8192;

/// What the headers say. It cannot hold a trace id of zero; what else was unreadable is missing.
///
/// ```
/// use traceprop_core::formats::datadog::{Datadog, DatadogHeaders};
/// use traceprop_core::{Propagator, Sampling};
///
/// static DATADOG: Datadog = Datadog::new();
///
/// let propagator = Propagator::builder().extract(&DATADOG).inject_none().build()?;
/// let request = [
///     ("x-datadog-trace-id", "8135627190345512087"),
///     ("x-datadog-parent-id", "4611686018427387905"),
///     ("x-datadog-sampling-priority", "2"),
///     ("x-datadog-origin", "synthetics"),
///     ("x-datadog-tags", "_dd.p.tid=66c1f3a000000000,_dd.p.dm=-4"),
/// ];
/// let extraction = propagator.extract(&request);
/// let headers = DatadogHeaders::read(extraction.headers()).expect("valid").expect("there");
/// assert_eq!(headers.trace_id.to_string(), "66c1f3a00000000070e78dd3418db497");
/// assert_eq!((headers.priority, headers.origin), (Some(2), Some("synthetics")));
/// assert_eq!(headers.sampling(), Sampling::Sampled);
/// # Ok::<(), traceprop_core::ConfigError>(())
/// ```
#[derive(Clone, Copy)]
pub struct DatadogHeaders<'c> {
    /// `x-datadog-trace-id`, with the upper half from the tag `_dd.p.tid`.
    pub trace_id: TraceId,
    /// `x-datadog-parent-id`; a 0 is none.
    pub parent_id: Option<SpanId>,
    /// `x-datadog-sampling-priority`.
    pub priority: Option<i32>,
    /// `x-datadog-origin`.
    pub origin: Option<&'c str>,
    /// `x-datadog-tags`.
    pub tags: DatadogTags<'c>,
}

/// How much of a field was turned down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Field(InvalidHeader),
    Member(InvalidHeader),
}

impl<'c> DatadogHeaders<'c> {
    /// Reads the headers; `None` where there is no trace id, whatever else there is.
    ///
    /// # Errors
    /// When the trace id is no decimal number from 1 to 2^64-1: `empty`, `bad-decimal`, `out-of-range`,
    /// `zero-trace-id`, `too-long`, or `repeated-field` where it stands on several lines.
    pub fn read(slots: &Headers<'c>) -> Result<Option<Self>, InvalidHeader> {
        let Some((low, parent_id)) = ids(slots, &mut |_| {})? else {
            return Ok(None);
        };
        let tags = DatadogTags::read(slots.get_all(Field::DatadogTags));
        let trace_id = trace_id(low, &tags)?;
        Ok(Some(Self { trace_id, parent_id, priority: priority(slots), origin: origin(slots), tags }))
    }

    /// The decision: a priority above zero keeps the trace, none leaves it open.
    pub const fn sampling(&self) -> Sampling {
        sampling(self.priority)
    }
}

pub(super) const fn sampling(priority: Option<i32>) -> Sampling {
    match priority {
        None => Sampling::Deferred,
        Some(1..) => Sampling::Sampled,
        Some(_) => Sampling::NotSampled,
    }
}

/// The context alone, and what was turned down beside it. Reads all headers, and makes no text of them.
pub(super) fn context(
    slots: &Headers<'_>,
    refuse: &mut dyn FnMut(Refused),
) -> Result<Option<RemoteContext>, InvalidHeader> {
    let mut whole = |reject| refuse(Refused::Field(reject));
    let Some((low, parent_id)) = ids(slots, &mut whole)? else {
        return Ok(None);
    };
    let priority = number(slots, Field::DatadogSamplingPriority, decimal::signed).unwrap_or_else(|reject| {
        whole(reject);
        None
    });
    if let Err(reject) = origin_bytes(slots) {
        whole(reject);
    }
    let (tags, reject) = match slots.get(Field::DatadogTags) {
        Some(_) => DatadogTags::scan(slots.get_all(Field::DatadogTags)),
        None => (DatadogTags::EMPTY, None),
    };
    if let Some(reject) = reject {
        refuse(match tags.propagation_error() {
            Some(PropagationError::ExtractMaxSize) => Refused::Field(reject),
            _ => Refused::Member(reject),
        });
    }
    Ok(Some(RemoteContext {
        trace_id: trace_id(low, &tags)?,
        parent_id,
        sampling: sampling(priority),
        // Datadog's tracers put a time into the upper half, and promise nothing.
        random: false,
    }))
}

/// The lower half of the trace id, and the sender's span.
fn ids(
    slots: &Headers<'_>,
    refuse: &mut dyn FnMut(InvalidHeader),
) -> Result<Option<(u64, Option<SpanId>)>, InvalidHeader> {
    match number(slots, Field::DatadogTraceId, decimal::unsigned)? {
        None => Ok(None),
        Some(0) => Err(InvalidHeader::new(Field::DatadogTraceId, InvalidReason::ZeroTraceId, 0)),
        Some(low) => {
            let parent_id = number(slots, Field::DatadogParentId, decimal::unsigned).unwrap_or_else(|reject| {
                refuse(reject);
                None
            });
            Ok(Some((low, parent_id.and_then(SpanId::new))))
        }
    }
}

fn trace_id(low: u64, tags: &DatadogTags<'_>) -> Result<TraceId, InvalidHeader> {
    let trace_id = TraceId::from_halves(tags.trace_id_high().unwrap_or(0), low);
    trace_id.ok_or(InvalidHeader::new(Field::DatadogTraceId, InvalidReason::ZeroTraceId, 0))
}

impl fmt::Debug for DatadogHeaders<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatadogHeaders")
            .field("trace_id", &self.trace_id)
            .field("parent_id", &self.parent_id)
            .field("priority", &self.priority)
            // Text of the request has no place in a log.
            .field("origin", &self.origin.map(str::len))
            .field("tags", &self.tags)
            .finish()
    }
}

/// The sender's span alone.
pub(super) fn parent_id(slots: &Headers<'_>) -> Option<SpanId> {
    SpanId::new(number_alone(slots, Field::DatadogParentId, decimal::value, decimal::unsigned)?)
}

/// A field that is one number. Several lines are none, and so is what a browser or a proxy has joined with a comma:
/// RFC 9110 makes the two forms equal, and taking one of the values would be a guess.
fn number<T>(
    slots: &Headers<'_>,
    field: Field,
    parse: fn(&[u8]) -> Result<T, ReasonAt>,
) -> Result<Option<T>, InvalidHeader> {
    let Some(line) = slots.get(field) else {
        return Ok(None);
    };
    if slots.is_repeated(field) {
        return Err(InvalidHeader::new(field, InvalidReason::RepeatedField, 0));
    }
    parse(wire::trim(line)).map(Some).map_err(|error| error.behind(lead(line)).of(field))
}

/// The priority alone.
pub(super) fn priority(slots: &Headers<'_>) -> Option<i32> {
    number_alone(slots, Field::DatadogSamplingPriority, decimal::signed_value, decimal::signed)
}

/// A number where nobody asks what is wrong with it: at a glance, or with a closer look.
#[inline]
fn number_alone<T>(
    slots: &Headers<'_>,
    field: Field,
    value: fn(&[u8]) -> Option<T>,
    parse: fn(&[u8]) -> Result<T, ReasonAt>,
) -> Option<T> {
    plain::number(slots, field, value).unwrap_or_else(|| number(slots, field, parse).ok().flatten())
}

/// The origin alone.
pub(super) fn origin<'c>(slots: &Headers<'c>) -> Option<&'c str> {
    let line = slots.get(Field::DatadogOrigin)?;
    let origin = if is_plain_origin(line) { line } else { origin_bytes(slots).ok()?? };
    // It is ASCII by now.
    core::str::from_utf8(origin).ok()
}

/// The same where it is known to be good.
pub(super) fn known_origin<'c>(slots: &Headers<'c>) -> Option<&'c str> {
    core::str::from_utf8(wire::trim(slots.get(Field::DatadogOrigin)?)).ok()
}

/// The origin is free text, so a comma is part of it; of several lines the first counts.
fn origin_bytes<'c>(slots: &Headers<'c>) -> Result<Option<&'c [u8]>, InvalidHeader> {
    let Some(line) = slots.get(Field::DatadogOrigin) else {
        return Ok(None);
    };
    let reject = |reason, at| Err(InvalidHeader::new(Field::DatadogOrigin, reason, at));
    let value = wire::trim(line);
    if value.is_empty() {
        return reject(InvalidReason::Empty, 0);
    }
    if value.len() > MAX_ORIGIN_LEN {
        return reject(InvalidReason::TooLong, value.len());
    }
    if !wire::is_visible(value, b' ', []) {
        let at = value.iter().position(|&b| !matches!(b, b' '..=b'~')).unwrap_or(0);
        return reject(InvalidReason::BadCharacter, lead(line) + at);
    }
    Ok(Some(value))
}

/// Blanks before the value.
fn lead(line: &[u8]) -> usize {
    line.iter().take_while(|&&b| b == b' ' || b == b'\t').count()
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

    /// Trace and span id, decision, and what was turned down.
    fn read(headers: &[(&str, &[u8])]) -> (Result<Option<RemoteContext>, InvalidHeader>, Vec<Refused>) {
        let names = names();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, *value)).collect();
        let slots = Headers::collect(&headers, &names);
        let mut refused = Vec::new();
        let read = super::context(&slots, &mut |reject| refused.push(reject));
        let ids = |context: RemoteContext| (context.trace_id, context.parent_id, context.sampling);
        if let Some(plain) = plain::context(&slots) {
            assert_eq!((read, refused.len()), (Ok(Some(plain)), 0), "nothing is turned down");
        }
        let headers = DatadogHeaders::read(&slots);
        let same = headers.map(|headers| headers.map(|it| (it.trace_id, it.parent_id, it.sampling())));
        assert_eq!(same, read.map(|context| context.map(ids)), "both readings say the same");
        (read, refused)
    }

    const TRACE: (&str, &[u8]) = ("x-datadog-trace-id", b"77");

    fn context(parent_id: Option<u64>, sampling: Sampling) -> RemoteContext {
        let parent_id = parent_id.map(|id| SpanId::new(id).unwrap());
        RemoteContext { sampling, ..RemoteContext::new(TraceId::new(77).unwrap(), parent_id) }
    }

    #[track_caller]
    fn refused(headers: &[(&str, &[u8])]) -> Vec<Refused> {
        let (read, refused) = read(headers);
        assert!(read.unwrap().is_some());
        refused
    }

    #[test]
    fn ok_read_all_with_blanks_around() {
        let (read, refused) = read(&[
            ("X-Datadog-Trace-Id", b" 77\t"),
            ("X-DATADOG-PARENT-ID", b"\t78"),
            ("x-datadog-sampling-priority", b" -2 "),
        ]);
        assert_eq!(read, Ok(Some(context(Some(78), Sampling::NotSampled))));
        assert!(refused.is_empty());
    }

    #[test]
    fn ok_nothing_without_a_trace_id() {
        let (read, refused) = read(&[("x-datadog-parent-id", b"x"), ("x-datadog-tags", b"x")]);
        assert_eq!((read, refused.len()), (Ok(None), 0));
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
    fn err_repeated_ids_and_priority_even_if_they_agree() {
        let (twice, _) = read(&[TRACE, TRACE]);
        assert_eq!(twice, Err(InvalidHeader::new(Field::DatadogTraceId, InvalidReason::RepeatedField, 0)));
        let parent = ("x-datadog-parent-id", &b"78"[..]);
        let priority = ("x-datadog-sampling-priority", &b"1"[..]);
        let (read, refused) = read(&[TRACE, parent, parent, priority, priority]);
        assert_eq!(read, Ok(Some(context(None, Sampling::Deferred))));
        let repeated = |field| Refused::Field(InvalidHeader::new(field, InvalidReason::RepeatedField, 0));
        assert_eq!(refused, [repeated(Field::DatadogParentId), repeated(Field::DatadogSamplingPriority)]);
    }

    #[test]
    fn ok_bad_parent_and_priority_cost_themselves() {
        let (read, refused) =
            read(&[TRACE, ("x-datadog-parent-id", b"span-7"), ("x-datadog-sampling-priority", b"keep")]);
        assert_eq!(read, Ok(Some(context(None, Sampling::Deferred))));
        let bad = |field| Refused::Field(InvalidHeader::new(field, InvalidReason::BadDecimal, 0));
        assert_eq!(refused, [bad(Field::DatadogParentId), bad(Field::DatadogSamplingPriority)]);
    }

    #[test]
    fn ok_parent_zero_is_none_and_no_fault() {
        let (read, refused) = read(&[TRACE, ("x-datadog-parent-id", b"0")]);
        assert_eq!((read, refused.len()), (Ok(Some(context(None, Sampling::Deferred))), 0));
    }

    #[test]
    fn ok_origin_keeps_its_commas_and_its_first_line() {
        let names = names();
        let origin = |lines: &[&'static str]| {
            let mut headers: Vec<(&str, &str)> = [("x-datadog-trace-id", "77")].into();
            headers.extend(lines.iter().map(|line| ("x-datadog-origin", *line)));
            let slots = Headers::collect(&headers, &names);
            DatadogHeaders::read(&slots).unwrap().unwrap().origin.map(std::string::String::from)
        };
        assert_eq!(origin(&["\t lambda;=x, y:1 "]), Some("lambda;=x, y:1".into()));
        assert_eq!(origin(&["rum", "synthetics"]), Some("rum".into()));
        assert_eq!(origin(&[""]), None);
    }

    #[test]
    fn err_origin_that_is_no_printable_ascii() {
        let refused = |value: &[u8]| refused(&[TRACE, ("x-datadog-origin", value)]);
        let reject = |reason, at| [Refused::Field(InvalidHeader::new(Field::DatadogOrigin, reason, at))];
        assert_eq!(refused("rum é".as_bytes()), reject(InvalidReason::BadCharacter, 4));
        assert_eq!(refused(b" a\tb"), reject(InvalidReason::BadCharacter, 2));
        assert_eq!(refused(b"a\x7f"), reject(InvalidReason::BadCharacter, 1));
        assert_eq!(refused(b"  "), reject(InvalidReason::Empty, 0));
        assert_eq!(refused(&[b'o'; MAX_ORIGIN_LEN]), []);
        assert_eq!(refused(&[b'o'; MAX_ORIGIN_LEN + 1]), reject(InvalidReason::TooLong, MAX_ORIGIN_LEN + 1));
    }

    #[test]
    fn err_debug_holds_no_text() {
        let (names, headers) = (names(), [("x-datadog-trace-id", "77"), ("x-datadog-origin", "secret")].to_vec());
        let slots = Headers::collect(&headers, &names);
        let shown = std::format!("{:?}", DatadogHeaders::read(&slots).unwrap().unwrap());
        assert!(shown.contains("origin: Some(6)") && !shown.contains("secret"), "{shown}");
    }

    #[test]
    fn ok_tags_that_are_too_long_take_the_upper_half_with_them() {
        let mut long = Vec::from(&b"_dd.p.tid=66c1f3a000000000,_dd.p.a="[..]);
        long.resize(513, b'x');
        let (read, refused) = read(&[TRACE, ("x-datadog-tags", &long)]);
        assert_eq!(read, Ok(Some(context(None, Sampling::Deferred))));
        assert_eq!(refused, [Refused::Field(InvalidHeader::new(Field::DatadogTags, InvalidReason::TooLong, 513))]);
    }
}
