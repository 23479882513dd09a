//! A context under the stricter trust of a listener inside of the one that made it.

use super::lines::{Builder, Entry, OwnedLines};
use super::{OwnedContext, Role};
use crate::context::text_filter::TextFilter;
use crate::context::trust::Trust;
use crate::context::{RemoteContext, SpanContext};
use crate::field::{Field, FormatKind};
use crate::formats;
use crate::propagator::{Extraction, Propagator};

impl OwnedContext {
    /// Returns how far the caller was trusted when the context was made.
    ///
    /// It is [`Trust::Continue`] if no extraction made the context.
    ///
    /// ```
    /// use traceprop_core::{OwnedContext, Trust, presets};
    ///
    /// let propagator = presets::W3C.propagator().with_trust(Trust::Resample);
    /// let extraction = propagator.extract(&[("traceparent", "00")]);
    /// assert_eq!(OwnedContext::from_passthrough(&extraction).trust(), Trust::Resample);
    /// ```
    pub const fn trust(&self) -> Trust {
        match &self.role {
            Role::Span(span) => span.received.trust(),
            Role::Passthrough(passthrough) => passthrough.received.trust(),
        }
    }

    /// Returns the context under a stricter trust, for a listener inside of the one that made it.
    ///
    /// The headers of the request are not read again. `new_span` receives this context as the caller's, under `trust`. It
    /// returns a span, or `None` to forward the context without one.
    ///
    /// - [`Trust::Resample`] keeps the trace and the span, and takes the decision of the new span.
    /// - [`Trust::Restart`] takes the new span, and keeps baggage and correlation ids.
    /// - [`Trust::Ignore`] takes the new span, and keeps nothing.
    ///
    /// If `trust` is not stricter than that of the context, the context is unchanged.
    ///
    /// ```
    /// use traceprop_core::{IdBits, OwnedContext, Sampling, Trust, presets};
    ///
    /// let propagator = presets::W3C.propagator();
    /// let ids = || IdBits::random(7);
    /// let request = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
    /// let extraction = propagator.extract(&request);
    /// let outer = OwnedContext::from_span(&extraction, &extraction.new_span(&ids));
    ///
    /// let inner = outer.under_trust(&propagator, Trust::Resample, |again| {
    ///     Some(again.new_span_with(&ids, &Sampling::NotSampled))
    /// });
    /// assert_eq!((inner.trace_id(), inner.span_id()), (outer.trace_id(), outer.span_id()));
    /// assert_eq!(inner.sampling(), Sampling::NotSampled);
    ///
    /// let inner = outer.under_trust(&propagator, Trust::Restart, |again| Some(again.new_span(&ids)));
    /// assert_ne!(inner.trace_id(), outer.trace_id());
    /// ```
    pub fn under_trust(
        &self,
        propagator: &Propagator,
        trust: Trust,
        new_span: impl for<'e> FnOnce(&'e Extraction<'e>) -> Option<SpanContext<'e>>,
    ) -> Self {
        if trust <= self.trust() {
            return self.clone();
        }
        let (context, decision) = match self.role {
            Role::Span(span) => (Some(as_remote(&span)), span.sampling),
            Role::Passthrough(passthrough) => (passthrough.context(), passthrough.sampling()),
        };
        let extraction =
            Extraction::again(propagator, self.headers(), self.received(self.known()), context, decision, trust);
        let span = new_span(&extraction).map(|span| {
            let received = span.received.without_source();
            SpanContext { received, ..span.without_headers() }
        });
        let role = match (span, self.role) {
            // The outer listener has made a span for this request. It is still the same request.
            (Some(span), Role::Span(outer)) if trust.continues_trace() => {
                Role::Span(SpanContext { span_id: outer.span_id, ..span })
            }
            (Some(span), _) => Role::Span(span),
            (None, _) => {
                Role::Passthrough(extraction.passthrough().with_received(extraction.received.without_source()))
            }
        };
        Self { role, lines: self.lines_under(trust), endpoint: self.endpoint.clone() }
    }

    fn lines_under(&self, trust: Trust) -> Option<OwnedLines> {
        if trust == Trust::Ignore {
            return None;
        }
        let mut builder = Builder::default();
        let is_text = |field: Field| field.is_baggage() || field.format() == FormatKind::Custom;
        let entries = self.lines.iter().flat_map(OwnedLines::entries);
        for entry in entries.filter(|entry| trust.continues_trace() || is_text(entry.field())) {
            let filtered = formats::filter_text(entry.field(), entry.name, entry.value, TextFilter::WITHOUT_DECISIONS);
            let value = filtered.map_or(entry.value.into(), |filtered| filtered.rest);
            if !value.is_empty() || entry.value.is_empty() {
                builder.entry(&Entry { value: &value, ..entry });
            }
        }
        builder.finish()
    }
}

/// The span as that of a caller.
fn as_remote(span: &SpanContext<'_>) -> RemoteContext {
    RemoteContext {
        trace_id: span.trace_id,
        parent_id: Some(span.span_id),
        sampling: span.sampling,
        random: span.random,
    }
}
