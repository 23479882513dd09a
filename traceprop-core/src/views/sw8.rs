//! sw8 data of requests and owned contexts.

use super::Data;
use crate::field::FormatKind;
use crate::formats::sw8::{Sw8, Sw8Correlation, Sw8View};
use crate::propagator::Extraction;
#[cfg(feature = "alloc")]
use crate::{
    field::{Field, InvalidHeader},
    formats::sw8::{Sw8Extension, Sw8Parts, correlation_line},
    id::Sampling,
    owned::OwnedContext,
    wire::InvalidReason,
};

accessors! {
    /// Returns the sw8 data, or `None` if `sw8` is absent, invalid or names another trace.
    fn sw8(data) -> Option<Sw8View<'c>>, Option<Sw8View<'_>> {
        let is_same_trace = data.received.agrees.contains(FormatKind::Sw8);
        if is_same_trace { Sw8::read_only().received(data.headers) } else { None }
    }
}

impl<'c> Data<'_, 'c> {
    fn sw8_correlation(&self) -> Sw8Correlation<'c> {
        let received = if self.received.keeps_text() { Sw8::read_only().received(self.headers) } else { None };
        received.map_or(Sw8Correlation::EMPTY, |received| received.correlation)
    }
}

impl<'c> Extraction<'c> {
    /// Returns the pairs of `sw8-correlation`, whichever trace is continued: they are baggage, as `uberctx-*` and W3C
    /// `baggage` are.
    ///
    /// Empty if `sw8` is absent or invalid, as agents ignore the pairs then.
    ///
    /// ```
    /// use traceprop_core::Propagator;
    ///
    /// let propagator = Propagator::from_names("tracecontext,sw8", "none")?;
    /// let request = [
    ///     ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ///     ("sw8", "1-dGlja2V0LTE=-c2VnbWVudA==-3-c2hvcA==-c2hvcC0x-L2NhcnQ=-c3RvY2s6ODA="),
    ///     ("sw8-correlation", "dGVuYW50:YWNtZQ=="),
    /// ];
    /// let extraction = propagator.extract(&request);
    /// assert!(extraction.sw8().is_none());
    /// assert_eq!(extraction.sw8_correlation().get("tenant").unwrap(), "acme");
    /// # Ok::<(), traceprop_core::ConfigError>(())
    /// ```
    pub fn sw8_correlation(&self) -> Sw8Correlation<'c> {
        self.data(self.headers()).sw8_correlation()
    }
}

#[cfg(feature = "alloc")]
impl OwnedContext {
    /// Returns the pairs of `sw8-correlation`, whichever trace the received `sw8` names.
    pub fn sw8_correlation(&self) -> Sw8Correlation<'_> {
        let headers = self.headers();
        match headers.get(Field::Sw8) {
            Some(_) => self.data(&headers).sw8_correlation(),
            // Code gave the pairs.
            None => Sw8Correlation::of_lines(headers.get_all(Field::Sw8Correlation)),
        }
    }

    /// Replaces the `sw8` data of the context.
    ///
    /// Its children keep the text of the trace id. If the context itself is written, it has all of these fields.
    ///
    /// ```
    /// use traceprop_core::formats::sw8::{Sw8, Sw8Parts};
    /// use traceprop_core::{InjectOptions, OwnedContext, Pairs, Propagator, Sampling, SpanContext};
    ///
    /// let fields = Sw8Parts { trace_id: "ticket-1", segment_id: "segment", span_number: 3, ..Sw8Parts::default() };
    /// let (trace_id, span_id) = fields.ids().unwrap();
    /// let span = SpanContext::new(trace_id, span_id).with_sampling(Sampling::Sampled);
    /// let owned = OwnedContext::new(span).with_sw8(&fields)?;
    /// assert_eq!(owned.sw8().unwrap().header.trace_id(), "ticket-1");
    /// # Ok::<(), traceprop_core::InvalidHeader>(())
    /// ```
    ///
    /// # Errors
    /// Returns what [`Sw8Header::parse`](crate::formats::sw8::Sw8Header::parse) finds, and `bad-value` if the trace id
    /// does not map to the one of this context.
    pub fn with_sw8(self, fields: &Sw8Parts<'_>) -> Result<Self, InvalidHeader> {
        let (line, trace_id) = fields.line(self.sampling() != Sampling::NotSampled)?;
        if self.trace_id() != Some(trace_id) {
            return Err(InvalidHeader::new(Field::Sw8, InvalidReason::BadValue, 2));
        }
        Ok(self.with_line(Field::Sw8, line.as_bytes()).built(FormatKind::Sw8))
    }

    /// Replaces `sw8-correlation` by the first of these pairs that can be written, at most three.
    ///
    /// Keys and values must not be empty, and a value has at most 128 bytes. The pairs are baggage: they are written
    /// only if [`InjectOptions`](crate::InjectOptions) allow it.
    ///
    /// W3C baggage can be forwarded as sw8-correlation:
    ///
    /// ```
    /// use traceprop_core::{Baggage, OwnedBaggage, OwnedContext, SpanContext, SpanId, TraceId};
    ///
    /// let baggage = OwnedBaggage::from(Baggage::parse(b"tenant=acme,user=alice").unwrap());
    /// let pairs = baggage.iter().map(|entry| (entry.key.as_str(), entry.value.as_str()));
    /// let owned = OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::MIN));
    /// let owned = owned.with_sw8_correlation(pairs.filter(|(key, _)| *key == "tenant"));
    /// # assert!(owned.sw8().is_none());
    /// ```
    pub fn with_sw8_correlation<'p>(self, pairs: impl IntoIterator<Item = (&'p str, &'p str)>) -> Self {
        self.with_line(Field::Sw8Correlation, correlation_line(pairs).as_bytes())
    }

    /// Replaces `sw8-x`. It has an effect only together with [`OwnedContext::with_sw8`].
    ///
    /// Children keep the mode, and not the time.
    pub fn with_sw8_extension(self, extension: Sw8Extension) -> Self {
        let line = alloc::string::ToString::to_string(&extension);
        self.with_line(Field::Sw8Extension, line.as_bytes())
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::SpanContext;
    use crate::context::inject_options::InjectOptions;
    use crate::formats::sw8::Sw8Header;
    use crate::formats::tracecontext::W3cTraceContext;
    use crate::id::generator::IdBits;
    use crate::id::{SpanId, TraceId};
    use crate::propagator::{Extraction, Propagator};
    use proptest::prelude::*;
    use std::string::{String, ToString};
    use std::vec::Vec;

    static SW8: Sw8 = Sw8::new("cart", "cart-1");
    static W3C: W3cTraceContext = W3cTraceContext::new();

    type Headers = Vec<(String, String)>;

    const SPAN: u64 = 0xb7ad_6b71_6920_3331;
    /// Of trace `ticket`, segment `segment`, span 3.
    const CAME: &str = "1-dGlja2V0-c2VnbWVudA==-3-cw==-aQ==-Lw==-cA==";

    fn sw8_only() -> Propagator {
        Propagator::builder().extract(&SW8).inject(&SW8).build().unwrap()
    }

    /// Reads and writes both.
    fn both() -> Propagator {
        let builder = Propagator::builder().extract(W3C).inject(W3C);
        builder.extract(&SW8).inject(&SW8).build().unwrap()
    }

    fn child<'c>(extraction: &Extraction<'c>) -> SpanContext<'c> {
        extraction.span_with_ids(extraction.context().unwrap().trace_id, SpanId::new(SPAN).unwrap())
    }

    #[track_caller]
    fn get<'h>(headers: &'h Headers, name: &str) -> Option<&'h str> {
        headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    fn parsed(headers: &Headers) -> Sw8Header<'_> {
        Sw8Header::parse(get(headers, "sw8").unwrap().as_bytes()).unwrap()
    }

    fn fields(trace_id: &str) -> Sw8Parts<'_> {
        Sw8Parts {
            trace_id,
            segment_id: "segment",
            span_number: 3,
            service: "s",
            instance: "i",
            endpoint: "/",
            peer: "p",
        }
    }

    fn made(fields: &Sw8Parts<'_>) -> OwnedContext {
        let (trace_id, span_id) = fields.ids().unwrap();
        OwnedContext::new(SpanContext::new(trace_id, span_id).with_sampling(Sampling::Sampled))
            .with_sw8(fields)
            .unwrap()
    }

    fn write(propagator: &Propagator, span: &SpanContext<'_>) -> Headers {
        let mut out = Headers::new();
        propagator.inject(span, &InjectOptions::everything(), &mut out);
        out
    }

    #[test]
    fn ok_an_owned_context_keeps_the_words() {
        let came = [("sw8", CAME), ("sw8-x", "1-5"), ("sw8-correlation", "YQ==:MQ==")];
        let propagator = sw8_only();
        let extraction = propagator.extract(&came);
        let owned = OwnedContext::from_span(&extraction, &child(&extraction));
        let received = owned.sw8().unwrap();
        assert_eq!(received.header, extraction.sw8().unwrap().header);
        assert_eq!((received.correlation.len(), received.extension), (1, extraction.sw8().unwrap().extension));
        assert_eq!(write(&propagator, &owned.span().unwrap()), write(&propagator, &child(&extraction)));
    }

    #[test]
    fn ok_pairs_of_another_trace_go_on_and_those_of_none_do_not() {
        let parent = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let pairs = ("sw8-correlation", "YQ==:MQ==");
        for (sw8, expected) in [(CAME, Some(pairs.1)), ("1-------", None)] {
            let propagator = both();
            let came = [parent, pairs, ("sw8", sw8)];
            let extraction = propagator.extract(&came);
            let owned = OwnedContext::from_span(&extraction, &child(&extraction));
            for span in [child(&extraction), owned.span().unwrap()] {
                assert_eq!(get(&write(&propagator, &span), "sw8-correlation"), expected);
            }
        }
    }

    #[test]
    fn ok_a_context_that_was_made_writes_its_fields_and_its_children_the_trace() {
        let fields = fields("ticket 7");
        let owned = made(&fields);
        let span = owned.span().unwrap();
        let out = write(&both(), &span);
        assert_eq!(parsed(&out), owned.sw8().unwrap().header);
        // It was not read from a header, so there is nothing to give back to one.
        assert_eq!(get(&out, "tracestate"), None);
        let out = write(&sw8_only(), &span.child(SpanId::new(SPAN).unwrap()));
        let header = parsed(&out);
        assert_eq!((header.trace_id().to_string(), header.service().to_string()), ("ticket 7".into(), "cart".into()));
        assert_eq!(header.context().parent_id.unwrap().get(), SPAN);
    }

    #[test]
    fn err_fields_of_another_trace_or_none() {
        let owned = || OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::MIN));
        let err = |trace_id| owned().with_sw8(&fields(trace_id)).unwrap_err();
        assert_eq!(err("2"), InvalidHeader::new(Field::Sw8, InvalidReason::BadValue, 2));
        assert_eq!(err("0").reason(), InvalidReason::ZeroTraceId);
        assert_eq!(err(&"x".repeat(2048)).reason(), InvalidReason::TooLong);
        assert!(owned().with_sw8(&fields("1")).is_ok());
    }

    #[test]
    fn ok_pairs_are_given_as_far_as_they_can_be_written() {
        let long = "x".repeat(129);
        let pairs = [("a", "1"), ("", "2"), ("b", ""), ("c", &long), ("d", &long[1..]), ("a", "3"), ("e", "4")];
        let owned = made(&fields("t")).with_sw8_correlation(pairs);
        let received = owned.sw8().unwrap().correlation;
        let keys: Vec<_> = received.iter().map(|(key, _)| key.to_string()).collect();
        assert_eq!(keys, ["d", "a", "e"]);
        assert!(made(&fields("t")).with_sw8_correlation([]).sw8().unwrap().correlation.is_empty());
    }

    #[test]
    fn ok_pairs_that_are_given_count_though_those_that_came_did_not() {
        let came = [("sw8-correlation", "YQ==:MQ==")];
        let propagator = sw8_only();
        let extraction = propagator.extract(&came);
        let span = extraction.new_span(&|| IdBits::random(7));
        let owned = OwnedContext::from_span(&extraction, &span).with_sw8_correlation([("b", "2")]);
        assert_eq!(get(&write(&propagator, &owned.span().unwrap()), "sw8-correlation"), Some("Yg==:Mg=="));
    }

    proptest! {
        #[test]
        fn ok_what_is_written_is_read_again(texts in proptest::collection::vec(".{1,40}", 6), number in 0..=i32::MAX as u32, sampled: bool) {
            let [trace_id, segment_id, service, instance, endpoint, peer] = texts.as_slice() else { unreachable!() };
            let fields = Sw8Parts { trace_id, segment_id, span_number: number, service, instance, endpoint, peer };
            let Some((trace_id, span_id)) = fields.ids() else { return Ok(()) };
            let sampling = if sampled { Sampling::Sampled } else { Sampling::NotSampled };
            let span = SpanContext::new(trace_id, span_id).with_sampling(sampling);
            let owned = OwnedContext::new(span).with_sw8(&fields).unwrap();
            let out = write(&sw8_only(), &owned.span().unwrap());
            let header = parsed(&out);
            let got = [header.trace_id(), header.segment_id(), header.service(), header.instance(), header.endpoint(), header.peer()];
            prop_assert!(got.iter().map(|text| text.to_string()).eq(texts.iter().cloned()));
            prop_assert_eq!((header.span_number(), header.is_sampled()), (number, sampled));
            prop_assert_eq!(header.context().trace_id, trace_id);
            prop_assert_eq!(header.context().parent_id, Some(span_id));
        }
    }
}
