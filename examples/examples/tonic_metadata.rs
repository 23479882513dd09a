//! tonic's metadata: interceptors see it and not the HTTP request.
//!
//! A `MetadataMap` is a `HeaderMap` below, so the carriers of traceprop-http fit. They also remove keys that end with
//! `-bin`, which the map's own `remove` does not. There a value is base64, as it is on the wire; `get_bin` decodes it, and
//! `GrpcTraceContext` parses the bytes. Where a layer fits, `ExtractLayer` and `InjectLayer` do more: they set the current
//! context.

use tonic::service::Interceptor;
use tonic::{Request, Status};
use traceprop_core::{Allow, IdGenerator, InjectOptions, OwnedContext, Propagator, RandomIds};
use traceprop_http::{HeaderCarrier, HeaderCarrierMut};

/// Reads the context of a call and keeps it in the extensions of the request.
#[derive(Clone, Debug)]
struct Extract(Propagator);

impl Interceptor for Extract {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let metadata = HeaderCarrier::new(request.metadata().as_ref());
        let extraction = self.0.extract(&metadata);
        let context = OwnedContext::from_span(&extraction, &extraction.new_span(&RandomIds));
        request.extensions_mut().insert(context);
        Ok(request)
    }
}

/// Writes the context of the request's extensions, or the current one, with a span id for the call.
#[derive(Clone, Debug)]
struct Inject(Propagator);

impl Interceptor for Inject {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let context = request.extensions().get().cloned().or_else(OwnedContext::current);
        if let Some(call) = context.and_then(|context| context.child(RandomIds.new_span_id())) {
            let options = InjectOptions::new().allow_baggage(Allow::Only(&["tenant"]));
            self.0.inject(&call, &options, &mut HeaderCarrierMut::new(request.metadata_mut().as_mut()));
        }
        Ok(request)
    }
}

/// Reads both formats of gRPC services. New services read `traceparent`, old ones `grpc-trace-bin`.
fn propagator() -> Propagator {
    let names = "tracecontext,grpc-trace-bin,baggage";
    Propagator::from_names(names, names).expect("known names")
}

/// Returns the metadata of a call that a service makes while it serves `request`.
fn forward(mut request: Request<()>) -> Result<Request<()>, Status> {
    request = Extract(propagator()).call(request)?;
    // A service that copies metadata: what the call does not write is removed.
    Inject(propagator()).call(request)
}

fn main() -> Result<(), Status> {
    let mut request = Request::new(());
    let received = "AABL+S81d7NNpqPOkp0ADkc2ATTwZ6oLqQK3AgE".parse().expect("ASCII");
    request.metadata_mut().as_mut().insert("grpc-trace-bin", received);
    for (name, value) in forward(request)?.metadata().as_ref() {
        println!("{name}: {}", value.to_str().unwrap_or("not text"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::metadata::MetadataValue;
    use traceprop_core::formats::grpc_trace_bin::GrpcTraceContext;
    use traceprop_core::{Sampling, SpanContext};

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn sent() -> GrpcTraceContext {
        let (trace_id, span_id) = (TRACE.parse().unwrap(), "00f067aa0ba902b7".parse().unwrap());
        GrpcTraceContext { trace_id, span_id: Some(span_id), options: Some(1) }
    }

    #[test]
    fn ok_binary_metadata_is_read_and_replaced() {
        let mut request = Request::new(());
        let bytes = sent().to_bytes();
        request.metadata_mut().insert_bin("grpc-trace-bin", MetadataValue::from_bytes(&bytes));
        let forwarded = forward(request).unwrap();
        let context: &OwnedContext = forwarded.extensions().get().unwrap();
        assert_eq!((context.parent_id(), context.sampling()), (sent().span_id, Sampling::Sampled));

        let values: Vec<_> = forwarded.metadata().get_all_bin("grpc-trace-bin").iter().collect();
        assert_eq!(values.len(), 1);
        let written = GrpcTraceContext::parse(&values[0].to_bytes().unwrap()).unwrap();
        assert_eq!((written.trace_id, written.options), (sent().trace_id, Some(1)));
        assert!(written.span_id.is_some_and(|id| Some(id) != context.span_id() && Some(id) != context.parent_id()));
        let traceparent = forwarded.metadata().get("traceparent").unwrap().to_str().unwrap();
        assert_eq!(traceparent, format!("00-{TRACE}-{}-01", written.span_id.unwrap()));
    }

    #[test]
    fn ok_text_metadata_is_read_and_only_allowed_baggage_is_forwarded() {
        let mut request = Request::new(());
        let metadata = request.metadata_mut();
        metadata.insert("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-00").parse().unwrap());
        metadata.insert("baggage", "tenant=acme,user=alice".parse().unwrap());
        metadata.insert("x-mine", "1".parse().unwrap());
        let forwarded = forward(request).unwrap();
        let text = |name| forwarded.metadata().get(name).map(|value| value.to_str().unwrap());
        assert_eq!((text("baggage"), text("x-mine")), (Some("tenant=acme"), Some("1")));
        assert!(text("traceparent").unwrap().starts_with(&format!("00-{TRACE}-")));
        assert!(text("traceparent").unwrap().ends_with("-00"));
    }

    #[test]
    fn ok_a_client_writes_the_current_context() {
        let context = OwnedContext::new(SpanContext::new(sent().trace_id, sent().span_id.unwrap()));
        let request = context.scope(|| Inject(propagator()).call(Request::new(()))).unwrap();
        assert_eq!(request.metadata().len(), 2);
        assert_eq!(Inject(propagator()).call(Request::new(())).unwrap().metadata().len(), 0);
    }

    #[test]
    fn err_invalid_binary_metadata_begins_a_trace() {
        let mut request = Request::new(());
        request.metadata_mut().insert_bin("grpc-trace-bin", MetadataValue::from_bytes(b"\x07"));
        let extracted = Extract(propagator()).call(request).unwrap();
        let context: &OwnedContext = extracted.extensions().get().unwrap();
        assert_eq!(context.parent_id(), None);
    }
}
