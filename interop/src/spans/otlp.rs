//! OpenTelemetry's protocol in protobuf over HTTP: the fields that are needed of its messages.

use prost::Message;
use traceprop_core::{SpanId, TraceId};

use super::Reported;
use crate::Error;

pub(super) const PATH: &str = "/v1/traces";

#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(message, repeated, tag = "1")]
    resources: Vec<Resource>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "2")]
    scopes: Vec<Scope>,
}

#[derive(Clone, PartialEq, Message)]
struct Scope {
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    parent_id: Vec<u8>,
}

pub(super) fn read(body: &[u8]) -> Result<Vec<Reported>, Error> {
    let request = Request::decode(body)?;
    let scopes = request.resources.iter().flat_map(|resource| &resource.scopes);
    let spans = scopes.flat_map(|scope| &scope.spans);
    let span = |span: &Span| {
        let trace_id = <[u8; 16]>::try_from(&*span.trace_id).map(u128::from_be_bytes);
        let trace_id = trace_id.ok().and_then(TraceId::new).ok_or("a trace id that is none")?;
        let span_id = span_id(&span.span_id).ok_or("a span id that is none")?;
        Ok(Reported { trace_id, span_id, parent_id: self::span_id(&span.parent_id) })
    };
    spans.map(span).collect()
}

fn span_id(bytes: &[u8]) -> Option<SpanId> {
    SpanId::new(u64::from_be_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_reads_spans() {
        let mut span = Span { trace_id: vec![1; 16], span_id: vec![2; 8], parent_id: Vec::new() };
        let body = |span: &Span| {
            let resources = vec![Resource { scopes: vec![Scope { spans: vec![span.clone()] }] }];
            Request { resources }.encode_to_vec()
        };
        let [root] = read(&body(&span)).unwrap()[..] else { panic!("one span") };
        assert_eq!((root.span_id.to_string(), root.parent_id), ("0202020202020202".to_owned(), None));
        span.trace_id.pop();
        assert!(read(&body(&span)).is_err());
    }
}
