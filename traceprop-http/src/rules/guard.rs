//! Trace headers that a request already has: the rules apply to them too.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use traceprop_core::refusals::Verdict;
use traceprop_core::{Allow, Field, Propagator, Trust};

use super::rule::{Keys, Rule};

/// The propagators whose headers rules decide about, in addition to the built-in ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Guard {
    propagators: Vec<Arc<Propagator>>,
    /// Headers of correlation ids.
    correlation: Vec<Box<str>>,
    /// Prefixes of custom formats. They hold text, as those of built-in formats do.
    prefixes: Vec<Box<str>>,
    /// Whether a propagator has a header that is not built in.
    has_custom: bool,
}

/// What becomes of a header that a request already has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Stays,
    /// Its members are judged one by one.
    Members(Field),
    Goes,
}

impl Guard {
    /// Adds the headers of `propagator`.
    pub(super) fn watch(&mut self, propagator: &Arc<Propagator>) {
        if self.propagators.iter().any(|known| Arc::ptr_eq(known, propagator)) {
            return;
        }
        self.propagators.push(Arc::clone(propagator));
        for format in propagator.extract_names().chain(propagator.inject_names()) {
            if let Some(header) = format.strip_prefix("correlation:") {
                push(&mut self.correlation, header);
            }
        }
        let fields = propagator.extract_fields().chain(propagator.inject_fields());
        // A prefix is built in if a name that begins with it is.
        let is_custom =
            |name: &&str| Field::from_name(name).or_else(|| Field::from_name(&format!("{name}x"))).is_none();
        for name in fields.filter(is_custom) {
            self.has_custom = true;
            if name.ends_with('-') {
                push(&mut self.prefixes, name);
            }
        }
    }

    /// Removes the headers, and the members of baggage, that the rule does not allow.
    pub(super) fn withhold(&self, headers: &mut HeaderMap, rule: &Rule, withholds_text: bool) {
        // Usually there is nothing to remove, and then nothing is copied.
        let fate = |name: &HeaderName| self.fate(name.as_str(), rule, withholds_text);
        let judged = headers.keys().map(|name| (name, fate(name))).filter(|(_, fate)| *fate != Fate::Stays);
        let judged: Vec<_> = judged.map(|(name, fate)| (name.clone(), fate)).collect();
        for (name, fate) in judged {
            match fate {
                Fate::Members(field) => rule.baggage.lend(|allow| self.filter(&name, field, allow, headers)),
                Fate::Goes | Fate::Stays => drop(headers.remove(name)),
            }
        }
    }

    fn fate(&self, name: &str, rule: &Rule, withholds_text: bool) -> Fate {
        // Most headers of most requests.
        if !self.has_custom && Field::from_name(name).is_none() && !name.bytes().any(|byte| byte == b'_') {
            return Fate::Stays;
        }
        let stays = |stays: bool| if stays { Fate::Stays } else { Fate::Goes };
        if let Some(header) = self.correlation_header(name) {
            return stays(!withholds_text && rule.correlation.lend(|allow| allow.allows_header(header)));
        }
        let Some(verdict) = self.verdict(name) else { return Fate::Stays };
        let is_prefixed = || self.prefixes.iter().any(|prefix| begins(name, prefix));
        let list = match verdict {
            Verdict::Members(field) => Some(field),
            // Text of a header that no format here reads.
            Verdict::Refused(field) if field.is_baggage() && Field::from_name(name) == Some(field) => Some(field),
            // A server may read it under the name of a list. Its members are not parsed here.
            Verdict::Refused(field) if field.is_baggage() || is_prefixed() || self.is_text_with_dashes(name) => None,
            Verdict::Refused(_) | Verdict::Stays => return stays(!rule.is_nothing()),
        };
        match (&rule.baggage, list) {
            _ if rule.is_nothing() || withholds_text => Fate::Goes,
            (Keys::All, _) => Fate::Stays,
            (Keys::Only(_), Some(field)) => Fate::Members(field),
            (Keys::Only(_) | Keys::None, _) => Fate::Goes,
        }
    }

    /// Returns what the name is to the first propagator that knows it. A built-in name is known to all.
    ///
    /// Under this trust trace headers are refused, and lists of baggage are judged by their members.
    fn verdict(&self, name: &str) -> Option<Verdict> {
        let refusals = self.propagators.iter().map(|propagator| propagator.refusals(Trust::Restart, Allow::All));
        refusals.map(|refusals| refusals.of_header(name)).find(|verdict| *verdict != Verdict::Stays)
    }

    /// WSGI and CGI servers have one variable for names that differ only in `_` and `-` (CVE-2015-0219).
    fn is_text_with_dashes(&self, name: &str) -> bool {
        name.contains('_') && matches!(self.verdict(&name.replace('_', "-")), Some(Verdict::Members(_)))
    }

    /// Removes the members that are not allowed. The others are unchanged.
    fn filter(&self, name: &HeaderName, field: Field, allow: Allow<'_>, headers: &mut HeaderMap) {
        let refusals = self.propagators.iter().map(|propagator| propagator.refusals(Trust::Continue, allow));
        let mut knowing = refusals.filter(|refusals| refusals.of_header(name.as_str()) != Verdict::Stays);
        let Some(refusals) = knowing.next() else { return };
        let kept = |line: &HeaderValue| {
            let (rest, removed) = refusals.of_members(field, name.as_str(), line.as_bytes());
            match removed {
                0 if !rest.is_empty() => Some(line.clone()),
                _ if rest.is_empty() => None,
                _ => {
                    // Members of a valid value are valid, so no member is lost here.
                    let mut kept = HeaderValue::from_bytes(&rest).ok()?;
                    kept.set_sensitive(line.is_sensitive());
                    Some(kept)
                }
            }
        };
        let lines: Vec<_> = headers.get_all(name).iter().filter_map(kept).collect();
        headers.remove(name);
        for line in lines {
            // The map had a place for this name before.
            let _ = headers.try_append(name.clone(), line);
        }
    }

    /// Returns the configured correlation header that a server reads under this name.
    ///
    /// A header that no format here reads may be configured as a correlation id. The configuration decides then.
    fn correlation_header(&self, name: &str) -> Option<&str> {
        if self.correlation.is_empty() {
            return None;
        }
        let exact = self.correlation.iter().find(|known| ***known == *name);
        let read_as = || {
            let mut alike = self.correlation.iter().filter(|known| known.len() == name.len() && begins(name, known));
            alike.next().filter(|_| Field::from_name(name).is_none())
        };
        exact.or_else(read_as).map(|known| &**known)
    }
}

fn push(names: &mut Vec<Box<str>>, name: &str) {
    if !is_listed(names, name) {
        names.push(name.into());
    }
}

fn is_listed(names: &[Box<str>], name: &str) -> bool {
    names.iter().any(|known| **known == *name)
}

/// Returns whether `name` begins with `known`, where `_` and `-` are one character.
fn begins(name: &str, known: &str) -> bool {
    let dashed = |byte: u8| if byte == b'_' { b'-' } else { byte };
    name.len() >= known.len()
        && name.bytes().map(dashed).zip(known.bytes().map(dashed)).all(|(one, other)| one == other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use traceprop_core::format::{CustomHeader, Format, FormatFields, Headers, InjectContext, Outcome, Parsed, Writer};

    fn guard() -> Guard {
        let propagator = Propagator::from_names("none", "tracecontext,baggage,correlation:X-Request-Id").unwrap();
        let mut guard = Guard::default();
        guard.watch(&Arc::new(propagator));
        guard
    }

    impl Guard {
        fn may_go(&self, name: &str, rule: &Rule, withholds_text: bool) -> bool {
            self.fate(name, rule, withholds_text) == Fate::Stays
        }
    }

    #[track_caller]
    fn left(rule: &Rule, withholds_text: bool) -> Vec<String> {
        let names = [
            "accept",
            "traceparent",
            "b3",
            "x-b3-traceid",
            "baggage",
            "uberctx-user",
            "jaeger-baggage",
            "sw8",
            "sw8-correlation",
            "x-request-id",
            "x-other-id",
        ];
        let mut headers: HeaderMap = names
            .map(|name| (HeaderName::from_static(name), http::HeaderValue::from_static("v")))
            .into_iter()
            .collect();
        guard().withhold(&mut headers, rule, withholds_text);
        headers.keys().map(ToString::to_string).collect()
    }

    #[test]
    fn ok_withhold_goes_by_the_rule() {
        let own = ["accept", "x-other-id"];
        let trace = ["accept", "traceparent", "b3", "x-b3-traceid", "sw8", "x-other-id"];
        let of = |names: &[&str]| {
            let mut names: Vec<_> = names.iter().map(ToString::to_string).collect();
            names.sort();
            names
        };
        let sorted = |mut names: Vec<String>| {
            names.sort();
            names
        };
        let with_id: Vec<_> = trace.into_iter().chain(["x-request-id"]).collect();
        assert_eq!(sorted(left(&Rule::nothing(), false)), of(&own));
        assert_eq!(sorted(left(&Rule::trace_context(), false)), of(&trace));
        assert_eq!(sorted(left(&Rule::trace_context().allow_baggage(["tenant"]), false)), of(&trace));
        assert_eq!(sorted(left(&Rule::trace_context().allow_correlation(["X-REQUEST-ID"]), false)), of(&with_id));
        assert_eq!(left(&Rule::everything(), false).len(), 11);
        assert_eq!(sorted(left(&Rule::everything(), true)), of(&trace));
    }

    /// A custom format that writes nothing.
    struct Acme;

    const ACME: CustomHeader = CustomHeader::from_static("x-acme-trace");

    impl Format for Acme {
        fn name(&self) -> &str {
            "acme"
        }

        fn fields(&self) -> FormatFields<'_> {
            FormatFields::custom(&[ACME])
        }

        fn extract(&self, _: &Headers<'_>) -> Parsed {
            Parsed::new(Outcome::Absent)
        }

        fn inject(&self, _: &InjectContext<'_>, _: &mut Writer<'_>) {}
    }

    #[test]
    fn ok_the_header_of_a_format_of_ones_own_is_a_trace_header() {
        let mut guard = Guard::default();
        guard.watch(&Arc::new(Propagator::builder().extract_none().inject(Acme).build().unwrap()));
        let may_go = |rule| guard.may_go("x-acme-trace", &rule, false);
        assert!(may_go(Rule::trace_context()) && !may_go(Rule::nothing()));
        assert!(guard.may_go("x-acme", &Rule::nothing(), false));
    }

    #[test]
    fn ok_a_custom_header_with_the_name_of_an_unread_field_is_judged_as_custom() {
        let propagator = Propagator::from_names("correlation:X-Honeycomb-Trace", "correlation:x-trace").unwrap();
        let mut guard = Guard::default();
        guard.watch(&Arc::new(propagator));
        let names = ["x-trace", "x-honeycomb-trace", "x-dynatrace"];
        assert!(names.iter().all(|name| Field::from_name(name).is_some_and(|field| !Field::BUILT_IN.contains(&field))));
        let may_go = |rule: &Rule, withholds_text| names.map(|name| guard.may_go(name, rule, withholds_text));
        let one = Rule::trace_context().allow_correlation(["X-Trace"]);
        assert_eq!(may_go(&Rule::nothing(), false), [false; 3]);
        assert_eq!(may_go(&Rule::trace_context(), false), [false, false, true], "only the last is a trace header");
        assert_eq!(may_go(&one, false), [true, false, true]);
        assert_eq!(may_go(&one, true), [false, false, true]);
        assert_eq!(may_go(&Rule::everything(), false), [true; 3]);
    }

    /// Each name of the table. A prefix has a key.
    fn table() -> impl Iterator<Item = (Field, String)> {
        let name = |field: &Field| field.name().map(|name| (*field, name.to_owned()));
        Field::ALL.iter().filter_map(name).map(|(field, name)| match field.is_prefix() {
            true => (field, name + "key"),
            false => (field, name),
        })
    }

    #[test]
    fn ok_nothing_leaves_no_name_of_the_table() {
        let names = table().flat_map(|(_, name)| [name.replace('-', "_"), name.replacen('-', "_", 1), name]);
        let mut headers: HeaderMap = names
            .chain(["accept", "x_other", "user_agent", "x-b4-traceid"].map(String::from))
            .map(|name| (HeaderName::try_from(name).unwrap(), http::HeaderValue::from_static("v")))
            .collect();
        assert!(headers.len() > Field::ALL.len() + 4);
        guard().withhold(&mut headers, &Rule::nothing(), false);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "user_agent", "x-b4-traceid", "x_other"]);
    }

    #[test]
    fn ok_a_name_with_underscores_is_judged_as_the_field_that_servers_read() {
        let guard = guard();
        for (field, name) in table() {
            let name = name.replace('-', "_");
            let may_go = |rule: Rule, withholds_text| guard.may_go(&name, &rule, withholds_text);
            assert_eq!(may_go(Rule::trace_context(), false), !field.is_baggage(), "{name}");
            assert_eq!(may_go(Rule::everything(), true), !field.is_baggage(), "{name}");
            assert!(may_go(Rule::everything(), false), "{name}");
        }
        let one = Rule::trace_context().allow_correlation(["x-request-id"]);
        for name in ["x_request_id", "x-request_id", "x-request-id"] {
            assert!(!guard.may_go(name, &Rule::nothing(), false), "{name}");
            assert!(!guard.may_go(name, &Rule::trace_context(), false), "{name}");
            assert!(guard.may_go(name, &one, false) && !guard.may_go(name, &one, true), "{name}");
        }
    }

    #[test]
    fn ok_the_name_as_configured_comes_before_the_one_that_servers_read() {
        let propagator = Propagator::from_names("none", "correlation:x_trace,correlation:x_order,correlation:x-order");
        let mut guard = Guard::default();
        guard.watch(&Arc::new(propagator.unwrap()));
        let one = Rule::trace_context().allow_correlation(["x-order"]);
        assert!(guard.may_go("x-order", &one, false) && !guard.may_go("x_order", &one, false));
        // SolarWinds' field is not the configured one, and goes where trace context goes.
        assert!(guard.may_go("x-trace", &one, false) && !guard.may_go("x_trace", &one, false));
        assert!(!guard.may_go("x-trace", &Rule::nothing(), false));
    }

    /// A custom format with a prefix.
    struct Family;

    impl Format for Family {
        fn name(&self) -> &str {
            "family"
        }

        fn fields(&self) -> FormatFields<'_> {
            const PREFIX: CustomHeader = CustomHeader::from_static("acmectx-").prefix();
            FormatFields::custom(&[ACME, PREFIX])
        }

        fn extract(&self, _: &Headers<'_>) -> Parsed {
            Parsed::new(Outcome::Absent)
        }

        fn inject(&self, _: &InjectContext<'_>, _: &mut Writer<'_>) {}
    }

    #[test]
    fn ok_a_custom_prefix_is_baggage_and_what_is_only_read_counts() {
        let read = Propagator::builder().extract(Family).inject_none().build().unwrap();
        let written = Propagator::builder().extract_none().inject(Family).build().unwrap();
        for propagator in [read, written] {
            let mut guard = Guard::default();
            guard.watch(&Arc::new(propagator));
            let may_go = |name, rule: &Rule, withholds_text| guard.may_go(name, rule, withholds_text);
            for name in ["acmectx-tenant", "acmectx_tenant"] {
                assert!(!may_go(name, &Rule::nothing(), false) && !may_go(name, &Rule::trace_context(), false));
                assert!(!may_go(name, &Rule::trace_context().allow_baggage(["tenant"]), false));
                assert!(may_go(name, &Rule::everything(), false) && !may_go(name, &Rule::everything(), true));
            }
            for name in ["x-acme-trace", "x_acme_trace"] {
                assert!(!may_go(name, &Rule::nothing(), false) && may_go(name, &Rule::trace_context(), true), "{name}");
            }
            assert!(may_go("x-acme-traces", &Rule::nothing(), false) && may_go("acmectx", &Rule::nothing(), false));
        }
    }

    #[test]
    fn ok_of_baggage_the_members_that_are_allowed_stay() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("baggage", "tenant=1;p=q , user=2,sentry-sampled=true"),
            ("baggage", "user=3"),
            ("baggage", " tenant=4"),
            ("uberctx-tenant", "5"),
            ("uberctx-user", "6"),
            ("uberctx_tenant", "7"),
            // tenant and user, as base64.
            ("sw8-correlation", "dGVuYW50:MQ==,dXNlcg==:Mg=="),
            ("eu-sw8-correlation", "dXNlcg==:Mg==,dGVuYW50:MQ=="),
            ("eu_sw8-correlation", "dGVuYW50:MQ=="),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let sw8 = traceprop_core::formats::sw8::Sw8::new("shop", "1").with_namespace("eu").unwrap();
        let propagator = Propagator::builder().extract(sw8).inject_none().build().unwrap();
        let mut guard = guard();
        guard.watch(&Arc::new(propagator));
        let left = |rule: Rule, withholds_text| {
            let mut headers = headers.clone();
            guard.withhold(&mut headers, &rule, withholds_text);
            let lines = headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
            let mut lines: Vec<_> = lines.collect();
            lines.sort();
            lines
        };
        let one = || Rule::trace_context().allow_baggage(["tenant", "sentry-sampled"]);
        assert_eq!(
            left(one(), false),
            [
                "baggage:  tenant=4",
                "baggage: tenant=1;p=q,sentry-sampled=true",
                "eu-sw8-correlation: dGVuYW50:MQ==",
                "sw8-correlation: dGVuYW50:MQ==",
                "uberctx-tenant: 5",
            ]
        );
        assert_eq!(left(Rule::everything(), false).len(), headers.len());
        for (rule, withholds_text) in [
            (one(), true),
            (Rule::everything(), true),
            (Rule::trace_context(), false),
            (Rule::nothing(), false),
            (Rule::trace_context().allow_baggage(["other"]), false),
        ] {
            assert_eq!(left(rule, withholds_text), [""; 0]);
        }
    }
}
