//! Jaeger-specific data of requests and owned contexts.

#[cfg(feature = "alloc")]
use crate::carrier::headers::Headers;
#[cfg(feature = "alloc")]
use crate::field::Field;
use crate::field::FormatKind;
#[cfg(feature = "alloc")]
use crate::field::invalid::InvalidHeader;
#[cfg(feature = "alloc")]
use crate::format::Writer;
use crate::formats::jaeger::JaegerView;
#[cfg(feature = "alloc")]
use crate::formats::jaeger::{JaegerBaggage, JaegerFlags, UberTraceId, baggage_line};
use crate::id::sampling::Sampling;
#[cfg(feature = "alloc")]
use crate::owned::lines::{Builder, Entry};
#[cfg(feature = "alloc")]
use crate::owned::{BUILT_IN, OwnedContext, Role};
use crate::propagator::Extraction;
#[cfg(feature = "alloc")]
use crate::wire::reason::InvalidReason;

impl<'c> Extraction<'c> {
    /// Returns the Jaeger-specific data of the request.
    pub fn jaeger(&self) -> JaegerView<'c> {
        let received = self.received();
        JaegerView {
            headers: Some(*self.headers()),
            is_same_trace: received.agrees.contains(FormatKind::Jaeger),
            keeps_text: received.keeps_text,
            is_debug_root: self.context().is_none() && self.sampling() == Sampling::Debug,
        }
    }
}

#[cfg(feature = "alloc")]
impl OwnedContext {
    /// Returns the Jaeger-specific data of the context.
    pub fn jaeger(&self) -> JaegerView<'_> {
        let known = self.known();
        JaegerView {
            headers: self.lines.as_ref().map(|lines| Headers::collect(lines, &BUILT_IN)),
            is_same_trace: known.agrees.contains(FormatKind::Jaeger),
            // Baggage that the caller may not send is not copied; what is set here is kept.
            keeps_text: true,
            is_debug_root: self.sampling() == Sampling::Debug && known.primary.is_none(),
        }
    }

    /// The same context with these flags in Jaeger's header. Of its sampled and debug bit the decision for the trace has
    /// the say; the firehose bit and those without a meaning go out with every child.
    ///
    /// Nothing changes where there are no ids to write a header of.
    pub fn with_jaeger_flags(self, flags: JaegerFlags) -> Self {
        let (Some(trace_id), Some(span_id)) = (self.trace_id(), self.span_id()) else {
            return self;
        };
        let mut buffer = [0; UberTraceId::MAX_LEN];
        let line = UberTraceId::new(trace_id, span_id, flags).write(&mut buffer);
        let mut context = self.with_line(Field::UberTraceId, line.as_bytes());
        let received = match &mut context.role {
            Role::Span(span) => &mut span.received,
            Role::Relay(relay) => &mut relay.received,
        };
        received.agrees = received.agrees.with(FormatKind::Jaeger);
        context
    }

    /// The same context with this baggage in Jaeger's words in place of its own. Of several values of a key the last
    /// counts.
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
    /// `bad-key` where a key cannot be part of a header name, `too-many-members` and `too-long` beyond
    /// [`JaegerBaggage::MAX_ITEMS`] and [`JaegerBaggage::MAX_BYTES`].
    pub fn with_jaeger_baggage<'i>(
        self,
        items: impl IntoIterator<Item = (&'i str, &'i str)>,
    ) -> Result<Self, InvalidHeader> {
        let reject = |reason, at| Err(InvalidHeader::new(Field::UberContext, reason, at));
        let mut builder = Builder::default();
        if let Some(lines) = &self.lines {
            for entry in lines.entries().filter(|entry| !is_baggage(entry.field())) {
                builder.entry(&entry);
            }
        }
        let mut bytes = 0;
        for (place, (key, value)) in items.into_iter().enumerate() {
            let at = bytes;
            let Some((name, line)) = baggage_line(key, value) else {
                return reject(InvalidReason::BadKey, at);
            };
            bytes += key.len() + line.len();
            if place == JaegerBaggage::MAX_ITEMS {
                return reject(InvalidReason::TooManyMembers, at);
            }
            if bytes > JaegerBaggage::MAX_BYTES || name.len() > Writer::MAX_NAME_LEN {
                return reject(InvalidReason::TooLong, at);
            }
            builder.entry(&Entry { index: Field::UberContext.index() as u8, name: &name, value: line.as_bytes() });
        }
        Ok(Self { lines: builder.finish(), ..self })
    }
}

#[cfg(feature = "alloc")]
const fn is_baggage(field: Field) -> bool {
    matches!(field, Field::UberContext | Field::JaegerBaggage)
}
