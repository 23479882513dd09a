//! The `sw8` value to write.

use core::fmt;

use super::header::Sw8Header;
use super::identity::Identity;
use super::text::Sw8Text;
use crate::context::InjectOptions;
use crate::id::{SpanId, TraceId};
use crate::wire::AsciiSink;
use crate::wire::base64::Encoded;
use crate::wire::decimal::Digits;

/// Characters of the longest endpoint.
///
/// The specification says fewer than 150, but the Java agent cuts at 150. An endpoint is known only when a call is
/// made, so a long one is cut instead of failing the call.
const MAX_ENDPOINT: usize = 150;

/// An `sw8` value. Displays as the header value with padded base64.
pub(super) struct Value<'a> {
    pub(super) sampled: bool,
    pub(super) trace_id: Piece<'a>,
    pub(super) segment_id: Piece<'a>,
    pub(super) span_number: u32,
    /// Service, instance, endpoint and peer.
    pub(super) names: [Piece<'a>; 4],
}

/// A text field by its source.
#[derive(Clone, Copy)]
pub(super) enum Piece<'a> {
    /// Encoded, as received.
    Received(Sw8Text<'a>),
    /// Decoded.
    Plain(&'a str),
    /// The hex digits of an id from another format.
    Hex(TraceId),
    /// A segment id that the OpenTelemetry collector and this crate map back to the span id: the XOR of its halves.
    Segment(SpanId),
}

impl<'a> Value<'a> {
    /// Creates the value that a local span sends to the service it calls.
    pub(super) fn of_span(
        sampled: bool,
        trace_id: Piece<'a>,
        span_id: SpanId,
        identity: &'a Identity,
        call: &InjectOptions<'a>,
    ) -> Self {
        let endpoint = call.endpoint_or("/");
        let end = endpoint.char_indices().nth(MAX_ENDPOINT).map_or(endpoint.len(), |(end, _)| end);
        let names = [identity.service.as_str(), identity.instance.as_str(), &endpoint[..end], call.peer_or("unknown")];
        let segment_id = Piece::Segment(span_id);
        Self { sampled, trace_id, segment_id, span_number: 0, names: names.map(Piece::Plain) }
    }

    /// Creates a received value, to be written with padding.
    pub(super) fn of_header(header: &Sw8Header<'a>) -> Self {
        let names = [header.service(), header.instance(), header.endpoint(), header.peer()];
        Self {
            sampled: header.is_sampled(),
            trace_id: Piece::Received(header.trace_id()),
            segment_id: Piece::Received(header.segment_id()),
            span_number: header.span_number(),
            names: names.map(Piece::Received),
        }
    }

    pub(super) fn put(&self, sink: &mut impl AsciiSink) -> fmt::Result {
        sink.put(if self.sampled { b"1-" } else { b"0-" })?;
        self.trace_id.put(sink)?;
        sink.put(b"-")?;
        self.segment_id.put(sink)?;
        sink.put(b"-")?;
        sink.put(Digits::of(self.span_number.into()).as_bytes())?;
        for name in &self.names {
            sink.put(b"-")?;
            name.put(sink)?;
        }
        Ok(())
    }
}

impl Piece<'_> {
    fn put(&self, sink: &mut impl AsciiSink) -> fmt::Result {
        match self {
            Self::Received(text) => text.put(sink),
            Self::Plain(text) => Encoded(text.as_bytes()).put(sink),
            Self::Hex(trace_id) => Encoded(&trace_id.to_hex()).put(sink),
            Self::Segment(span_id) => Encoded([span_id.to_hex(), [b'0'; SpanId::HEX_LEN]].as_flattened()).put(sink),
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.put(f)
    }
}
