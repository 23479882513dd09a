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
        for name in propagator.inject_fields().filter(|name| Field::from_name(name).is_none()) {
            if !is_listed(&self.correlation, name) {
                push(&mut self.others, name);
            }
        }
    }

    /// Removes the headers that the rule does not allow.
    pub(super) fn withhold(&self, headers: &mut HeaderMap, rule: &Rule, withholds_text: bool) {
        // Usually there is nothing to remove, and then nothing is copied.
        let withheld: Vec<HeaderName> =
            headers.keys().filter(|name| !self.may_go(name.as_str(), rule, withholds_text)).cloned().collect();
        for name in withheld {
            headers.remove(name);
        }
    }

    fn may_go(&self, name: &str, rule: &Rule, withholds_text: bool) -> bool {
        // A header that no format here reads may be configured as a correlation id. The configuration decides then.
        if is_listed(&self.correlation, name) {
            return !withholds_text && rule.correlation.lend(|allow| allow.allows_header(name));
        }
        match Field::from_name(name) {
            // A list of keys applies to baggage that the client writes. The keys of an existing header are not parsed.
            Some(field) if field.is_baggage() => !withholds_text && matches!(rule.baggage, Keys::All),
            Some(_) => !rule.is_nothing(),
            None => !rule.is_nothing() || !self.others.iter().any(|other| is_or_begins(name, other)),
        }
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
    name == known || (known.ends_with('-') && name.starts_with(known))
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

    #[test]
    fn ok_a_family_stands_for_all_its_names() {
        assert!(is_or_begins("x-acme-a", "x-acme-") && is_or_begins("x-acme", "x-acme"));
        assert!(!is_or_begins("x-acme-a", "x-acme") && !is_or_begins("x-acm", "x-acme-"));
    }
}
