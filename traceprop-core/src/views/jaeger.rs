//! Jaeger-specific data of requests and owned contexts.

use crate::field::FormatKind;
use crate::formats::jaeger::JaegerView;
use crate::id::Sampling;
#[cfg(feature = "alloc")]
use crate::{
    field::{Field, FieldSet, InvalidHeader},
    formats::jaeger::{JaegerFlags, UberTraceId, baggage_line},
    owned::OwnedContext,
    wire::InvalidReason,
};

accessors! {
    /// Returns the Jaeger-specific data.
    fn jaeger(data) -> JaegerView<'c>, JaegerView<'_> {
        JaegerView {
            headers: *data.headers,
            is_same_trace: data.received.agrees.contains(FormatKind::Jaeger),
            keeps_text: data.keeps_text,
            // A caller that does not decide cannot ask: its decision is not received, and an owned context lacks the line.
            is_debug_root: data.now.sampling == Sampling::Debug && data.received.primary.is_none(),
        }
    }
}

#[cfg(feature = "alloc")]
impl OwnedContext {
    /// Replaces the flags of `uber-trace-id`.
    ///
    /// The sampled and debug bits follow the sampling decision of the trace. The firehose bit and unassigned bits are
    /// written with every child. Without a trace id and a span id, the context is unchanged.
    ///
    /// ```
    /// use traceprop_core::formats::jaeger::JaegerFlags;
    /// use traceprop_core::{OwnedContext, SpanContext, SpanId, TraceId};
    ///
    /// let context = OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::MIN));
    /// let context = context.with_jaeger_flags(JaegerFlags::from_byte(8));
    /// assert_eq!(context.jaeger().uber_trace_id().map(|header| header.flags.to_byte()), Some(8));
    /// ```
    pub fn with_jaeger_flags(self, flags: JaegerFlags) -> Self {
        let (Some(trace_id), Some(span_id)) = (self.trace_id(), self.span_id()) else {
            return self;
        };
        let mut buffer = [0; UberTraceId::MAX_LEN];
        let line = UberTraceId::new(trace_id, span_id, flags).write(&mut buffer);
        self.with_line(Field::UberTraceId, line.as_bytes()).built(FormatKind::Jaeger)
    }

    /// Replaces the Jaeger baggage of the context. If a key has several values, the last one counts.
    ///
    /// ```
    /// use traceprop_core::{formats::jaeger::Jaeger, InjectOptions, OwnedContext, Pairs, Propagator, SpanContext};
    /// # let span = SpanContext::new("4ca67353d824b44b41c156cf264ca243".parse()?, "5688d53247ceefc7".parse()?);
    ///
    /// let propagator = Propagator::builder().with_format(Jaeger::new()).build()?;
    /// let context = OwnedContext::new(span).with_jaeger_baggage([("tenant", "acme inc")])?;
    /// let mut headers = Pairs::new();
    /// propagator.inject(&context.span().expect("it is one"), &InjectOptions::everything(), &mut headers);
    /// assert_eq!(headers.get("uberctx-tenant"), Some("acme%20inc"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Returns `bad-key` if a key cannot be part of a header name, `too-many-members` and `too-long` beyond
    /// [`JaegerBaggage::MAX_ITEMS`](crate::formats::jaeger::JaegerBaggage::MAX_ITEMS) and [`JaegerBaggage::MAX_BYTES`](crate::formats::jaeger::JaegerBaggage::MAX_BYTES).
    pub fn with_jaeger_baggage<'i>(
        self,
        items: impl IntoIterator<Item = (&'i str, &'i str)>,
    ) -> Result<Self, InvalidHeader> {
        const BAGGAGE: FieldSet = FieldSet::of(&[Field::UberContext, Field::JaegerBaggage]);
        let line = |key: &str, value: &str| baggage_line(key, value).ok_or(InvalidReason::BadKey);
        self.with_prefixed(Field::UberContext, BAGGAGE, items, line)
    }
}
