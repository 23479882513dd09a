//! Correlation ids of a request, and of an owned context.

#[cfg(feature = "alloc")]
use crate::carrier::headers::MAX_HEADER_LINES;
#[cfg(feature = "alloc")]
use crate::field::Field;
#[cfg(feature = "alloc")]
use crate::field::invalid::InvalidHeader;
use crate::formats::correlation::{Correlation, CorrelationId};
#[cfg(feature = "alloc")]
use crate::owned::OwnedContext;
#[cfg(feature = "alloc")]
use crate::owned::lines::{Entry, OwnedLines};
use crate::propagator::Extraction;
use crate::tracestate::preserve::Preserved;

impl<'c> Extraction<'c> {
    /// The id that came in a correlation header, or was there before a hop that speaks only W3C. None where none came,
    /// it is neither a UUID nor allowed by the format, or the propagator does not know the header.
    ///
    /// ```
    /// use traceprop_core::{Correlation, Propagator};
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
        if !self.received().keeps_text {
            return None;
        }
        let bridged = || {
            let trace_id = self.context()?.trace_id;
            Some((Preserved::find(&self.tracestate(), trace_id)?, trace_id))
        };
        format.received(self.headers().get_all_custom(format.field_name()).iter(), bridged)
    }
}

#[cfg(feature = "alloc")]
impl OwnedContext {
    /// The id in a correlation header: the one that came, or that was there before a hop that speaks only W3C. What
    /// goes out where none came is [`CorrelationId::from_trace_id`].
    pub fn correlation(&self, format: &Correlation) -> Option<CorrelationId<'_>> {
        let entries = self.lines.iter().flat_map(OwnedLines::entries);
        let lines = entries.filter(|entry| format.field_name().matches(entry.name)).map(|entry| entry.value);
        // A list is copied with one line more than is read, so that it stays too long.
        let lines = lines.take(MAX_HEADER_LINES);
        let bridged = || {
            let trace_id = self.trace_id()?;
            Some((Preserved::find(&self.tracestate(), trace_id)?, trace_id))
        };
        format.received(lines, bridged)
    }

    /// The same context with this text in a correlation header, in place of what came there.
    ///
    /// ```
    /// use traceprop_core::{Correlation, OwnedContext, SpanContext};
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
    /// When the format would not read it.
    pub fn with_correlation(self, format: &Correlation, text: &str) -> Result<Self, InvalidHeader> {
        format.check(text.as_bytes())?;
        let name = format.field_name();
        // The place among the configured names is the propagator's; stored lines are found by their name.
        let entry = Entry { index: Field::Custom(0).index() as u8, name: name.as_str(), value: text.as_bytes() };
        Ok(self.replace(|known| name.matches(known.name), [entry]))
    }
}
