//! SkyWalking's segments in protobuf over gRPC: the fields that are needed of its messages.

use prost::Message;
use traceprop_core::SpanId;
use traceprop_core::formats::sw8::{span_id_from_segment, trace_id_from_text};

use super::Reported;
use crate::Error;

pub(super) const PATH: &str = "/skywalking.v3.TraceSegmentReportService/collect";

#[derive(Clone, PartialEq, Message)]
struct Segment {
    #[prost(string, tag = "1")]
    trace_id: String,
    #[prost(string, tag = "2")]
    segment_id: String,
    #[prost(message, repeated, tag = "3")]
    spans: Vec<Span>,
}

#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(int32, tag = "1")]
    number: i32,
    /// -1 for the first span of a segment.
    #[prost(int32, tag = "2")]
    parent: i32,
    #[prost(message, repeated, tag = "5")]
    callers: Vec<Caller>,
}

#[derive(Clone, PartialEq, Message)]
struct Caller {
    #[prost(string, tag = "3")]
    segment_id: String,
    #[prost(int32, tag = "4")]
    number: i32,
}

pub(super) fn read(body: &[u8]) -> Result<Vec<Reported>, Error> {
    let segment = Segment::decode(body)?;
    let trace_id = trace_id_from_text(&segment.trace_id).ok_or("a trace id that is none")?;
    let span = |span: &Span| {
        let span_id = id(&segment.segment_id, span.number).ok_or("a number below zero")?;
        let caller = || span.callers.first().and_then(|caller| id(&caller.segment_id, caller.number));
        Ok(Reported { trace_id, span_id, parent_id: id(&segment.segment_id, span.parent).or_else(caller) })
    };
    segment.spans.iter().map(span).collect()
}

fn id(segment: &str, number: i32) -> Option<SpanId> {
    Some(span_id_from_segment(segment, u32::try_from(number).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_the_first_span_names_its_caller() {
        let text = str::to_owned;
        let callers = vec![Caller { segment_id: text("caller"), number: 3 }];
        let spans = vec![Span { number: 0, parent: -1, callers }, Span { number: 1, parent: 0, callers: Vec::new() }];
        let segment = Segment { trace_id: text("trace"), segment_id: text("ours"), spans };
        let spans = read(&segment.encode_to_vec()).unwrap();
        let parents: Vec<_> = spans.iter().map(|span| span.parent_id).collect();
        assert_eq!(parents, [id("caller", 3), id("ours", 0)]);
        assert_eq!(spans[1].span_id, span_id_from_segment("ours", 1));
    }
}
