//! What crosses a hop that speaks only W3C, and what does not.

use traceprop_core::formats::correlation::{Correlation, WhenAbsent};
use traceprop_core::{InjectOptions, OwnedContext, SpanContext, SpanId, presets};

use super::{BRACED, Headers, JOINED, NAME, TRACEPARENT, UUID, built, forward, get, inject_span, plain, sent_by_each};

/// Returns the header that a service with spans writes after a hop that received `request` and calls it with W3C only.
///
/// A passthrough writes the same, or nothing for a text that the hop did not have to spell.
pub(crate) fn after_w3c(format: Correlation, request: &[(&str, &str)], call: &InjectOptions<'_>) -> Option<String> {
    let first = presets::W3C.builder().extract(format).build().expect("a propagator");
    let hop = inject_span(&first, request, call);
    let hop: Vec<(&str, &str)> = hop.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let (of_span, of_passthrough) = sent_by_each(&built(format), &hop);
    let is_spelled = hop.iter().any(|(name, value)| *name == "tracestate" && value.contains(";c10f3"));
    assert_eq!(of_passthrough, of_span.clone().filter(|_| is_spelled));
    of_span
}

#[test]
fn ok_the_exact_text_returns_over_w3c() {
    let call = InjectOptions::everything();
    for text in [UUID, BRACED, "|d19931bbf2354dcb2e2fb9d31225d62e.1.", "D19931bb-f235-4dcb-2e2f-b9d31225d62e"] {
        assert_eq!(after_w3c(plain(), &[(NAME, text)], &call).as_deref(), Some(text));
    }
    // With a setting by which the next service makes no such text, or another one, it is spelled.
    for when_absent in [WhenAbsent::Generate, WhenAbsent::Omit] {
        let format = plain().when_absent(when_absent);
        assert_eq!(after_w3c(format, &[(NAME, UUID)], &call).as_deref(), Some(UUID));
        let first = presets::W3C.builder().extract(format).build().unwrap();
        assert_eq!(get(&inject_span(&first, &[(NAME, UUID)], &call), "tracestate"), Some("tp=1;1225d62e;c10f3u"));
    }
    // So it is if the id that is made has another version.
    let version_7 = "2996f8a3-26f8-70a5-a080-c74e911caddb";
    assert_eq!(after_w3c(plain().envoy_mask(), &[(NAME, version_7)], &call).as_deref(), Some(version_7));
    // The canonical spelling needs no member of ours.
    let first = presets::W3C.builder().extract(plain()).build().unwrap();
    assert_eq!(get(&inject_span(&first, &[(NAME, UUID)], &call), "tracestate"), None);
    let marked = "2996F8A3-26f8-90a5-a080-c74e911caddb";
    assert_eq!(after_w3c(plain().envoy_mask(), &[(NAME, marked)], &call).as_deref(), Some(marked));
    let request = [(NAME, BRACED), ("traceparent", JOINED)];
    assert_eq!(after_w3c(plain(), &request, &call).as_deref(), Some(BRACED));
}

#[test]
fn err_nothing_crosses_for_another_trace_or_destination() {
    // The trace that goes out is not the one of the text, or the header may not go there.
    let other = [(NAME, BRACED), ("traceparent", TRACEPARENT)];
    let expected = Some("4bf92f35-77b3-4da6-a3ce-929d0e0e4736");
    assert_eq!(after_w3c(plain(), &other, &InjectOptions::everything()).as_deref(), expected);
    let call = InjectOptions::new();
    assert_eq!(after_w3c(plain(), &[(NAME, BRACED)], &call).as_deref(), Some(UUID));
    // Of two headers only the one that names the trace.
    let second = Correlation::new("x-request-id").unwrap();
    let both = presets::W3C.builder().extract(plain()).extract(second).build().unwrap();
    let request = [(NAME, BRACED), ("x-request-id", "4bf92f3577b34da6a3ce929d0e0e4736")];
    let headers = inject_span(&both, &request, &InjectOptions::everything());
    assert_eq!(get(&headers, "tracestate"), Some("tp=1;1225d62e;c10f3B"));
    // A context that was built from fields was not received in a header.
    let context = OwnedContext::new(SpanContext::new("d19931bbf2354dcb2e2fb9d31225d62e".parse().unwrap(), SpanId::MIN));
    let context = context.with_correlation(&plain(), BRACED).unwrap();
    let mut headers = Headers::new();
    built(plain()).inject(&context.span().unwrap(), &InjectOptions::everything(), &mut headers);
    assert_eq!((get(&headers, NAME), get(&headers, "tracestate")), (Some(BRACED), None));
}

#[test]
fn ok_a_received_member_is_forwarded_where_its_header_is_allowed() {
    let tracestate = "tp=1;1225d62e;c10f3B,rojo=1";
    let request = [("traceparent", JOINED), ("tracestate", tracestate)];
    for propagator in [presets::W3C.propagator(), built(plain())] {
        for out in [inject_span, forward] {
            let state =
                |call: &InjectOptions<'_>| get(&out(&propagator, &request, call), "tracestate").map(String::from);
            assert_eq!(state(&InjectOptions::everything()).as_deref(), Some(tracestate));
            assert_eq!(state(&InjectOptions::new()).as_deref(), Some("rojo=1"));
        }
    }
    let owned = OwnedContext::from_passthrough(&presets::W3C.propagator().extract(&request));
    assert_eq!(owned.correlation(&plain()).unwrap().as_str(), BRACED);
    // Text of another trace is what this header says now, and no spelling of this trace.
    let other = [request[0], request[1], (NAME, "4bf92f3577b34da6a3ce929d0e0e4736")];
    let headers = inject_span(&built(plain()), &other, &InjectOptions::everything());
    assert_eq!((get(&headers, NAME), get(&headers, "tracestate")), (Some(other[2].1), Some("rojo=1")));
    // Text of the header itself is newer.
    let newer = [request[0], request[1], (NAME, UUID)];
    let headers = inject_span(&built(plain()), &newer, &InjectOptions::everything());
    assert_eq!((get(&headers, NAME), get(&headers, "tracestate")), (Some(UUID), Some("rojo=1")));
}
