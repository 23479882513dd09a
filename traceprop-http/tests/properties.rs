//! A `HeaderMap` reads and writes as other carriers do, and RUM ids show only allowed values.

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use traceprop_core::formats::sw8::Sw8;
use traceprop_core::{Allow, Field, IdBits, InjectOptions, OwnedContext, Pairs, Propagator, presets};
use traceprop_http::{HeaderCarrier, HeaderCarrierMut, RumIds, cors};

const fn ids() -> IdBits {
    IdBits::random(0xb7ad_6b71_6920_3331)
}

fn all() -> Propagator {
    let names = "all,correlation:x-request-id";
    let builder = Propagator::builder().define(Sw8::new("cart", "cart-1")).names(names, names).expect("known names");
    builder.build().expect("a service is named")
}

/// Returns the names that `all` includes.
fn all_names() -> Vec<String> {
    let propagator = Propagator::from_names("all", "none").expect("a known name");
    propagator.extract_names().map(str::to_owned).collect()
}

/// Generates lines of one trace in several formats, invalid lines and other headers, some repeated.
fn lines() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let known = vec![
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("tracestate", "dd=s:2;o:rum;t.dm:-4,rojo=1"),
        ("tracestate", "congo=2"),
        ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-d"),
        ("x-b3-sampled", "0"),
        ("x-datadog-trace-id", "11803532876627986230"),
        ("x-datadog-origin", "rum"),
        ("uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:f067aa0ba902b7:0:1"),
        ("uberctx-user.id", "ann%20b"),
        ("sw8-correlation", "dXNlcg==:YWxpY2U="),
        ("baggage", "session.id=s1,user.id=ann"),
        ("baggage", "view.id=v%201"),
        ("x-request-id", "4bf92f35-77b3-4da6-a3ce-929d0e0e4736"),
        ("accept", "*/*"),
        ("x-stranger", "1"),
    ];
    let known = select(known).prop_map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    let names: Vec<_> = Field::BUILT_IN.iter().filter_map(|field| field.name()).map(str::to_owned).collect();
    let odd = (select(names), vec(prop_oneof![0x20..=0x7eu8, 0x80..=0xffu8, Just(b'\t')], 0..20));
    vec(prop_oneof![4 => known, 1 => odd], 0..14)
}

/// Generates lines of B3, valid and invalid, of two traces, in the two encodings.
fn b3_lines() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let known = vec![
        ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-d"),
        ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1-05e3ac9a4f6e3b90"),
        ("b3", "a3ce929d0e0e4736-00f067aa0ba902b7"),
        ("b3", "0"),
        ("b3", "4bf92f3577b34da6-1"),
        ("b3", ""),
        ("x-b3-traceid", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("x-b3-traceid", "a3ce929d0e0e4736"),
        ("x-b3-spanid", "00f067aa0ba902b7"),
        ("x-b3-spanid", "f067aa0ba902b7"),
        ("x-b3-parentspanid", "05e3ac9a4f6e3b90"),
        ("x-b3-parentspanid", "-"),
        ("x-b3-sampled", "1"),
        ("x-b3-sampled", "false"),
        ("x-b3-flags", "1"),
        ("accept", "*/*"),
    ];
    vec(select(known).prop_map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())), 0..9)
}

/// Returns the lines as a map, which groups the lines of a name and keeps their order.
fn in_map(lines: &[(String, Vec<u8>)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        map.append(name, HeaderValue::from_bytes(value).expect("header text"));
    }
    map
}

fn out_of_map(map: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    map.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn ok_header_map_reads_as_its_lines_do(lines in lines()) {
        let map = in_map(&lines);
        let lines = out_of_map(&map);
        for propagator in [presets::W3C.propagator(), presets::DATADOG.propagator(), all()] {
            let carrier = HeaderCarrier::new(&map);
            let (of_map, of_lines) = (propagator.explain(&carrier), propagator.explain(&lines));
            prop_assert_eq!(of_map.to_string(), of_lines.to_string());
            let (mut one, mut other) = (Pairs::new(), Pairs::new());
            for (report, pairs) in [(&of_map, &mut one), (&of_lines, &mut other)] {
                propagator.inject(&report.extraction().new_span(&ids), &InjectOptions::everything(), pairs);
                propagator.inject(report.extraction().passthrough(), &InjectOptions::everything(), pairs);
            }
            prop_assert_eq!(one, other);
        }
    }

    /// If only B3 is read, the single header is looked up first, and other headers only if needed.
    #[test]
    fn ok_header_map_of_b3_reads_and_writes_as_its_lines_do(lines in b3_lines()) {
        let map = in_map(&lines);
        let lines = out_of_map(&map);
        for inject in ["b3", "b3multi", "b3,b3multi"] {
            let propagator = Propagator::from_names("b3", inject).expect("known names");
            let carrier = HeaderCarrier::new(&map);
            let (of_map, of_lines) = (propagator.explain(&carrier), propagator.explain(&lines));
            prop_assert_eq!(of_map.to_string(), of_lines.to_string());
            let (of_map, of_lines) = (of_map.extraction(), of_lines.extraction());
            let (got, expected) = (of_map.headers(), of_lines.headers());
            prop_assert_eq!(got.present(), expected.present());
            for field in expected.present().built_in().chain([Field::TraceParent]) {
                prop_assert_eq!(got.is_repeated(field), expected.is_repeated(field));
                prop_assert_eq!(got.get(field), expected.get(field));
                prop_assert!(got.get_all(field).iter().eq(expected.get_all(field).iter()));
            }
            let mut written = Vec::new();
            for extraction in [of_map, of_lines] {
                let span = extraction.new_span(&ids);
                let (owned, passed) = (OwnedContext::from_span(extraction, &span), OwnedContext::from_passthrough(extraction));
                let [mut injected, mut owned_injected, mut forward, mut owned_passthrough] = [const { Pairs::new() }; 4];
                propagator.inject(&span, &InjectOptions::new(), &mut injected);
                propagator.inject(&owned.span().expect("a span"), &InjectOptions::new(), &mut owned_injected);
                propagator.inject(extraction.passthrough(), &InjectOptions::new(), &mut forward);
                propagator.inject(&passed, &InjectOptions::new(), &mut owned_passthrough);
                prop_assert_eq!(&injected, &owned_injected);
                prop_assert_eq!(&forward, &owned_passthrough);
                written.push((injected, forward));
            }
            prop_assert_eq!(&written[0], &written[1]);
        }
    }

    #[test]
    fn ok_header_map_is_written_as_pairs_are_and_keeps_other_headers(received in lines(), before in lines()) {
        let propagator = all();
        let extraction = propagator.extract(&received);
        let span = extraction.new_span(&ids);
        let mut map = in_map(&before);
        propagator.inject(&span, &InjectOptions::everything(), &mut HeaderCarrierMut::new(&mut map));
        let mut pairs = Pairs::new();
        propagator.inject(&span, &InjectOptions::everything(), &mut pairs);
        for (name, value) in pairs.iter() {
            prop_assert_eq!(map.get_all(name).iter().collect::<Vec<_>>(), [value], "{}", name);
        }
        let is_ours = |name: &str| Field::from_name(name).is_some() || name == "x-request-id";
        // The order of names in a map has no meaning; the order of the lines of a name has.
        let strangers = |map: &HeaderMap| -> Vec<_> {
            let mut lines = out_of_map(map);
            lines.retain(|(name, _)| !is_ours(name));
            lines.sort_by(|one, other| one.0.cmp(&other.0));
            lines
        };
        prop_assert_eq!(strangers(&map), strangers(&in_map(&before)));
    }

    #[test]
    fn ok_rum_ids_agree_and_show_only_allowed_values(
        lines in lines(),
        allowed in subsequence(vec!["session.id", "user.id", "view.id", "account.id"], 0..=4),
    ) {
        let propagator = all();
        let extraction = propagator.extract(&lines);
        let context = OwnedContext::from_span(&extraction, &extraction.new_span(&ids));
        let link = RumIds::from_context(&context, Allow::Only(&allowed)).expect("a span has a trace");
        let id = link.trace_id();
        prop_assert_eq!((Some(id), link.resource_span_id()), (context.trace_id(), context.parent_id()));
        prop_assert_eq!(link.trace_id_low_hex().to_string(), &id.to_string()[16..]);
        prop_assert_eq!(format!("{:016x}", link.trace_id_decimal()), &id.to_string()[16..]);
        let shown = [link.session_id(), link.user_id(), link.view_id(), link.account_id()];
        for (key, value) in ["session.id", "user.id", "view.id", "account.id"].iter().zip(shown) {
            prop_assert!(value.is_none() || allowed.contains(key), "{}", key);
            prop_assert_eq!(value, link.get(key));
        }
    }

    #[test]
    fn ok_pages_may_send_exactly_the_headers_that_are_read(
        names in subsequence(all_names(), 1..=all_names().len()),
    ) {
        let propagator = Propagator::from_names(&names.join(","), "none").expect("known names");
        let allowed: Vec<_> = cors::allow_headers(&propagator).collect();
        let watched: Vec<_> = propagator.extract_fields().map(str::to_owned).collect();
        for (place, name) in allowed.iter().enumerate() {
            prop_assert!(watched.iter().any(|known| known == name.as_str()), "{} is not read", name);
            prop_assert!(!allowed[..place].contains(name), "{} is repeated", name);
        }
    }
}
