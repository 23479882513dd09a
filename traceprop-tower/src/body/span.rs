//! The span of a request, from the layer that makes it to the body of the response.

use http::Extensions;
#[cfg(feature = "tracing")]
use std::sync::{Arc, Mutex, PoisonError};

/// A request extension in which an inner layer leaves the span that log lines of the response body belong to.
#[derive(Clone, Debug, Default)]
pub(crate) struct SpanSlot {
    #[cfg(feature = "tracing")]
    span: Option<Arc<Mutex<Option<tracing::Span>>>>,
}

impl SpanSlot {
    /// Adds a slot to a request, and returns it. Without a subscriber there is no span to keep.
    pub(super) fn insert(extensions: &mut Extensions) -> Self {
        #[cfg(feature = "tracing")]
        if tracing::dispatcher::has_been_set() {
            let slot = Self { span: Some(Arc::default()) };
            extensions.insert(slot.clone());
            return slot;
        }
        _ = extensions;
        Self::default()
    }

    /// Leaves the span of a request for its body, if the body is sent in the context of the request.
    #[cfg(feature = "tracing")]
    pub(crate) fn fill(extensions: &Extensions, span: &tracing::Span) {
        if let Some(slot) = extensions.get::<Self>().and_then(|slot| slot.span.as_ref()) {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(span.clone());
        }
    }

    pub(super) fn take(&mut self) -> BodySpan {
        BodySpan {
            #[cfg(feature = "tracing")]
            span: self.span.take().and_then(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner).take()),
        }
    }
}

/// The span that log lines of a body belong to, if there is one.
#[derive(Clone, Debug, Default)]
pub(super) struct BodySpan {
    #[cfg(feature = "tracing")]
    span: Option<tracing::Span>,
}

impl BodySpan {
    /// Runs `f` in the span.
    pub(super) fn in_scope<R>(&self, f: impl FnOnce() -> R) -> R {
        #[cfg(feature = "tracing")]
        let _entered = self.span.as_ref().map(tracing::Span::enter);
        f()
    }
}
