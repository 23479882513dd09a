//! Libraries for gRPC hand out `-bin` metadata decoded: the context is read from bytes, and written as bytes.

use traceprop_core::formats::grpc_trace_bin::{GrpcTraceBin, GrpcTraceContext};
use traceprop_core::{IdBits, InjectOptions, InvalidReason, Pairs, Propagator};

const BYTES: [u8; 29] =
    *b"\0\0\x4b\xf9\x2f\x35\x77\xb3\x4d\xa6\xa3\xce\x92\x9d\x0e\x0e\x47\x36\x01\0\xf0\x67\xaa\x0b\xa9\x02\xb7\x02\x01";

#[test]
fn ok_decoded_metadata_is_read_and_written() {
    let propagator = Propagator::builder().with_format(GrpcTraceBin::new()).build().expect("one format");
    let received = GrpcTraceContext::parse(&BYTES).expect("it is valid");
    // A propagator reads the text that HTTP/2 has.
    let request = [("grpc-trace-bin", received.to_base64())];
    let extraction = propagator.extract(&request);
    assert_eq!(extraction.context().map(|context| context.trace_id), Some(received.trace_id));
    let span = extraction.new_span(&|| IdBits::non_random(7));
    let mut headers = Pairs::new();
    propagator.inject(&span, &InjectOptions::new(), &mut headers);
    let text = headers.get("grpc-trace-bin").expect("a span");
    let sent = GrpcTraceContext::parse_base64(text.as_bytes()).expect("it is written").to_bytes();
    assert_eq!((&sent[..19], &sent[19..27], &sent[27..]), (&BYTES[..19], &7u64.to_be_bytes()[..], &BYTES[27..]));
}

#[test]
fn err_decoded_metadata_that_is_cut_short() {
    let invalid = GrpcTraceContext::parse(&BYTES[..28]).expect_err("one byte is missing");
    assert_eq!(invalid.reason(), InvalidReason::Truncated);
}
