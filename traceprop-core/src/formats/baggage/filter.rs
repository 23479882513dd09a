//! Filtering received baggage: an allow-list of keys, and members that carry a sampling decision.

use crate::baggage::member::{RawMember, is_decision};
use crate::context::{Allow, FilteredLine, TextFilter, TextLine};
use crate::field::Field;
use crate::wire::split_once;

/// Returns the members of a line that stay, or `None` if it is a line of another field. The writer applies the limits.
///
/// `correlation-context` is the name of this list in early drafts. It is not read, but others still do.
pub(crate) fn filter_text<'l>(line: TextLine<'_, 'l>, filter: TextFilter<'_>) -> Option<FilteredLine<'l>> {
    matches!(line.field, Field::Baggage | Field::CorrelationContext)
        .then(|| FilteredLine::of_list(line.value, |member| stays(member, filter)))
}

fn stays(member: &[u8], filter: TextFilter<'_>) -> bool {
    let key = split_once(member, b'=').map_or(member, |(key, _)| key);
    if !filter.keeps_decisions && is_decision(key) {
        return false;
    }
    let is_allowed = |member: &RawMember<'_>| filter.allow.allows(|key| key.as_bytes() == member.key);
    filter.allow == Allow::All || RawMember::parse(member).is_ok_and(|member| is_allowed(&member))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    fn filtered(line: &str, filter: TextFilter<'_>) -> (String, usize) {
        let line = TextLine { field: Field::Baggage, name: "", value: line.as_bytes() };
        let filtered = filter_text(line, filter).unwrap();
        (String::from_utf8(filtered.rest.into_owned()).unwrap(), filtered.removed)
    }

    #[test]
    fn ok_allowed_members_keep_their_bytes() {
        let only = TextFilter::by_key(Allow::Only(&["tenant", "b"]));
        let line = "tenant = a%20c ; p = 1 ,user=alice, b=2";
        assert_eq!(filtered(line, only), ("tenant = a%20c ; p = 1,b=2".into(), 1));
        assert_eq!(filtered(line, TextFilter::by_key(Allow::All)), (line.into(), 0));
        assert_eq!(filtered(line, TextFilter::by_key(Allow::None)), (String::new(), 3));
    }

    #[test]
    fn ok_keys_differ_in_case_and_are_not_decoded() {
        let only = TextFilter::by_key(Allow::Only(&["tenant"]));
        assert_eq!(filtered("Tenant=1,ten%61nt=2,tenant=3", only), ("tenant=3".into(), 2));
    }

    #[test]
    fn err_keep_an_invalid_member_with_an_allow_list() {
        let only = TextFilter::by_key(Allow::Only(&["tenant"]));
        assert_eq!(filtered("tenant=\"a,user=b\",tenant,tenant=a b,tenant=1", only), ("tenant=1".into(), 4));
    }

    #[test]
    fn ok_members_that_carry_a_decision_are_removed() {
        let without = TextFilter { keeps_decisions: false, allow: Allow::All };
        let line =
            "sentry-sampled=true, tenant=1 ,sentry-trace_id = 2,sentry%2Drelease=3,sentry=4,my-sentry-a=5,sentry-";
        assert_eq!(filtered(line, without), ("tenant=1,sentry=4,my-sentry-a=5".into(), 4));
        let only = TextFilter { keeps_decisions: false, allow: Allow::Only(&["sentry-sampled", "tenant"]) };
        assert_eq!(filtered(line, only), ("tenant=1".into(), 6));
    }

    #[test]
    fn ok_other_fields_are_not_this_list() {
        let all = TextFilter::by_key(Allow::None);
        let line = TextLine { field: Field::JaegerBaggage, name: "", value: b"a=1" };
        assert_eq!(filter_text(line, all), None);
    }
}
