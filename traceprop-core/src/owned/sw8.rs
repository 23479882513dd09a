//! The words of sw8 in an owned context: what came, and what a context is given that came in no header.

use super::{BUILT_IN, OwnedContext};
use crate::context::FormatKind;
use crate::field::Field;
use crate::formats::sw8::{ReceivedSw8, Sw8, Sw8Extension, Sw8Fields, correlation_line};
use crate::reject::{Reason, Reject};
use crate::sampling::Sampling;
use crate::slots::Slots;

impl OwnedContext {
    /// What came in sw8, if it is of this trace.
    pub fn sw8(&self) -> Option<ReceivedSw8<'_>> {
        if !self.known().agrees.contains(FormatKind::Sw8) {
            return None;
        }
        Sw8::reader().received(&Slots::collect(self.lines.as_ref()?, &BUILT_IN))
    }

    /// The same context with these words of sw8. Its children keep the trace id as it is spelt here; where the context
    /// itself is written, all fields are these.
    ///
    /// ```
    /// use traceprop_core::formats::sw8::{Sw8, Sw8Fields};
    /// use traceprop_core::{Outgoing, OwnedContext, Pairs, Propagator, Sampling, SpanContext};
    ///
    /// let fields = Sw8Fields { trace_id: "ticket-1", segment_id: "segment", span_number: 3, ..Sw8Fields::default() };
    /// let (trace_id, span_id) = fields.ids().unwrap();
    /// let span = SpanContext::new(trace_id, span_id).with_sampling(Sampling::Sampled);
    /// let owned = OwnedContext::new(span).with_sw8(&fields)?;
    /// assert_eq!(owned.sw8().unwrap().header.trace_id(), "ticket-1");
    /// # Ok::<(), traceprop_core::Reject>(())
    /// ```
    ///
    /// # Errors
    /// What [`Sw8Header::parse`](crate::formats::sw8::Sw8Header::parse) finds, and `bad-value` where the trace id does not
    /// map to the one of this context.
    pub fn with_sw8(self, fields: &Sw8Fields<'_>) -> Result<Self, Reject> {
        let (line, trace_id) = fields.line(self.sampling() != Sampling::NotSampled)?;
        if self.trace_id() != Some(trace_id) {
            return Err(Reject::new(Field::Sw8, Reason::BadValue, 2));
        }
        let mut context = self.with_line(Field::Sw8, line.as_bytes());
        let received = context.known_mut();
        received.agrees = received.agrees.with(FormatKind::Sw8);
        Ok(context)
    }

    /// The same context with these pairs as its `sw8-correlation`: the first three that can be written. An empty key, an
    /// empty value and one of more than 128 bytes cannot. They count as baggage: they leave only where that is allowed.
    ///
    /// So W3C baggage goes on as sw8-correlation, where you say so:
    ///
    /// ```
    /// use traceprop_core::{Baggage, OwnedBaggage, OwnedContext, SpanContext, SpanId, TraceId};
    ///
    /// let baggage = OwnedBaggage::from(Baggage::parse(b"tenant=acme,user=alice").unwrap());
    /// let pairs = baggage.iter().map(|entry| (entry.key.as_str(), entry.value.as_str()));
    /// let owned = OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::MIN));
    /// let owned = owned.with_sw8_correlation(pairs.filter(|(key, _)| *key == "tenant"));
    /// ```
    pub fn with_sw8_correlation<'p>(self, pairs: impl IntoIterator<Item = (&'p str, &'p str)>) -> Self {
        self.with_line(Field::Sw8Correlation, correlation_line(pairs).as_bytes())
    }

    /// The same context with this `sw8-x`. Its children keep the mode, not the time. It counts only together with
    /// [`OwnedContext::with_sw8`].
    pub fn with_sw8_extension(self, extension: Sw8Extension) -> Self {
        let line = alloc::string::ToString::to_string(&extension);
        self.with_line(Field::Sw8Extension, line.as_bytes())
    }
}
