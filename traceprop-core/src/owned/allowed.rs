//! The allow-list for received baggage.

use super::OwnedContext;
use super::lines::{Builder, Entry};
use crate::context::{Allow, TextFilter, TextLine};
use crate::field::Field;
use crate::formats;

impl OwnedContext {
    /// Removes all baggage that is not allowed, in every format that carries baggage.
    ///
    /// Correlation ids and the headers of custom formats are not baggage, and remain. Nothing is copied if there is
    /// neither baggage nor a custom header.
    ///
    /// ```
    /// use traceprop_core::{presets, Allow, IdBits, OwnedContext};
    ///
    /// let propagator = presets::W3C.propagator();
    /// let request = [("baggage", "session.id=7,user.id=alice")];
    /// let extraction = propagator.extract(&request);
    /// let span = extraction.new_span(&|| IdBits::random(7));
    /// let context = OwnedContext::from_span(&extraction, &span).filter_baggage(Allow::Only(&["session.id"]));
    /// let keys: Vec<_> = context.baggage().iter().map(|member| member.key().to_owned()).collect();
    /// assert_eq!(keys, ["session.id"]);
    /// ```
    pub fn filter_baggage(mut self, allow: Allow<'_>) -> Self {
        let Some(lines) = self.lines.as_ref().filter(|_| allow != Allow::All) else { return self };
        // A format can carry baggage in a custom header too.
        let may_hold = |field: Field| field.can_hold_baggage() || matches!(field, Field::Custom(_));
        if !lines.entries().any(|entry| may_hold(entry.field())) {
            return self;
        }
        let mut builder = Builder::with_notes(Some(lines));
        for entry in lines.entries() {
            builder.filtered(&entry, TextFilter::by_key(allow));
        }
        self.lines = builder.finish();
        self
    }
}

impl Builder {
    /// Adds what the filter leaves of a line.
    pub(super) fn filtered(&mut self, entry: &Entry<'_>, filter: TextFilter<'_>) {
        let line = TextLine { field: entry.field(), name: entry.name, value: entry.value };
        let value = formats::filter_text(line, filter).map_or(entry.value.into(), |filtered| filtered.rest);
        if !value.is_empty() {
            self.entry(&Entry { value: &value, ..*entry });
        }
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::Pairs;
    use crate::context::inject_options::InjectOptions;
    use crate::formats::sw8::Sw8;
    use crate::id::generator::IdBits;
    use crate::propagator::Propagator;
    use std::string::{String, ToString};
    use std::vec::Vec;

    const RECEIVED: &[(&str, &str)] = &[
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("baggage", "session.id=7;p, user.id=alice"),
        ("baggage", "plan=a%20b"),
        ("Uberctx-Session.Id", "7"),
        ("uberctx-user.id", "alice"),
        ("jaeger-baggage", "user.id=alice, plan=b"),
        ("sw8", "1-dGlja2V0-c2VnbWVudA==-3-cw==-aQ==-Lw==-cA=="),
        // session.id=7, user.id=alice
        ("sw8-correlation", "c2Vzc2lvbi5pZA==:Nw==,dXNlci5pZA==:YWxpY2U="),
        ("tracestate", "rojo=1"),
        ("x-request-id", "4bf92f35-77b3-4da6-a3ce-929d0e0e4736"),
    ];

    fn names() -> Propagator {
        let list = "tracecontext,baggage,jaeger,correlation:x-request-id";
        let sw8 = Sw8::new("shop", "shop-1");
        Propagator::builder().names(list, list).unwrap().with_format(sw8).build().unwrap()
    }

    fn sent(allow: Allow<'_>) -> Vec<(String, String)> {
        let propagator = names();
        let extraction = propagator.extract(&RECEIVED);
        let span = extraction.new_span(&|| IdBits::random(7));
        let owned = OwnedContext::from_span(&extraction, &span).filter_baggage(allow);
        let mut headers = Pairs::new();
        propagator.inject(&owned.span().unwrap(), &InjectOptions::everything(), &mut headers);
        let pairs = headers.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        pairs.filter(|(name, _)| is_baggage_name(name)).collect()
    }

    fn is_baggage_name(name: &str) -> bool {
        Field::from_name(name).is_some_and(Field::is_baggage)
    }

    #[test]
    fn ok_allowed_keys_remain_in_every_format() {
        let kept = sent(Allow::Only(&["session.id", "plan"]));
        let text: Vec<_> = kept.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            text,
            [
                ("baggage", "session.id=7;p,plan=a%20b"),
                ("uberctx-session.id", "7"),
                ("uberctx-plan", "b"),
                ("sw8-correlation", "c2Vzc2lvbi5pZA==:Nw=="),
            ]
        );
    }

    #[test]
    fn ok_none_removes_all_baggage_and_all_removes_none() {
        assert_eq!(sent(Allow::None), []);
        assert_eq!(sent(Allow::All).len(), 5);
    }

    #[test]
    fn ok_other_headers_remain() {
        let propagator = names();
        let extraction = propagator.extract(&RECEIVED);
        let span = extraction.new_span(&|| IdBits::random(7));
        let owned = OwnedContext::from_span(&extraction, &span).filter_baggage(Allow::None);
        assert_eq!(owned.tracestate().get("rojo"), Some("1"));
        let id = crate::formats::correlation::Correlation::from_static("x-request-id");
        assert!(owned.correlation(&id).is_some());
    }

    #[test]
    fn ok_allowed_keys_under_a_namespace_remain() {
        let format = || Sw8::new("shop", "shop-1").with_namespace("eu").unwrap();
        let propagator = Propagator::builder().with_format(format()).build().unwrap();
        let received = [("eu-sw8", RECEIVED[6].1), ("eu-sw8-correlation", RECEIVED[7].1)];
        let extraction = propagator.extract(&received);
        let span = extraction.new_span(&|| IdBits::random(7));
        let owned = OwnedContext::from_span(&extraction, &span).filter_baggage(Allow::Only(&["session.id"]));
        let mut headers = Pairs::new();
        propagator.inject(&owned.span().unwrap(), &InjectOptions::everything(), &mut headers);
        assert_eq!(headers.get("eu-sw8-correlation"), Some("c2Vzc2lvbi5pZA==:Nw=="));
    }

    #[test]
    fn ok_headers_without_baggage_are_not_copied() {
        let propagator = names();
        let received = [RECEIVED[0], RECEIVED[8]];
        let extraction = propagator.extract(&received);
        let owned = OwnedContext::from_span(&extraction, &extraction.new_span(&|| IdBits::random(7)));
        let kept = owned.clone().filter_baggage(Allow::None);
        let place = |owned: &OwnedContext| owned.lines.as_ref().map(|lines| lines.0.as_ptr());
        assert_eq!(place(&kept), place(&owned));
    }
}
