//! Ids in two headers, in hex that may lack zeros on the left.

use crate::carrier::Headers;
use crate::field::{Field, InvalidHeader};
use crate::id::{ParseIdError, SpanId, TraceId};
use crate::wire::InvalidReason;

/// Reads a trace id and a span id, each from the first value of its field. `None` if both fields are absent.
pub(crate) fn read_ids(
    headers: &Headers<'_>,
    trace: Field,
    span: Field,
) -> Option<Result<(TraceId, SpanId), InvalidHeader>> {
    let trace_id = read(headers, trace, TraceId::from_short_hex);
    let span_id = read(headers, span, SpanId::from_short_hex);
    if trace_id.is_none() && span_id.is_none() {
        return None;
    }
    let trace_id = trace_id.unwrap_or(Err(InvalidHeader::new(trace, InvalidReason::MissingTraceId, 0)));
    let span_id = || span_id.unwrap_or(Err(InvalidHeader::new(span, InvalidReason::MissingSpanId, 0)));
    Some(trace_id.and_then(|trace_id| Ok((trace_id, span_id()?))))
}

fn read<T>(
    headers: &Headers<'_>,
    field: Field,
    parse: impl Fn(&[u8]) -> Result<T, ParseIdError>,
) -> Option<Result<T, InvalidHeader>> {
    let (at, digits) = headers.first_value(field)?;
    let invalid = |error: ParseIdError| InvalidHeader::new(field, error.reason(), at + error.offset() as usize);
    Some(parse(digits).map_err(invalid))
}
