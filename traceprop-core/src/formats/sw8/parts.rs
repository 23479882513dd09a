//! The fields of an `sw8` value that was not received in a header.

use alloc::string::{String, ToString};

use super::header::Sw8Header;
use super::write::{Piece, Value};
use super::{span_id_from_segment, trace_id_from_text};
use crate::field::InvalidHeader;
use crate::id::{SpanId, TraceId};

/// The fields of an `sw8` value as text, from a SkyWalking agent in the same process or from storage.
///
/// Add them to a context with [`OwnedContext::with_sw8`](crate::OwnedContext::with_sw8).
///
/// # Examples
///
/// ```
/// use traceprop_core::formats::sw8::Sw8Parts;
///
/// let parts = Sw8Parts { trace_id: "ticket-1", segment_id: "segment", span_number: 3, ..Sw8Parts::default() };
/// assert!(parts.ids().is_some());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sw8Parts<'a> {
    /// Field 2: the trace id.
    pub trace_id: &'a str,
    /// Field 3: the id of the segment.
    pub segment_id: &'a str,
    /// Field 4: the number of the span in its segment, up to 2,147,483,647.
    pub span_number: u32,
    /// Field 5: the service.
    pub service: &'a str,
    /// Field 6: the instance.
    pub instance: &'a str,
    /// Field 7: the endpoint.
    pub endpoint: &'a str,
    /// Field 8: the address that the caller used.
    pub peer: &'a str,
}

impl Sw8Parts<'_> {
    /// Returns trace id and span id as other formats have them, or `None` if the trace id maps to zero.
    ///
    /// See [`trace_id_from_text`] and [`span_id_from_segment`].
    pub fn ids(&self) -> Option<(TraceId, SpanId)> {
        Some((trace_id_from_text(self.trace_id)?, span_id_from_segment(self.segment_id, self.span_number)))
    }

    /// Returns the header value and its trace id.
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
