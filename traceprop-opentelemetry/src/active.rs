//! The active span of OpenTelemetry as the current context.

use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::TraceContextExt;
use traceprop_core::OwnedContext;
use traceprop_core::active::{ActiveSpan, set_active_span};

use crate::context::{OtelContextExt, active_on, nothing};
use crate::convert::ToTraceprop;

static IS_INSTALLED: AtomicBool = AtomicBool::new(false);

/// Makes OpenTelemetry's active span the [current context](OwnedContext::current) of traceprop, in the whole process.
///
/// All clients of this crate family then name the active span as the parent of their calls, and no code of a handler
/// changes. It is the only thing that this crate family sets for a whole process, and it cannot be undone. Call it once, at
/// the start of the program; a library should not call it.
///
/// Returns `false` if a tracer is connected already, by this function or by [`set_active_span`].
///
/// ```
/// use opentelemetry::Context;
/// use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
/// use traceprop_core::OwnedContext;
///
/// assert!(traceprop_opentelemetry::install());
///
/// // Stands for a span of a tracer.
/// let span =
///     SpanContext::new(TraceId::from(1), SpanId::from(2), TraceFlags::SAMPLED, false, TraceState::NONE);
/// let _active = Context::new().with_remote_span_context(span).attach();
/// let current = OwnedContext::current().expect("a span is active");
/// assert_eq!(current.span_id().map(|id| id.get()), Some(2));
/// ```
pub fn install() -> bool {
    let is_first = set_active_span(OtelActiveSpan);
    if is_first {
        IS_INSTALLED.store(true, Ordering::Relaxed);
    }
    is_first
}

pub(crate) fn is_installed() -> bool {
    IS_INSTALLED.load(Ordering::Relaxed)
}

/// The active span of OpenTelemetry. [`install`] makes it the source of the current context.
///
/// - The parent on the wire is the active span, with the data of the request. Where there is none, it is the received
///   context.
/// - A context that was [entered](OwnedContext::enter) for another trace, and that no tracer exports, is kept: such as that
///   of a message inside of the span of a consumer's loop.
/// - Where telemetry is suppressed, calls carry no trace headers.
///
/// With the feature `tracing`, the current `tracing` span counts if OpenTelemetry has no active one.
#[derive(Clone, Copy, Debug, Default)]
pub struct OtelActiveSpan;

impl ActiveSpan for OtelActiveSpan {
    fn active(&self, entered: Option<&OwnedContext>) -> Option<OwnedContext> {
        let found = Context::map_current(|cx| active(cx, entered));
        #[cfg(feature = "tracing")]
        let found = found.or_else(|| {
            use tracing_opentelemetry::OpenTelemetrySpanExt;

            active(&tracing::Span::current().context(), entered)
        });
        found
    }
}

fn active(cx: &Context, entered: Option<&OwnedContext>) -> Option<OwnedContext> {
    if cx.is_telemetry_suppressed() {
        return Some(nothing());
    }
    let span = cx.span();
    let trace_id = match span.span_context().is_valid() {
        true => span.span_context().trace_id().to_traceprop(),
        false => None,
    };
    if let Some(entered) = entered.filter(|entered| trace_id.is_some() && entered.trace_id() == trace_id) {
        // It has what the program changed in it, besides what was received.
        return active_on(entered, cx);
    }
    let has_baggage = !cx.baggage().is_empty() && entered.is_none();
    if trace_id.is_none() && cx.remote().is_none() && !has_baggage {
        return None;
    }
    let context = cx.to_owned_context()?;
    let Some(entered) = entered else { return Some(context) };
    match entered.trace_id() {
        Some(trace_id) if context.trace_id() != Some(trace_id) && !entered.is_reported() => None,
        _ => Some(match entered.endpoint() {
            Some(endpoint) => context.with_endpoint(endpoint),
            None => context,
        }),
    }
}
