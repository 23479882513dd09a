//! Baggage in `ot-baggage-*` headers, of requests and owned contexts.

use crate::field::Field;
use crate::formats::ottrace::OtBaggage;
#[cfg(feature = "alloc")]
use crate::{
    field::{FieldSet, InvalidHeader},
    formats::ottrace::baggage_name,
    owned::OwnedContext,
    wire::{InvalidReason, is_visible_text},
};

accessors! {
    /// Returns the baggage of `ot-baggage-*` headers.
    ///
    /// It counts next to valid ids of OpenTracing, and in any request if the propagator reads Datadog. Empty if neither
    /// format is configured, and under [`Trust::Ignore`](crate::Trust::Ignore).
    fn ot_baggage(data) -> OtBaggage<'c>, OtBaggage<'_> {
        match data.received.keeps_text() && !data.received.ignored.contains(Field::OtBaggage) {
            true => OtBaggage::from_lines(data.headers.get_all(Field::OtBaggage), Field::OtBaggage),
            false => OtBaggage::EMPTY,
        }
    }
}

#[cfg(feature = "alloc")]
impl OwnedContext {
    /// Replaces the baggage of `ot-baggage-*` headers. If a key has several values, the last one counts.
    ///
    /// ```
    /// use traceprop_core::{InjectOptions, OwnedContext, Pairs, Propagator, SpanContext, formats::ottrace::OtTrace};
    /// # let span = SpanContext::new("4ca67353d824b44b41c156cf264ca243".parse()?, "5688d53247ceefc7".parse()?);
    ///
    /// let propagator = Propagator::builder().with_format(OtTrace::new()).build()?;
    /// let context = OwnedContext::new(span).with_ot_baggage([("Tenant", "acme")])?;
    /// let mut headers = Pairs::new();
    /// propagator.inject(&context, &InjectOptions::everything(), &mut headers);
    /// assert_eq!(headers.get("ot-baggage-tenant"), Some("acme"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Returns `bad-key` if a key cannot be part of a header name, `bad-value` if a value is empty or is not visible
    /// ASCII and spaces, and `too-many-members` and `too-long` beyond [`OtBaggage::MAX_ITEMS`] and [`OtBaggage::MAX_BYTES`].
    pub fn with_ot_baggage<'i>(
        self,
        items: impl IntoIterator<Item = (&'i str, &'i str)>,
    ) -> Result<Self, InvalidHeader> {
        const BAGGAGE: FieldSet = FieldSet::of(&[Field::OtBaggage]);
        let line = |key: &str, value: &str| match baggage_name(key) {
            None => Err(InvalidReason::BadKey),
            Some(_) if value.is_empty() || !is_visible_text(value.as_bytes()) => Err(InvalidReason::BadValue),
            Some(name) => Ok((name, value.into())),
        };
        let mut context = self.with_prefixed(Field::OtBaggage, BAGGAGE, items, line)?;
        context.known_mut().ignored = context.known().ignored.without(BAGGAGE);
        Ok(context)
    }
}
