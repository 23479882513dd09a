//! `grpc-trace-bin`: the binary trace context of OpenCensus, in gRPC metadata.
//!
//! ```text
//! context = %x00 *field                       version 0; any order, an unknown field ends the reading
//! field   = %x00 16OCTET                      trace id, not all zeros
//!         / %x01 8OCTET                       span id; zeros: none
//!         / %x02 OCTET                        options: bit 0 sampled
//!
//! AABL+S81d7NNpqPOkp0ADkc2ATTwZ6oLqQK3AgE
//! ```
//!
//! In HTTP/2, and so in a map of headers, the value is base64 in the standard alphabet. It is read padded or not, and
//! written unpadded, as gRPC asks. Of several values, on lines or joined by commas, the first one counts. For carriers that
//! hand out decoded bytes there is [`GrpcTraceContext::parse`].
//!
//! Options of 0 are read as "not sampled", as OpenTelemetry's shims and linkerd do. OpenCensus calls this no decision, and
//! its samplers decide again; so 0 does not fill in a decision that another format left open. A missing field of options
//! leaves sampling undecided. It is always written, since half of the readers want 29 bytes, and 0 for an undecided trace.
//!
//! The format is written only where a list names it.
//!
//! Spec: <https://github.com/census-instrumentation/opencensus-specs/blob/master/encodings/BinaryEncoding.md>

mod binary;

pub use binary::GrpcTraceContext;

use crate::carrier::Headers;
use crate::context::RemoteContext;
use crate::field::{Field, FormatKind, InvalidHeader};
use crate::format::{Format, FormatFields, InjectContext, Parsed, Writer};
use crate::id::Sampling;

/// The format of OpenCensus in gRPC metadata, named `grpc-trace-bin`.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use traceprop_core::{Propagator, formats::grpc_trace_bin::GrpcTraceBin};
///
/// let propagator = Propagator::builder().with_format(GrpcTraceBin::new()).build()?;
/// let request = [("grpc-trace-bin", "AABL+S81d7NNpqPOkp0ADkc2ATTwZ6oLqQK3AgE")];
/// let caller = propagator.extract(&request).context().ok_or("the request has a context")?;
/// assert_eq!(caller.trace_id.to_string(), "4bf92f3577b34da6a3ce929d000e4736");
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct GrpcTraceBin;

impl GrpcTraceBin {
    /// Creates the format.
    pub const fn new() -> Self {
        Self
    }
}

/// Reads the header. `None` if it is absent.
pub(crate) fn read(headers: &Headers<'_>) -> Option<Result<GrpcTraceContext, InvalidHeader>> {
    let (at, value) = headers.first_value(Field::GrpcTraceBin)?;
    let shifted =
        |invalid: InvalidHeader| InvalidHeader::new(invalid.field(), invalid.reason(), at + invalid.offset() as usize);
    Some(GrpcTraceContext::parse_base64(value).map_err(shifted))
}

impl Format for GrpcTraceBin {
    fn name(&self) -> &str {
        "grpc-trace-bin"
    }

    fn fields(&self) -> FormatFields<'_> {
        FormatFields::of(FormatKind::GrpcTraceBin)
    }

    fn extract(&self, headers: &Headers<'_>) -> Parsed {
        Parsed::of(read(headers), |context| {
            let sampling = context.sampling();
            let remote = RemoteContext { sampling, ..RemoteContext::new(context.trace_id, context.span_id) };
            // A sender without a decision writes 0 too.
            Parsed::context(remote).implicit_if(sampling == Sampling::NotSampled)
        })
    }

    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        if let Some((trace_id, span_id)) = context.ids_or_omit(Field::GrpcTraceBin, writer) {
            let options = u8::from(context.sampling_or_received_bit().is_sampled());
            let context = GrpcTraceContext { trace_id, span_id: Some(span_id), options: Some(options) };
            context.with_base64(|text| writer.write_ascii(Field::GrpcTraceBin, text));
        }
    }
}

#[cfg(feature = "alloc")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::propagator::Propagator;
    use crate::wire::InvalidReason;
    use alloc::vec::Vec;

    #[test]
    fn ok_a_zero_fills_in_no_decision() {
        let propagator = Propagator::from_names("b3,grpc-trace-bin", "none").unwrap();
        let sampling = |value: &'static str| {
            let b3 = ("b3", "4bf92f3577b34da6a3ce929d000e4736-34f067aa0ba902b7");
            propagator.extract(&[b3, ("grpc-trace-bin", value)]).sampling()
        };
        assert_eq!(sampling("AABL+S81d7NNpqPOkp0ADkc2ATTwZ6oLqQK3AgA"), Sampling::Deferred);
        assert_eq!(sampling("AABL+S81d7NNpqPOkp0ADkc2ATTwZ6oLqQK3AgE"), Sampling::Sampled);
    }

    #[test]
    fn err_offsets_count_from_the_start_of_the_line() {
        let propagator = Propagator::from_names("grpc-trace-bin", "none").unwrap();
        let request = [("grpc-trace-bin", "  AA-_")];
        let report = propagator.explain(&request);
        let invalid: Vec<_> = report.invalid_headers().map(|(_, invalid)| invalid).collect();
        assert_eq!(invalid, [InvalidHeader::new(Field::GrpcTraceBin, InvalidReason::BadBase64, 4)]);
    }
}
