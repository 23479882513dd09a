//! Datadog's words, in a request and in an owned context.

#[cfg(feature = "alloc")]
use crate::carrier::headers::Headers;
#[cfg(feature = "alloc")]
use crate::field::Field;
#[cfg(feature = "alloc")]
use crate::field::FormatKind;
#[cfg(feature = "alloc")]
use crate::formats::datadog::DatadogParts;
use crate::formats::datadog::{DatadogView, Now};
#[cfg(feature = "alloc")]
use crate::id::sampling::Sampling;
#[cfg(feature = "alloc")]
use crate::owned::{BUILT_IN, OwnedContext, Role};
use crate::propagator::Extraction;
#[cfg(feature = "alloc")]
use alloc::string::ToString;

impl<'c> Extraction<'c> {
    /// What the context carries of Datadog: priority, origin, tags, the last span that was reported there.
    pub fn datadog(&self) -> DatadogView<'c> {
        let received = self.received();
        let context = self.context();
        let now = Now {
            trace_id: context.map(|context| context.trace_id),
            parent_id: context.and_then(|context| context.parent_id),
            sampling: self.sampling(),
            decided_here: received.filled_in,
            is_received: true,
        };
        DatadogView::of(self.headers(), &received, now)
    }
}

#[cfg(feature = "alloc")]
impl OwnedContext {
    /// What the context carries of Datadog: priority, origin, tags, the last span that was reported there.
    pub fn datadog(&self) -> DatadogView<'_> {
        let parent_id = match self.role {
            Role::Span(span) => span.parent_id,
            Role::Relay(relay) => relay.context().and_then(|context| context.parent_id),
        };
        let decided_here = match self.role {
            Role::Span(span) => span.decided_here,
            Role::Relay(relay) => relay.received.filled_in,
        };
        let (trace_id, sampling) = (self.trace_id(), self.sampling());
        let now = Now { trace_id, parent_id, sampling, decided_here, is_received: false };
        match &self.lines {
            Some(lines) => DatadogView::of(&Headers::collect(lines, &BUILT_IN), &self.known(), now),
            None => DatadogView::without_headers(now),
        }
    }

    /// The same context with these Datadog words in place of its own. A priority among them is also the decision for
    /// the trace.
    ///
    /// A value may hold anything; what the headers cannot spell is left out when it is written, and the
    /// [`InjectReport`](crate::InjectReport) say so.
    ///
    /// ```
    /// use traceprop_core::formats::datadog::{Datadog, DatadogParts};
    /// use traceprop_core::{InjectOptions, OwnedContext, Pairs, Propagator, SpanContext};
    ///
    /// let propagator = Propagator::builder().extract_none().inject(Datadog::new()).build()?;
    /// let span = SpanContext::new("66c1f3a00000000070e7a1b2c3d4e5f6".parse()?, "00000000000000ff".parse()?);
    /// let fields = DatadogParts::new().priority(2).origin("lambda").tags(&[("_dd.p.dm", "-4")]);
    /// let context = OwnedContext::new(span).with_datadog(&fields);
    /// let mut headers = Pairs::new();
    /// propagator.inject(&context.span().expect("it holds one"), &InjectOptions::new(), &mut headers);
    /// assert_eq!(headers.get("x-datadog-sampling-priority"), Some("2"));
    /// assert_eq!(headers.get("x-datadog-tags"), Some("_dd.p.tid=66c1f3a000000000,_dd.p.dm=-4"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_datadog(self, fields: &DatadogParts<'_>) -> Self {
        let priority = fields.priority.map(|priority| priority.to_string()).unwrap_or_default();
        let tags = fields.tags_text();
        let mut context = self.with_lines(&[
            (Field::DatadogParentId, fields.last_span.unwrap_or_default().as_bytes()),
            (Field::DatadogSamplingPriority, priority.as_bytes()),
            (Field::DatadogOrigin, fields.origin.unwrap_or_default().as_bytes()),
            (Field::DatadogTags, tags.as_bytes()),
        ]);
        let decision = fields.priority.map(|priority| match priority {
            1.. => Sampling::Sampled,
            _ => Sampling::NotSampled,
        });
        match (&mut context.role, decision) {
            (Role::Span(span), Some(decision)) => span.sampling = decision,
            (Role::Relay(relay), Some(decision)) => *relay = relay.with_sampling(decision),
            (_, None) => {}
        }
        let received = context.known_mut();
        received.agrees = received.agrees.with(FormatKind::Datadog);
        received.built = received.built.with(FormatKind::Datadog);
        context
    }
}

#[cfg(feature = "alloc")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::SpanContext;
    use crate::id::{SpanId, TraceId};

    fn context() -> OwnedContext {
        OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::MIN))
    }

    #[test]
    fn ok_words_come_back_as_they_were_given() {
        let tags = [("_dd.p.dm", "-4"), ("_dd.p.k ;s:2", "a,b"), ("secret", "y"), ("_dd.p.tid", "66c1f3a000000000")];
        let fields = DatadogParts::new().priority(-1).origin("rum\r\nx").tags(&tags).last_span("n0t-hex");
        let context = context().with_datadog(&fields);
        let datadog = context.datadog();
        assert_eq!((datadog.priority(), context.sampling()), (Some(-1), Sampling::NotSampled));
        assert_eq!(datadog.origin().and_then(|origin| origin.as_str()), Some("rum\r\nx"));
        let read: alloc::vec::Vec<_> = datadog.tags().iter().map(|tag| (tag.name, tag.value.as_str())).collect();
        assert_eq!(read, [("dm", Some("-4")), ("k ;s:2", Some("a\u{fffd}b"))]);
        assert_eq!(datadog.last_span().map(|span| span.to_string()).as_deref(), Some("n0t-hex"));
        assert_eq!(datadog.propagation_error(), None);
    }

    #[test]
    fn ok_new_words_replace_the_old_ones() {
        let first = DatadogParts::new().priority(2).origin("rum").tags(&[("_dd.p.a", "1")]);
        let context = context().with_datadog(&first).with_datadog(&DatadogParts::new().origin("lambda"));
        let datadog = context.datadog();
        assert_eq!(datadog.origin().and_then(|origin| origin.as_str()), Some("lambda"));
        assert!(datadog.tags().is_empty());
        // The decision that the first priority was stays; the number does not.
        assert_eq!((datadog.priority(), context.sampling()), (Some(1), Sampling::Sampled));
    }

    #[test]
    fn ok_no_words_and_no_lines() {
        let datadog = context();
        let datadog = datadog.datadog();
        assert_eq!((datadog.priority(), datadog.origin(), datadog.vendor_tracestate().count()), (None, None, 0));
        assert!(datadog.tags().is_empty() && datadog.last_span().is_none());
    }
}
