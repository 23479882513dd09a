//! `grpc-trace-bin` of requests and owned contexts.

use super::Data;
use crate::field::FormatKind;
use crate::formats::grpc_trace_bin::{self, GrpcTraceContext};
#[cfg(feature = "alloc")]
use crate::owned::OwnedContext;
use crate::propagator::Extraction;

impl Data<'_, '_> {
    fn grpc_trace_context(self) -> Option<GrpcTraceContext> {
        match self.received.agrees.contains(FormatKind::GrpcTraceBin) {
            true => grpc_trace_bin::read(self.headers)?.ok(),
            false => None,
        }
    }
}

impl Extraction<'_> {
    /// Returns `grpc-trace-bin` with all of its options, or `None` if it is absent, invalid or names another trace.
    pub fn grpc_trace_context(&self) -> Option<GrpcTraceContext> {
        self.data(self.headers()).grpc_trace_context()
    }
}

#[cfg(feature = "alloc")]
impl OwnedContext {
    /// Returns `grpc-trace-bin` as it was received, or `None` if the request had none of this trace.
    pub fn grpc_trace_context(&self) -> Option<GrpcTraceContext> {
        self.data(&self.headers()).grpc_trace_context()
    }
}
