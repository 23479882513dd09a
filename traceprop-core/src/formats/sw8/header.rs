//! The `sw8` value: eight fields.

use super::ids;
use super::text::Sw8Text;
use crate::context::RemoteContext;
use crate::field::{Field, InvalidHeader};
use crate::id::{Sampling, SpanId, TraceId};
use crate::wire::base64::{LEN_OF_32, MAX_ENCODED};
use crate::wire::{self, InvalidReason, ReasonAt, decimal};

/// Bytes of the longest `sw8` value: "the whole header value must be under 2k" in the specification.
pub(super) const MAX_VALUE: usize = MAX_ENCODED;

/// The largest span number, since Java reads it as `int`.
const MAX_SPAN: u32 = i32::MAX as u32;

/// The eight fields.
type Fields<'c> = [&'c [u8]; 8];

/// An `sw8` value: the ids of the caller and the names of its service. Text is decoded on demand.
///
/// # Examples
///
/// ```
/// use traceprop_core::formats::sw8::Sw8Header;
///
/// let value = b"1-NjEzMWQxNDhiYjY1MTE1ZDkxZjk5NzU2MGFjYThlNjc=-N2M4OWNkZWI2OGE5MTMyZWI0NzI2YWQzZGJhNThkNTA=\
///     -1-cmVjby1weQ==-cmVjby1weS01ZjdjOQ==-L3ByZWRpY3Q=-bW9kZWw6ODUwMQ==";
/// let header = Sw8Header::parse(value)?;
/// assert_eq!(header.trace_id(), "6131d148bb65115d91f997560aca8e67");
/// assert_eq!(header.service(), "reco-py");
/// assert_eq!(header.context().trace_id.to_string(), "6131d148bb65115d91f997560aca8e67");
/// # Ok::<(), traceprop_core::InvalidHeader>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sw8Header<'c> {
    judged: Judged,
    trace_id: Sw8Text<'c>,
    segment_id: Sw8Text<'c>,
    service: Sw8Text<'c>,
    instance: Sw8Text<'c>,
    endpoint: Sw8Text<'c>,
    peer: Sw8Text<'c>,
}

impl<'c> Sw8Header<'c> {
    /// Parses one value. Spaces and tabs around it are ignored.
    ///
    /// # Errors
    ///
    /// Returns `empty` for the value of a request that is not traced. Other reasons are `too-long`, `field-count`,
    /// `bad-sampling`, `missing-trace-id`, `empty-segment-id`, `bad-span-id`, `bad-base64`, `bad-utf8` and
    /// `zero-trace-id`.
    pub fn parse(value: &'c [u8]) -> Result<Self, InvalidHeader> {
        let trimmed = wire::trim(value);
        if is_husk(trimmed) {
            return Err(InvalidHeader::new(Field::Sw8, InvalidReason::Empty, 0));
        }
        parse(trimmed).map_err(|error| error.shifted_by(wire::lead(value)).of(Field::Sw8))
    }

    /// Returns field 1: `false` if the sender probably does not record the trace. Most agents ignore it.
    pub const fn is_sampled(&self) -> bool {
        self.judged.sampled
    }

    /// Returns field 2: the trace id as the sender spells it.
    pub const fn trace_id(&self) -> Sw8Text<'c> {
        self.trace_id
    }

    /// Returns field 3: the segment of the calling span.
    pub const fn segment_id(&self) -> Sw8Text<'c> {
        self.segment_id
    }

    /// Returns field 4: the number of the calling span in its segment.
    pub const fn span_number(&self) -> u32 {
        self.judged.span_number
    }

    /// Returns field 5: the calling service.
    pub const fn service(&self) -> Sw8Text<'c> {
        self.service
    }

    /// Returns field 6: the calling instance. Empty for browser applications without a version.
    pub const fn instance(&self) -> Sw8Text<'c> {
        self.instance
    }

    /// Returns field 7: the caller's endpoint that makes the call.
    pub const fn endpoint(&self) -> Sw8Text<'c> {
        self.endpoint
    }

    /// Returns field 8: the address that the caller used.
    pub const fn peer(&self) -> Sw8Text<'c> {
        self.peer
    }

    /// Returns ids and sampling as other formats have them.
    ///
    /// See [`trace_id_from_text`](super::trace_id_from_text) and [`span_id_from_segment`](super::span_id_from_segment).
    pub const fn context(&self) -> RemoteContext {
        self.judged.context()
    }
}

/// Whether the value is empty, or seven dashes after at most one byte. Agents send such values for requests that they
/// do not trace.
pub(super) fn is_husk(value: &[u8]) -> bool {
    matches!(value, [] | [b'-', b'-', b'-', b'-', b'-', b'-', b'-'] | [_, b'-', b'-', b'-', b'-', b'-', b'-', b'-'])
}

pub(super) fn parse(value: &[u8]) -> Result<Sw8Header<'_>, ReasonAt> {
    let (judged, fields) = read(value)?;
    Ok(judged.header(fields))
}

/// Returns ids and sampling of a value. Its other fields are checked only.
pub(super) fn context(value: &[u8]) -> Result<RemoteContext, ReasonAt> {
    Ok(read(value)?.0.context())
}

#[inline(always)]
fn read(value: &[u8]) -> Result<(Judged, Fields<'_>), ReasonAt> {
    // A valid field contains no dash, so a guess with valid fields is right.
    if let Some(fields) = guess(value) {
        if let Ok(judged) = judge(fields) {
            return Ok((judged, fields));
        }
    }
    let fields = search(value)?;
    Ok((judge(fields)?, fields))
}

/// The numbers of a valid value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Judged {
    sampled: bool,
    span_number: u32,
    trace: TraceId,
    parent: SpanId,
}

impl Judged {
    const fn context(&self) -> RemoteContext {
        RemoteContext {
            trace_id: self.trace,
            parent_id: Some(self.parent),
            sampling: if self.sampled { Sampling::Sampled } else { Sampling::NotSampled },
            random: false,
        }
    }

    fn header(self, fields: Fields<'_>) -> Sw8Header<'_> {
        let [_, trace_id, segment_id, _, service, instance, endpoint, peer] = fields.map(Sw8Text);
        Sw8Header { judged: self, trace_id, segment_id, service, instance, endpoint, peer }
    }
}

#[inline]
fn judge(fields: Fields<'_>) -> Result<Judged, ReasonAt> {
    let at = |place: usize| fields[..place].iter().map(|field| field.len() + 1).sum();
    let [sample, trace_id, segment_id, span, names @ ..] = fields;
    let sampled = Sampling::from_digit(sample).ok_or(InvalidReason::BadSampling.at(0))?.is_sampled();
    if trace_id.is_empty() {
        return Err(InvalidReason::MissingTraceId.at(at(1)));
    }
    let trace = Sw8Text::read_with(trace_id, ids::trace_id).map_err(|error| error.shifted_by(at(1)))?;
    let trace = trace.ok_or_else(|| InvalidReason::ZeroTraceId.at(at(1)))?;
    if segment_id.is_empty() {
        return Err(InvalidReason::EmptySegmentId.at(at(2)));
    }
    let span_number = span_number(span).ok_or_else(|| InvalidReason::BadSpanId.at(at(3)))?;
    let parent = Sw8Text::read_with(segment_id, |segment| ids::span_id(segment, span_number))
        .map_err(|error| error.shifted_by(at(2)))?;
    for (place, name) in names.into_iter().enumerate() {
        Sw8Text::judge(name).map_err(|error| error.shifted_by(at(4 + place)))?;
    }
    Ok(Judged { sampled, span_number, trace, parent })
}

/// Parses plain digits. Go agents would read `010` as eight and `0x1f` as 31, but no agent writes them.
#[inline]
fn span_number(digits: &[u8]) -> Option<u32> {
    // Most span numbers have one digit.
    if let [digit @ b'0'..=b'9'] = *digits {
        return Some(u32::from(digit - b'0'));
    }
    let value = decimal::unsigned(digits).ok()?;
    u32::try_from(value).ok().filter(|value| *value <= MAX_SPAN)
}

/// Finds the fields by a search for dashes.
fn search(value: &[u8]) -> Result<Fields<'_>, ReasonAt> {
    if value.len() > MAX_VALUE {
        return Err(InvalidReason::TooLong.at(MAX_VALUE));
    }
    let mut fields = [&value[..0]; 8];
    let mut rest = value;
    for field in &mut fields[..7] {
        (*field, rest) = wire::split_once(rest, b'-').ok_or(InvalidReason::FieldCount.at(value.len()))?;
    }
    fields[7] = rest;
    match wire::find(rest, b'-') {
        Some(at) => Err(InvalidReason::FieldCount.at(value.len() - rest.len() + at)),
        None => Ok(fields),
    }
}

/// Guesses the fields. The caller must check them.
///
/// Padded base64 ends after a group of four, so only those offsets are tested for a dash. These tests do not depend on
/// each other's results, so the processor does not wait.
#[inline(always)]
fn guess(value: &[u8]) -> Option<Fields<'_>> {
    if value.len() > MAX_VALUE {
        return None;
    }
    let (sample, rest) = guess_digits(value)?;
    let (trace_id, rest) = guess_id(rest)?;
    let (segment_id, rest) = guess_id(rest)?;
    let (span, rest) = guess_digits(rest)?;
    let (service, rest) = guess_text(rest)?;
    let (instance, rest) = guess_text(rest)?;
    let (endpoint, peer) = guess_text(rest)?;
    Some([sample, trace_id, segment_id, span, service, instance, endpoint, peer])
}

/// Splits off the sample or the span number, which usually has one digit.
#[inline(always)]
fn guess_digits(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    match rest {
        [_, b'-', tail @ ..] => Some((&rest[..1], tail)),
        _ => wire::split_once(rest, b'-'),
    }
}

/// Splits off an id. Most have 32 characters, or one of the lengths of the Java agent.
#[inline(always)]
fn guess_id(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    for usual in [LEN_OF_32, 72, 76] {
        if let Some((id, [b'-', tail @ ..])) = rest.split_at_checked(usual) {
            return Some((id, tail));
        }
    }
    guess_text(rest)
}

#[inline(always)]
fn guess_text(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut end = 0;
    while *rest.get(end)? != b'-' {
        end += 4;
    }
    Some((&rest[..end], &rest[end + 1..]))
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::format;
    use std::string::{String, ToString};
    use std::vec::Vec;

    const HEAD: &str = "1-NjEzMWQxNDhiYjY1MTE1ZDkxZjk5NzU2MGFjYThlNjc=-N2M4OWNkZWI2OGE5MTMyZWI0NzI2YWQzZGJhNThkNTA=";
    const VALID: &str = "1-NjEzMWQxNDhiYjY1MTE1ZDkxZjk5NzU2MGFjYThlNjc=-N2M4OWNkZWI2OGE5MTMyZWI0NzI2YWQzZGJhNThkNTA=\
        -1-cmVjby1weQ==-cmVjby1weS01ZjdjOQ==-L3ByZWRpY3Q=-bW9kZWw6ODUwMQ==";

    #[track_caller]
    fn err(value: &str) -> (&'static str, u32) {
        let error = Sw8Header::parse(value.as_bytes()).unwrap_err();
        assert_eq!(error.field(), Field::Sw8);
        (error.reason().as_str(), error.offset())
    }

    #[test]
    fn ok_eight_fields() {
        let header = Sw8Header::parse(VALID.as_bytes()).unwrap();
        assert!(header.is_sampled());
        assert_eq!(header.trace_id(), "6131d148bb65115d91f997560aca8e67");
        assert_eq!(
            (header.segment_id().to_string().as_str(), header.span_number()),
            ("7c89cdeb68a9132eb4726ad3dba58d50", 1)
        );
        assert_eq!(header.service(), "reco-py");
        assert_eq!(header.instance(), "reco-py-5f7c9");
        assert_eq!(header.endpoint(), "/predict");
        assert_eq!(header.peer(), "model:8501");
        let context = header.context();
        assert_eq!(context.trace_id.to_string(), "6131d148bb65115d91f997560aca8e67");
        assert_eq!(context.parent_id.unwrap().to_string(), "c9fba738b30c9e7e");
        assert_eq!(context.sampling, Sampling::Sampled);
    }

    #[test]
    fn ok_names_may_be_empty_and_base64_unpadded() {
        let header = Sw8Header::parse(b"0-YQ-Yg-2147483647----").unwrap();
        assert_eq!((header.context().sampling, header.span_number()), (Sampling::NotSampled, 2_147_483_647));
        assert!(header.service().is_empty() && header.peer().is_empty());
        assert_eq!(header.trace_id(), "a");
    }

    #[test]
    fn err_names_reason_and_offset() {
        assert_eq!(err(HEAD), ("field-count", 91));
        assert_eq!(err(&format!("{VALID}-bW9yZQ==")), ("field-count", VALID.len() as u32));
        assert_eq!(err(&VALID.replacen('1', "2", 1)), ("bad-sampling", 0));
        assert_eq!(err(&VALID.replacen('1', "true", 1)), ("bad-sampling", 0));
        assert_eq!(err("1--Yg==-0-Yw==---"), ("missing-trace-id", 2));
        assert_eq!(err("1-YQ==--0-Yw==---"), ("empty-segment-id", 7));
        for span in ["", "+1", "-1", "0x1f", "2147483648", "99999999999", "1.0", "a"] {
            let expected = if span == "-1" { "field-count" } else { "bad-span-id" };
            assert_eq!(err(&format!("1-YQ==-Yg==-{span}-Yw==---")).0, expected, "{span}");
        }
        assert_eq!(err("1-%%%%-Yg==-0-Yw==---"), ("bad-base64", 2));
        assert_eq!(err(" \t1-YQ==-Y.==-0-Yw==---"), ("bad-base64", 10));
        assert_eq!(err("1-YQ==-Yg==-0-Yw==---Z"), ("bad-base64", 22));
        assert_eq!(err("1-YQ==-Yg==-0-//76---"), ("bad-utf8", 14));
        assert_eq!(err("1-/w==-Yg==-0-Yw==---"), ("bad-utf8", 2));
        assert_eq!(err("1-MDAw-Yg==-0-Yw==---"), ("zero-trace-id", 2));
        assert_eq!((err(""), err("1-------"), err(" ")), (("empty", 0), ("empty", 0), ("empty", 0)));
    }

    #[test]
    fn ok_2048_bytes_and_err_one_more() {
        let of = |len: usize| {
            let fixed = "1-YQ==-Yg==-0-Yw==---".len();
            format!("1-YQ==-Yg==-0-Yw==---{}", "A".repeat(len - fixed))
        };
        assert_eq!(of(MAX_VALUE).len(), 2048);
        // 2027 digits are a whole number of groups and three.
        assert!(Sw8Header::parse(of(MAX_VALUE).as_bytes()).is_ok());
        assert_eq!(err(&of(MAX_VALUE + 1)), ("too-long", 2048));
    }

    /// A guess is wrong only if there are too many dashes, and the error names those.
    #[test]
    fn err_too_many_dashes_after_a_guess_of_eight_fields() {
        for len in [44, 72, 76] {
            let value = format!("1-YQ==-{}-Yg==-0-Yw==---", "A".repeat(len - "YQ==-".len()));
            assert!(guess(value.as_bytes()).is_some_and(|fields| fields[1].len() == len), "{value}");
            assert_eq!(parse(value.as_bytes()), Err(InvalidReason::FieldCount.at(value.len() - 1)));
        }
    }

    #[test]
    fn ok_split_2048_bytes_and_err_one_more() {
        let of_len = |len: usize| format!("1000-YQ==-Yg==-0-{}---", "A".repeat(len - "1000-YQ==-Yg==-0----".len()));
        let longest = of_len(MAX_VALUE);
        let fields = search(longest.as_bytes()).unwrap();
        assert_eq!(fields.map(<[u8]>::len), [4, 4, 4, 1, MAX_VALUE - 20, 0, 0, 0]);
        assert_eq!(guess(longest.as_bytes()), Some(fields));
        assert_eq!(search(of_len(MAX_VALUE + 1).as_bytes()), Err(InvalidReason::TooLong.at(MAX_VALUE)));
        assert_eq!(guess(of_len(MAX_VALUE + 4).as_bytes()), None);
    }

    proptest! {
        /// Fields of usual and unusual lengths, some of them invalid.
        #[test]
        fn ok_guess_and_search_agree(value in "[01]-([A-Za-z]{43}=|[A-Za-z]{4,76}|[A-Z]{70}==)-([A-Za-z]{43}=|[A-Z-]{4,76}|[A-Z]{76})-[0-9]{1,3}(-([A-Z]{4}){0,12}|-[A-Z]{0,6}={0,2}){4}") {
            let value = value.as_bytes();
            let searched = search(value).and_then(|fields| Ok(judge(fields)?.header(fields)));
            prop_assert_eq!(parse(value), searched);
            prop_assert_eq!(context(value), searched.map(|header| header.context()));
        }

        #[test]
        fn ok_roundtrip_fields(texts in proptest::collection::vec(".{1,20}", 6), span in 0..=MAX_SPAN) {
            let encoded: Vec<String> = texts.iter().map(|text| crate::wire::base64::Encoded(text.as_bytes()).to_string()).collect();
            let [trace, segment, service, instance, endpoint, peer] = encoded.as_slice() else { unreachable!() };
            let value = format!("1-{trace}-{segment}-{span}-{service}-{instance}-{endpoint}-{peer}");
            prop_assume!(ids::trace_id(texts[0].as_bytes()).is_some());
            let header = Sw8Header::parse(value.as_bytes()).unwrap();
            let got = [header.trace_id(), header.segment_id(), header.service(), header.instance(), header.endpoint(), header.peer()];
            for (got, text) in got.into_iter().zip(&texts) {
                prop_assert_eq!(got.to_string(), text.as_str());
            }
            prop_assert_eq!(header.span_number(), span);
        }
    }
}
