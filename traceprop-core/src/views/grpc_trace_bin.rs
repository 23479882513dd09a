//! `grpc-trace-bin` of requests and owned contexts.

use crate::field::FormatKind;
use crate::formats::grpc_trace_bin::{self, GrpcTraceContext};

accessors! {
    /// Returns `grpc-trace-bin` with all of its options, or `None` if it is absent, invalid or names another trace.
    fn grpc_trace_context(data) -> Option<GrpcTraceContext>, Option<GrpcTraceContext> {
        let is_same_trace = data.received.agrees.contains(FormatKind::GrpcTraceBin);
        if is_same_trace { grpc_trace_bin::read(data.headers)?.ok() } else { None }
    }
}
