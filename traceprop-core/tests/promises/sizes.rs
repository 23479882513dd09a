//! Types that are copied and stored everywhere stay small, and `None` is free.

use traceprop_core::{
    Extraction, Field, FieldSet, Inbound, Reading, Reason, Reject, RemoteContext, Report, Sampling, Slots, SpanContext,
    SpanId, TraceFlags, TraceId, TraceParent,
};

#[test]
fn ok_ids_are_as_wide_as_their_bits_and_none_is_free() {
    assert_eq!((size_of::<TraceId>(), size_of::<Option<TraceId>>()), (16, 16));
    assert_eq!((size_of::<SpanId>(), size_of::<Option<SpanId>>()), (8, 8));
}

#[test]
fn ok_words_are_a_byte_and_none_is_free() {
    assert_eq!((size_of::<Sampling>(), size_of::<Option<Sampling>>()), (1, 1));
    assert_eq!((size_of::<Reason>(), size_of::<Option<Reason>>()), (1, 1));
    assert_eq!(size_of::<TraceFlags>(), 1);
    assert!(size_of::<Field>() <= 2);
    assert!(size_of::<FieldSet>() <= 4);
}

#[test]
fn ok_rejects_fit_a_register() {
    assert!(size_of::<Reject>() <= 8 && size_of::<Option<Reject>>() <= 8);
}

#[test]
fn ok_contexts_stay_small() {
    assert!(size_of::<TraceParent>() <= 32);
    assert!(size_of::<RemoteContext>() <= 32);
    assert!(size_of::<Inbound>() <= 48);
    assert!(size_of::<Reading>() <= 96);
    assert!(size_of::<SpanContext<'_>>() <= 112);
}

#[test]
fn ok_what_lies_on_the_stack_of_a_request_is_bounded() {
    // A table of a dozen lines. Every request fills and moves it, at about a nanosecond for 16 bytes.
    assert!(size_of::<Slots<'_>>() <= 12 * 16 + 64);
    assert!(size_of::<Extraction<'_>>() <= 384);
    assert!(size_of::<Report<'_>>() <= 4096);
}

#[cfg(feature = "alloc")]
#[test]
fn ok_an_owned_context_is_cheap_to_move() {
    use traceprop_core::OwnedContext;
    assert!(size_of::<OwnedContext>() <= 112);
    assert_eq!(size_of::<Option<OwnedContext>>(), size_of::<OwnedContext>());
}
