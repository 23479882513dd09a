//! Any request: nothing panics, nothing leaks, and what is read is what is forwarded.

use proptest::prelude::*;
use traceprop_core::formats::sw8::Sw8;
use traceprop_core::{
    Extraction, IdBits, InjectOptions, OwnedContext, Pairs, Propagator, RemoteContext, Sampling, SpanId, TraceState,
    format::InjectSource, presets,
};

use crate::cases;
use crate::input::*;

/// Creates a propagator that reads and writes every format.
fn all() -> Propagator {
    let builder = Propagator::builder().define(Sw8::new("cart", "cart-1"));
    let builder = builder.names("all", "all,b3multi").expect("built-in names");
    builder.build().expect("a service is named")
}

const fn ids() -> IdBits {
    IdBits::random(0xb7ad_6b71_6920_3331)
}

fn inject<'a>(
    propagator: &Propagator,
    source: impl Into<InjectSource<'a>>,
    outgoing: &InjectOptions<'_>,
) -> (Pairs, String) {
    let mut headers = Pairs::new();
    let omitted = propagator.inject(source, outgoing, &mut headers);
    (headers, omitted.to_string())
}

/// Returns the values of a field in any letter case, in order.
fn values<'l>(lines: &'l Lines, name: &str) -> Vec<&'l [u8]> {
    lines.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_ref()).collect()
}

fn written<'h>(headers: &'h Pairs, name: &str) -> Vec<&'h [u8]> {
    headers.iter().filter(|(known, _)| *known == name).map(|(_, value)| value.as_bytes()).collect()
}

fn is_blank(value: &[u8]) -> bool {
    value.iter().all(|b| b" \t".contains(b))
}

/// Joins a list into one line.
fn joined(values: &[&[u8]]) -> Vec<u8> {
    values.join(&b',')
}

/// Returns the context and the decision of a request.
fn merged(extraction: &Extraction<'_>) -> (Option<RemoteContext>, Sampling) {
    (extraction.context(), extraction.sampling())
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn ok_any_request_can_be_read_and_forwarded(lines in any_lines()) {
        let propagator = all();
        let report = propagator.explain(&lines);
        let extraction = propagator.extract(&lines);
        prop_assert_eq!(merged(report.extraction()), merged(&extraction));
        let (line, table) = (report.to_string(), report.table().to_string());
        prop_assert!(!line.contains('\n') && table.lines().count() > 1);
        let span = extraction.new_span(&ids);
        for outgoing in [InjectOptions::new(), InjectOptions::everything()] {
            let injected = inject(&propagator, &span, &outgoing);
            let passed = inject(&propagator, extraction.passthrough(), &outgoing);
            for (name, value) in injected.0.iter().chain(passed.0.iter()) {
                prop_assert!(!is_blank(value.as_bytes()), "{} is empty", name);
                prop_assert!(value.bytes().all(|b| b == b'\t' || (b' '..=b'~').contains(&b)), "{}", name);
            }
            prop_assert_eq!(written(&injected.0, "traceparent").len(), 1);
            let sends_trace = !written(&passed.0, "traceparent").is_empty();
            prop_assert_eq!(sends_trace, extraction.context().is_some_and(|context| context.parent_id.is_some()));
        }
    }

    #[test]
    fn ok_reports_hold_no_byte_of_a_value(lines in any_lines()) {
        let mark = b"#SECRET#";
        let marked: Lines = lines.into_iter().map(
            |(name, value)| (name, Bytes([value.as_ref(), mark, value.as_ref()].concat()))).collect();
        let propagator = all();
        let report = propagator.explain(&marked);
        let rejects: String = report.invalid_headers().map(|(_, reject)| reject.to_string()).collect();
        let shown = format!("{report}{}{report:?}{rejects}", report.table());
        prop_assert!(!shown.contains("SECRET"));
    }

    #[test]
    fn ok_no_baggage_leaves_unasked(lines in fleet_lines()) {
        let text = ["baggage", "uberctx-tenant", "uberctx-user", "jaeger-baggage", "sw8-correlation", "x-request-id"];
        let mut marked = lines;
        marked.retain(|(name, _)| !text.contains(&name.to_lowercase().as_str()));
        // `U0VDUkVU` is the same in base64.
        let values = ["k=SECRET", "SECRET", "SECRET", "k=SECRET", "aw==:U0VDUkVU", "SECRET"];
        marked.extend(text.iter().zip(values).map(|(name, value)| ((*name).to_owned(), Bytes(value.into()))));
        let names = "all,b3multi,correlation:x-request-id";
        let builder = Propagator::builder().define(Sw8::new("cart", "cart-1")).names(names, names).expect("names");
        let propagator = builder.build().expect("a service is named");
        let extraction = propagator.extract(&marked);
        let span = extraction.new_span(&ids);
        let owned = OwnedContext::from_passthrough(&extraction);
        for (headers, _) in [
            inject(&propagator, &span, &InjectOptions::new()),
            inject(&propagator, extraction.passthrough(), &InjectOptions::new()),
            inject(&propagator, &owned, &InjectOptions::new()),
        ] {
            for (name, value) in headers {
                prop_assert!(!value.contains("SECRET") && !value.contains("U0VDUkVU"), "{}: {}", name, value);
            }
        }
        // Asked for, each format carries it.
        let (headers, _) = inject(&propagator, &span, &InjectOptions::everything());
        let carries = |value: &str| value.contains("SECRET") || value.contains("U0VDUkVU");
        let sent = headers.iter().filter(|(_, value)| carries(value)).count();
        prop_assert!(sent >= 4, "{:?}", headers);
    }

    #[test]
    fn ok_owned_contexts_write_what_borrowed_ones_do(lines in any_lines()) {
        let propagator = all();
        let extraction = propagator.extract(&lines);
        let span = extraction.new_span(&ids);
        let (owned, passed) = (OwnedContext::from_span(&extraction, &span), OwnedContext::from_passthrough(&extraction));
        for outgoing in [InjectOptions::new(), InjectOptions::everything()] {
            prop_assert_eq!(inject(&propagator, &owned, &outgoing), inject(&propagator, &span, &outgoing));
            prop_assert_eq!(inject(&propagator, &passed, &outgoing), inject(&propagator, extraction.passthrough(), &outgoing));
        }
    }

    #[test]
    fn ok_an_owned_context_answers_like_its_request(lines in w3c_lines()) {
        let propagator = presets::W3C.propagator();
        let extraction = propagator.extract(&lines);
        let span = extraction.new_span(&ids);
        let owned = OwnedContext::from_span(&extraction, &span);
        prop_assert_eq!(owned.trace_id(), Some(span.trace_id()));
        prop_assert_eq!((owned.span_id(), owned.parent_id()), (Some(span.span_id()), span.parent_id()));
        prop_assert_eq!((owned.sampling(), owned.is_random()), (span.sampling(), span.is_random()));
        prop_assert_eq!(owned.tracestate().to_string(), extraction.tracestate().to_string());
        prop_assert!(owned.baggage().iter().eq(extraction.baggage().iter()));
    }

    #[test]
    fn ok_what_is_read_is_written_and_read_again(lines in w3c_lines()) {
        let propagator = presets::W3C.propagator();
        let first = propagator.extract(&lines);
        let span = first.new_span(&ids);
        let (headers, omitted) = inject(&propagator, &span, &InjectOptions::everything());
        let again = propagator.extract(&headers);
        let received = first.context().expect("a valid context");
        let expected = RemoteContext { parent_id: Some(span.span_id()), ..received };
        prop_assert_eq!(again.context(), Some(expected));
        prop_assert_eq!(again.tracestate().to_string(), first.tracestate().to_string());
        prop_assert!(again.baggage().iter().eq(first.baggage().iter()));
        prop_assert_eq!(omitted, "nothing omitted");
        // The second time there is nothing left to tidy up.
        let (third, _) = inject(&propagator, &again.new_span(&ids), &InjectOptions::everything());
        prop_assert_eq!(third, headers);
    }

    #[test]
    fn ok_a_passthrough_forwards_lines_byte_for_byte(lines in w3c_lines()) {
        let propagator = presets::W3C.propagator();
        let extraction = propagator.extract(&lines);
        let (headers, _) = inject(&propagator, extraction.passthrough(), &InjectOptions::everything());
        prop_assert_eq!(written(&headers, "traceparent"), values(&lines, "traceparent"));
        // Several lines become one. A single one keeps its blanks.
        let states = values(&lines, "tracestate");
        let expected: Vec<Vec<u8>> = match &states[..] {
            [line] => vec![line.to_vec()],
            lines => {
                let lines: Vec<_> = lines.iter().map(|line| line.trim_ascii()).filter(|line| !line.is_empty()).collect();
                vec![lines.join(&b',')]
            }
        };
        let expected: Vec<_> = expected.iter().map(Vec::as_slice).filter(|line| !is_blank(line)).collect();
        prop_assert_eq!(written(&headers, "tracestate"), expected);
        prop_assert!(propagator.extract(&headers).baggage().iter().eq(extraction.baggage().iter()));
    }

    #[test]
    fn ok_an_invalid_tracestate_is_not_forwarded(lines in w3c_lines(), bad in "[A-Z]{1,4}=1") {
        let propagator = presets::W3C.propagator();
        let lines = [lines, vec![("tracestate".to_owned(), Bytes(bad.into_bytes()))]].concat();
        let extraction = propagator.extract(&lines);
        let (passed, _) = inject(&propagator, extraction.passthrough(), &InjectOptions::new());
        prop_assert_eq!(written(&passed, "traceparent"), values(&lines, "traceparent"));
        prop_assert_eq!(written(&passed, "tracestate").len(), 0);
        let (injected, _) = inject(&propagator, &extraction.new_span(&ids), &InjectOptions::new());
        prop_assert_eq!(written(&injected, "tracestate").len(), 0);
    }

    #[test]
    fn ok_lines_and_commas_mean_the_same(lines in w3c_lines()) {
        let propagator = presets::W3C.propagator();
        let mut one_line = Lines::new();
        for name in ["traceparent", "tracestate", "baggage"] {
            let values = values(&lines, name);
            if !values.is_empty() {
                one_line.push((name.to_owned(), Bytes(joined(&values))));
            }
        }
        let (several, one) = (propagator.extract(&lines), propagator.extract(&one_line));
        prop_assert_eq!(merged(&several), merged(&one));
        prop_assert_eq!(several.tracestate().to_string(), one.tracestate().to_string());
        prop_assert!(several.baggage().iter().eq(one.baggage().iter()));
    }

    #[test]
    fn ok_offsets_count_over_lines_as_over_commas(lines in any_lines()) {
        let propagator = presets::W3C.propagator();
        let states = values(&lines, "tracestate");
        let report = propagator.explain(&lines);
        for (_, reject) in report.invalid_headers() {
            let name = reject.field().name().expect("a fixed name");
            let whole = joined(&values(&lines, name));
            prop_assert!(reject.offset() as usize <= whole.len(), "{}", reject);
            if name == "tracestate" && states.len() <= 64 {
                prop_assert_eq!(TraceState::parse(&whole).err(), Some(reject));
            }
        }
    }

    #[test]
    fn ok_injecting_overwrites_its_own_fields_and_no_others(before in any_lines(), lines in w3c_lines()) {
        let propagator = presets::W3C.propagator();
        let extraction = propagator.extract(&lines);
        let span = extraction.new_span(&ids);
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let before: Vec<(String, String)> = before.iter().map(|(name, value)| (name.clone(), text(value.as_ref()))).collect();
        let mut after = before.clone();
        propagator.inject(&span, &InjectOptions::everything(), &mut after);
        let (fresh, _) = inject(&propagator, &span, &InjectOptions::everything());
        let is = |name: &str, own: &[&str]| own.iter().any(|known| known.eq_ignore_ascii_case(name));
        let others = |lines: &[(String, String)], own: &[&str]| -> Vec<(String, String)> {
            lines.iter().filter(|(name, _)| !is(name, own)).cloned().collect()
        };
        let own = &["traceparent", "tracestate", "baggage"];
        prop_assert_eq!(others(&after, own), others(&before, own));
        let own_after: Vec<_> = after.iter().filter(|(name, _)| is(name, own)).cloned().collect();
        prop_assert_eq!(own_after, fresh.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn ok_every_context_that_can_be_built_is_written_if_it_has_a_span(
        (trace_id, parent, sampling, random) in (trace_id(), proptest::option::of(span_id()), sampling(), any::<bool>())
    ) {
        let propagator = presets::W3C.propagator();
        let context = RemoteContext { trace_id, parent_id: parent, sampling, random };
        let passed = traceprop_core::format::Passthrough::from_remote(context);
        let (headers, omitted) = inject(&propagator, passed, &InjectOptions::new());
        let read = propagator.extract(&headers);
        match parent {
            None => {
                prop_assert!(headers.is_empty());
                prop_assert_eq!(omitted, "traceparent: omitted (no-span-id)");
            }
            Some(_) => {
                let decided = RemoteContext { sampling: read.sampling(), ..context };
                prop_assert_eq!(read.context(), Some(decided));
                prop_assert_eq!(decided.sampling.is_sampled(), sampling.is_sampled());
            }
        }
    }

    #[test]
    fn ok_a_hop_that_speaks_only_w3c_keeps_trace_and_parent_and_whether_it_is_recorded(lines in fleet_lines()) {
        let mixed = presets::ALL_TO_W3C.propagator();
        let first = mixed.extract(&lines);
        let span = first.new_span(&ids);
        let (injected, _) = inject(&mixed, &span, &InjectOptions::new());
        let (passed, _) = inject(&mixed, first.passthrough(), &InjectOptions::new());
        let received = mixed.extract(&injected).context().expect("a span is always written");
        prop_assert_eq!((received.trace_id, received.parent_id), (span.trace_id(), Some(span.span_id())));
        // A new trace is not marked as random.
        let random = first.context().is_some() && span.is_random();
        prop_assert_eq!((received.sampling.is_sampled(), received.random), (span.sampling().is_sampled(), random));
        // Other formats are forwarded as they are, and not known to the hop.
        let w3c: Vec<_> = passed.iter().filter(|(name, _)| ["traceparent", "tracestate"].contains(name)).collect();
        let received = mixed.extract(&w3c).context();
        let sent = first.context().filter(|context| context.parent_id.is_some());
        prop_assert_eq!(received.map(|c| (c.trace_id, c.parent_id)), sent.map(|c| (c.trace_id, c.parent_id)));
        prop_assert_eq!(received.map(|c| c.sampling.is_sampled()), sent.map(|c| c.sampling.is_sampled()));
    }

    #[test]
    fn ok_a_restart_keeps_baggage_and_forgets_the_trace(lines in w3c_lines(), fresh in span_id()) {
        let edge = presets::W3C.builder().trust(traceprop_core::Trust::Restart).build().expect("a preset");
        let received = presets::W3C.propagator();
        let received = received.extract(&lines);
        let received_context = received.context().expect("a valid context");
        let extraction = edge.extract(&lines);
        prop_assert_eq!(merged(&extraction), (None, Sampling::Deferred));
        let links: Vec<_> = extraction.links().map(|link| (link.trace_id, Some(link.span_id))).collect();
        prop_assert_eq!(links, [(received_context.trace_id, received_context.parent_id)]);
        let ids = || IdBits::non_random(fresh.get());
        let (headers, _) = inject(&edge, &extraction.new_span(&ids), &InjectOptions::everything());
        prop_assert!(written(&headers, "tracestate").is_empty());
        let again = edge.extract(&headers);
        prop_assert!(again.baggage().iter().eq(received.baggage().iter()));
        prop_assert_eq!(extraction.span_with_ids(received_context.trace_id, SpanId::MIN).parent_id(), None);
    }
}

#[test]
fn regression_owned_baggage_of_more_lines_than_are_read_stays_invalid() {
    let propagator = presets::W3C.propagator();
    let lines: Lines =
        vec![("baggage".to_owned(), Bytes(b"a=1".to_vec())); traceprop_core::format::MAX_HEADER_LINES + 1];
    let extraction = propagator.extract(&lines);
    assert!(extraction.baggage().is_empty());
    let owned = OwnedContext::from_span(&extraction, &extraction.new_span(&ids));
    assert!(owned.baggage().is_empty());
    let (headers, _) = inject(&propagator, &owned.span().expect("a span"), &InjectOptions::everything());
    assert_eq!(written(&headers, "baggage").len(), 0);
}

#[test]
fn regression_a_member_of_ours_survives_where_no_format_could_write_it_anew() {
    let propagator = Propagator::builder()
        .with_format(traceprop_core::formats::tracecontext::W3cTraceContext::new())
        .build()
        .expect("one format");
    let state = "rojo=1,tp=1;0e0e4736;s87.17422198108383774";
    let request = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("tracestate", state)];
    let extraction = propagator.extract(&request);
    let (headers, _) = inject(&propagator, &extraction.new_span(&ids), &InjectOptions::new());
    assert_eq!(headers.get("tracestate"), Some(state));
    let decision = "rojo=1,tp=1;0e0e4736;d;s87.17422198108383774";
    let request = [request[0], ("tracestate", decision)];
    let extraction = propagator.extract(&request);
    let overruled = extraction.new_span_with(&ids, &traceprop_core::Sampling::Sampled);
    let (headers, _) = inject(&propagator, &overruled, &InjectOptions::new());
    assert_eq!(headers.get("tracestate"), Some("tp=1;0e0e4736;s87.17422198108383774,rojo=1"));
}

#[test]
fn regression_a_vendor_with_our_key_keeps_its_member() {
    let propagator = presets::W3C.propagator();
    let request = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("tracestate", "tp=0")];
    let extraction = propagator.extract(&request);
    let (headers, _) = inject(&propagator, &extraction.new_span(&ids), &InjectOptions::new());
    assert_eq!(headers.get("tracestate"), Some("tp=0"));
}

#[test]
fn regression_an_owned_passthrough_forwards_lines_of_formats_that_were_not_read() {
    let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let b3 = format!("{trace}-{span}-1-05e3ac9a4f6e3b90");
    let request = [("traceparent", format!("00-{trace}-{span}-01")), ("b3", b3.clone())];
    let only_written = Propagator::from_names("tracecontext", "b3").expect("built-in names");
    let first_is_enough = Propagator::builder().names("tracecontext,b3", "b3").expect("built-in names").extract_first();
    for propagator in [only_written, first_is_enough.build().expect("two formats")] {
        let extraction = propagator.extract(&request);
        let owned = OwnedContext::from_passthrough(&extraction);
        for passed in [InjectSource::from(extraction.passthrough()), InjectSource::from(&owned)] {
            let (headers, _) = inject(&propagator, passed, &InjectOptions::new());
            assert_eq!(headers.get("b3"), Some(b3.as_str()));
        }
    }
}
