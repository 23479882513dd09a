use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::Span as _;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use crate::context::OtelContextExt;

/// A span processor that links the span of a request to the contexts that it does not continue.
///
/// These are the caller's context under [`Trust::Restart`](traceprop_core::Trust::Restart), and contexts of other traces in
/// further formats. The first recorded span of the request gets the links, whoever starts it.
///
/// ```
/// use opentelemetry_sdk::trace::SdkTracerProvider;
/// use traceprop_opentelemetry::IncomingLinks;
///
/// let provider = SdkTracerProvider::builder().with_span_processor(IncomingLinks::new()).build();
/// # let _ = provider;
/// ```
#[derive(Clone, Debug, Default)]
pub struct IncomingLinks(());

impl IncomingLinks {
    /// Creates the processor.
    pub const fn new() -> Self {
        Self(())
    }
}

impl SpanProcessor for IncomingLinks {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        for link in cx.remote().map(|remote| remote.take_links()).unwrap_or_default() {
            span.add_link(link.span_context.clone(), link.attributes.clone());
        }
    }

    fn on_end(&self, _: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}
