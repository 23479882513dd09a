//! The `sw8` value: eight fields.

use super::base64::{self, MAX_ENCODED};
use super::ids;
use super::text::Sw8Text;
use crate::context::RemoteContext;
use crate::field::Field;
use crate::id::{SpanId, TraceId};
use crate::reject::{Reason, ReasonAt, Reject};
use crate::sampling::Sampling;
use crate::text::{self, decimal};

/// Bytes of an `sw8` value: "the whole header value must be under 2k" of the protocol's text.
pub(super) const MAX_VALUE: usize = MAX_ENCODED;

/// The largest span number, since Java reads it as `int`.
const MAX_SPAN: u32 = i32::MAX as u32;

/// An `sw8` value: who called, in SkyWalking's words. Nothing is decoded before it is asked for.
///
/// ```
/// use traceprop_core::formats::sw8::Sw8Header;
///
/// let value = b"1-NjEzMWQxNDhiYjY1MTE1ZDkxZjk5NzU2MGFjYThlNjc=-N2M4OWNkZWI2OGE5MTMyZWI0NzI2YWQzZGJhNThkNTA=\
///     -1-cmVjby1weQ==-cmVjby1weS01ZjdjOQ==-L3ByZWRpY3Q=-bW9kZWw6ODUwMQ==";
/// let header = Sw8Header::parse(value)?;
/// assert_eq!(header.trace_id(), "6131d148bb65115d91f997560aca8e67");
/// assert_eq!((header.service(), header.endpoint()), (header.service(), header.endpoint()));
/// assert_eq!(header.service(), "reco-py");
/// assert_eq!(header.context().trace_id.to_string(), "6131d148bb65115d91f997560aca8e67");
/// # Ok::<(), traceprop_core::Reject>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sw8Header<'c> {
    sampled: bool,
    span_number: u32,
    trace_id: Sw8Text<'c>,
    segment_id: Sw8Text<'c>,
    service: Sw8Text<'c>,
    instance: Sw8Text<'c>,
    endpoint: Sw8Text<'c>,
    peer: Sw8Text<'c>,
    trace: TraceId,
    parent: SpanId,
}

impl<'c> Sw8Header<'c> {
    /// Reads one value; spaces and tabs around it are no part of it.
    ///
    /// # Errors
    /// `empty` for a husk, else `too-long`, `field-count`, `bad-sample`, `missing-trace-id`, `empty-segment-id`,
    /// `bad-span-id`, `bad-base64`, `bad-utf8` or `zero-trace-id`, at the byte where it shows.
    pub fn parse(value: &'c [u8]) -> Result<Self, Reject> {
        let trimmed = text::trim(value);
        if is_husk(trimmed) {
            return Err(Reject::new(Field::Sw8, Reason::Empty, 0));
        }
        parse(trimmed).map_err(|error| error.behind(lead(value)).of(Field::Sw8))
    }

    /// Field 1: false if the sender most likely does not record the trace. Most agents ignore it.
    pub const fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// Field 2: the trace id as the sender spells it.
    pub const fn trace_id(&self) -> Sw8Text<'c> {
        self.trace_id
    }

    /// Field 3: the segment that the calling span is in.
    pub const fn segment_id(&self) -> Sw8Text<'c> {
        self.segment_id
    }

    /// Field 4: the number of the calling span in its segment.
    pub const fn span_number(&self) -> u32 {
        self.span_number
    }

    /// Field 5: the calling service.
    pub const fn service(&self) -> Sw8Text<'c> {
        self.service
    }

    /// Field 6: the calling instance. Browsers without a version leave it empty.
    pub const fn instance(&self) -> Sw8Text<'c> {
        self.instance
    }

    /// Field 7: the endpoint of the caller in which it calls.
    pub const fn endpoint(&self) -> Sw8Text<'c> {
        self.endpoint
    }

    /// Field 8: the address that the caller used.
    pub const fn peer(&self) -> Sw8Text<'c> {
        self.peer
    }

    /// The same in numbers: see [`trace_id_of`](super::trace_id_of) and [`span_id_of`](super::span_id_of).
    pub const fn context(&self) -> RemoteContext {
        let Self { sampled, span_number, trace, parent, .. } = *self;
        Judged { sampled, span_number, trace, parent }.context()
    }
}

/// An empty value, or seven dashes behind at most one byte: what agents send for requests that they do not trace.
pub(super) fn is_husk(value: &[u8]) -> bool {
    matches!(value, [] | [b'-', b'-', b'-', b'-', b'-', b'-', b'-'] | [_, b'-', b'-', b'-', b'-', b'-', b'-', b'-'])
}

pub(super) fn lead(value: &[u8]) -> usize {
    value.iter().take_while(|&&b| b == b' ' || b == b'\t').count()
}

pub(super) fn parse(value: &[u8]) -> Result<Sw8Header<'_>, ReasonAt> {
    let (judged, fields) = read(value)?;
    Ok(judged.header(fields))
}

/// What a value says in numbers; the texts beside them are judged and left.
pub(super) fn context(value: &[u8]) -> Result<RemoteContext, ReasonAt> {
    Ok(read(value)?.0.context())
}

#[inline(always)]
fn read(value: &[u8]) -> Result<(Judged, [&[u8]; 8]), ReasonAt> {
    // There is no dash in what is valid, so a guess that is valid is right.
    if let Some(fields) = guess(value) {
        if let Ok(judged) = judge(fields) {
            return Ok((judged, fields));
        }
    }
    let fields = split(value)?;
    Ok((judge(fields)?, fields))
}

/// A value that has been read before, when it named these ids, and whose texts nobody looks at again. None where it does
/// not show without them where each of them ends.
#[inline(always)]
pub(super) fn known(value: &[u8], (trace, parent): (TraceId, SpanId)) -> Option<Sw8Header<'_>> {
    let fields = guess(value).filter(|_| dashes(value) == 7)?;
    let (sampled, span_number) = (is_sampled(fields[0])?, span_number(fields[3])?);
    Some(Judged { sampled, span_number, trace, parent }.header(fields))
}

/// What a valid value says in numbers.
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

    fn header(self, fields: [&[u8]; 8]) -> Sw8Header<'_> {
        let [_, trace_id, segment_id, _, service, instance, endpoint, peer] = fields.map(Sw8Text::known);
        let Self { sampled, span_number, trace, parent } = self;
        Sw8Header { sampled, span_number, trace_id, segment_id, service, instance, endpoint, peer, trace, parent }
    }
}

fn is_sampled(sample: &[u8]) -> Option<bool> {
    match sample {
        b"1" => Some(true),
        b"0" => Some(false),
        _ => None,
    }
}

#[inline]
fn judge(fields: [&[u8]; 8]) -> Result<Judged, ReasonAt> {
    let at = |place: usize| fields[..place].iter().map(|field| field.len() + 1).sum();
    let [sample, trace_id, segment_id, span, names @ ..] = fields;
    let sampled = is_sampled(sample).ok_or(Reason::BadSample.at(0))?;
    if trace_id.is_empty() {
        return Err(Reason::MissingTraceId.at(at(1)));
    }
    let trace = Sw8Text::read_with(trace_id, ids::trace_id).map_err(|error| error.behind(at(1)))?;
    let trace = trace.ok_or_else(|| Reason::ZeroTraceId.at(at(1)))?;
    if segment_id.is_empty() {
        return Err(Reason::EmptySegmentId.at(at(2)));
    }
    let span_number = span_number(span).ok_or_else(|| Reason::BadSpanId.at(at(3)))?;
    let parent = Sw8Text::read_with(segment_id, |segment| ids::span_id(segment, span_number))
        .map_err(|error| error.behind(at(2)))?;
    for (place, name) in names.into_iter().enumerate() {
        Sw8Text::judge(name).map_err(|error| error.behind(at(4 + place)))?;
    }
    Ok(Judged { sampled, span_number, trace, parent })
}

/// The eight fields.
fn split(value: &[u8]) -> Result<[&[u8]; 8], ReasonAt> {
    if value.len() > MAX_VALUE {
        return Err(Reason::TooLong.at(MAX_VALUE));
    }
    let mut fields = [&value[..0]; 8];
    let mut rest = value;
    for field in &mut fields[..7] {
        (*field, rest) = text::split_once(rest, b'-').ok_or(Reason::FieldCount.at(value.len()))?;
    }
    fields[7] = rest;
    match text::find(rest, b'-') {
        Some(at) => Err(Reason::FieldCount.at(value.len() - rest.len() + at)),
        None => Ok(fields),
    }
}

/// The eight fields of nearly all values, if there are no more dashes than these seven: padded base64 ends behind a
/// group of four, so only there a dash is looked for. To know where a field ends takes no search of it then, and the
/// next one need not wait for that.
#[inline(always)]
fn guess(value: &[u8]) -> Option<[&[u8]; 8]> {
    if value.len() > MAX_VALUE {
        return None;
    }
    let (sample, rest) = split_digits(value)?;
    let (trace_id, rest) = split_id(rest)?;
    let (segment_id, rest) = split_id(rest)?;
    let (span, rest) = split_digits(rest)?;
    let (service, rest) = split_groups(rest)?;
    let (instance, rest) = split_groups(rest)?;
    let (endpoint, peer) = split_groups(rest)?;
    Some([sample, trace_id, segment_id, span, service, instance, endpoint, peer])
}

/// Splits at the dash behind a few digits: sample and span.
#[inline(always)]
fn split_digits(text: &[u8]) -> Option<(&[u8], &[u8])> {
    match text {
        [_, b'-', rest @ ..] => Some((&text[..1], rest)),
        _ => text::split_once(text, b'-'),
    }
}

/// Splits at a dash that stands behind whole groups.
#[inline(always)]
fn split_groups(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut end = 0;
    while *text.get(end)? != b'-' {
        end += 4;
    }
    Some((&text[..end], &text[end + 1..]))
}

/// The same for an id, of which most have one of a few lengths: 32 characters, or the 52 and some of Java.
#[inline(always)]
fn split_id(text: &[u8]) -> Option<(&[u8], &[u8])> {
    for usual in [base64::LEN_OF_32, 72, 76] {
        if let Some((id, [b'-', rest @ ..])) = text.split_at_checked(usual) {
            return Some((id, rest));
        }
    }
    split_groups(text)
}

/// How many dashes there are.
fn dashes(value: &[u8]) -> usize {
    // So few that they can be counted in bytes, which is done to sixteen of them together.
    let of_chunk = |chunk: &[u8]| chunk.iter().fold(0u8, |count, &byte| count + u8::from(byte == b'-'));
    value.chunks(usize::from(u8::MAX)).map(|chunk| usize::from(of_chunk(chunk))).sum()
}

/// Plain digits: agents in Go would read `010` as eight and `0x1f` as 31, and nobody writes either.
#[inline]
fn span_number(digits: &[u8]) -> Option<u32> {
    // Of nearly all values.
    if let [digit @ b'0'..=b'9'] = *digits {
        return Some(u32::from(digit - b'0'));
    }
    let value = decimal::unsigned(digits).ok()?;
    u32::try_from(value).ok().filter(|value| *value <= MAX_SPAN)
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
        let reject = Sw8Header::parse(value.as_bytes()).unwrap_err();
        assert_eq!(reject.field(), Field::Sw8);
        (reject.reason().as_str(), reject.at())
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
    fn err_says_what_and_where() {
        assert_eq!(err(HEAD), ("field-count", 91));
        assert_eq!(err(&format!("{VALID}-bW9yZQ==")), ("field-count", VALID.len() as u32));
        assert_eq!(err(&VALID.replacen('1', "2", 1)), ("bad-sample", 0));
        assert_eq!(err(&VALID.replacen('1', "true", 1)), ("bad-sample", 0));
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

    proptest! {
        #[test]
        fn ok_fields_come_back(texts in proptest::collection::vec(".{1,20}", 6), span in 0..=MAX_SPAN) {
            let encoded: Vec<String> = texts.iter().map(|text| super::super::base64::Encoded(text.as_bytes()).to_string()).collect();
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
