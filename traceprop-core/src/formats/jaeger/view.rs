//! Jaeger-specific data of a context.

use super::baggage::JaegerBaggage;
use super::debug_id::JaegerDebugId;
use super::header::UberTraceId;
use crate::carrier::Headers;

/// Jaeger-specific data of a request or of an owned context.
///
/// [`Extraction::jaeger`](crate::Extraction::jaeger) and [`OwnedContext::jaeger`](crate::OwnedContext::jaeger) return it.
/// Headers are parsed when a method asks for them.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use traceprop_core::{formats::jaeger::Jaeger, Propagator};
///
/// let propagator = Propagator::builder().with_format(Jaeger::new()).build()?;
/// let request = [("uber-trace-id", "4ca67353d824b44b41c156cf264ca243:5688d53247ceefc7:0:9"), ("uberctx-tenant", "acme")];
/// let jaeger = propagator.extract(&request).jaeger();
/// assert_eq!(jaeger.uber_trace_id().map(|header| header.flags.to_byte()), Some(9));
/// assert_eq!(jaeger.baggage().len(), 1);
/// assert!(jaeger.debug_id().is_none());
/// # }
/// # Ok::<(), traceprop_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct JaegerView<'c> {
    pub(crate) headers: Headers<'c>,
    /// True if `uber-trace-id` names the trace of the context.
    pub(crate) is_same_trace: bool,
    /// True if baggage is kept.
    pub(crate) keeps_text: bool,
    /// True if the debug id made a new trace a debug trace.
    pub(crate) is_debug_root: bool,
}

impl<'c> JaegerView<'c> {
    /// Returns `uber-trace-id` with all of its flags, or `None` if it is absent, invalid or names another trace.
    pub fn uber_trace_id(&self) -> Option<UberTraceId> {
        if self.is_same_trace { UberTraceId::read(&self.headers)?.ok() } else { None }
    }

    /// Returns the baggage of `uberctx-*` and `jaeger-baggage`. It can be present without a trace.
    ///
    /// Empty if the headers are absent or not configured, and under [`Trust::Ignore`](crate::Trust::Ignore).
    pub fn baggage(&self) -> JaegerBaggage<'c> {
        if self.keeps_text { JaegerBaggage::from_lines(&self.headers) } else { JaegerBaggage::EMPTY }
    }

    /// Returns the `jaeger-debug-id` that turned this request into a new debug trace: a tag for its span.
    ///
    /// `None` if there is a trace to continue, if another format made the decision, or if the caller is not trusted with it:
    /// under any [`Trust`](crate::Trust) other than `Continue`.
    pub fn debug_id(&self) -> Option<JaegerDebugId<'c>> {
        if self.is_debug_root { JaegerDebugId::read(&self.headers)?.ok() } else { None }
    }
}
