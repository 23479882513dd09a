//! An inbound allow-list: which baggage a service takes over from its callers.

use alloc::borrow::Cow;

use crate::context::inject_options::Allow;
use crate::field::Field;
use crate::formats::{jaeger, sw8};
use crate::owned::OwnedContext;
use crate::owned::lines::{Builder, Entry};

/// What the names of these lines end with; before it there may be a namespace.
const CORRELATION: &str = "sw8-correlation";

impl OwnedContext {
    /// The same context with the allowed baggage alone, in every dialect that has baggage: what else came is forgotten,
    /// and goes nowhere from here. Correlation ids are no baggage and stay; so does what formats of your own carry.
    ///
    /// It costs nothing where no baggage came.
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
        let Some(lines) = self.lines.as_ref().filter(|_| allow != Allow::All) else {
            return self;
        };
        if !lines.entries().any(|entry| is_baggage(&entry)) {
            return self;
        }
        let mut builder = Builder::default();
        for entry in lines.entries() {
            let value = kept(&entry, allow);
            if !value.is_empty() {
                builder.entry(&Entry { value: &value, ..entry });
            }
        }
        self.lines = builder.finish();
        self
    }
}

fn is_baggage(entry: &Entry<'_>) -> bool {
    entry.field().is_baggage() || is_correlation(entry.name)
}

fn is_correlation(name: &str) -> bool {
    let tail = name.len().checked_sub(CORRELATION.len()).and_then(|at| name.get(at..));
    tail.is_some_and(|tail| tail.eq_ignore_ascii_case(CORRELATION))
}

/// What is left of a line.
fn kept<'c>(entry: &Entry<'c>, allow: Allow<'_>) -> Cow<'c, [u8]> {
    match entry.field() {
        Field::Baggage => crate::formats::baggage::write::allowed_line(entry.value, allow).into_bytes().into(),
        Field::JaegerBaggage => jaeger::allowed_line(entry.value, allow).into(),
        Field::UberContext => {
            let key = entry.name.get("uberctx-".len()..).unwrap_or_default();
            if allow.allows_header(key) { entry.value.into() } else { Cow::Borrowed(&[]) }
        }
        Field::Sw8Correlation => sw8::allowed_correlation(entry.value, allow).into_bytes().into(),
        _ if is_correlation(entry.name) => sw8::allowed_correlation(entry.value, allow).into_bytes().into(),
        _ => entry.value.into(),
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::Pairs;
    use crate::context::inject_options::InjectOptions;
    use crate::id::generator::IdBits;
    use crate::propagator::Propagator;
    use std::string::{String, ToString};
    use std::vec::Vec;

    const CAME: &[(&str, &str)] = &[
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
        let sw8 = sw8::Sw8::new("shop", "shop-1");
        Propagator::builder().names(list, list).unwrap().with_format(sw8).build().unwrap()
    }

    fn sent(allow: Allow<'_>) -> Vec<(String, String)> {
        let propagator = names();
        let extraction = propagator.extract(&CAME);
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
    fn ok_keys_are_kept_in_every_dialect() {
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
    fn ok_none_leaves_none_and_all_leaves_all() {
        assert_eq!(sent(Allow::None), []);
        assert_eq!(sent(Allow::All).len(), 5);
    }

    #[test]
    fn ok_other_words_stay() {
        let propagator = names();
        let extraction = propagator.extract(&CAME);
        let span = extraction.new_span(&|| IdBits::random(7));
        let owned = OwnedContext::from_span(&extraction, &span).filter_baggage(Allow::None);
        assert_eq!(owned.tracestate().get("rojo"), Some("1"));
        let id = crate::formats::correlation::Correlation::from_static("x-request-id");
        assert!(owned.correlation(&id).is_some());
    }

    #[test]
    fn ok_pairs_under_a_namespace_are_kept_by_their_keys_too() {
        let format = || sw8::Sw8::new("shop", "shop-1").with_namespace("eu").unwrap();
        let propagator = Propagator::builder().with_format(format()).build().unwrap();
        let came = [("eu-sw8", CAME[6].1), ("eu-sw8-correlation", CAME[7].1)];
        let extraction = propagator.extract(&came);
        let span = extraction.new_span(&|| IdBits::random(7));
        let owned = OwnedContext::from_span(&extraction, &span).filter_baggage(Allow::Only(&["session.id"]));
        let mut headers = Pairs::new();
        propagator.inject(&owned.span().unwrap(), &InjectOptions::everything(), &mut headers);
        assert_eq!(headers.get("eu-sw8-correlation"), Some("c2Vzc2lvbi5pZA==:Nw=="));
    }

    #[test]
    fn ok_lines_without_baggage_are_no_copy() {
        let propagator = names();
        let came = [CAME[0], CAME[8]];
        let extraction = propagator.extract(&came);
        let owned = OwnedContext::from_span(&extraction, &extraction.new_span(&|| IdBits::random(7)));
        let kept = owned.clone().filter_baggage(Allow::None);
        let place = |owned: &OwnedContext| owned.lines.as_ref().map(|lines| lines.0.as_ptr());
        assert_eq!(place(&kept), place(&owned));
    }

    #[test]
    fn ok_namespaced_names_are_known() {
        for (name, known) in [("sw8-correlation", true), ("Eu-Sw8-Correlation", true), ("sw8-correlations", false)] {
            assert_eq!(is_correlation(name), known, "{name}");
        }
        assert!(!is_correlation("é8-correlation"));
    }
}
