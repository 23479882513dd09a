//! The value of a `traceparent` header.
//!
//! ```text
//! traceparent = version "-" trace-id "-" parent-id "-" flags       spaces and tabs around it are ignored
//!
//! 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
//! ```
//!
//! Spec: <https://www.w3.org/TR/trace-context-2/#traceparent-header>

use core::fmt;

use crate::carrier::{HeaderLines, Headers};
use crate::context::RemoteContext;
use crate::field::{Field, InvalidHeader};
use crate::id::{Sampling, SpanId, TraceId};
use crate::wire::hex::{self, Letters};
use crate::wire::{self, InvalidReason, ReasonAt};

/// The flags of a `traceparent`.
///
/// Only the bits that level 2 of the specification defines are kept. Other bits are written as 0.
///
/// # Examples
///
/// ```
/// use traceprop_core::formats::tracecontext::TraceFlags;
///
/// let flags = TraceFlags::from_byte(0xff);
/// assert!(flags.is_sampled() && flags.is_random());
/// assert_eq!(flags.to_byte(), 0x03);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct TraceFlags(u8);

impl TraceFlags {
    const SAMPLED: u8 = 0x01;
    const RANDOM: u8 = 0x02;

    /// Returns the defined bits of a flag byte.
    pub const fn from_byte(byte: u8) -> Self {
        Self(byte & (Self::SAMPLED | Self::RANDOM))
    }

    /// Creates flags with the given bits.
    pub const fn new(sampled: bool, random: bool) -> Self {
        Self((sampled as u8 * Self::SAMPLED) | (random as u8 * Self::RANDOM))
    }

    /// Returns the flag byte.
    pub const fn to_byte(self) -> u8 {
        self.0
    }

    /// Returns bit 0: whether the sender may have recorded the trace.
    pub const fn is_sampled(self) -> bool {
        self.0 & Self::SAMPLED != 0
    }

    /// Returns bit 1: whether the lower 56 bits of the trace id are random.
    pub const fn is_random(self) -> bool {
        self.0 & Self::RANDOM != 0
    }
}

/// A valid `traceparent` value.
///
/// # Examples
///
/// ```
/// use traceprop_core::formats::tracecontext::TraceParent;
///
/// let parent = TraceParent::parse(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03")?;
/// assert!(parent.flags.is_sampled() && parent.flags.is_random());
/// assert_eq!(parent.to_string(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03");
/// # Ok::<(), traceprop_core::InvalidHeader>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceParent {
    /// The received version. Version `00` is written.
    pub version: u8,
    /// The trace id.
    pub trace_id: TraceId,
    /// The id of the sender's span.
    pub parent_id: SpanId,
    /// The flags that the specification defines.
    pub flags: TraceFlags,
}

impl TraceParent {
    /// The length of a version `00` value in bytes.
    pub const LEN: usize = 55;

    /// Creates a value of version `00`.
    pub const fn new(trace_id: TraceId, parent_id: SpanId, flags: TraceFlags) -> Self {
        Self { version: 0, trace_id, parent_id, flags }
    }

    /// Parses one value. Spaces and tabs around it are ignored.
    ///
    /// # Errors
    ///
    /// Returns `multiple-traceparent` if a comma joins several values. Otherwise returns `bad-length`, `bad-version`,
    /// `bad-delimiter`, `bad-hex`, `uppercase-hex`, `zero-trace-id`, `zero-parent-id` or `trailing-data`, with the offset
    /// of the byte at fault.
    #[inline]
    pub fn parse(value: &[u8]) -> Result<Self, InvalidHeader> {
        parse(value).or_else(|error| parse_trimmed(value, error))
    }

    /// Returns the value as bytes, in version `00`.
    // Inlined: copying a value right after it was assembled in pieces stalls the processor.
    #[inline]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut out = [b'-'; Self::LEN];
        out[0..2].copy_from_slice(b"00");
        out[3..35].copy_from_slice(&self.trace_id.to_hex());
        out[36..52].copy_from_slice(&self.parent_id.to_hex());
        out[53..55].copy_from_slice(&hex::encode_u8(self.flags.to_byte()));
        out
    }

    pub(crate) const fn context(&self) -> RemoteContext {
        RemoteContext {
            trace_id: self.trace_id,
            parent_id: Some(self.parent_id),
            sampling: Sampling::from_flag(self.flags.is_sampled()),
            random: self.flags.is_random(),
        }
    }
}

/// Parses the value of a field that holds a traceparent. `first` is its first line.
///
/// Equal values, on lines or joined by commas, are one value. With `allow_multiple`, different values are accepted too if
/// they have one trace id. The last one is then used.
// Inlined, because a value this wide is returned through memory. Without the attribute it depends on unrelated code.
#[inline(always)]
pub(crate) fn read(
    headers: &Headers<'_>,
    field: Field,
    first: &[u8],
    allow_multiple: bool,
) -> Result<TraceParent, InvalidHeader> {
    let read = match headers.is_repeated(field) {
        false => TraceParent::parse(first),
        true => Err(InvalidReason::MultipleTraceparent.at(0).of(field)),
    };
    read.or_else(|error| match error.reason() {
        InvalidReason::MultipleTraceparent => read_several(&headers.get_all(field), allow_multiple, error),
        _ => Err(error),
    })
    .map_err(|error| InvalidHeader::new(field, error.reason(), error.offset() as usize))
}

#[cold]
fn read_several(
    lines: &HeaderLines<'_>,
    allow_multiple: bool,
    error: InvalidHeader,
) -> Result<TraceParent, InvalidHeader> {
    let mut values = lines.iter().flat_map(|line| line.split(|&byte| byte == b',')).map(wire::trim);
    let first = values.next().unwrap_or_default();
    match (lines.is_over_limit(), allow_multiple) {
        (true, true) => return Err(InvalidHeader::new(error.field(), InvalidReason::TooManyLines, 0)),
        (true, false) => return Err(error),
        (false, _) if values.clone().all(|value| value == first) => return TraceParent::parse(first),
        (false, true) => {}
        (false, false) => return Err(error),
    }
    let first = TraceParent::parse(first)?;
    values.try_fold(first, |_, value| {
        let parent = TraceParent::parse(value)?;
        if parent.trace_id == first.trace_id { Ok(parent) } else { Err(error) }
    })
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(wire::ascii(&self.to_bytes()))
    }
}

#[inline(always)]
fn parse(value: &[u8]) -> Result<TraceParent, ReasonAt> {
    // One length check here puts every fixed offset below in bounds.
    let Some((head, tail)) = value.split_first_chunk::<{ TraceParent::LEN }>() else {
        return Err(InvalidReason::BadLength.at(value.len()));
    };
    if let Some(at) = [2, 35, 52].into_iter().find(|&at| head[at] != b'-') {
        return Err(InvalidReason::BadDelimiter.at(at));
    }
    let version = hex::u8_2(&[head[0], head[1]], Letters::Lower).map_err(|error| match error.reason {
        InvalidReason::BadHex => ReasonAt { reason: InvalidReason::BadVersion, ..error },
        _ => error,
    })?;
    let [_, _, _, ids @ .., _, _, _] = head;
    // Both are shorter than `ids`, so the defaults are never used.
    let (trace_digits, parent_digits) = (ids.first_chunk().unwrap_or(&[0; 32]), ids.last_chunk().unwrap_or(&[0; 16]));
    let trace_id = hex::u128_32(trace_digits, Letters::Lower).map_err(|error| error.shifted_by(3))?;
    let parent_id = hex::u64_16(parent_digits, Letters::Lower).map_err(|error| error.shifted_by(36))?;
    let flags = hex::u8_2(&[head[53], head[54]], Letters::Lower).map_err(|error| error.shifted_by(53))?;
    match (version, tail) {
        (0xff, _) => return Err(InvalidReason::BadVersion.at(0)),
        // Only a later version may have more fields, and only after another dash.
        (0, []) | (1.., [] | [b'-', ..]) => {}
        (0, _) => return Err(InvalidReason::TrailingData.at(TraceParent::LEN)),
        _ => return Err(InvalidReason::BadDelimiter.at(TraceParent::LEN)),
    }
    if tail.contains(&b',') {
        return Err(InvalidReason::TrailingData.at(TraceParent::LEN));
    }
    let trace_id = TraceId::new(trace_id).ok_or(InvalidReason::ZeroTraceId.at(3))?;
    let parent_id = SpanId::new(parent_id).ok_or(InvalidReason::ZeroParentId.at(36))?;
    Ok(TraceParent { version, trace_id, parent_id, flags: TraceFlags::from_byte(flags) })
}

/// Parses a value with blanks around it. They are rare, so the usual form is tried first.
#[cold]
fn parse_trimmed(value: &[u8], error: ReasonAt) -> Result<TraceParent, InvalidHeader> {
    let trimmed = wire::trim(value);
    let parsed = if trimmed.len() < value.len() { parse(trimmed) } else { Err(error) };
    parsed.map_err(|error| diagnose(value, error))
}

/// Replaces the reason if the value contains a comma: two agents wrote this header, and that explains the rest.
///
/// A valid value has no comma, so only invalid ones are searched.
fn diagnose(value: &[u8], error: ReasonAt) -> InvalidHeader {
    let error = match value.iter().position(|&b| b == b',') {
        Some(at) => InvalidReason::MultipleTraceparent.at(at),
        None => error.shifted_by(wire::lead(value)),
    };
    error.of(Field::TraceParent)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &[u8; 55] = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[track_caller]
    fn err(value: &[u8]) -> (InvalidReason, u32) {
        let invalid = TraceParent::parse(value).unwrap_err();
        assert_eq!(invalid.field(), Field::TraceParent);
        (invalid.reason(), invalid.offset())
    }

    fn with(at: usize, bytes: &[u8]) -> [u8; 55] {
        let mut value = *VALID;
        value[at..at + bytes.len()].copy_from_slice(bytes);
        value
    }

    #[test]
    fn ok_parse_and_write_are_inverse() {
        let parent = TraceParent::parse(VALID).unwrap();
        assert_eq!(parent.trace_id.get(), 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!(parent.parent_id.get(), 0x00f0_67aa_0ba9_02b7);
        assert_eq!((parent.version, parent.flags), (0, TraceFlags::new(true, false)));
        assert_eq!(&parent.to_bytes(), VALID);
    }

    #[test]
    fn ok_display_is_the_value() {
        let value = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let parent = TraceParent::parse(value.as_bytes()).unwrap();
        assert_eq!(std::format!("{parent} {parent:>56}"), std::format!("{value}  {value}"));
    }

    #[test]
    fn ok_parse_blanks_around() {
        let mut value = [b' '; 59];
        value[2..57].copy_from_slice(VALID);
        value[1] = b'\t';
        assert!(TraceParent::parse(&value).is_ok());
        value[30] = b'x';
        assert_eq!(err(&value), (InvalidReason::BadHex, 30));
    }

    #[test]
    fn ok_every_flag_byte_keeps_the_two_known_bits() {
        for byte in 0..=255u8 {
            let parent = TraceParent::parse(&with(53, &hex::encode_u8(byte))).unwrap();
            assert_eq!(parent.flags.to_byte(), byte & 3);
            assert_eq!(&parent.to_bytes()[53..], &hex::encode_u8(byte & 3));
        }
    }

    #[test]
    fn ok_every_version_but_ff_is_read() {
        for version in 0..=255u8 {
            let parsed = TraceParent::parse(&with(0, &hex::encode_u8(version)));
            if version == 0xff {
                assert_eq!(parsed, Err(InvalidHeader::new(Field::TraceParent, InvalidReason::BadVersion, 0)));
            } else {
                let parent = parsed.unwrap();
                assert_eq!((parent.version, &parent.to_bytes()[..2]), (version, &b"00"[..]));
            }
        }
    }

    #[test]
    fn ok_only_later_versions_continue_after_a_dash() {
        let mut long = [0; 60];
        let mut set = |version: &[u8; 2], tail: &[u8; 5]| {
            long[..55].copy_from_slice(&with(0, version));
            long[55..].copy_from_slice(tail);
            long
        };
        assert!(TraceParent::parse(&set(b"01", b"-more")).is_ok());
        assert_eq!(err(&set(b"cc", b".what")), (InvalidReason::BadDelimiter, 55));
        assert_eq!(err(&set(b"00", b"-what")), (InvalidReason::TrailingData, 55));
        assert_eq!(err(&set(b"01", b"-a,bc")), (InvalidReason::MultipleTraceparent, 57));
        let mut dash = [b' '; 57];
        dash[..55].copy_from_slice(VALID);
        dash[55] = b'-';
        assert_eq!(err(&dash), (InvalidReason::TrailingData, 55));
    }

    #[test]
    fn err_parse_lengths() {
        assert_eq!(err(b""), (InvalidReason::BadLength, 0));
        assert_eq!(err(b" \tx"), (InvalidReason::BadLength, 3));
        assert_eq!(err(&VALID[..54]), (InvalidReason::BadLength, 54));
    }

    #[test]
    fn err_parse_delimiters_hex_and_zeros() {
        for at in [2, 35, 52] {
            assert_eq!(err(&with(at, b"_")), (InvalidReason::BadDelimiter, at as u32));
        }
        assert_eq!(err(&with(0, b".0")), (InvalidReason::BadVersion, 0));
        assert_eq!(err(&with(0, b"0A")), (InvalidReason::UppercaseHex, 1));
        assert_eq!(err(&with(3, b"+")), (InvalidReason::BadHex, 3));
        assert_eq!(err(&with(34, b"F")), (InvalidReason::UppercaseHex, 34));
        assert_eq!(err(&with(51, b"G")), (InvalidReason::BadHex, 51));
        assert_eq!(err(&with(53, b"0B")), (InvalidReason::UppercaseHex, 54));
        assert_eq!(err(&with(3, &[b'0'; 32])), (InvalidReason::ZeroTraceId, 3));
        assert_eq!(err(&with(36, &[b'0'; 16])), (InvalidReason::ZeroParentId, 36));
    }

    #[test]
    fn err_parse_comma_before_anything_else() {
        assert_eq!(err(b"zz,"), (InvalidReason::MultipleTraceparent, 2));
        assert_eq!(err(&with(0, b"ff-,")), (InvalidReason::MultipleTraceparent, 3));
    }

    #[test]
    fn err_every_single_byte_outside_the_grammar() {
        for at in 0..55 {
            for byte in 0..=255u8 {
                let value = with(at, &[byte]);
                let legal = match at {
                    2 | 35 | 52 => byte == b'-',
                    _ => byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'),
                };
                // Blanks at the ends are trimmed, which makes the value too short, so it is invalid too.
                assert_eq!(TraceParent::parse(&value).is_ok(), legal, "{byte:#04x} at {at}");
            }
        }
    }

    #[test]
    fn err_every_truncation() {
        for len in 0..55 {
            assert_eq!(err(&VALID[..len]), (InvalidReason::BadLength, len as u32));
        }
    }
}
