//! Jaeger's flags across a hop that speaks only W3C.

use traceprop_core::formats::jaeger::Jaeger;
use traceprop_core::formats::tracecontext::W3cTraceContext;
use traceprop_core::{InjectOptions, OwnedContext, Propagator, Sampling, SpanContext, formats::jaeger::JaegerFlags};

use crate::wire::{TRACE, header, inject, own_span_id, span_flags, trace};

/// Creates the propagator of the service before a hop that speaks only W3C: reads Jaeger, writes W3C.
fn into_w3c() -> Propagator {
    Propagator::builder().extract(Jaeger::new()).inject(W3cTraceContext::new()).build().expect("two formats")
}

/// Creates the propagator of the service after that hop: reads W3C, writes Jaeger.
fn out_of_w3c() -> Propagator {
    Propagator::builder().extract(W3cTraceContext::new()).inject(Jaeger::new()).build().expect("two formats")
}

/// Sends Jaeger's headers across W3C, with an edit of the traceparent, and returns Jaeger's flags after it.
fn across_w3c(
    flags: &str,
    edit: fn(&mut (String, String)),
    decision: Option<Sampling>,
) -> (Vec<(String, String)>, String) {
    let (before, after) = (into_w3c(), out_of_w3c());
    let request = [("uber-trace-id", header(flags))];
    let extraction = before.extract(&request);
    let mut crossing: Vec<(String, String)> = Vec::new();
    before.inject(&extraction.span_with_ids(trace(), own_span_id()), &InjectOptions::everything(), &mut crossing);
    crossing.iter_mut().for_each(edit);
    let received = span_flags(&after.extract(&crossing), &after, decision);
    (crossing, received)
}

#[test]
fn ok_every_flag_byte_returns_across_w3c() {
    for byte in 0..=255u8 {
        let flags = format!("{byte:x}");
        let (crossing, received) = across_w3c(&flags, |_| (), None);
        assert_eq!(received, flags);
        assert_eq!(crossing.len(), if byte > 1 { 2 } else { 1 }, "{crossing:?}");
        assert!(crossing[0].1.ends_with(if byte & 1 == 1 { "-01" } else { "-00" }), "{crossing:?}");
    }
}

#[test]
fn ok_debug_returns_as_a_decision() {
    let (crossing, _) = across_w3c("b", |_| (), None);
    assert_eq!(crossing[1], ("tracestate".into(), "tp=1;264ca243;jb;d".into()));
    let after = out_of_w3c();
    assert_eq!(after.extract(&crossing).sampling(), Sampling::Debug);
    assert_eq!(across_w3c("b", |_| (), Some(Sampling::Sampled)).1, "9");
}

#[test]
fn ok_flag_byte_of_another_decision_is_left_alone() {
    let unsampled = |line: &mut (String, String)| line.1 = line.1.replace("-01", "-00");
    assert_eq!(across_w3c("b", unsampled, None).1, "0");
    let sampled = |line: &mut (String, String)| line.1 = line.1.replace("-00", "-01");
    assert_eq!(across_w3c("8", sampled, None).1, "1");
    assert_eq!(across_w3c("9", |_| (), Some(Sampling::NotSampled)).1, "0");
}

/// Creates the propagator of a hop in between, which reads and writes W3C and has only the tracestate.
fn middle() -> Propagator {
    Propagator::builder().with_format(W3cTraceContext::new()).extract(Jaeger::new()).build().expect("one format")
}

#[test]
fn ok_flag_byte_survives_several_hops() {
    let middle = middle();
    let (crossing, _) = across_w3c("1b", |_| (), None);
    let extraction = middle.extract(&crossing);
    let headers = inject(&middle, &extraction.span_with_ids(trace(), own_span_id()), &InjectOptions::new());
    assert_eq!(headers.get("tracestate"), Some("tp=1;264ca243;j1b;d"));
    // A decision of ours ends what belonged to the other one.
    let span = extraction.span_with_ids(trace(), own_span_id()).with_sampling(Sampling::NotSampled);
    assert_eq!(inject(&middle, &span, &InjectOptions::new()).get("tracestate"), None);
}

#[test]
fn ok_debug_of_another_format_survives_too() {
    let middle = middle();
    let request =
        [("traceparent", format!("00-{TRACE}-5688d53247ceefc7-01")), ("tracestate", "tp=1;264ca243;d".into())];
    let span = middle.extract(&request).span_with_ids(trace(), own_span_id());
    assert_eq!(inject(&middle, &span, &InjectOptions::new()).get("tracestate"), Some("tp=1;264ca243;d"));
    let after = out_of_w3c();
    assert_eq!(span_flags(&after.extract(&request), &after, None), "3");
}

#[test]
fn err_flag_byte_that_is_none() {
    let after = out_of_w3c();
    for item in ["j", "j+1", "j1bb", "jx", "j%31"] {
        let state = format!("tp=1;264ca243;{item}");
        let request = [("traceparent", format!("00-{TRACE}-5688d53247ceefc7-01")), ("tracestate", state)];
        assert_eq!(span_flags(&after.extract(&request), &after, None), "1", "{item}");
    }
}

#[test]
fn ok_no_flag_bit_but_sampled_crosses_by_itself() {
    // W3C's random bit has the place of Jaeger's debug bit.
    let after = out_of_w3c();
    let request = [("traceparent", format!("00-{TRACE}-5688d53247ceefc7-03"))];
    assert_eq!(span_flags(&after.extract(&request), &after, None), "1");
    let (crossing, _) = across_w3c("3", |_| (), None);
    assert!(crossing[0].1.ends_with("-01"), "{crossing:?}");
}

#[test]
fn ok_context_from_fields_writes_no_tracestate() {
    let span = SpanContext::new(trace(), own_span_id()).with_sampling(Sampling::Debug);
    let owned = OwnedContext::new(span).with_jaeger_flags(JaegerFlags::from_byte(0x0b));
    let propagator =
        Propagator::builder().with_format(Jaeger::new()).with_format(W3cTraceContext::new()).build().expect("formats");
    let headers = inject(&propagator, &owned.span().expect("a span"), &InjectOptions::new());
    assert!(headers.get("uber-trace-id").is_some_and(|value| value.ends_with(":0:b")));
    assert_eq!(headers.get("tracestate"), None);
}

#[test]
fn ok_wish_for_debug_crosses_w3c() {
    let before = into_w3c();
    let request = [("jaeger-debug-id", "ticket-4711")];
    let span = before.extract(&request).span_with_ids(trace(), own_span_id());
    let headers = inject(&before, &span, &InjectOptions::new());
    assert_eq!(headers.get("tracestate"), Some("tp=1;264ca243;d"));
    let after = out_of_w3c();
    assert_eq!(span_flags(&after.extract(&headers), &after, None), "3");
}
