//! Sentry data of requests and owned contexts.

use crate::field::FormatKind;
use crate::formats::sentry::SentryView;
#[cfg(feature = "alloc")]
use crate::{
    baggage::{BaggageEntry, OwnedBaggage},
    field::Field,
    formats::sentry::SentryTrace,
    owned::OwnedContext,
};

accessors! {
    /// Returns the Sentry data, or `None` if `sentry-trace` is absent, invalid or names another trace.
    fn sentry(data) -> Option<SentryView<'c>>, Option<SentryView<'_>> {
        let is_same_trace = data.received.agrees.contains(FormatKind::Sentry);
        let keeps_members = data.received.keeps_decisions_in_text();
        if is_same_trace { SentryView::read(data.headers, keeps_members) } else { None }
    }
}

#[cfg(feature = "alloc")]
impl OwnedContext {
    /// Replaces the dynamic sampling context by these members, with keys without `sentry-`.
    ///
    /// It is part of the baggage, so [`with_baggage`](Self::with_baggage) replaces it too. A key that is not a token is
    /// omitted. Has no effect on a context without a span.
    ///
    /// ```
    /// use traceprop_core::{OwnedContext, SpanContext, SpanId, TraceId};
    ///
    /// let context = OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::MIN));
    /// let context = context.with_sentry_sampling_context([("environment", "prod")]);
    /// let sentry = context.sentry().expect("it has Sentry's data");
    /// assert!(sentry.sampling_context().get("environment").is_some());
    /// ```
    pub fn with_sentry_sampling_context<'m>(self, members: impl IntoIterator<Item = (&'m str, &'m str)>) -> Self {
        let Some((trace_id, span_id)) = self.trace_id().zip(self.span_id()) else { return self };
        let mut baggage = OwnedBaggage::new();
        for entry in OwnedBaggage::from(self.baggage()).iter().filter(|entry| !entry.key.starts_with("sentry-")) {
            baggage.push(entry.clone());
        }
        for (key, value) in members {
            let key = alloc::format!("sentry-{key}");
            baggage.push(BaggageEntry { key, value: value.into(), properties: alloc::string::String::new() });
        }
        let header = SentryTrace::new(trace_id, span_id, self.sampling());
        let line = alloc::string::ToString::to_string(&header);
        self.with_baggage(&baggage).with_line(Field::SentryTrace, line.as_bytes()).built(FormatKind::Sentry)
    }
}
