//! The span of a request.

#[cfg(feature = "tracing")]
use http::request::Parts;
use http::{Extensions, StatusCode};
use opentelemetry::trace::{SpanBuilder, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use traceprop_core::{Allow, Extraction, OwnedContext};

use crate::context::OtelContextExt;

/// The span of a request, on its way through the extensions to the service that enters it.
#[derive(Clone, Debug)]
pub(super) struct RequestSpan {
    cx: Context,
    /// The span is ours, not that of a `tracing` span.
    ends: bool,
    #[cfg(feature = "tracing")]
    span: tracing::Span,
}

impl RequestSpan {
    /// Runs `f` in the span.
    pub(super) fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        let _attached = self.cx.clone().attach();
        #[cfg(feature = "tracing")]
        let _entered = self.span.enter();
        f()
    }

    /// Ends the span with the status of the response, if there is one.
    pub(super) fn end(&self, status: Option<StatusCode>) {
        if !self.ends {
            return;
        }
        let span = self.cx.span();
        if let Some(status) = status {
            span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
            if status.is_server_error() {
                span.set_attribute(KeyValue::new("error.type", status.as_str().to_owned()));
                span.set_status(Status::error(""));
            }
        }
        span.end();
    }
}

/// Begins the span of a request. Returns its context, and the extension for the service inside.
pub(super) fn begin(
    extraction: &Extraction<'_>,
    accept: Allow<'_>,
    make_span: impl FnOnce(&Context) -> RequestSpan,
) -> (OwnedContext, Extensions) {
    // Not the current context: what is active on this connection is not the parent of the request.
    let parent = Context::new().with_extraction_accepting(extraction, accept);
    // An id generator sees the current context, and nothing else.
    let attached = parent.clone().attach();
    let mut span = make_span(&parent);
    drop(attached);
    let is_local = {
        let active = span.cx.span();
        active.span_context().is_valid() && !active.span_context().is_remote()
    };
    if !is_local {
        // A filter has disabled it, or there is no layer for it. Spans inside are children of the caller's span.
        span.cx = parent;
        span.ends = false;
        if let Some(remote) = span.cx.remote() {
            remote.put_links_back();
        }
    }
    let context = span.cx.to_owned_context().unwrap_or_else(|| OwnedContext::from_passthrough(extraction));
    let mut extensions = Extensions::new();
    extensions.insert(span);
    (context, extensions)
}

pub(super) fn of_tracer<T>(tracer: &T, builder: SpanBuilder, parent: &Context) -> RequestSpan
where
    T: Tracer,
    T::Span: Send + Sync + 'static,
{
    let mut builder = builder;
    let links = parent.remote().map(|remote| remote.take_links()).unwrap_or_default();
    if !links.is_empty() {
        builder.links.get_or_insert_default().extend_from_slice(links);
    }
    RequestSpan {
        cx: parent.with_span(tracer.build_with_context(builder, parent)),
        ends: true,
        #[cfg(feature = "tracing")]
        span: tracing::Span::none(),
    }
}

#[cfg(feature = "tracing")]
pub(super) fn of_tracing(
    make_span: &dyn Fn(&Parts) -> tracing::Span,
    request: &Parts,
    parent: &Context,
) -> RequestSpan {
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    let span = make_span(request);
    // An error is seen below: then the context has no span, or a wrong one. `set_parent` says nothing of a span that only
    // the filter of tracing-opentelemetry's layer disables.
    let _ = span.set_parent(parent.clone());
    for link in parent.remote().map(|remote| remote.take_links()).unwrap_or_default() {
        span.add_link_with_attributes(link.span_context.clone(), link.attributes.clone());
    }
    // This starts it.
    let cx = span.context();
    if cx.span().span_context().is_valid() {
        let ids = cx.span().span_context().clone();
        span.record("trace_id", tracing::field::display(ids.trace_id()));
        span.record("span_id", tracing::field::display(ids.span_id()));
    }
    RequestSpan { cx, ends: false, span }
}
