//! What a context, and the lines under it, keep whatever is done with them.

use std::ffi::OsString;

use proptest::collection::vec;
use proptest::prelude::*;
use traceprop_core::formats::sw8::Sw8;
use traceprop_core::{
    Allow, EnvCarrier, Field, IdBits, InjectOptions, OwnedContext, Pairs, Propagator, SpanContext, Trust,
    format::MAX_HEADER_LINES, presets, report::InjectReport,
};

use crate::cases;
use crate::input::*;

const fn ids() -> IdBits {
    IdBits::random(0xb7ad_6b71_6920_3331)
}

fn all() -> Propagator {
    let builder = Propagator::builder().define(Sw8::new("cart", "cart-1")).names("all", "all").expect("built-in names");
    builder.build().expect("a service is named")
}

/// Returns the baggage that a context would send, in every format: the values of everything with a key.
fn sent_text(context: &OwnedContext) -> String {
    let mut headers = Pairs::new();
    if let Some(span) = context.span() {
        all().inject(&span, &InjectOptions::everything(), &mut headers);
    }
    let text = ["baggage", "jaeger-baggage", "sw8-correlation"];
    let lines = headers.iter().filter(|(name, _)| text.contains(name) || name.starts_with("uberctx-"));
    lines.map(|(name, value)| format!("{name}: {value}\n")).collect()
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn ok_a_child_sends_what_a_span_of_the_request_with_its_ids_sends(
        lines in prop_oneof![any_lines(), w3c_lines(), fleet_lines()],
        ids in (span_id(), span_id()),
        trust in prop_oneof![Just(Trust::Continue), Just(Trust::Resample), Just(Trust::Restart), Just(Trust::Ignore)],
    ) {
        let propagator = all().with_trust(trust);
        let extraction = propagator.extract(&lines);
        let passthrough = OwnedContext::from_passthrough(&extraction).with_endpoint("/cart");
        let Some(context) = extraction.context() else {
            prop_assert!(passthrough.child(ids.0).is_none());
            return Ok(());
        };
        let span = |span_id| OwnedContext::from_span(&extraction, &extraction.span_with_ids(context.trace_id, span_id));
        let sent = |context: &OwnedContext| {
            let mut headers = Pairs::new();
            propagator.inject(context, &InjectOptions::everything(), &mut headers);
            headers
        };
        let child = passthrough.child(ids.0).expect("there is a trace");
        prop_assert_eq!(sent(&child), sent(&span(ids.0)));
        prop_assert_eq!((child.parent_id(), child.endpoint()), (context.parent_id, Some("/cart")));
        let child = span(ids.1).child(ids.0).expect("there is a trace");
        prop_assert_eq!(sent(&child), sent(&span(ids.0)));
        prop_assert_eq!(child.parent_id(), Some(ids.1));
    }

    #[test]
    fn ok_lines_of_a_field_are_the_first_64_in_order(
        lines in any_lines(),
        more in (0..70usize, 0..21usize),
    ) {
        let name = Field::BUILT_IN[more.1].name().expect("a built-in one").to_owned();
        let name = if name.ends_with('-') { format!("{name}k") } else { name };
        let lines: Lines = [lines, vec![(name, Bytes(b"a=1".to_vec())); more.0]].concat();
        let propagator = all();
        let extraction = propagator.extract(&lines);
        for field in Field::BUILT_IN {
            let of_field = |name: &str| Field::from_name(name) == Some(*field);
            let expected: Vec<&[u8]> =
                lines.iter().filter(|(name, _)| of_field(name)).map(|(_, value)| value.as_ref()).collect();
            let found_headers = extraction.headers();
            prop_assert_eq!((found_headers.get(*field), found_headers.is_repeated(*field)), (expected.first().copied(), expected.len() > 1));
            let found = found_headers.get_all(*field);
            prop_assert_eq!(found.iter().collect::<Vec<_>>(), expected[..expected.len().min(MAX_HEADER_LINES)].to_vec());
            prop_assert_eq!((found.is_empty(), found.is_over_limit()), (expected.is_empty(), expected.len() > MAX_HEADER_LINES));
        }
    }

    #[test]
    fn ok_a_span_keeps_its_trace_through_all_that_is_done_to_it(
        (trace_id, span_id, decision, random) in (trace_id(), span_id(), sampling(), any::<bool>()),
        children in vec((span_id(), proptest::option::of(sampling())), 0..6),
    ) {
        let mut span = SpanContext::new(trace_id, span_id).with_sampling(decision).with_random(random);
        let mut expected = (span_id, None, decision);
        for (id, decision) in children {
            span = span.child(id);
            expected = (id, Some(expected.0), decision.unwrap_or(expected.2));
            if let Some(decision) = decision {
                span = span.with_sampling(decision);
            }
            prop_assert_eq!((span.span_id(), span.parent_id(), span.sampling()), expected);
            prop_assert_eq!((span.trace_id(), span.is_random()), (trace_id, random));
        }
        let owned = OwnedContext::new(span);
        prop_assert_eq!((owned.trace_id(), owned.span_id(), owned.parent_id()), (Some(trace_id), Some(span.span_id()), span.parent_id()));
        prop_assert_eq!((owned.sampling(), owned.is_random(), owned.is_passthrough()), (span.sampling(), random, false));
    }

    #[test]
    fn ok_only_baggage_that_may_stay_is_kept_in_any_format(
        lines in fleet_lines(),
        keep in prop_oneof![Just(vec![]), Just(vec!["tenant"]), Just(vec!["user", "a"])],
    ) {
        let propagator = all();
        let extraction = propagator.extract(&lines);
        let before = OwnedContext::from_span(&extraction, &extraction.new_span(&ids));
        let kept = before.clone().filter_baggage(Allow::Only(&keep));
        prop_assert_eq!(sent_text(&before.clone().filter_baggage(Allow::All)), sent_text(&before));
        prop_assert_eq!(sent_text(&before.clone().filter_baggage(Allow::None)), "");
        // Equal to a call that allows no more.
        let mut headers = Pairs::new();
        propagator.inject(&before.span().expect("a span"), &InjectOptions::everything().allow_baggage(Allow::Only(&keep)), &mut headers);
        let mut of_kept = Pairs::new();
        propagator.inject(&kept.span().expect("a span"), &InjectOptions::everything(), &mut of_kept);
        prop_assert_eq!(of_kept, headers);
        let allowed: Vec<_> = before.baggage().iter().filter(|member| keep.contains(&member.key())).collect();
        prop_assert!(kept.baggage().iter().eq(allowed));
        prop_assert_eq!((kept.trace_id(), kept.span_id(), kept.sampling()), (before.trace_id(), before.span_id(), before.sampling()));
    }

    #[test]
    fn ok_a_context_owns_no_more_than_it_may(lines in fleet_lines(), long in (0..3usize, 0..3 * OwnedContext::MAX_BYTES / 2)) {
        let (name, prefix) = [("tracestate", "a=1,"), ("baggage", "k="), ("x-datadog-origin", "")][long.0];
        let value = format!("{prefix}{}", " ".repeat(long.1));
        let lines: Lines = [lines, vec![(name.to_owned(), Bytes(value.into_bytes()))]].concat();
        let propagator = all();
        let extraction = propagator.extract(&lines);
        let span = extraction.new_span(&ids);
        let mut owned = None;
        let taken = allocation_counter::measure(|| owned = Some(OwnedContext::from_span(&extraction, &span)));
        prop_assert!(taken.bytes_total <= OwnedContext::MAX_BYTES as u64 + 1024, "{:?}", taken);
        let owned = owned.expect("it was made");
        prop_assert_eq!((owned.trace_id(), owned.span_id()), (Some(span.trace_id()), Some(span.span_id())));
        prop_assert_eq!((owned.parent_id(), owned.sampling()), (span.parent_id(), span.sampling()));
    }

    #[test]
    fn ok_what_is_omitted_is_told_within_bounds(lines in any_lines()) {
        let propagator = all();
        let extraction = propagator.extract(&lines);
        let omissions = propagator.inject(&extraction.new_span(&ids), &InjectOptions::new(), &mut Pairs::new());
        prop_assert!(omissions.iter().count() <= InjectReport::MAX && omissions.iter().all(|omission| omission.count > 0));
        prop_assert_eq!((omissions.is_complete(), omissions.to_string() == "nothing omitted"), (omissions.iter().next().is_none(), omissions.is_complete()));
    }

    #[test]
    fn ok_an_environment_says_what_headers_say(
        lines in fleet_lines(),
        strangers in vec(("[A-Z_]{1,12}", "[ -~]{0,8}"), 0..4),
    ) {
        // A variable exists once, and holds text.
        let mut once: Vec<(String, String)> = Vec::new();
        for (name, value) in &lines {
            let text = String::from_utf8(value.0.clone()).ok().filter(|text| !text.contains('\0'));
            // An empty variable counts as unset.
            let text = text.filter(|text| !text.trim_ascii().is_empty());
            if let Some(text) = text.filter(|_| once.iter().all(|(known, _)| !known.eq_ignore_ascii_case(name))) {
                once.push((name.to_lowercase(), text));
            }
        }
        once.sort();
        let variable = |(name, value): &(String, String)| {
            (OsString::from(name.to_uppercase().replace('-', "_")), OsString::from(value))
        };
        let variables = once.iter().chain(&strangers).map(variable);
        let propagator = presets::ALL_TO_W3C.propagator();
        let environment = EnvCarrier::from_vars(&propagator, variables);
        prop_assert_eq!(propagator.explain(&environment).to_string(), propagator.explain(&once).to_string());
    }
}
