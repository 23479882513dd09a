//! What was received with a request, as a value of an OpenTelemetry context.

use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::trace::{Link, TraceState};
use traceprop_core::{Allow, Extraction, OwnedContext, RemoteContext, Sampling, TraceId};

use crate::convert::ToOtel;

/// What a request contained: a value of its OpenTelemetry context, which every context that is made of it has too.
///
/// [`OtelContextExt::remote`](crate::OtelContextExt::remote) returns it.
#[derive(Debug)]
pub struct Remote {
    received: OwnedContext,
    context: Option<RemoteContext>,
    sampling: Sampling,
    /// How many members of the caller's tracestate OpenTelemetry has accepted.
    tracestate_len: usize,
    /// How many members of the baggage OpenTelemetry has accepted.
    pub(super) baggage_len: usize,
    links: Vec<Link>,
    are_links_taken: AtomicBool,
}

impl Remote {
    pub(super) fn new(extraction: &Extraction<'_>, tracestate: &TraceState, accept: Allow<'_>) -> Self {
        let received = OwnedContext::from_passthrough(extraction);
        Self {
            // Most propagators accept all, and then nothing is moved.
            received: if accept == Allow::All { received } else { received.filter_baggage(accept) },
            context: extraction.context(),
            sampling: extraction.sampling(),
            tracestate_len: tracestate.into_iter().len(),
            baggage_len: 0,
            links: match extraction.has_links() {
                true => extraction.links().map(|link| link.to_otel()).collect(),
                false => Vec::new(),
            },
            are_links_taken: AtomicBool::new(false),
        }
    }

    /// Returns the trace to continue and the caller's span, or `None` if a new trace starts here.
    pub const fn context(&self) -> Option<RemoteContext> {
        self.context
    }

    /// Returns the received sampling decision, which may have no trace.
    pub const fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// Returns the trace id that was received without a span, such as that of a correlation id.
    ///
    /// `IncomingIds` (feature `sdk`) gives it to the span of the request.
    pub fn parentless_trace_id(&self) -> Option<TraceId> {
        self.context.filter(|context| context.parent_id.is_none()).map(|context| context.trace_id)
    }

    /// Returns the received headers, as a service without spans forwards them.
    pub const fn received(&self) -> &OwnedContext {
        &self.received
    }

    /// Returns the links to contexts that are not continued.
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// Returns the links if no span has them yet. The first local span of a request gets them.
    ///
    /// `IncomingLinks` (feature `sdk`) and `ServerLayer` (feature `tower`) call it. Call it if you start the span of a
    /// request without them.
    pub fn take_links(&self) -> &[Link] {
        match self.links.is_empty() || self.are_links_taken.swap(true, Ordering::Relaxed) {
            true => &[],
            false => &self.links,
        }
    }

    /// Lets another span take the links, because the one that took them does not record.
    #[cfg(feature = "tower")]
    pub(crate) fn put_links_back(&self) {
        self.are_links_taken.store(false, Ordering::Relaxed);
    }

    /// Returns whether the request contained nothing that counts.
    pub(super) fn is_void(&self) -> bool {
        self.context.is_none() && self.sampling == Sampling::Deferred && self.links.is_empty()
    }

    /// Returns whether a span of the received trace has the tracestate of the caller, as OpenTelemetry accepted it.
    pub(super) fn has_tracestate(&self, trace_id: TraceId, state: &TraceState) -> bool {
        let mut members = state.into_iter();
        if self.context.is_none_or(|context| context.trace_id != trace_id) || members.len() != self.tracestate_len {
            return false;
        }
        // What was not accepted is missing.
        let mut next = members.next();
        for received in self.received.tracestate() {
            if next == Some((received.key, received.value)) {
                next = members.next();
            }
        }
        next.is_none()
    }
}
