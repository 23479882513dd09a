//! The fields of an `sw8` that did not come in a header.

use alloc::string::{String, ToString};

use super::header::Sw8Header;
use super::write::{Piece, Value};
use super::{span_id_from_segment, trace_id_from_text};
use crate::field::invalid::InvalidHeader;
use crate::id::{SpanId, TraceId};

/// The fields of an `sw8` as text: those of a SkyWalking agent in the same process, or from a store. Give them to a context
/// with [`OwnedContext::with_sw8`](crate::OwnedContext::with_sw8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sw8Parts<'a> {
    /// Field 2.
    pub trace_id: &'a str,
    /// Field 3.
    pub segment_id: &'a str,
    /// Field 4: the number of the span in its segment.
    pub span_number: u32,
    /// Field 5.
    pub service: &'a str,
    /// Field 6.
    pub instance: &'a str,
    /// Field 7.
    pub endpoint: &'a str,
    /// Field 8.
    pub peer: &'a str,
}

impl Sw8Parts<'_> {
    /// Trace and span in numbers: see [`trace_id_from_text`] and [`span_id_from_segment`]. None where the trace id maps to zero.
    pub fn ids(&self) -> Option<(TraceId, SpanId)> {
        Some((trace_id_from_text(self.trace_id)?, span_id_from_segment(self.segment_id, self.span_number)))
    }

    /// The value, and the trace that it names.
    pub(crate) fn line(&self, sampled: bool) -> Result<(String, TraceId), InvalidHeader> {
        let value = Value {
            sampled,
            trace_id: Piece::Plain(self.trace_id),
            segment_id: Piece::Plain(self.segment_id),
            span_number: self.span_number,
            names: [self.service, self.instance, self.endpoint, self.peer].map(Piece::Plain),
        };
        let line = value.to_string();
        let trace_id = Sw8Header::parse(line.as_bytes())?.context().trace_id;
        Ok((line, trace_id))
    }
}
