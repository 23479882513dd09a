//! X-Ray data of requests and owned contexts.

use crate::formats::xray::{self, XAmznTraceId};
#[cfg(feature = "alloc")]
use crate::{
    context::Allow,
    field::{Field, FormatKind},
    owned::OwnedContext,
};

accessors! {
    /// Returns the `X-Amzn-Trace-Id`, or `None` if it is absent or invalid.
    ///
    /// It can name another trace than the one that is continued: its fields belong to the request.
    ///
    /// ```
    /// use traceprop_core::{Propagator, formats::xray::XRay};
    ///
    /// let propagator = Propagator::builder().with_format(XRay::new()).build()?;
    /// let request = [("x-amzn-trace-id", "Root=1-67891204-edfd17dba1f976ec9b1bf481;Sampled=?;Lineage=1:f4ae5ad5:0")];
    /// let header = propagator.extract(&request).xray().expect("the request has the header");
    /// assert_eq!((header.asks_for_decision(), header.lineage()), (true, Some("1:f4ae5ad5:0")));
    /// # Ok::<(), traceprop_core::ConfigError>(())
    /// ```
    fn xray(data) -> Option<XAmznTraceId<'c>>, Option<XAmznTraceId<'_>> {
        if data.received.keeps_text() { xray::read(data.headers)?.ok() } else { None }
    }
}

#[cfg(feature = "alloc")]
impl OwnedContext {
    /// Replaces the `Lineage` and the fields of the application in `X-Amzn-Trace-Id`.
    ///
    /// What [`XAmznTraceId::fields`] leaves out is not written. Fields other than `Lineage` are baggage: they are written
    /// only if [`InjectOptions`](crate::InjectOptions) allow it. Has no effect on a context without a trace.
    ///
    /// ```
    /// use traceprop_core::{OwnedContext, SpanContext, SpanId, TraceId};
    ///
    /// let context = OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::MIN));
    /// let context = context.with_xray_fields([("Lineage", "1:f4ae5ad5:0"), ("CalledFrom", "app")]);
    /// assert_eq!(context.xray().and_then(|header| header.lineage()), Some("1:f4ae5ad5:0"));
    /// ```
    pub fn with_xray_fields<'f>(self, fields: impl IntoIterator<Item = (&'f str, &'f str)>) -> Self {
        let Some(trace_id) = self.trace_id() else { return self };
        let is_field = |(key, value): &(&str, &str)| !key.contains([';', '=']) && !value.contains(';');
        let fields: alloc::vec::Vec<_> = fields.into_iter().filter(is_field).collect();
        let (span_id, sampling, allow) = (self.span_id(), self.sampling(), Allow::All);
        let value = xray::Value { trace_id, span_id, sampling, fields: fields.iter().copied(), allow };
        let line = alloc::string::ToString::to_string(&value);
        self.with_line(Field::XAmznTraceId, line.as_bytes()).built(FormatKind::XRay)
    }
}
