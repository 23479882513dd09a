//! Datadog data of requests and owned contexts.

use crate::formats::datadog::DatadogView;
#[cfg(feature = "alloc")]
use crate::{
    field::{Field, FormatKind},
    formats::datadog::DatadogParts,
    id::Sampling,
    owned::{OwnedContext, Role},
};
#[cfg(feature = "alloc")]
use alloc::string::ToString;

accessors! {
    /// Returns the Datadog data: priority, origin, tags, and the last span that was reported to Datadog.
    fn datadog(data) -> DatadogView<'c>, DatadogView<'_> {
        DatadogView::of(data.headers, &data.received, data.now)
    }
}

#[cfg(feature = "alloc")]
impl OwnedContext {
    /// Replaces the Datadog data of the context. A priority is also the sampling decision of the trace.
    ///
    /// A value can hold any text. What the headers cannot hold is omitted when they are written, and the
    /// [`InjectReport`](crate::report::InjectReport) names it.
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
        let decision = fields.priority.map(|priority| Sampling::from_flag(priority > 0));
        match (&mut context.role, decision) {
            (Role::Span(span), Some(decision)) => span.sampling = decision,
            (Role::Passthrough(passthrough), Some(decision)) => *passthrough = passthrough.with_sampling(decision),
            (_, None) => {}
        }
        context.built(FormatKind::Datadog)
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
    fn ok_parts_are_read_as_they_were_given() {
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
    fn ok_new_parts_replace_the_old_ones() {
        let first = DatadogParts::new().priority(2).origin("rum").tags(&[("_dd.p.a", "1")]);
        let context = context().with_datadog(&first).with_datadog(&DatadogParts::new().origin("lambda"));
        let datadog = context.datadog();
        assert_eq!(datadog.origin().and_then(|origin| origin.as_str()), Some("lambda"));
        assert!(datadog.tags().is_empty());
        // The decision of the first priority remains, and the number does not.
        assert_eq!((datadog.priority(), context.sampling()), (Some(1), Sampling::Sampled));
    }

    #[test]
    fn ok_context_without_headers_has_no_datadog_data() {
        let datadog = context();
        let datadog = datadog.datadog();
        assert_eq!((datadog.priority(), datadog.origin(), datadog.vendor_tracestate().count()), (None, None, 0));
        assert!(datadog.tags().is_empty() && datadog.last_span().is_none());
    }
}
