//! A context under the stricter trust of a listener inside of the one that made it.

use super::lines::{self, Builder, Entry, OwnedLines};
use super::{OwnedContext, Role};
use crate::carrier::HeldNames;
use crate::context::{Allow, Mark, SpanContext, TextFilter, Trust};
use crate::field::{Field, FormatKind};
use crate::propagator::refusals::Refusals;
use crate::propagator::{Extraction, Link, LinkReason, Propagator};

impl OwnedContext {
    /// Returns how far the caller was trusted when the context was made.
    ///
    /// It is [`Trust::Continue`] if no extraction made the context.
    ///
    /// ```
    /// use traceprop_core::{OwnedContext, Trust, presets};
    ///
    /// let propagator = presets::W3C.propagator().with_trust(Trust::Resample);
    /// let extraction = propagator.extract(&[("traceparent", "00")]);
    /// assert_eq!(OwnedContext::from_passthrough(&extraction).trust(), Trust::Resample);
    /// ```
    pub const fn trust(&self) -> Trust {
        self.known().trust()
    }

    /// Returns what the listener refused of the request that the context is from.
    ///
    /// Use it for a copy of that request. It refuses by the stricter of the context's trust and that of `propagator`. The
    /// context has the names of custom headers that only the listener's propagator knows. Baggage that an allow-list of the
    /// listener refused is not known, so all baggage is allowed.
    ///
    /// ```
    /// use traceprop_core::refusals::Verdict;
    /// use traceprop_core::{OwnedContext, Propagator, Trust, presets};
    ///
    /// let listener = Propagator::from_names("tracecontext,correlation:x-request-id", "none")?;
    /// let request = [("x-request-id", "order-7")];
    /// let context = OwnedContext::from_passthrough(&listener.extract_with_trust(&request, Trust::Ignore));
    /// let propagator = presets::W3C.propagator();
    /// assert!(matches!(context.refusals(&propagator).of_header("x-request-id"), Verdict::Refused(_)));
    /// # Ok::<(), traceprop_core::ConfigError>(())
    /// ```
    pub fn refusals<'c>(&'c self, propagator: &'c Propagator) -> Refusals<'c> {
        let held = self.lines.as_ref().map(|lines| lines as &dyn HeldNames);
        Refusals { held, ..propagator.refusals(self.trust(), Allow::All) }
    }

    /// Returns the context under a stricter trust, for a listener inside of the one that made it.
    ///
    /// The headers of the request are not read again. `new_span` receives this context as the caller's, under `trust`. It
    /// returns a span, or `None` to forward the context without one.
    ///
    /// - [`Trust::Resample`] keeps the trace and the span, and takes the decision of the new span.
    /// - [`Trust::Restart`] takes the new span with a [link](Self::links) to this context, and keeps baggage and correlation
    ///   ids.
    /// - [`Trust::Ignore`] takes the new span, and keeps nothing.
    ///
    /// If `trust` is not stricter than that of the context, the trace, the span and what is forwarded are unchanged.
    ///
    /// ```
    /// use traceprop_core::{IdBits, OwnedContext, Sampling, Trust, presets};
    ///
    /// let propagator = presets::W3C.propagator();
    /// let ids = || IdBits::random(7);
    /// let request = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
    /// let extraction = propagator.extract(&request);
    /// let outer = OwnedContext::from_span(&extraction, &extraction.new_span(&ids));
    ///
    /// let inner = outer.under_trust(&propagator, Trust::Resample, |again| {
    ///     Some(again.new_span_with(&ids, &Sampling::NotSampled))
    /// });
    /// assert_eq!((inner.trace_id(), inner.span_id()), (outer.trace_id(), outer.span_id()));
    /// assert_eq!(inner.sampling(), Sampling::NotSampled);
    ///
    /// let inner = outer.under_trust(&propagator, Trust::Restart, |again| Some(again.new_span(&ids)));
    /// assert_ne!(inner.trace_id(), outer.trace_id());
    /// ```
    pub fn under_trust(
        &self,
        propagator: &Propagator,
        trust: Trust,
        new_span: impl for<'e> FnOnce(&'e Extraction<'e>) -> Option<SpanContext<'e>>,
    ) -> Self {
        if trust <= self.trust() {
            return self.clone().holding(propagator);
        }
        let (context, decision) = (self.as_remote(), self.sampling());
        let extraction =
            Extraction::again(propagator, self.headers(), self.received(self.known()), context, decision, trust);
        let span = new_span(&extraction).map(|span| {
            let received = span.received.without_source();
            SpanContext { received, ..span.without_headers() }
        });
        let role = match (span, self.role) {
            // The outer listener has made a span for this request. It is still the same request.
            (Some(span), Role::Span(outer)) if trust.continues_trace() => {
                let SpanContext { span_id, parent_id, is_reported, .. } = outer;
                Role::Span(SpanContext { span_id, parent_id, is_reported, ..span })
            }
            (Some(span), _) => Role::Span(span),
            (None, _) => {
                Role::Passthrough(extraction.passthrough().with_received(extraction.received.without_source()))
            }
        };
        Self { role, lines: self.lines_under(trust), endpoint: self.endpoint.clone() }.holding(propagator)
    }

    /// Adds the custom headers of a listener that refuses them: a copy of the request may have them.
    fn holding(mut self, propagator: &Propagator) -> Self {
        let is_held = |entry: &Entry<'_>| self.lines.as_ref().is_some_and(|lines| lines.holds(entry));
        let refuses = self.trust() != Trust::Continue;
        let mut others = lines::custom_headers(propagator).filter(|entry| refuses && !is_held(entry)).peekable();
        if others.peek().is_none() {
            return self;
        }
        let mut builder = self.lines_without(|_| false);
        others.for_each(|entry| builder.entry(&entry));
        self.lines = builder.finish();
        let received = self.known_mut();
        *received = received.with(Mark::HeldCustom, true);
        self
    }

    /// Returns the lines that still count. Names of custom headers stay, because copies of the request may have them.
    fn lines_under(&self, trust: Trust) -> Option<OwnedLines> {
        let is_text = |field: Field| field.is_baggage() || field.format() == FormatKind::Custom;
        let is_kept = |entry: &Entry<'_>| match trust {
            Trust::Ignore => false,
            Trust::Restart => is_text(entry.field()),
            Trust::Continue | Trust::Resample => true,
        };
        let mut builder = Builder::with_held(self.lines.as_ref());
        match trust {
            Trust::Continue | Trust::Resample => self.links().for_each(|link| builder.link(link)),
            Trust::Restart => self.as_link().into_iter().for_each(|link| builder.link(link)),
            Trust::Ignore => {}
        }
        for entry in self.lines.iter().flat_map(OwnedLines::entries).filter(is_kept) {
            builder.filtered(&entry, TextFilter::WITHOUT_DECISIONS);
        }
        builder.finish()
    }

    /// Returns the link from a new trace to this context.
    fn as_link(&self) -> Option<Link<'static>> {
        let row = self.known().primary.and_then(FormatKind::row);
        Some(Link {
            trace_id: self.trace_id()?,
            span_id: self.span_id()?,
            sampled: self.sampling().is_sampled(),
            reason: LinkReason::Restarted,
            format: row.map_or("", |row| row.names[0]),
        })
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::Pairs;
    use crate::context::inject_options::InjectOptions;
    use crate::id::generator::IdBits;
    use crate::id::sampling::Sampling;
    use crate::propagator::refusals::Verdict;
    use std::string::String;
    use std::vec::Vec;

    const RECEIVED: &[(&str, &str)] = &[
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("tracestate", "rojo=1,dd=s:2;t.dm:-4;o:rum"),
        ("baggage", "tenant=acme,sentry-sampled=true"),
        ("x-request-id", "order-7"),
    ];

    fn propagator() -> Propagator {
        let names = "tracecontext,datadog,baggage,correlation:x-request-id";
        Propagator::from_names(names, names).unwrap()
    }

    fn outer(propagator: &Propagator, passthrough: bool) -> OwnedContext {
        let extraction = propagator.extract(&RECEIVED);
        match passthrough {
            true => OwnedContext::from_passthrough(&extraction),
            false => OwnedContext::from_span(&extraction, &extraction.new_span(&|| IdBits::random(1))),
        }
    }

    fn sent(propagator: &Propagator, context: &OwnedContext) -> Vec<(String, String)> {
        let mut headers = Pairs::new();
        propagator.inject(context, &InjectOptions::everything(), &mut headers);
        headers.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    fn get<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
        headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn ok_a_trust_that_is_not_stricter_changes_nothing() {
        let propagator = propagator();
        let restarted = propagator.clone().with_trust(Trust::Restart);
        let outer = outer(&restarted, false);
        for trust in [Trust::Continue, Trust::Resample, Trust::Restart] {
            let inner = outer.under_trust(&propagator, trust, |_| panic!("it is not asked for a span"));
            assert_eq!((inner.trace_id(), inner.trust()), (outer.trace_id(), Trust::Restart));
        }
    }

    #[test]
    fn ok_resample_keeps_the_span_and_decides_again() {
        let propagator = propagator();
        let outer = outer(&propagator, false);
        let inner = outer.under_trust(&propagator, Trust::Resample, |again| {
            assert_eq!((again.sampling(), again.trust()), (Sampling::Deferred, Trust::Resample));
            Some(again.new_span_with(&|| IdBits::random(9), &Sampling::NotSampled))
        });
        assert_eq!((inner.trace_id(), inner.span_id()), (outer.trace_id(), outer.span_id()));
        assert_eq!((inner.parent_id(), inner.sampling()), (outer.parent_id(), Sampling::NotSampled));
        let sent = sent(&propagator, &inner);
        assert_eq!(get(&sent, "traceparent"), Some("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000001-00"));
        assert_eq!(get(&sent, "x-datadog-sampling-priority"), Some("0"));
        assert_eq!(get(&sent, "x-datadog-origin"), Some("rum"));
        assert!(!get(&sent, "tracestate").unwrap().contains("dm:"));
        assert_eq!(get(&sent, "baggage"), Some("tenant=acme"));
        assert_eq!(get(&sent, "x-request-id"), Some("order-7"));
    }

    #[test]
    fn ok_restart_keeps_text_and_ignore_keeps_nothing() {
        let propagator = propagator();
        for passthrough in [false, true] {
            let outer = outer(&propagator, passthrough);
            let restarted = outer.under_trust(&propagator, Trust::Restart, |again| {
                assert_eq!(again.context(), None);
                Some(again.new_span(&|| IdBits::random(9)))
            });
            assert_ne!(restarted.trace_id(), outer.trace_id());
            assert_eq!((restarted.parent_id(), restarted.sampling()), (None, Sampling::Sampled));
            let text = sent(&propagator, &restarted);
            assert_eq!(get(&text, "baggage"), Some("tenant=acme"));
            assert_eq!(get(&text, "x-request-id"), Some("order-7"));
            assert!(!get(&text, "tracestate").unwrap_or_default().contains("rojo"));
            assert_eq!(get(&text, "x-datadog-origin"), None);

            // The inner trust may be stricter still.
            let ignored =
                restarted.under_trust(&propagator, Trust::Ignore, |again| Some(again.new_span(&|| IdBits::random(11))));
            assert_ne!(ignored.trace_id(), restarted.trace_id());
            let sent = sent(&propagator, &ignored);
            assert_eq!((get(&sent, "baggage"), get(&sent, "tracestate")), (None, get(&sent, "tracestate")));
            assert_ne!(get(&sent, "x-request-id"), Some("order-7"));
        }
    }

    #[test]
    fn ok_without_a_span_the_outer_span_is_forwarded() {
        let propagator = propagator();
        let outer = outer(&propagator, false);
        let resampled = outer.under_trust(&propagator, Trust::Resample, |_| None);
        assert!(resampled.is_passthrough());
        assert_eq!((resampled.trace_id(), resampled.span_id()), (outer.trace_id(), outer.span_id()));
        let ignored = outer.under_trust(&propagator, Trust::Ignore, |_| None);
        assert_eq!((ignored.trace_id(), sent(&propagator, &ignored).len()), (None, 0));
    }

    #[test]
    fn ok_headers_that_an_outer_listener_refused_are_removed_from_copies() {
        let propagator = propagator();
        for trust in [Trust::Restart, Trust::Ignore] {
            let inner = outer(&propagator, false).under_trust(&propagator, trust, |_| None);
            let mut copy: Vec<(String, String)> =
                RECEIVED.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            propagator.inject(&inner, &InjectOptions::new(), &mut copy);
            assert_eq!(copy, []);
        }
    }

    #[test]
    fn ok_headers_that_only_an_inner_listener_knows_are_removed_from_copies() {
        let (w3c, inner) = (Propagator::from_names("tracecontext", "tracecontext").unwrap(), propagator());
        let outer = w3c.extract_with_trust(&RECEIVED, Trust::Resample);
        let outer = OwnedContext::from_passthrough(&outer);
        for trust in [Trust::Continue, Trust::Restart, Trust::Ignore] {
            let context = outer.under_trust(&inner, trust, |_| None);
            let mut copy: Vec<(String, String)> = Vec::from([("X_Request_Id".into(), "order-7".into())]);
            w3c.inject(&context, &InjectOptions::new(), &mut copy);
            assert_eq!(get(&copy, "X_Request_Id"), None, "{trust:?}");
            assert_eq!(context.under_trust(&inner, trust, |_| None).lines.unwrap().0, context.lines.unwrap().0);
        }
        let mut copy: Vec<(String, String)> = Vec::from([("X_Request_Id".into(), "order-7".into())]);
        w3c.inject(&outer, &InjectOptions::new(), &mut copy);
        assert!(get(&copy, "X_Request_Id").is_some(), "the outer listener has no such header");
    }

    #[test]
    fn ok_refused_custom_headers_are_judged_by_what_they_hold() {
        let sw8 = crate::formats::sw8::Sw8::new("shop", "shop-1").with_namespace("eu").unwrap();
        let listener = Propagator::builder().extract(sw8).names("correlation:x-request-id", "none").unwrap();
        let (listener, w3c) = (listener.build().unwrap(), crate::propagator::presets::W3C.propagator());
        let names = ["eu-sw8", "EU-sw8-Correlation", "X-Request-Id", "x_request_id", "eu_sw8-correlation"];
        for (trust, refused) in [
            (Trust::Continue, [false; 5]),
            (Trust::Resample, [false, false, false, true, true]),
            (Trust::Restart, [true, false, false, true, true]),
            (Trust::Ignore, [true; 5]),
        ] {
            let context = OwnedContext::from_passthrough(&listener.extract_with_trust(&[("eu-sw8", "x")], trust));
            let is_refused = |name| matches!(context.refusals(&w3c).of_header(name), Verdict::Refused(_));
            assert_eq!(names.map(is_refused), refused, "{trust:?}");
        }
    }

    #[test]
    fn ok_endpoint_stays() {
        let propagator = propagator();
        let inner = outer(&propagator, false).with_endpoint("/a").under_trust(&propagator, Trust::Ignore, |_| None);
        assert_eq!(inner.endpoint(), Some("/a"));
    }

    #[test]
    fn ok_links_are_those_of_the_stricter_trust() {
        let propagator = Propagator::from_names("tracecontext,b3", "none").unwrap();
        let request = [RECEIVED[0], ("b3", "80e6b5d0a9d93650-8a0ac984f71ab247-1")];
        let extraction = propagator.extract(&request);
        let ids = || IdBits::random(9);
        for outer in [
            OwnedContext::from_passthrough(&extraction),
            OwnedContext::from_span(&extraction, &extraction.new_span(&ids)),
        ] {
            let links = |trust| {
                let inner = outer.under_trust(&propagator, trust, |again| Some(again.new_span(&|| IdBits::random(8))));
                inner.links().map(|link| (Some(link.trace_id), Some(link.span_id), link.reason)).collect::<Vec<_>>()
            };
            let other = outer.links().next().unwrap();
            let other = (Some(other.trace_id), Some(other.span_id), LinkReason::DifferentTrace);
            assert_eq!(links(Trust::Resample), [other]);
            assert_eq!(links(Trust::Restart), [(outer.trace_id(), outer.span_id(), LinkReason::Restarted)]);
            assert_eq!(links(Trust::Ignore), []);
        }
    }
}
