//! B3 ids: their type, and how the `X-B3-*` headers spell them.
//!
//! ```text
//! trace-id = 8*32 lower hex       span-id, parent = 8*16 lower hex       "0" only: absent (parent) or invalid
//!
//! bd8ec9a1f80385ed3d7c9ec7081ab44d
//! ```
//!
//! Ids with fewer digits than the specification asks for are padded with zeros on the left: some clients strip them.
//! Spec: <https://github.com/openzipkin/b3-propagation#identifiers>

use crate::context::RemoteContext;
use crate::field::{Field, InvalidHeader};
use crate::id::{Sampling, SpanId, TraceId};
use crate::wire::hex::{self, Letters};
use crate::wire::{self, InvalidReason, ReasonAt};

/// The shortest id that is read in the `X-B3-*` headers.
///
/// A shorter one is unlikely to be an id without its leading zeros, and padding it could merge unrelated traces.
const MIN_DIGITS: usize = 8;

/// The ids of a B3 context: trace id, span id and, if known, the parent of the span.
///
/// B3 allows trace ids of 64 bits. They are widened to 128 bits with zeros on the left. The received width is kept,
/// because a search in logs finds only the spelling that was written.
///
/// # Examples
///
/// ```
/// use traceprop_core::formats::b3::B3Single;
///
/// let ids = B3Single::parse(b"80e6b5d0a9d93650-8a0ac984f71ab247-1")?.ids().expect("the value has ids");
/// assert_eq!(ids.trace_id().to_string(), "000000000000000080e6b5d0a9d93650");
/// assert!(ids.is_64_bit());
/// # Ok::<(), traceprop_core::InvalidHeader>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct B3Ids {
    trace_id: TraceId,
    /// True only if the upper half of the trace id is zero.
    is_64_bit: bool,
    span_id: SpanId,
    parent_span_id: Option<SpanId>,
}

impl B3Ids {
    /// Creates ids without a parent. The trace id is written with 32 digits.
    pub const fn new(trace_id: TraceId, span_id: SpanId) -> Self {
        Self { trace_id, is_64_bit: false, span_id, parent_span_id: None }
    }

    /// Sets the parent of the span.
    pub const fn with_parent_span_id(self, parent: Option<SpanId>) -> Self {
        Self { parent_span_id: parent, ..self }
    }

    /// Writes the trace id with 16 digits. Has no effect if the upper half of the trace id is not zero.
    pub const fn with_64_bit_trace_id(self) -> Self {
        Self { is_64_bit: self.trace_id.high() == 0, ..self }
    }

    /// Returns the trace id.
    pub const fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// Returns the id of the sender's span.
    pub const fn span_id(&self) -> SpanId {
        self.span_id
    }

    /// Returns the id of the parent of the sender's span, if it is known.
    pub const fn parent_span_id(&self) -> Option<SpanId> {
        self.parent_span_id
    }

    /// Returns `true` if the trace id is written with 16 digits.
    pub const fn is_64_bit(&self) -> bool {
        self.is_64_bit
    }

    pub(super) const fn context(&self, sampling: Sampling) -> RemoteContext {
        RemoteContext { sampling, ..RemoteContext::new(self.trace_id, Some(self.span_id)) }
    }

    /// Writes the trace id into `out` and returns its 16 or 32 digits.
    #[inline]
    pub(super) fn write_trace_id<'b>(&self, out: &'b mut [u8; 32]) -> &'b [u8] {
        *out = self.trace_id.to_hex();
        if self.is_64_bit { &out[16..] } else { out }
    }
}

/// Parses `X-B3-TraceId`. Returns the id, and `true` if it has at most 16 digits.
#[inline]
pub(super) fn trace_id(value: &[u8]) -> Result<(TraceId, bool), InvalidHeader> {
    let read = digits(value, |digits| hex::u128_32(digits, Letters::Lower));
    let id = read.and_then(|read| {
        let id = TraceId::new(read.value).ok_or(InvalidReason::ZeroTraceId.at(read.start))?;
        Ok((id, read.len <= 16))
    });
    id.map_err(|error| error.of(Field::B3TraceId))
}

/// Parses `X-B3-SpanId`.
#[inline]
pub(super) fn span_id(value: &[u8]) -> Result<SpanId, InvalidHeader> {
    let read = digits(value, |digits| hex::u64_16(digits, Letters::Lower));
    let id = read.and_then(|read| SpanId::new(read.value).ok_or(InvalidReason::ZeroSpanId.at(read.start)));
    id.map_err(|error| error.of(Field::B3SpanId))
}

/// Parses `X-B3-ParentSpanId`. Returns `None` if all digits are zero.
pub(super) fn parent_span_id(value: &[u8]) -> Result<Option<SpanId>, InvalidHeader> {
    let read = digits(value, |digits| hex::u64_16(digits, Letters::Lower));
    read.map(|read| SpanId::new(read.value)).map_err(|error| error.of(Field::B3ParentSpanId))
}

/// A parsed id with its number of digits and the offset of the first one.
struct Read<T> {
    value: T,
    len: usize,
    start: usize,
}

fn digits<const N: usize, T>(
    value: &[u8],
    decode: impl Fn(&[u8; N]) -> Result<T, ReasonAt>,
) -> Result<Read<T>, ReasonAt> {
    if let Ok(digits) = <&[u8; N]>::try_from(value) {
        if let Ok(value) = decode(digits) {
            return Ok(Read { value, len: N, start: 0 });
        }
    }
    let (start, element) = first_element(value);
    let value = match element.len() {
        0 => Err(InvalidReason::Empty.at(0)),
        // jaeger-client-go before 2.30 strips leading zeros of span ids.
        MIN_DIGITS.. => hex::padded(element, decode),
        len => Err(InvalidReason::BadLength.at(len)),
    };
    Ok(Read { value: value.map_err(|error| error.shifted_by(start))?, len: element.len(), start })
}

/// Returns the first of several comma-separated values, trimmed, and its offset. Proxies join repeated lines this way.
pub(super) fn first_element(value: &[u8]) -> (usize, &[u8]) {
    let element = wire::split_once(value, b',').map_or(value, |(first, _)| first);
    (wire::lead(element), wire::trim(element))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &[u8] = b"bd8ec9a1f80385ed3d7c9ec7081ab44d";

    fn trace(value: u128) -> TraceId {
        TraceId::new(value).unwrap()
    }

    #[track_caller]
    fn err(value: &[u8]) -> (InvalidReason, u32) {
        let invalid = trace_id(value).unwrap_err();
        assert_eq!(invalid.field(), Field::B3TraceId);
        (invalid.reason(), invalid.offset())
    }

    #[test]
    fn ok_trace_id_of_8_to_32_digits() {
        let whole = 0xbd8e_c9a1_f803_85ed_3d7c_9ec7_081a_b44d;
        for len in MIN_DIGITS..=32 {
            let expected = (trace(whole >> (4 * (32 - len))), len <= 16);
            assert_eq!(trace_id(&LONG[..len]), Ok(expected), "{len}");
        }
    }

    #[test]
    fn err_trace_id_of_7_or_33_digits() {
        assert_eq!(err(&LONG[..7]), (InvalidReason::BadLength, 7));
        assert_eq!(err(b"bd8ec9a1f80385ed3d7c9ec7081ab44d0"), (InvalidReason::BadLength, 33));
        assert_eq!(err(b"42"), (InvalidReason::BadLength, 2));
    }

    #[test]
    fn ok_span_id_of_8_to_16_digits() {
        let ok = |value| Ok(SpanId::new(value).unwrap());
        let err = |reason, at| Err(InvalidHeader::new(Field::B3SpanId, reason, at));
        assert_eq!(span_id(b"17857e0831e5554e"), ok(0x1785_7e08_31e5_554e));
        assert_eq!(span_id(b"17857e0831e555"), ok(0x0017_857e_0831_e555));
        assert_eq!(span_id(b"17857e08"), ok(0x1785_7e08));
        assert_eq!(span_id(b"17857e0"), err(InvalidReason::BadLength, 7));
        assert_eq!(span_id(b"17857e0831e5554e0"), err(InvalidReason::BadLength, 17));
        assert_eq!(span_id(b" 0000000000000000"), err(InvalidReason::ZeroSpanId, 1));
    }

    #[test]
    fn ok_parent_of_zeros_is_none() {
        assert_eq!(parent_span_id(b"0000000000000000"), Ok(None));
        assert_eq!(parent_span_id(b"90f26b82fe915329"), Ok(SpanId::new(0x90f2_6b82_fe91_5329)));
        assert_eq!(parent_span_id(b"-"), Err(InvalidHeader::new(Field::B3ParentSpanId, InvalidReason::BadLength, 1)));
    }

    #[test]
    fn ok_first_of_joined_values_blanks_around() {
        let id = trace(0xbd8e_c9a1_f803_85ed);
        assert_eq!(trace_id(b" \tbd8ec9a1f80385ed , nonsense"), Ok((id, true)));
        assert_eq!(trace_id(b"bd8ec9a1f80385ed,d7c9ec7081ab44d"), Ok((id, true)), "32 bytes, not 32 digits");
    }

    #[test]
    fn err_offset_counts_in_the_received_value() {
        assert_eq!(err(b""), (InvalidReason::Empty, 0));
        assert_eq!(err(b"  "), (InvalidReason::Empty, 2));
        assert_eq!(err(b",bd8ec9a1f80385ed"), (InvalidReason::Empty, 0));
        assert_eq!(err(b"bd8ec9a1F80385ed3d7c9ec7081ab44d"), (InvalidReason::UppercaseHex, 8));
        assert_eq!(err(b" bd8eC9a1"), (InvalidReason::UppercaseHex, 5));
        assert_eq!(err(b"+d8ec9a1f80385ed"), (InvalidReason::BadHex, 0));
        assert_eq!(err(b"\t00000000"), (InvalidReason::ZeroTraceId, 1));
    }

    #[test]
    fn ok_16_digits_only_where_nothing_is_lost() {
        let span = SpanId::MIN;
        assert!(B3Ids::new(trace(u128::from(u64::MAX)), span).with_64_bit_trace_id().is_64_bit());
        assert!(!B3Ids::new(trace(1 << 64), span).with_64_bit_trace_id().is_64_bit());
    }
}
