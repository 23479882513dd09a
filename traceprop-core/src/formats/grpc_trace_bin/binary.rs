//! The bytes of `grpc-trace-bin`, and their base64.
//!
//! ```text
//! %x00  %x00 16OCTET  %x01 8OCTET  %x02 OCTET
//!
//! 00 00 4bf92f3577b34da6a3ce929d000e4736 01 34f067aa0ba902b7 02 01
//! ```
//!
//! Spec: <https://github.com/census-instrumentation/opencensus-specs/blob/master/encodings/BinaryEncoding.md>

use crate::field::{Field, InvalidHeader};
use crate::id::{Sampling, SpanId, TraceId};
use crate::wire::base64::{self, Encoded};
use crate::wire::{InvalidReason, ReasonAt, StackText};

/// The longest base64 text that is read, in bytes. A context has 40.
const MAX_ENCODED: usize = 256;

/// The contents of `grpc-trace-bin`.
///
/// # Examples
///
/// ```
/// use traceprop_core::formats::grpc_trace_bin::GrpcTraceContext;
///
/// let context = GrpcTraceContext::parse_base64(b"AABL+S81d7NNpqPOkp0ADkc2ATTwZ6oLqQK3AgE=")?;
/// assert_eq!(context.options, Some(1));
/// // gRPC libraries hand out the decoded bytes.
/// assert_eq!(GrpcTraceContext::parse(&context.to_bytes())?, context);
/// # Ok::<(), traceprop_core::InvalidHeader>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GrpcTraceContext {
    /// The trace id.
    pub trace_id: TraceId,
    /// The sender's span. `None` if the field is missing, or all zeros.
    pub span_id: Option<SpanId>,
    /// The options. Bit 0 means sampled. `None` if the field is missing.
    pub options: Option<u8>,
}

impl GrpcTraceContext {
    /// The number of bytes that are written.
    pub const LEN: usize = 29;

    /// Parses the bytes.
    ///
    /// # Errors
    ///
    /// Returns `empty`, `bad-version`, `truncated`, `repeated-field`, `missing-trace-id` or `zero-trace-id`, with the offset
    /// of the byte at fault.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidHeader> {
        parse(bytes).map_err(|error| error.of(Field::GrpcTraceBin))
    }

    /// Parses base64 in the standard alphabet, padded or not.
    ///
    /// # Errors
    ///
    /// Returns `bad-base64`, `too-long` beyond 256 bytes, and the errors of [`parse`](Self::parse).
    pub fn parse_base64(text: &[u8]) -> Result<Self, InvalidHeader> {
        let invalid = |reason: InvalidReason, at| InvalidHeader::new(Field::GrpcTraceBin, reason, at);
        if text.len() > MAX_ENCODED {
            return Err(invalid(InvalidReason::TooLong, MAX_ENCODED));
        }
        match base64::decode(text, &mut [0; MAX_ENCODED / 4 * 3]) {
            Ok(decoded) => Self::parse(decoded.bytes),
            Err(at) => Err(invalid(InvalidReason::BadBase64, at)),
        }
    }

    /// Returns the sampling decision: undecided without options.
    pub const fn sampling(&self) -> Sampling {
        match self.options {
            Some(options) => Sampling::from_flag(options & 1 == 1),
            None => Sampling::Deferred,
        }
    }

    /// Returns the bytes. A missing span id and missing options are written as zeros, since half of the readers want all
    /// fields.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[2..18].copy_from_slice(&self.trace_id.to_bytes());
        bytes[18] = 1;
        bytes[19..27].copy_from_slice(&self.span_id.map(SpanId::to_bytes).unwrap_or_default());
        bytes[27] = 2;
        bytes[28] = self.options.unwrap_or_default();
        bytes
    }

    /// Hands out the bytes as base64 without padding.
    pub(super) fn with_base64(&self, then: impl FnOnce(&[u8])) {
        let mut text = StackText::<40>::new();
        // Cannot fail: 29 bytes have 40 digits with padding.
        let _ = Encoded(&self.to_bytes()).put(&mut text);
        then(text.as_str().trim_end_matches('=').as_bytes());
    }

    /// Returns the bytes as base64 without padding, as gRPC writes binary metadata in HTTP/2.
    #[cfg(feature = "alloc")]
    pub fn to_base64(&self) -> alloc::string::String {
        let mut text = alloc::string::String::new();
        self.with_base64(|digits| text.push_str(crate::wire::ascii(digits)));
        text
    }
}

fn parse(bytes: &[u8]) -> Result<GrpcTraceContext, ReasonAt> {
    let mut rest = match bytes {
        [] => return Err(InvalidReason::Empty.at(0)),
        [0, rest @ ..] => rest,
        _ => return Err(InvalidReason::BadVersion.at(0)),
    };
    let (mut trace, mut span, mut options) = (None, None, None);
    while let [field, tail @ ..] = rest {
        let at = bytes.len() - rest.len();
        let is_new = match field {
            0 => take(&mut trace, tail),
            1 => take(&mut span, tail),
            2 => take(&mut options, tail),
            // Later versions can append fields.
            _ => break,
        };
        rest = is_new.map_err(|reason| reason.at(at))?;
    }
    let (at, trace_id) = (1, trace.ok_or(InvalidReason::MissingTraceId.at(0))?);
    let trace_id = TraceId::from_bytes(trace_id).ok_or(InvalidReason::ZeroTraceId.at(at))?;
    Ok(GrpcTraceContext {
        trace_id,
        span_id: span.and_then(SpanId::from_bytes),
        options: options.map(|[byte]: [u8; 1]| byte),
    })
}

/// Takes the bytes of a field, and returns what follows them.
fn take<'b, const N: usize>(field: &mut Option<[u8; N]>, bytes: &'b [u8]) -> Result<&'b [u8], InvalidReason> {
    let (value, rest) = bytes.split_first_chunk().ok_or(InvalidReason::Truncated)?;
    match field.replace(*value) {
        None => Ok(rest),
        Some(_) => Err(InvalidReason::RepeatedField),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: [u8; 29] = *b"\0\0\x4b\xf9\x2f\x35\x77\xb3\x4d\xa6\xa3\xce\x92\x9d\0\x0e\x47\x36\x01\x34\xf0\x67\xaa\x0b\xa9\x02\xb7\x02\x01";

    #[track_caller]
    fn err(bytes: &[u8]) -> (InvalidReason, u32) {
        let invalid = GrpcTraceContext::parse(bytes).unwrap_err();
        (invalid.reason(), invalid.offset())
    }

    #[test]
    fn ok_parse_and_write_are_inverse() {
        let context = GrpcTraceContext::parse(&BYTES).unwrap();
        assert_eq!(context.to_bytes(), BYTES);
        assert_eq!(context.span_id, SpanId::new(0x34f0_67aa_0ba9_02b7));
        context.with_base64(|text| assert_eq!(text, b"AABL+S81d7NNpqPOkp0ADkc2ATTwZ6oLqQK3AgE"));
        #[cfg(feature = "alloc")]
        assert_eq!(context.to_base64(), "AABL+S81d7NNpqPOkp0ADkc2ATTwZ6oLqQK3AgE");
    }

    #[test]
    fn ok_fields_in_any_order_and_only_the_trace_id_is_needed() {
        let parts = [&BYTES[1..18], &BYTES[18..27], &BYTES[27..]];
        for [a, b, c] in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut bytes = [0; 29];
            let mut at = 1;
            for part in [parts[a], parts[b], parts[c]] {
                bytes[at..at + part.len()].copy_from_slice(part);
                at += part.len();
            }
            assert_eq!(GrpcTraceContext::parse(&bytes), GrpcTraceContext::parse(&BYTES));
        }
        let alone = GrpcTraceContext::parse(&BYTES[..18]).unwrap();
        assert_eq!((alone.span_id, alone.options, alone.sampling()), (None, None, Sampling::Deferred));
    }

    #[test]
    fn err_every_cut_inside_a_field() {
        for len in 0..29 {
            let parsed = GrpcTraceContext::parse(&BYTES[..len]);
            match len {
                0 => assert_eq!(err(&[]), (InvalidReason::Empty, 0)),
                1 => assert_eq!(err(&BYTES[..1]), (InvalidReason::MissingTraceId, 0)),
                18 | 27 => assert!(parsed.is_ok()),
                _ => {
                    let at = if len < 18 {
                        1
                    } else if len < 27 {
                        18
                    } else {
                        27
                    };
                    assert_eq!(err(&BYTES[..len]), (InvalidReason::Truncated, at), "{len}");
                }
            }
        }
    }

    #[test]
    fn err_versions_repetitions_and_zeros() {
        let with = |at: usize, byte: u8| {
            let mut bytes = BYTES;
            bytes[at] = byte;
            bytes
        };
        assert_eq!(err(&with(0, 1)), (InvalidReason::BadVersion, 0));
        let mut twice = [0; 31];
        twice[..29].copy_from_slice(&BYTES);
        twice[29..].copy_from_slice(&[2, 0]);
        assert_eq!(err(&twice), (InvalidReason::RepeatedField, 29));
        let mut zero = BYTES;
        zero[2..18].fill(0);
        assert_eq!(err(&zero), (InvalidReason::ZeroTraceId, 1));
        // Other bits of the options mean nothing.
        assert_eq!(
            GrpcTraceContext::parse(&with(28, 0xfe)).map(|context| context.sampling()),
            Ok(Sampling::NotSampled)
        );
    }

    #[test]
    fn err_base64_limits() {
        let parse =
            |text: &[u8]| GrpcTraceContext::parse_base64(text).map_err(|invalid| (invalid.reason(), invalid.offset()));
        assert_eq!(parse(&[b'A'; 257]), Err((InvalidReason::TooLong, 256)));
        // Zeros: a trace id of zeros comes before the field that is repeated.
        assert_eq!(parse(&[b'A'; 256]), Err((InvalidReason::RepeatedField, 18)));
        assert_eq!(parse(b"AA-_"), Err((InvalidReason::BadBase64, 2)));
    }
}
