//! What goes to whom.

use traceprop_core::InjectOptions;
use traceprop_core::formats::sw8::Sw8Header;
use traceprop_opentelemetry::{Destination, OtelPropagator};

use crate::common::*;

#[test]
fn ok_destinations_decide() {
    let propagator =
        OtelPropagator::new(named("tracecontext,baggage", "tracecontext,baggage")).inject_options_fn(|destination| {
            match destination {
                Some(host) if host.ends_with(".internal") => Some(InjectOptions::everything()),
                Some(_) => None,
                None => Some(InjectOptions::new()),
            }
        });
    let cx = extract(&propagator, &[TRACEPARENT, ("baggage", "tenant=acme")]);
    let names = |cx: &opentelemetry::Context| {
        let mut names: Vec<String> = inject(&propagator, cx).into_keys().collect();
        names.sort();
        names
    };
    assert_eq!(names(&cx.with_value(Destination::new("stock.internal"))), ["baggage", "traceparent"]);
    assert_eq!(names(&cx.with_value(Destination::new("example.com"))), [""; 0]);
    assert_eq!(names(&cx), ["traceparent"]);
}

#[test]
fn ok_the_destination_is_the_peer_of_sw8() {
    let propagator = OtelPropagator::new(named("tracecontext", "sw8"));
    let cx = extract(&propagator, &[TRACEPARENT]).with_value(Destination::new("stock:8080"));
    let served = Sdk::by_default().start(&cx);
    let sent = inject(&propagator, &served);
    let header = Sw8Header::parse(get(&sent, "sw8").unwrap().as_bytes()).unwrap();
    assert!(format!("{header:?}").contains("stock:8080") || get(&sent, "sw8").unwrap().ends_with("c3RvY2s6ODA4MA=="));
}
