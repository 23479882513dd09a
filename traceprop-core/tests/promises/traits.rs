//! What crosses threads and awaits, what is a plain value, and what is not.

use std::error::Error;
use std::fmt::{Debug, Display};
use std::hash::Hash;

use traceprop_core::{
    Allow, Baggage, ConfigError, Extraction, Field, IdBits, InjectOptions, InvalidHeader, InvalidReason, ParseIdError,
    Propagator, PropagatorBuilder, RemoteContext, Sampling, SpanContext, SpanId, TraceId, TraceState,
    baggage::BaggageMember,
    format::{CustomHeader, Format, Headers, InvalidHeaderName, Parsed, Passthrough},
    formats::tracecontext::{TraceFlags, TraceParent},
    presets::Preset,
    report::{ExtractReport, InjectReport},
    tracestate::TraceStateEdit,
};

fn crosses_threads<T: Send + Sync>() {}
fn is_a_value<T: Copy + Eq + Hash + Debug + Send + Sync + 'static>() {}
fn is_copied<T: Copy + Debug>() {}
fn is_an_error<T: Error + Display + Debug + Send + Sync + 'static>() {}

#[test]
fn ok_what_a_request_holds_crosses_threads() {
    crosses_threads::<Propagator>();
    crosses_threads::<PropagatorBuilder>();
    crosses_threads::<Preset>();
    crosses_threads::<Extraction<'_>>();
    crosses_threads::<ExtractReport<'_>>();
    crosses_threads::<Headers<'_>>();
    crosses_threads::<SpanContext<'_>>();
    crosses_threads::<Passthrough<'_>>();
    crosses_threads::<InjectReport>();
    crosses_threads::<InjectOptions<'_>>();
    crosses_threads::<TraceState<'_>>();
    crosses_threads::<Baggage<'_>>();
    crosses_threads::<&dyn Format>();
}

#[test]
fn ok_ids_and_enums_are_values() {
    is_a_value::<TraceId>();
    is_a_value::<SpanId>();
    is_a_value::<Sampling>();
    is_a_value::<TraceFlags>();
    is_a_value::<TraceParent>();
    is_a_value::<RemoteContext>();
    is_a_value::<Field>();
    is_a_value::<InvalidReason>();
    is_a_value::<InvalidHeader>();
}

#[test]
fn ok_what_borrows_a_carrier_is_copied() {
    is_copied::<SpanContext<'_>>();
    is_copied::<Passthrough<'_>>();
    is_copied::<Headers<'_>>();
    is_copied::<TraceState<'_>>();
    is_copied::<TraceStateEdit<'_>>();
    is_copied::<Baggage<'_>>();
    is_copied::<BaggageMember<'_>>();
    is_copied::<InjectOptions<'_>>();
    is_copied::<Allow<'_>>();
    is_copied::<Parsed>();
    is_copied::<CustomHeader>();
    is_copied::<IdBits>();
}

#[test]
fn ok_errors_are_errors() {
    is_an_error::<InvalidHeader>();
    is_an_error::<ConfigError>();
    is_an_error::<ParseIdError>();
    is_an_error::<InvalidHeaderName>();
}

#[test]
fn ok_ids_and_outgoing_are_built_in_constants() {
    const TRACE: Option<TraceId> = TraceId::new(1);
    const SPAN: Option<SpanId> = SpanId::new(1);
    const ZERO: (Option<TraceId>, Option<SpanId>) = (TraceId::new(0), SpanId::new(0));
    const CALL: InjectOptions<'static> = InjectOptions::new().peer("stock:80").allow_baggage(Allow::Only(&["tenant"]));
    assert_eq!((TRACE, SPAN, ZERO), (Some(TraceId::MIN), Some(SpanId::MIN), (None, None)));
    assert_eq!(CALL.peer_or("unknown"), "stock:80");
}

#[cfg(feature = "alloc")]
#[test]
fn ok_owned_contexts_cross_threads_and_live_on() {
    use traceprop_core::{OwnedBaggage, OwnedContext, Pairs};
    fn lives_on<T: Send + Sync + Clone + 'static>() {}
    lives_on::<OwnedContext>();
    lives_on::<OwnedBaggage>();
    lives_on::<Pairs>();
}

#[cfg(feature = "std")]
#[test]
fn ok_a_future_with_a_context_crosses_threads_and_a_guard_does_not() {
    use traceprop_core::{ContextFuture, ContextGuard};
    crosses_threads::<ContextFuture<std::future::Ready<()>>>();

    // For a type that is `Send` both impls apply, and the call below does not compile.
    trait NotSend<A> {
        fn holds() {}
    }
    impl<T> NotSend<()> for T {}
    struct IsSend;
    impl<T: Send> NotSend<IsSend> for T {}
    <ContextGuard as NotSend<_>>::holds();
}
