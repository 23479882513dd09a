//! Jaeger over the wire: what is written for a request, in its own headers and across hops that speak W3C.
#![cfg(feature = "std")]

mod baggage;
mod bridge;
mod wire;

use traceprop_core::formats::b3::B3;
use traceprop_core::formats::jaeger::Jaeger;
use traceprop_core::formats::tracecontext::W3cTraceContext;
use traceprop_core::{
    CarrierMut, IdBits, InjectOptions, OwnedContext, Pairs, Propagator, RemoteContext, Sampling, SpanContext,
    carrier::{FieldName, FieldValue},
    format::Passthrough,
    formats::jaeger::JaegerFlags,
};

use wire::{OWN_SPAN, TRACE, forward, header, inject_span, jaeger, lines, own_span_id, span_flags, trace};

#[test]
fn ok_span_after_a_canonical_header_changes_the_ids_alone() {
    let propagator = jaeger();
    for byte in 0..=255u8 {
        let flags = format!("{byte:x}");
        let request = [("uber-trace-id", header(&flags))];
        assert_eq!(span_flags(&propagator.extract(&request), &propagator, None), flags);
    }
}

#[test]
fn ok_span_with_a_local_decision_keeps_what_is_not_a_decision() {
    let propagator = jaeger();
    for byte in 0..=255u8 {
        let request = [("uber-trace-id", header(&format!("{byte:x}")))];
        let extraction = propagator.extract(&request);
        let received = JaegerFlags::from_byte(byte).sampling();
        for decision in [Sampling::NotSampled, Sampling::Sampled] {
            // An unchanged decision is not a local one: a debug bit stays.
            let kept = if decision == received { byte & 2 } else { 0 };
            let expected = byte & !3 | kept | u8::from(decision.is_sampled());
            assert_eq!(span_flags(&extraction, &propagator, Some(decision)), format!("{expected:x}"), "{byte:#x}");
        }
    }
}

#[test]
fn ok_span_after_an_odd_header_is_canonical() {
    let propagator = jaeger();
    let request = [("Uber-Trace-Id", "4CA67353%3A5688d%3Agarbage%3A01")];
    let headers = inject_span(&propagator, &request, &InjectOptions::new());
    assert_eq!(lines(&headers), [("uber-trace-id", "0000000000000000000000004ca67353:b7ad6b7169203331:0:1")]);
}

#[test]
fn ok_passthrough_forwards_the_header_unchanged() {
    let propagator = jaeger();
    for value in ["4CA67353%3A5688d%3Agarbage%3A01", "1:2:3:ff", "1:2::2"] {
        let request = [("uber-trace-id", value), ("jaeger-debug-id", "ticket-4711")];
        let headers = forward(&propagator, &request, &InjectOptions::new());
        assert_eq!(lines(&headers), request);
    }
}

#[test]
fn ok_passthrough_forwards_a_debug_request() {
    let propagator = jaeger();
    let request = [("jaeger-debug-id", "ticket-4711")];
    assert_eq!(lines(&forward(&propagator, &request, &InjectOptions::new())), request);
    let blank = [("jaeger-debug-id", " ")];
    let extraction = propagator.extract(&blank);
    assert_eq!((extraction.context(), extraction.sampling()), (None, Sampling::Deferred));
    assert!(forward(&propagator, &blank, &InjectOptions::new()).is_empty());
}

#[test]
fn err_repeated_header_costs_the_trace_and_not_the_baggage() {
    let propagator = jaeger();
    let value = header("1");
    let other = header("0");
    let request = [("uber-trace-id", value.as_str()), ("uber-trace-id", &other), ("uberctx-k", "v")];
    assert_eq!(
        propagator.explain(&request).to_string(),
        "new trace; jaeger: invalid uber-trace-id (repeated-field at byte 0)"
    );
    assert_eq!(lines(&forward(&propagator, &request, &InjectOptions::everything())), [("uberctx-k", "v")]);
}

#[test]
fn err_debug_id_longer_than_any_ticket() {
    let propagator = jaeger();
    for (len, sampling) in [(256, Sampling::Debug), (257, Sampling::Deferred)] {
        let request = [("jaeger-debug-id", "x".repeat(len))];
        let extraction = propagator.extract(&request);
        assert_eq!((extraction.context(), extraction.sampling()), (None, sampling));
    }
}

#[test]
fn ok_debug_id_reaches_the_root_that_it_asked_for() {
    let propagator = jaeger();
    let ids = || IdBits::random(7);
    let request = [("jaeger-debug-id", "a+b%2F")];
    let extraction = propagator.extract(&request);
    let span = extraction.new_span(&ids);
    assert_eq!(span.sampling(), Sampling::Debug);
    let owned = OwnedContext::from_span(&extraction, &span);
    let debug_id = owned.jaeger().debug_id().expect("it asked for this root");
    assert_eq!((debug_id.value().as_ref(), debug_id.raw_value()), ("a b/", &b"a+b%2F"[..]));
    assert_eq!(format!("{debug_id:?}"), "JaegerDebugId(6 bytes)");

    let value = header("3");
    let with_trace = [("jaeger-debug-id", "x"), ("uber-trace-id", value.as_str())];
    let extraction = propagator.extract(&with_trace);
    assert_eq!(extraction.jaeger().debug_id(), None);
    let owned = OwnedContext::from_span(&extraction, &extraction.new_span(&ids));
    assert_eq!((owned.sampling(), owned.jaeger().debug_id()), (Sampling::Debug, None));
}

#[test]
fn ok_stale_headers_go_as_soon_as_one_is_written() {
    let propagator = jaeger();
    let stale = ["uber-trace-id", "Uberctx-Old", "jaeger-baggage", "jaeger-debug-id", "x-other"];
    let mut headers: Vec<(String, String)> = stale.map(|name| (name.to_owned(), "stale".to_owned())).to_vec();
    let span = SpanContext::new(trace(), own_span_id());
    propagator.inject(&span, &InjectOptions::new(), &mut headers);
    let written = format!("{TRACE}:{OWN_SPAN}:0:0");
    assert_eq!(headers, [("x-other".into(), "stale".into()), ("uber-trace-id".into(), written)]);
}

#[test]
fn ok_trace_without_a_span_is_omitted() {
    let propagator = jaeger();
    let context = RemoteContext::new(trace(), None);
    let mut headers = Pairs::new();
    let passthrough = Passthrough::from_remote(context);
    let omissions = propagator.inject(passthrough, &InjectOptions::new(), &mut headers);
    assert!(headers.is_empty());
    assert_eq!(omissions.to_string(), "uber-trace-id: omitted (no-span-id)");
}

#[test]
fn ok_extract_and_inject_do_not_allocate() {
    struct Sink(usize);
    impl CarrierMut for Sink {
        fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
            self.0 += name.as_str().len() + value.len();
        }
        fn remove_if(&mut self, _: &mut dyn FnMut(&str) -> bool) {}
    }
    let propagator = jaeger();
    let value = header("b");
    let request = [("uber-trace-id", value.as_str()), ("Uberctx-K", "a+b"), ("jaeger-baggage", "k=1,l=%2F")];
    let mut sink = Sink(0);
    let count = allocation_counter::measure(|| {
        let extraction = propagator.extract(&request);
        assert_eq!(extraction.jaeger().baggage().iter().flat_map(|item| item.value_bytes()).count(), 4);
        let span = extraction.span_with_ids(trace(), own_span_id());
        propagator.inject(&span, &InjectOptions::everything(), &mut sink);
    });
    assert_eq!((count.count_total, sink.0), (0, 13 + 53 + 9 + 5 + 9 + 3));
}

#[test]
fn ok_flag_bits_remain_with_a_traceparent_that_decides() {
    let propagator =
        Propagator::builder().with_format(W3cTraceContext::new()).with_format(Jaeger::new()).build().expect("formats");
    for (w3c, flags, expected) in [("01", "b", "b"), ("00", "b", "8"), ("01", "a", "9"), ("01", "1", "1")] {
        let request = [("uber-trace-id", header(flags)), ("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-{w3c}"))];
        let extraction = propagator.extract(&request);
        assert_eq!(span_flags(&extraction, &propagator, None), expected, "{w3c} {flags}");
    }
    // Flags of another trace do not apply to this one.
    let other = [("uber-trace-id", "1:2:0:b".to_owned()), ("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"))];
    assert_eq!(span_flags(&propagator.extract(&other), &propagator, None), "1");
}

#[test]
fn ok_zero_decides_nothing_for_a_format_that_left_it_open() {
    let propagator = Propagator::builder().extract(B3::single()).with_format(Jaeger::new()).build().expect("formats");
    let inbound = |flags| {
        let request = [("b3", format!("{TRACE}-5688d53247ceefc7")), ("uber-trace-id", header(flags))];
        propagator.extract(&request).sampling()
    };
    assert_eq!(
        ["0", "8", "1", "3"].map(inbound),
        [Sampling::Deferred, Sampling::Deferred, Sampling::Sampled, Sampling::Debug]
    );
}
