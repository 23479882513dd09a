//! What goes out stays within its limits, whatever is asked for.

use proptest::collection::vec;
use proptest::prelude::*;
use traceprop_core::formats::baggage::W3cBaggage;
use traceprop_core::formats::tracecontext::W3cTraceContext;
use traceprop_core::{
    Allow, IdBits, InjectOptions, OwnedContext, Pairs, Propagator, SpanContext, baggage::BaggageLimits,
    tracestate::TraceStateEdit,
};

use crate::cases;
use crate::input::*;

const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

const fn ids() -> IdBits {
    IdBits::random(0xb7ad_6b71_6920_3331)
}

fn first_of_each_key(members: &[(String, String)]) -> Vec<(String, String)> {
    let mut kept: Vec<(String, String)> = Vec::new();
    for member in members {
        if kept.iter().all(|(key, _)| *key != member.0) {
            kept.push(member.clone());
        }
    }
    kept
}

/// Removes whole members in the W3C order until the budget is met: big ones first, each time from the right.
fn within_budget(mut members: Vec<(String, String)>, budget: usize) -> Vec<(String, String)> {
    let size = |member: &(String, String)| member.0.len() + 1 + member.1.len();
    let total =
        |members: &[(String, String)]| members.iter().map(size).sum::<usize>() + members.len().saturating_sub(1);
    while total(&members) > budget {
        let big = members.iter().rposition(|member| size(member) > 128);
        drop(members.remove(big.unwrap_or(members.len() - 1)));
    }
    members
}

fn line(members: &[(String, String)]) -> String {
    members.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn ok_edits_go_left_and_32_members_stay(
        members in state_members(traceprop_core::tracestate::MAX_MEMBERS),
        edits in vec((state_key(), proptest::option::of(state_value())), 0..6),
        budget in proptest::option::of(0..900usize),
    ) {
        let changes: Vec<_> = edits.iter().map(|(key, value)| match value {
            Some(value) => TraceStateEdit::set(key, value).expect("a legal member"),
            None => TraceStateEdit::delete(key),
        }).collect();
        let mut expected = first_of_each_key(&members);
        for (key, value) in &edits {
            expected.retain(|(known, _)| known != key);
            if let Some(value) = value {
                expected.insert(0, (key.clone(), value.clone()));
            }
        }
        expected.truncate(traceprop_core::tracestate::MAX_MEMBERS);
        let mut format = W3cTraceContext::new();
        if let Some(budget) = budget {
            expected = within_budget(expected, budget);
            format = format.max_tracestate_len(budget);
        }
        let propagator = Propagator::builder().with_format(format).build().expect("one format");
        let request = [("traceparent", VALID.to_owned()), ("tracestate", line(&members))];
        let extraction = propagator.extract(&request);
        let mut headers = Pairs::new();
        let outgoing = InjectOptions::new().edit_tracestate(&changes);
        let omitted = propagator.inject(&extraction.new_span(&ids), &outgoing, &mut headers);
        let expected = line(&expected);
        prop_assert_eq!(headers.get("tracestate").unwrap_or_default(), &expected);
        prop_assert_eq!(headers.get("tracestate").is_some(), !expected.is_empty());
        prop_assert!(budget.is_some() || edits.iter().any(|(_, value)| value.is_some()) || omitted.is_complete());
    }

    #[test]
    fn ok_baggage_stays_within_its_limits(
        members in vec(baggage_member(), 0..12),
        limits in (1..12usize, 1..300usize),
        allowed in vec(baggage_key(), 0..3),
    ) {
        let limits = BaggageLimits { members: limits.0, bytes: limits.1 };
        let propagator = Propagator::builder().with_format(W3cBaggage::new().limits(limits)).build().expect("baggage");
        let request = [("baggage", members.join(","))];
        let extraction = propagator.extract(&request);
        let baggage = extraction.baggage();
        prop_assert!(baggage.len() <= limits.members);
        let allowed: Vec<_> = allowed.iter().map(String::as_str).collect();
        for allow in [Allow::All, Allow::Only(&allowed), Allow::None] {
            let mut headers = Pairs::new();
            let outgoing = InjectOptions::new().allow_baggage(allow);
            let omitted = propagator.inject(&extraction.new_span(&ids), &outgoing, &mut headers);
            let sent = headers.get("baggage").unwrap_or_default();
            prop_assert!(sent.len() <= limits.bytes);
            let expected: Vec<_> = baggage.iter().filter(|member| allow.allows_key(member.key())).map(|m| m.to_string()).collect();
            prop_assert_eq!(sent, expected.join(","));
            let fits = request[0].1.len() <= limits.bytes && members.len() <= limits.members;
            prop_assert_eq!(omitted.is_complete(), fits && expected.len() == members.len());
        }
    }

    #[test]
    fn ok_baggage_of_ones_own_stays_within_its_limits(
        entries in vec((baggage_key(), "[ -~]{0,40}"), 0..12),
        limits in (1..12usize, 1..300usize),
    ) {
        let limits = BaggageLimits { members: limits.0, bytes: limits.1 };
        let propagator = Propagator::builder().extract_none().inject(W3cBaggage::new().limits(limits)).build().expect("baggage");
        let mut owned = traceprop_core::OwnedBaggage::new();
        for (key, value) in entries {
            owned.push(traceprop_core::baggage::BaggageEntry { key, value, properties: String::new() });
        }
        let context = OwnedContext::new(SpanContext::root(&ids)).with_baggage(&owned);
        let mut headers = Pairs::new();
        let omitted = propagator.inject(&context.span().expect("a span"), &InjectOptions::everything(), &mut headers);
        let sent = headers.get("baggage").unwrap_or_default();
        let whole = owned.to_string();
        prop_assert_eq!(omitted.is_complete(), sent == whole);
        prop_assert!(sent.len() <= limits.bytes);
        prop_assert!(sent.is_empty() || sent.split(',').count() <= limits.members);
        // The first whole members, and as many as fit.
        prop_assert!(whole == sent || whole.starts_with(&(sent.to_owned() + ",")) || sent.is_empty());
        let next = whole.split(',').nth(if sent.is_empty() { 0 } else { sent.split(',').count() });
        if let Some(next) = next.filter(|next| !next.is_empty()) {
            let longer = sent.len() + usize::from(!sent.is_empty()) + next.len();
            prop_assert!(longer > limits.bytes || sent.split(',').count() == limits.members);
        }
    }

    #[test]
    fn ok_roundtrip_a_context_made_of_fields(
        (trace_id, span_id, sampling, random) in (trace_id(), span_id(), sampling(), any::<bool>()),
        members in state_members(8),
    ) {
        let members = first_of_each_key(&members);
        let propagator = traceprop_core::presets::W3C.propagator();
        let span = SpanContext::new(trace_id, span_id).with_sampling(sampling).with_random(random);
        let pairs = members.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let owned = OwnedContext::new(span).with_tracestate(pairs).expect("legal members");
        let mut headers = Pairs::new();
        propagator.inject(&owned.span().expect("a span"), &InjectOptions::new(), &mut headers);
        let flags = u8::from(sampling.is_sampled()) | u8::from(random) << 1;
        let expected = format!("00-{trace_id}-{span_id}-{flags:02x}");
        prop_assert_eq!(headers.get("traceparent"), Some(expected.as_str()));
        prop_assert_eq!(headers.get("tracestate").unwrap_or_default(), line(&members));
    }
}
