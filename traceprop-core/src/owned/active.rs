//! Spans of a tracer: the one that is active on a thread, and one for each attempt of a call.
//!
//! A tracer that exports spans has span ids of its own. Calls then have to name the tracer's span as their parent, because
//! no backend knows any other. [`set_active_span`] connects a tracer once for the whole process:
//! [`OwnedContext::current`] then returns the tracer's span, with the data of the request. Clients and layers need no
//! further change.
//!
//! ```
//! use std::cell::Cell;
//! use traceprop_core::active::{ActiveSpan, set_active_span};
//! use traceprop_core::{OwnedContext, SpanContext, SpanId, TraceId};
//!
//! thread_local! {
//!     // The active span of a tracer.
//!     static ACTIVE: Cell<Option<(TraceId, SpanId)>> = const { Cell::new(None) };
//! }
//!
//! struct MyTracer;
//!
//! impl ActiveSpan for MyTracer {
//!     fn active(&self, entered: Option<&OwnedContext>) -> Option<OwnedContext> {
//!         let (trace_id, span_id) = ACTIVE.get()?;
//!         let context = match entered {
//!             Some(entered) => entered.with_ids(trace_id, span_id),
//!             None => OwnedContext::new(SpanContext::new(trace_id, span_id)),
//!         };
//!         Some(context.reported())
//!     }
//! }
//!
//! assert!(set_active_span(MyTracer));
//! ACTIVE.set(Some((TraceId::MIN, SpanId::MIN)));
//! let current = OwnedContext::current().expect("the tracer has a span");
//! assert_eq!((current.span_id(), current.is_reported()), (Some(SpanId::MIN), true));
//! assert!(OwnedContext::entered().is_none());
//! ```

use alloc::boxed::Box;
use std::sync::OnceLock;

use super::OwnedContext;

static ACTIVE: OnceLock<Box<dyn ActiveSpan>> = OnceLock::new();

/// A tracer with an active span, which [`OwnedContext::current`] returns. The [module docs](self) have an example.
pub trait ActiveSpan: Send + Sync {
    /// Returns the span that is active on this thread, or `None` if [`OwnedContext::current`] is to return `entered`.
    ///
    /// `entered` is [`OwnedContext::entered`], usually the context of the request. [`OwnedContext::with_ids`] keeps its data
    /// for the span. If the tracer exports the span, call [`OwnedContext::reported`] on the result.
    ///
    /// Do not call [`OwnedContext::current`]: it calls this method.
    fn active(&self, entered: Option<&OwnedContext>) -> Option<OwnedContext>;
}

/// Connects a tracer to [`OwnedContext::current`], in the whole process and until its end.
///
/// Returns `false` and changes nothing if a tracer is connected already. The [module docs](self) have an example.
pub fn set_active_span(tracer: impl ActiveSpan + 'static) -> bool {
    ACTIVE.set(Box::new(tracer)).is_ok()
}

/// Returns what is current: the tracer's span, or else what was entered.
#[inline]
pub(super) fn or_active(entered: Option<OwnedContext>) -> Option<OwnedContext> {
    match ACTIVE.get() {
        None => entered,
        Some(tracer) => tracer.active(entered.as_ref()).or(entered),
    }
}

/// A tracer that makes a span for each attempt of a call: a retry, or a hop of a redirect.
///
/// ```
/// use traceprop_core::active::{CallInfo, CallSpan, CallSpans};
/// use traceprop_core::{IdGenerator, OwnedContext, RandomIds};
///
/// struct Printed;
///
/// struct PrintedSpan(OwnedContext);
///
/// impl CallSpans for Printed {
///     fn begin(&self, parent: Option<&OwnedContext>, call: &CallInfo<'_>) -> Option<Box<dyn CallSpan>> {
///         println!("{} {}, attempt {}", call.method, call.authority, call.attempt);
///         let context = parent?.child(RandomIds.new_span_id())?;
///         Some(Box::new(PrintedSpan(context)))
///     }
/// }
///
/// impl CallSpan for PrintedSpan {
///     fn context(&self) -> Option<OwnedContext> {
///         Some(self.0.clone())
///     }
///
///     fn end(self: Box<Self>, status: Option<u16>) {
///         println!("ended with {status:?}");
///     }
/// }
/// ```
pub trait CallSpans: Send + Sync {
    /// Begins the span of an attempt, as a child of `parent`.
    ///
    /// If it returns `None`, the attempt is sent without a span of its own.
    fn begin(&self, parent: Option<&OwnedContext>, call: &CallInfo<'_>) -> Option<Box<dyn CallSpan>>;
}

/// The span of an attempt. If the call is cancelled, it is dropped without an end. [`CallSpans`] has an example.
pub trait CallSpan: Send {
    /// Returns the context that the attempt sends: this span, without a child. If it is `None`, the parent's is sent.
    fn context(&self) -> Option<OwnedContext>;

    /// Ends the span, with the status of the response, or `None` if there was no response.
    fn end(self: Box<Self>, status: Option<u16>);
}

/// What is known of an attempt before it is made.
///
/// ```
/// use traceprop_core::active::CallInfo;
///
/// let call = CallInfo::new("GET", "stock.internal:8080", 1);
/// assert_eq!((call.method, call.authority, call.attempt), ("GET", "stock.internal:8080", 1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallInfo<'a> {
    /// The method, usually in capital letters.
    pub method: &'a str,
    /// Host and port, without credentials.
    pub authority: &'a str,
    /// The number of the attempt, from 1.
    pub attempt: usize,
}

impl<'a> CallInfo<'a> {
    /// Creates the description of an attempt.
    pub const fn new(method: &'a str, authority: &'a str, attempt: usize) -> Self {
        Self { method, authority, attempt }
    }
}
