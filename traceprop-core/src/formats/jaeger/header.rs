//! The value of an `uber-trace-id`.
//!
//! ```text
//! uber-trace-id = trace-id ":" span-id ":" parent-id ":" flags
//!
//! 4ca67353d824b44b41c156cf264ca243:5688d53247ceefc7:0:1
//! ```
//!
//! Ids may be short or uppercase, every colon may be `%3A`, and the parent id may be any text: old clients write all of
//! these.
//! Spec: <https://www.jaegertracing.io/sdk-migration/#propagation-format>

use core::fmt;

use super::flags::JaegerFlags;
use crate::carrier::Headers;
use crate::context::RemoteContext;
use crate::field::{Field, InvalidHeader};
use crate::id::{SpanId, TraceId};
use crate::wire::hex::{self, Letters};
use crate::wire::{self, InvalidReason, ReasonAt};

/// The longest value that is read, in bytes.
///
/// Clients write at most 75 bytes: all digits, and colons as `%3A`. The parent id may be any text, so the limit is higher.
const MAX_VALUE: usize = 256;

/// A valid `uber-trace-id` value.
///
/// The deprecated parent id is not kept, and `0` is written in its place.
///
/// # Examples
///
/// ```
/// use traceprop_core::formats::jaeger::UberTraceId;
///
/// let header = UberTraceId::parse(b"41C156CF264CA243%3A5688d%3A78656416b39f77cd%3A01")?;
/// assert_eq!(header.to_string(), "000000000000000041c156cf264ca243:000000000005688d:0:1");
/// # Ok::<(), traceprop_core::InvalidHeader>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UberTraceId {
    /// The trace id.
    pub trace_id: TraceId,
    /// The id of the sender's span.
    pub span_id: SpanId,
    /// The flags, including bits without a meaning.
    pub flags: JaegerFlags,
}

impl UberTraceId {
    /// The length of the longest value that is written, in bytes.
    pub const MAX_LEN: usize = "4ca67353d824b44b41c156cf264ca243:5688d53247ceefc7:0:ff".len();

    /// Creates a value from its fields.
    pub const fn new(trace_id: TraceId, span_id: SpanId, flags: JaegerFlags) -> Self {
        Self { trace_id, span_id, flags }
    }

    /// Parses one value. Spaces and tabs around it are ignored.
    ///
    /// # Errors
    ///
    /// Returns `repeated-field` if a comma joins several values. Otherwise returns `empty`, `too-long`, `field-count`,
    /// `empty-field`, `bad-length`, `bad-hex`, `zero-trace-id`, `zero-span-id` or `bad-flags`, with the offset of the byte at
    /// fault.
    pub fn parse(value: &[u8]) -> Result<Self, InvalidHeader> {
        parse(wire::trim(value)).map_err(|error| error.shifted_by(wire::lead(value)).of(Field::UberTraceId))
    }

    /// Parses the header of a request, if there is one. Equal copies are one value; different values are invalid.
    pub(crate) fn read(headers: &Headers<'_>) -> Option<Result<Self, InvalidHeader>> {
        let first = headers.get(Field::UberTraceId)?;
        let read = match headers.is_repeated(Field::UberTraceId) {
            true => Err(InvalidHeader::new(Field::UberTraceId, InvalidReason::RepeatedField, 0)),
            false => Self::parse(first),
        };
        Some(read.or_else(|error| {
            let copy = headers.get_all(Field::UberTraceId).equal_value();
            copy.and_then(|value| Self::parse(value).ok()).ok_or(error)
        }))
    }

    /// Returns the flags of a header that is known to be valid, without parsing the rest of it.
    pub(super) fn flags_of_valid(headers: &Headers<'_>) -> Option<JaegerFlags> {
        match wire::trim(headers.get(Field::UberTraceId)?) {
            [.., b':', flags] => JaegerFlags::parse(&[*flags]),
            [.., b':', high, low] => JaegerFlags::parse(&[*high, *low]),
            // The colons are percent-encoded.
            _ => Self::read(headers)?.ok().map(|header| header.flags),
        }
    }

    pub(super) fn context(&self) -> RemoteContext {
        RemoteContext { sampling: self.flags.sampling(), ..RemoteContext::new(self.trace_id, Some(self.span_id)) }
    }

    /// Writes the value into `buffer` and returns it.
    pub fn write<'b>(&self, buffer: &'b mut [u8; Self::MAX_LEN]) -> &'b str {
        wire::ascii(self.write_bytes(buffer))
    }

    pub(super) fn write_bytes<'b>(&self, buffer: &'b mut [u8; Self::MAX_LEN]) -> &'b [u8] {
        *buffer = *b"00000000000000000000000000000000:0000000000000000:0:00";
        buffer[..32].copy_from_slice(&self.trace_id.to_hex());
        buffer[33..49].copy_from_slice(&self.span_id.to_hex());
        let flags = hex::encode_u8(self.flags.to_byte());
        // One digit if possible: some receivers misread a leading zero.
        let flags = flags.strip_prefix(b"0").unwrap_or(&flags);
        let end = Self::MAX_LEN - 2 + flags.len();
        buffer[Self::MAX_LEN - 2..end].copy_from_slice(flags);
        &buffer[..end]
    }
}

impl fmt::Display for UberTraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.write(&mut [0; Self::MAX_LEN]))
    }
}

fn parse(value: &[u8]) -> Result<UberTraceId, ReasonAt> {
    if value.len() > MAX_VALUE {
        return Err(InvalidReason::TooLong.at(MAX_VALUE));
    }
    parse_fields(value).map_err(|error| diagnose(value, error))
}

#[inline(always)]
fn parse_fields(value: &[u8]) -> Result<UberTraceId, ReasonAt> {
    let (trace_id, after_trace) = id(value, value, |digits| hex::u128_32(digits, Letters::AnyCase))?;
    let (span_id, after_span) = id(value, after_trace, |digits| hex::u64_16(digits, Letters::AnyCase))?;
    let flags = match after_span {
        [b'0', b':', flags @ ..] => flags,
        _ => after_parent(value, after_span)?,
    };
    let trace_id = TraceId::new(trace_id).ok_or(InvalidReason::ZeroTraceId.at(0))?;
    let span_at = value.len() - after_trace.len();
    let span_id = SpanId::new(span_id).ok_or(InvalidReason::ZeroSpanId.at(span_at))?;
    let flags = JaegerFlags::parse(flags).ok_or(InvalidReason::BadFlags.at(value.len() - flags.len()))?;
    Ok(UberTraceId::new(trace_id, span_id, flags))
}

/// Reads an id of up to `N` digits at the start of `rest`, and returns what follows it. `rest` is the end of `value`.
#[inline(always)]
fn id<'v, const N: usize, T>(
    value: &'v [u8],
    rest: &'v [u8],
    decode: impl Fn(&[u8; N]) -> Result<T, ReasonAt>,
) -> Result<(T, &'v [u8]), ReasonAt> {
    // A colon is not a digit, so digits that decode are the whole field.
    if let Some((digits, [b':', after @ ..])) = rest.split_first_chunk() {
        if let Ok(id) = decode(digits) {
            return Ok((id, after));
        }
    }
    short_id(value, rest, decode)
}

/// Reads an id without its leading zeros, which some clients strip.
#[cold]
fn short_id<'v, const N: usize, T>(
    value: &[u8],
    rest: &'v [u8],
    decode: impl Fn(&[u8; N]) -> Result<T, ReasonAt>,
) -> Result<(T, &'v [u8]), ReasonAt> {
    let (digits, after) = split(value, rest)?;
    let id = match digits.len() {
        0 => Err(InvalidReason::EmptyField.at(0)),
        len if len > N => Err(InvalidReason::BadLength.at(N)),
        _ => hex::padded(digits, decode),
    };
    id.map(|id| (id, after)).map_err(|error| error.shifted_by(value.len() - rest.len()))
}

/// Skips the parent id, which may be anything but a second value.
#[cold]
fn after_parent<'v>(value: &[u8], rest: &'v [u8]) -> Result<&'v [u8], ReasonAt> {
    let (parent_id, flags) = split(value, rest)?;
    if parent_id.contains(&b',') { Err(InvalidReason::RepeatedField.at(0)) } else { Ok(flags) }
}

/// Splits `rest` after its first field. The colons of a value are either all literal or all percent-encoded.
fn split<'v>(value: &[u8], rest: &'v [u8]) -> Result<(&'v [u8], &'v [u8]), ReasonAt> {
    let fields = match wire::find(value, b':') {
        Some(_) => wire::split_once(rest, b':'),
        None => {
            let at = rest.windows(3).position(|three| matches!(three, [b'%', b'3', b'A' | b'a']));
            at.map(|at| (&rest[..at], &rest[at + 3..]))
        }
    };
    fields.ok_or(InvalidReason::FieldCount.at(value.len()))
}

/// Replaces the reason by one that says more: several joined values first, then the number of fields.
#[cold]
fn diagnose(value: &[u8], error: ReasonAt) -> ReasonAt {
    if value.is_empty() {
        return InvalidReason::Empty.at(0);
    }
    if let Some(at) = wire::find(value, b',') {
        return InvalidReason::RepeatedField.at(at);
    }
    let mut rest = value;
    for _ in 0..3 {
        match split(value, rest) {
            Ok((_, after)) => rest = after,
            Err(field_count) => return field_count,
        }
    }
    match split(value, rest) {
        Ok((_, fifth)) => InvalidReason::FieldCount.at(value.len() - fifth.len()),
        Err(_) => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::buffer::StackText;
    use proptest::prelude::*;

    const VALID: &[u8] = b"4ca67353d824b44b41c156cf264ca243:5688d53247ceefc7:0:1";

    #[track_caller]
    fn ok(value: &str) -> (u128, u64, u8) {
        let header = UberTraceId::parse(value.as_bytes()).unwrap();
        (header.trace_id.get(), header.span_id.get(), header.flags.to_byte())
    }

    #[track_caller]
    fn err(value: &[u8]) -> (InvalidReason, u32) {
        let invalid = UberTraceId::parse(value).unwrap_err();
        assert_eq!(invalid.field(), Field::UberTraceId);
        (invalid.reason(), invalid.offset())
    }

    #[test]
    fn ok_parse_and_write_are_inverse() {
        let header = UberTraceId::parse(VALID).unwrap();
        assert_eq!(header.trace_id.get(), 0x4ca6_7353_d824_b44b_41c1_56cf_264c_a243);
        assert_eq!((header.span_id.get(), header.flags.to_byte()), (0x5688_d532_47ce_efc7, 1));
        assert_eq!(header.write(&mut [0; UberTraceId::MAX_LEN]).as_bytes(), VALID);
        let mut shown = StackText::<{ UberTraceId::MAX_LEN }>::new();
        fmt::write(&mut shown, format_args!("{header}")).unwrap();
        assert_eq!(shown.as_str().as_bytes(), VALID);
    }

    #[test]
    fn ok_parse_short_ids_as_the_same_numbers() {
        assert_eq!(ok("1:2:0:1"), (1, 2, 1));
        assert_eq!(ok("4ca67353d824b44b41c:5688d:0:1"), (0x4ca_6735_3d82_4b44_b41c, 0x5_688d, 1));
        assert_eq!(ok("88a38bce4b3c26b4:5688d53247ceefc7:0:1").0, 0x88a3_8bce_4b3c_26b4);
    }

    #[test]
    fn ok_parse_uppercase_and_blanks_around() {
        assert_eq!(ok(" \tABCDEF:ABCDEF:0:B\t "), (0xab_cdef, 0xab_cdef, 0x0b));
    }

    #[test]
    fn ok_parse_encoded_colons_without_literal_ones() {
        assert_eq!(ok("1%3A2%3a0%3A1"), (1, 2, 1));
        assert_eq!(ok("1:2:%3A:1"), (1, 2, 1));
        assert_eq!(err(b"1%3A2%3A0:1"), (InvalidReason::FieldCount, 11));
        assert_eq!(err(b"1%3b2%3A0%3A1%3A1"), (InvalidReason::BadHex, 1));
        assert_eq!(err(b"1%3A2%3A0%3A1%3A1"), (InvalidReason::FieldCount, 16));
        assert_eq!(err(b"1%3A2%3A0%3A1%3"), (InvalidReason::BadFlags, 12));
    }

    #[test]
    fn ok_parse_any_parent_id() {
        for parent in ["", "0", "78656416b39f77cd", "none", "+1", "\u{e9}%"] {
            let mut value = StackText::<80>::new();
            fmt::write(&mut value, format_args!("1:2:{parent}:1")).unwrap();
            assert_eq!(ok(value.as_str()), (1, 2, 1), "{parent}");
        }
        assert_eq!(err(b"1:2:0,0:1"), (InvalidReason::RepeatedField, 5));
    }

    #[test]
    fn ok_parse_one_or_two_digits_of_flags() {
        for byte in 0..=255u8 {
            let mut value = *b"1:2:0:00";
            value[6..].copy_from_slice(&hex::encode_u8(byte));
            assert_eq!(UberTraceId::parse(&value).unwrap().flags.to_byte(), byte);
            if byte < 16 {
                value[6] = value[7];
                assert_eq!(UberTraceId::parse(&value[..7]).unwrap().flags.to_byte(), byte);
            }
        }
        for (flags, at) in [(&b"1:2:0:"[..], 6), (b"1:2:0:x", 6), (b"1:2:0:001", 6), (b"1:2:0:+1", 6), (b"1:2:0: 1", 6)]
        {
            assert_eq!(err(flags), (InvalidReason::BadFlags, at), "{flags:?}");
        }
    }

    #[test]
    fn err_parse_lengths_of_ids() {
        assert_eq!(err(b"4ca67353d824b44b41c156cf264ca243a:5688d53247ceefc7:0:1"), (InvalidReason::BadLength, 32));
        assert_eq!(err(b"4ca67353d824b44b41c156cf264ca243:5688d53247ceefc7a:0:1"), (InvalidReason::BadLength, 49));
        assert_eq!(err(b"0000000000000000000000000000000001:2:0:1"), (InvalidReason::BadLength, 32));
        assert_eq!(err(b":2:0:1"), (InvalidReason::EmptyField, 0));
        assert_eq!(err(b" 1::0:1"), (InvalidReason::EmptyField, 3));
    }

    #[test]
    fn err_parse_digits_and_zeros() {
        assert_eq!(err(b"+1:2:0:1"), (InvalidReason::BadHex, 0));
        assert_eq!(err(b"0x1:2:0:1"), (InvalidReason::BadHex, 1));
        assert_eq!(err(b"12g4:2:0:1"), (InvalidReason::BadHex, 2));
        assert_eq!(err(b"12:34-:0:1"), (InvalidReason::BadHex, 5));
        assert_eq!(err(b"0:5688d53247ceefc7:0:1"), (InvalidReason::ZeroTraceId, 0));
        assert_eq!(err(b"1:0000000000000000:0:1"), (InvalidReason::ZeroSpanId, 2));
    }

    #[test]
    fn err_parse_other_than_four_fields() {
        assert_eq!(err(b""), (InvalidReason::Empty, 0));
        assert_eq!(err(b" \t"), (InvalidReason::Empty, 2));
        assert_eq!(err(b"1"), (InvalidReason::FieldCount, 1));
        assert_eq!(err(b"1:2:1"), (InvalidReason::FieldCount, 5));
        assert_eq!(err(b"1:2:0:1:"), (InvalidReason::FieldCount, 8));
    }

    #[test]
    fn err_parse_values_joined_by_a_comma() {
        assert_eq!(err(b"1:2:0:1,1:2:0:1"), (InvalidReason::RepeatedField, 7));
        assert_eq!(err(b"1:2:0:1, "), (InvalidReason::RepeatedField, 7));
        assert_eq!(err(b",1:2:0:1"), (InvalidReason::RepeatedField, 0));
    }

    #[test]
    fn ok_read_equal_copies_as_one_value() {
        let read = |lines: &[&'static str]| {
            let lines: std::vec::Vec<_> = lines.iter().map(|line| ("uber-trace-id", *line)).collect();
            let mut names = crate::field::FieldNames::new();
            names.watch(crate::field::FieldSet::of(&[Field::UberTraceId]));
            UberTraceId::read(&Headers::collect(&lines, &names)).unwrap().map_err(|invalid| invalid.reason())
        };
        let one = read(&["1:2:0:1"]);
        assert!(one.is_ok());
        for lines in [&["1:2:0:1", " 1:2:0:1"][..], &["1:2:0:1,1:2:0:1"], &["1:2:0:1 , 1:2:0:1", "1:2:0:1"]] {
            assert_eq!(read(lines), one, "{lines:?}");
        }
        let valid = core::str::from_utf8(VALID).unwrap();
        assert_eq!(read(&[valid, valid]), read(&[valid]));
        for lines in [&["1:2:0:1", "1:2:0:0"][..], &["1:2:0:1,1:3:0:1"], &["1:2:0:1,"], &["1:2:0:1", ""]] {
            assert_eq!(read(lines), Err(InvalidReason::RepeatedField), "{lines:?}");
        }
    }

    #[test]
    fn err_parse_longer_than_any_client_writes() {
        let mut value = [b'0'; MAX_VALUE + 1];
        value[..4].copy_from_slice(b"1:2:");
        value[MAX_VALUE - 2..].copy_from_slice(b":01");
        assert_eq!(err(&value), (InvalidReason::TooLong, MAX_VALUE as u32));
        value[MAX_VALUE - 2..].copy_from_slice(b":1 ");
        assert!(UberTraceId::parse(&value).is_ok());
    }

    #[test]
    fn ok_every_byte_in_every_place_is_judged_by_the_grammar() {
        for at in 0..VALID.len() {
            for byte in 0..=255u8 {
                let mut value = [0; 53];
                value.copy_from_slice(VALID);
                value[at] = byte;
                let legal = match at {
                    32 | 49 | 51 => byte == b':',
                    // Trimming a blank at the start leaves a shorter id; one at the end leaves no flags.
                    0 if byte == b' ' || byte == b'\t' => true,
                    0..32 | 33..49 | 52 => byte.is_ascii_hexdigit(),
                    _ => byte != b',' && byte != b':',
                };
                assert_eq!(UberTraceId::parse(&value).is_ok(), legal, "{byte:#04x} at {at}");
            }
        }
    }

    #[test]
    fn err_every_truncation() {
        for len in 0..VALID.len() {
            let reason = match len {
                0 => InvalidReason::Empty,
                52 => InvalidReason::BadFlags,
                _ => InvalidReason::FieldCount,
            };
            assert_eq!(err(&VALID[..len]), (reason, len as u32));
        }
    }

    proptest! {
        #[test]
        fn ok_what_is_written_reads_the_same(trace in 1u128.., span in 1u64.., flags: u8) {
            let ids = TraceId::new(trace).zip(SpanId::new(span));
            let (trace_id, span_id) = ids.unwrap_or((TraceId::MIN, SpanId::MIN));
            let header = UberTraceId::new(trace_id, span_id, JaegerFlags::from_byte(flags));
            let mut buffer = [0; UberTraceId::MAX_LEN];
            prop_assert_eq!(UberTraceId::parse(header.write(&mut buffer).as_bytes()), Ok(header));
        }

        #[test]
        fn ok_what_is_read_is_written_and_reads_the_same(value in "[0-9a-fA-F]{1,33}(:|%3a)[0-9a-f]{1,17}(:|%3a)[ -~]{0,3}(:|%3a)[0-9a-f]{0,3}") {
            if let Ok(header) = UberTraceId::parse(value.as_bytes()) {
                prop_assert_eq!(UberTraceId::parse(header.write(&mut [0; UberTraceId::MAX_LEN]).as_bytes()), Ok(header));
            }
        }

        #[test]
        fn ok_no_bytes_panic(value: Vec<u8>) {
            let _ = UberTraceId::parse(&value);
        }
    }
}
