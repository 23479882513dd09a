//! When trace or decision are not the same any more, nothing that belonged to them comes back.

use traceprop_core::{IdBits, InjectOptions, OwnedContext, Pairs, Sampling, SpanId, Trust};

use crate::edge::{BETWEEN, CORRELATION, Edge, FIRST, Lines, SECOND, hop, propagator};
use crate::format::Format;
use crate::rows::{get, lines};
use crate::text::{base64, hyphenated};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const OTHER: &str = "11112222333344445555666677778888";

/// Returns requests with fields that cross W3C, and the format of each.
fn requests() -> Vec<(Format, Lines)> {
    let sw8 = format!("1-{}-{}-7----", base64(&TRACE.to_uppercase()), base64("s"));
    vec![
        (
            Format::Datadog,
            lines(&[
                ("x-datadog-trace-id", "11803532876627986230"),
                ("x-datadog-parent-id", "67667974448284343"),
                ("x-datadog-sampling-priority", "2"),
                ("x-datadog-origin", "rum"),
                ("x-datadog-tags", "_dd.p.tid=4bf92f3577b34da6,_dd.p.dm=-4"),
            ]),
        ),
        (Format::B3, lines(&[("b3", &format!("{TRACE}-00f067aa0ba902b7-d"))])),
        (Format::B3, lines(&[("b3", &format!("{TRACE}-00f067aa0ba902b7"))])),
        (
            Format::XRay,
            lines(&[("x-amzn-trace-id", "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7")]),
        ),
        (Format::Jaeger, lines(&[("uber-trace-id", &format!("{TRACE}:00f067aa0ba902b7:0:f"))])),
        (Format::Sw8, lines(&[("sw8", &sw8)])),
        (
            Format::Correlation,
            lines(&[(CORRELATION, &format!("{{{}}}", hyphenated(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736)))]),
        ),
    ]
}

/// Returns the lines that a service receives from a hop that knows only W3C.
fn across(request: &Lines, flags: Option<&str>) -> Lines {
    hop(&Edge::writes(Format::W3c, false).calls(request, FIRST), flags)
}

/// Returns what a service writes for a trace that it receives in this traceparent alone.
fn plain(format: Format, trace: &str, flags: &str) -> Lines {
    let request = lines(&[("traceparent", &format!("00-{trace}-{BETWEEN:016x}-{flags}"))]);
    Edge::writes(format, false).calls(&request, SECOND)
}

#[test]
fn ok_a_hop_that_restarts_forgets_everything() {
    for (format, request) in requests() {
        // Clean: no tracestate goes into the new trace.
        let crossing = across(&request, None);
        let mut restarted = crossing.clone();
        restarted[0].1 = format!("00-{OTHER}-{BETWEEN:016x}-01");
        restarted[1].1 = "hop=1".into();
        assert_eq!(Edge::writes(format, false).calls(&restarted, SECOND), plain(format, OTHER, "01"));
        // Unclean: it keeps members of the old trace. Ours are tied to that one; `dd` is Datadog's, and has no such tie.
        let mut unclean = crossing;
        unclean[0].1 = format!("00-{OTHER}-{BETWEEN:016x}-01");
        if format != Format::Datadog {
            assert_eq!(Edge::writes(format, false).calls(&unclean, SECOND), plain(format, OTHER, "01"), "{format:?}");
        }
        // And a member that is stale does not go on.
        let next = Edge::writes(Format::W3c, false).calls(&unclean, SECOND);
        assert!(!get(&next, "tracestate").unwrap_or_default().contains("tp="), "{next:?}");
    }
}

#[test]
fn ok_a_service_that_restarts_forgets_everything_but_text() {
    let ids = || IdBits::non_random(7);
    for behavior in [Trust::Restart, Trust::Ignore] {
        for (format, request) in requests() {
            for request in [across(&request, None), request] {
                for inject in Format::written().map(Format::names) {
                    let edge = propagator(inject, behavior);
                    let nothing: [(&str, &str); 0] = [];
                    let (mut fresh, mut restarted, mut owned) = (Pairs::new(), Pairs::new(), Pairs::new());
                    edge.inject(&edge.extract(&nothing).new_span(&ids), &InjectOptions::everything(), &mut fresh);
                    let extraction = edge.extract(&request);
                    let span = extraction.new_span(&ids);
                    edge.inject(&span, &InjectOptions::everything(), &mut restarted);
                    let kept = OwnedContext::from_span(&extraction, &span);
                    edge.inject(&kept.span().expect("a span"), &InjectOptions::everything(), &mut owned);
                    assert_eq!(restarted, owned);
                    // A correlation id with a header of its own is custom text and does not belong to a trace.
                    let own = get(&request, CORRELATION);
                    match own.filter(|_| behavior == Trust::Restart && inject.starts_with("correlation")) {
                        Some(text) => assert_eq!(restarted.get(CORRELATION), Some(text)),
                        None => assert_eq!(restarted, fresh, "{format:?} into {inject}"),
                    }
                }
            }
        }
    }
}

#[test]
fn ok_a_flipped_flag_ends_the_decision_and_leaves_the_rest() {
    for (format, request) in requests() {
        let sampled = get(&across(&request, None), "traceparent").expect("a trace").ends_with("-01");
        let flipped = across(&request, Some(if sampled { "00" } else { "01" }));
        let context = Edge::writes(format, false).context(&flipped, SECOND);
        let expected = if sampled { Sampling::NotSampled } else { Sampling::Sampled };
        assert_eq!(context.sampling(), expected, "{format:?}");
        let back = Edge::writes(format, false).calls(&flipped, SECOND);
        let bare = plain(format, TRACE, if sampled { "00" } else { "01" });
        match format {
            // Priority and who decided it go with the decision; origin and tags are facts about the trace.
            Format::Datadog => {
                assert_eq!(get(&back, "x-datadog-sampling-priority"), Some("0"));
                assert_eq!(get(&back, "x-datadog-origin"), Some("rum"));
                assert_eq!(get(&back, "x-datadog-tags"), Some("_dd.p.tid=4bf92f3577b34da6"));
            }
            Format::Sw8 => {
                let sw8 = get(&back, "sw8").expect("an sw8");
                assert!(sw8.starts_with(&format!("0-{}-", base64(&TRACE.to_uppercase()))), "{sw8}");
            }
            Format::Correlation => assert_eq!(back, request),
            _ => assert_eq!(back, bare, "{format:?}"),
        }
        // The next service does not receive the old decision.
        let next = Edge::writes(Format::W3c, false).calls(&flipped, SECOND);
        let state = get(&next, "tracestate").unwrap_or_default();
        for old in [";d", ";f", ";j", "s:2"] {
            let ours = state.split(',').filter(|member| member.starts_with("tp=") || member.starts_with("dd="));
            assert!(ours.into_iter().all(|member| !member.contains(old)), "{format:?}: {state}");
        }
    }
}

#[test]
fn ok_a_decision_of_ours_ends_the_old_one_too() {
    for (format, request) in requests() {
        let edge = Edge::writes(format, false);
        let crossing = across(&request, None);
        let extraction = edge.propagator().extract(&crossing);
        let context = extraction.context().expect("a trace");
        for sampling in [Sampling::NotSampled, Sampling::Sampled] {
            let span =
                extraction.span_with_ids(context.trace_id, SpanId::new(SECOND).expect("an id")).with_sampling(sampling);
            let mut headers = Pairs::new();
            edge.propagator().inject(&span, &InjectOptions::everything(), &mut headers);
            let back = edge.propagator().extract(&headers).context().expect("a trace");
            let expected = if format == Format::Correlation { Sampling::Deferred } else { sampling };
            assert_eq!(back.sampling, expected, "{format:?}");
        }
    }
}

/// A hop that drops the tracestate leaves the minimum: the trace continues by its number, and nothing is invented.
#[test]
fn ok_without_a_tracestate_the_number_is_left() {
    for (format, request) in requests() {
        let mut crossing = across(&request, None);
        crossing.truncate(1);
        let flags = if get(&crossing, "traceparent").expect("a trace").ends_with("-01") { "01" } else { "00" };
        assert_eq!(Edge::writes(format, false).calls(&crossing, SECOND), plain(format, TRACE, flags), "{format:?}");
    }
}

/// Text of a correlation header crosses only to destinations that may have it.
#[test]
fn ok_correlation_text_does_not_cross_unasked() {
    let (_, request) = requests().pop().expect("the last one");
    let edge = propagator("tracecontext", Trust::Continue);
    let extraction = edge.extract(&request);
    let span = extraction.span_with_ids(TRACE.parse().expect("an id"), SpanId::new(FIRST).expect("an id"));
    let mut headers = Pairs::new();
    edge.inject(&span, &InjectOptions::new(), &mut headers);
    assert_eq!(headers.get("tracestate"), None);
}
