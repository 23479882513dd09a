//! Trace headers that a request already has: the rules apply to them too.

use http::{HeaderMap, HeaderName};
use traceprop_core::{Field, Propagator};

use super::rule::{Keys, Rule};

/// Header names that rules decide about, in addition to the built-in ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Guard {
    /// Headers of correlation ids.
    correlation: Vec<Box<str>>,
    /// Headers of custom formats. A prefix ends in a dash.
    others: Vec<Box<str>>,
}

impl Guard {
    /// Adds the headers of `propagator`.
    pub(super) fn watch(&mut self, propagator: &Propagator) {
        for format in propagator.extract_names().chain(propagator.inject_names()) {
            if let Some(header) = format.strip_prefix("correlation:") {
                push(&mut self.correlation, header);
            }
        }
        let fields = propagator.extract_fields().chain(propagator.inject_fields());
        for name in fields.filter(|name| Field::from_name(name).is_none()) {
            if !is_listed(&self.correlation, name) {
                push(&mut self.others, name);
            }
        }
    }

    /// Removes the headers that the rule does not allow.
    pub(super) fn withhold(&self, headers: &mut HeaderMap, rule: &Rule, withholds_text: bool) {
        // Usually there is nothing to remove, and then nothing is copied.
        let may_go = |name: &HeaderName| self.may_go(name.as_str(), rule, withholds_text);
        let withheld: Vec<HeaderName> = headers.keys().filter(|name| !may_go(name)).cloned().collect();
        for name in withheld {
            headers.remove(name);
        }
    }

    fn may_go(&self, name: &str, rule: &Rule, withholds_text: bool) -> bool {
        if let Some(header) = self.correlation_header(name) {
            return !withholds_text && rule.correlation.lend(|allow| allow.allows_header(header));
        }
        let is_baggage = match field_read_as(name) {
            Some(field) => field.is_baggage(),
            None => {
                let known = self.others.iter().filter(|known| is_or_begins(name, known));
                match known.map(|known| known.ends_with('-')).reduce(|one, other| one || other) {
                    Some(is_baggage) => is_baggage,
                    None => return true,
                }
            }
        };
        // A list of keys applies to baggage that the client writes. The keys of an existing header are not parsed.
        let allows_baggage = !withholds_text && matches!(rule.baggage, Keys::All);
        !rule.is_nothing() && (!is_baggage || allows_baggage)
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

/// Returns the field that a server reads under this name.
///
/// WSGI and CGI servers have one variable for names that differ only in `_` and `-` (CVE-2015-0219).
fn field_read_as(name: &str) -> Option<Field> {
    let field = Field::from_name(name);
    if field.is_some() || !has_underscore(name) {
        return field;
    }
    Field::from_name(&name.replace('_', "-"))
}

/// Returns whether `name` has a `_`.
///
/// Each header of a request is asked, so eight bytes are compared together. Byte by byte, a call takes 6 % more instructions.
fn has_underscore(name: &str) -> bool {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH_BITS: u64 = EACH << 7;
    // Names are ASCII, so a byte that became 0 is the only one that borrows from its high bit.
    let is_in =
        |word: &[u8; 8]| (u64::from_ne_bytes(*word) ^ (EACH * u64::from(b'_'))).wrapping_sub(EACH) & HIGH_BITS != 0;
    let name = name.as_bytes();
    match name.last_chunk() {
        // The last word may overlap the one before it.
        Some(last) => is_in(last) || name.chunks_exact(8).filter_map(<[u8]>::first_chunk).any(is_in),
        None => name.contains(&b'_'),
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

fn is_or_begins(name: &str, known: &str) -> bool {
    begins(name, known) && (name.len() == known.len() || known.ends_with('-'))
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
        guard.watch(&propagator);
        guard
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
        guard.watch(&Propagator::builder().extract_none().inject(Acme).build().unwrap());
        let may_go = |rule| guard.may_go("x-acme-trace", &rule, false);
        assert!(may_go(Rule::trace_context()) && !may_go(Rule::nothing()));
        assert!(guard.may_go("x-acme", &Rule::nothing(), false));
    }

    #[test]
    fn ok_a_custom_header_with_the_name_of_an_unread_field_is_judged_as_custom() {
        let propagator = Propagator::from_names("correlation:NewRelic", "correlation:x-trace").unwrap();
        let mut guard = Guard::default();
        guard.watch(&propagator);
        let names = ["x-trace", "newrelic", "x-dynatrace"];
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
    fn ok_an_underscore_is_found_at_each_place() {
        for length in 0..=20 {
            let name = "x".repeat(length);
            assert!(!has_underscore(&name) && !has_underscore(&"-`^~".repeat(length)), "{name}");
            for place in 0..length {
                let mut name = name.clone();
                name.replace_range(place..=place, "_");
                assert!(has_underscore(&name), "{name}");
            }
        }
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
        guard.watch(&propagator.unwrap());
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
            guard.watch(&propagator);
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
    fn ok_a_family_stands_for_all_its_names() {
        assert!(is_or_begins("x-acme-a", "x-acme-") && is_or_begins("x-acme", "x-acme"));
        assert!(!is_or_begins("x-acme-a", "x-acme") && !is_or_begins("x-acm", "x-acme-"));
    }
}
