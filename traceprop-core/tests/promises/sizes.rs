//! Types that are copied and stored everywhere stay small, and `None` is free.

use traceprop_core::{
    Extraction, Field, InvalidHeader, InvalidReason, RemoteContext, Sampling, SpanContext, SpanId, TraceId,
    format::{FieldSet, Headers, Parsed, Passthrough},
    formats::tracecontext::{TraceFlags, TraceParent},
    report::ExtractReport,
};

#[test]
fn ok_ids_are_as_wide_as_their_bits_and_none_is_free() {
    assert_eq!((size_of::<TraceId>(), size_of::<Option<TraceId>>()), (16, 16));
    assert_eq!((size_of::<SpanId>(), size_of::<Option<SpanId>>()), (8, 8));
}

#[test]
fn ok_enums_are_a_byte_and_none_is_free() {
    assert_eq!((size_of::<Sampling>(), size_of::<Option<Sampling>>()), (1, 1));
    assert_eq!((size_of::<InvalidReason>(), size_of::<Option<InvalidReason>>()), (1, 1));
    assert_eq!(size_of::<TraceFlags>(), 1);
    assert!(size_of::<Field>() <= 2);
    assert!(size_of::<FieldSet>() <= 8);
}

#[test]
fn ok_rejects_fit_a_register() {
    assert!(size_of::<InvalidHeader>() <= 8 && size_of::<Option<InvalidHeader>>() <= 8);
}

#[test]
fn ok_contexts_stay_small() {
    assert!(size_of::<TraceParent>() <= 32);
    assert!(size_of::<RemoteContext>() <= 32);
    assert!(size_of::<Passthrough<'_>>() <= 80);
    assert!(size_of::<Parsed>() <= 96);
    assert!(size_of::<SpanContext<'_>>() <= 96);
}

#[test]
fn ok_what_lies_on_the_stack_of_a_request_is_bounded() {
    // A table of a dozen lines. Every request fills and copies it: 256 bytes take 29 instructions, 264 take 52.
    assert_eq!(size_of::<Headers<'_>>(), 256);
    assert!(size_of::<Extraction<'_>>() <= 368);
    assert!(size_of::<ExtractReport<'_>>() <= 4096);
}

#[cfg(feature = "alloc")]
#[test]
fn ok_an_owned_context_is_cheap_to_move() {
    use traceprop_core::OwnedContext;
    assert_eq!(size_of::<OwnedContext>(), 128);
    assert_eq!(size_of::<Option<OwnedContext>>(), size_of::<OwnedContext>());
}

/// A baggage line of any length is read up to the limits of baggage; what a context keeps of it has a cap of its own.
#[cfg(feature = "alloc")]
#[test]
fn ok_an_owned_context_omits_whole_what_is_more_than_64_kib() {
    use traceprop_core::{OwnedContext, presets};

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    // Each line is stored with its field and its length.
    const HEAD: usize = 6;

    let propagator = presets::W3C.propagator();
    let room = OwnedContext::MAX_BYTES - (HEAD + PARENT.len()) - HEAD;
    for (len, kept) in [(room, Some("1")), (room + 1, None)] {
        let baggage = format!("a=1,{}", "b".repeat(len - "a=1,".len()));
        let request = [("traceparent", PARENT), ("baggage", baggage.as_str())];
        let extraction = propagator.extract(&request);
        let owned = OwnedContext::from_passthrough(&extraction);
        assert_eq!(owned.baggage().get("a").map(|member| member.raw_value()), kept);
        assert_eq!(owned.trace_id(), extraction.context().map(|context| context.trace_id));
    }
}
