//! Correlation ids of requests and owned contexts.

use super::Data;
use crate::formats::correlation::{Correlation, CorrelationId};
use crate::id::TraceId;
use crate::propagator::{Extraction, FormatList, Propagator};
use crate::tracestate::preserve::Preserved;
#[cfg(feature = "alloc")]
use crate::{
    carrier::headers::MAX_HEADER_LINES,
    field::{Field, InvalidHeader},
    owned::OwnedContext,
    owned::lines::{Entry, OwnedLines},
};

impl<'c> Data<'_, 'c> {
    /// Returns the received text, or the text before a hop that forwarded only W3C headers.
    fn correlation(&self, format: &Correlation, lines: impl Iterator<Item = &'c [u8]>) -> Option<CorrelationId<'c>> {
        format.text_to_send(lines, || self.preserved(), None).unwrap_or(None)
    }

    fn preserved(&self) -> Option<(Preserved<'c>, TraceId)> {
        let trace_id = self.now.trace_id?;
        Some((Preserved::find(&self.received.tracestate(self.headers), trace_id)?, trace_id))
    }
}

impl Propagator {
    /// Returns the correlation ids that are written, then those that are only read, in the order of the lists.
    ///
    /// What logs, responses and CORS lists do with them then follows the configuration.
    ///
    /// ```
    /// use traceprop_core::Propagator;
    ///
    /// let propagator = Propagator::from_names("all,correlation:x-request-id;opaque", "tracecontext")?;
    /// let headers: Vec<_> = propagator.correlation_formats().map(|format| format.header_name()).collect();
    /// assert_eq!(headers, ["x-request-id"]);
    /// # Ok::<(), traceprop_core::ConfigError>(())
    /// ```
    pub fn correlation_formats(&self) -> impl Iterator<Item = &Correlation> {
        let is_written =
            |read: &&Correlation| of_list(&self.inject).any(|written| written.header_name() == read.header_name());
        of_list(&self.inject).chain(of_list(&self.extract).filter(move |read| !is_written(read)))
    }
}

fn of_list(list: &FormatList) -> impl Iterator<Item = &Correlation> {
    list.iter().filter_map(|format| format.fields().preserve?.as_any()?.downcast_ref())
}

impl<'c> Extraction<'c> {
    /// Returns the id in a correlation header, or the one that is preserved in the tracestate.
    ///
    /// `None` if there is none, if its text may not be sent, or if the propagator does not read the header.
    ///
    /// ```
    /// use traceprop_core::{Propagator, formats::correlation::Correlation};
    ///
    /// static ORDER: Correlation = Correlation::from_static("x-order").opaque();
    ///
    /// let propagator = Propagator::builder().extract(&ORDER).inject_none().build()?;
    /// let extraction = propagator.extract(&[("X-Order", "2026/000123")]);
    /// assert_eq!(extraction.correlation(&ORDER).unwrap().as_str(), "2026/000123");
    /// assert_eq!(extraction.context(), None);
    /// # Ok::<(), traceprop_core::ConfigError>(())
    /// ```
    pub fn correlation(&self, format: &Correlation) -> Option<CorrelationId<'c>> {
        let data = self.data(self.headers());
        let lines = data.headers.get_all_custom(&format.header).iter();
        if data.keeps_text { data.correlation(format, lines) } else { None }
    }
}

#[cfg(feature = "alloc")]
impl OwnedContext {
    /// Returns the id in a correlation header, or the one that is preserved in the tracestate.
    ///
    /// If there is none, calls may carry one that is made; see [`outgoing_correlation`](Self::outgoing_correlation).
    pub fn correlation(&self, format: &Correlation) -> Option<CorrelationId<'_>> {
        self.data(&self.headers()).correlation(format, self.correlation_lines(format))
    }

    fn correlation_lines(&self, format: &Correlation) -> impl Iterator<Item = &[u8]> {
        let entries = self.lines.iter().flat_map(OwnedLines::entries);
        let lines = entries.filter(|entry| format.header.matches(entry.name)).map(|entry| entry.value);
        // A list that is too long is copied with one line more than is read, so that it remains too long.
        lines.take(MAX_HEADER_LINES)
    }

    /// Returns the id that calls in this context carry in the header, if they are allowed to.
    ///
    /// Without a received id this is the one that [`Correlation::when_absent`] makes for a span. A passthrough makes none.
    ///
    /// ```
    /// use traceprop_core::{OwnedContext, SpanContext, formats::correlation::Correlation};
    ///
    /// const TRANSACTION: Correlation = Correlation::from_static("x-plumbr-transactionid");
    ///
    /// let span = SpanContext::new("d19931bbf2354dcb2e2fb9d31225d62e".parse()?, "00f067aa0ba902b7".parse()?);
    /// let context = OwnedContext::new(span);
    /// assert_eq!(context.correlation(&TRANSACTION), None);
    /// let id = context.outgoing_correlation(&TRANSACTION);
    /// assert_eq!(id.unwrap().as_str(), "d19931bb-f235-4dcb-2e2f-b9d31225d62e");
    /// # Ok::<(), traceprop_core::ParseIdError>(())
    /// ```
    pub fn outgoing_correlation(&self, format: &Correlation) -> Option<CorrelationId<'_>> {
        let of_span = self.trace_id().filter(|_| !self.is_passthrough());
        let headers = self.headers();
        let data = self.data(&headers);
        let lines = self.correlation_lines(format);
        format.text_to_send(lines, || data.preserved(), of_span).unwrap_or(None)
    }

    /// Replaces the text of a correlation header.
    ///
    /// ```
    /// use traceprop_core::{OwnedContext, SpanContext, formats::correlation::Correlation};
    ///
    /// const TRANSACTION: Correlation = Correlation::from_static("x-plumbr-transactionid");
    ///
    /// let span = SpanContext::new("d19931bbf2354dcb2e2fb9d31225d62e".parse()?, "00f067aa0ba902b7".parse()?);
    /// let context = OwnedContext::new(span).with_correlation(&TRANSACTION, "{d19931bb-f235-4dcb-2e2f-b9d31225d62e}");
    /// assert_eq!(context.unwrap().correlation(&TRANSACTION).unwrap().as_str(), "{d19931bb-f235-4dcb-2e2f-b9d31225d62e}");
    /// # Ok::<(), traceprop_core::ParseIdError>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the format does not read this text.
    pub fn with_correlation(self, format: &Correlation, text: &str) -> Result<Self, InvalidHeader> {
        format.check(text.as_bytes())?;
        let name = &format.header;
        // The place among the custom headers depends on the propagator. Stored lines are found by their name.
        let entry = Entry { index: Field::Custom(0).index() as u8, name: name.as_str(), value: text.as_bytes() };
        Ok(self.replace(|known| name.matches(known.name), [entry]))
    }
}
