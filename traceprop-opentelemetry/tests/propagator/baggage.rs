//! Baggage: OpenTelemetry's counts, and what it did not change keeps its form.

use std::sync::{Arc, Mutex};

use opentelemetry::baggage::BaggageExt;
use opentelemetry::{Context, KeyValue};
use traceprop_core::{Allow, presets};
use traceprop_opentelemetry::OtelPropagator;

use crate::common::*;

// An encoder would write `%2F`.
const LINE: &str = "z=1;secure,tenant=a%2fb,user=7;p=1;q";

fn open() -> OtelPropagator {
    OtelPropagator::new(presets::W3C).allow_baggage(Allow::All)
}

#[test]
fn ok_received_members_are_in_opentelemetrys_baggage() {
    let cx = extract(&open(), &[("baggage", "tenant=a%20b;secure")]);
    let (value, metadata) = cx.baggage().get_with_metadata("tenant").unwrap().clone();
    assert_eq!((value.as_str(), metadata.as_str()), ("a b", "secure"));
}

#[test]
fn ok_untouched_members_keep_bytes_and_order_on_one_line() {
    for request in [&[("baggage", LINE)][..], &[TRACEPARENT, ("baggage", LINE)]] {
        let cx = extract(&open(), request);
        assert_eq!(get(&inject(&open(), &cx), "baggage"), Some(LINE));
        let served = Sdk::by_default().start(&cx);
        assert_eq!(get(&inject(&open(), &served), "baggage"), Some(LINE));
    }
    let cx = extract(&open(), &[("baggage", "b=1"), ("baggage", "a=2")]);
    assert_eq!(get(&inject(&open(), &cx), "baggage"), Some("b=1,a=2"));
    // OpenTelemetry has each key once.
    let cx = extract(&open(), &[("baggage", "a=1,a=2")]);
    assert_eq!(get(&inject(&open(), &cx), "baggage"), Some("a=1,a=2"));
}

#[test]
fn ok_changed_members_keep_the_old_order_and_new_ones_are_sorted() {
    let cx = extract(&open(), &[TRACEPARENT, ("baggage", LINE)]);
    let changed = |members: &[(&'static str, &'static str)], removed: &str| {
        let old = cx.baggage().iter().filter(|(key, _)| key.as_str() != removed);
        let old = old.map(|(key, (value, metadata))| {
            opentelemetry::baggage::KeyValueMetadata::new(key.clone(), value.clone(), metadata.clone())
        });
        let new = members.iter().map(|(key, value)| KeyValue::new(*key, *value).into());
        let cx = cx.with_baggage(old.chain(new).collect::<Vec<_>>());
        inject(&open(), &cx).remove("baggage")
    };
    assert_eq!(changed(&[("x", "1"), ("c", "2")], "").unwrap(), "z=1;secure,tenant=a/b,user=7;p=1;q,c=2,x=1");
    assert_eq!(changed(&[("tenant", "new")], "tenant").unwrap(), "z=1;secure,tenant=new,user=7;p=1;q");
    assert_eq!(changed(&[], "z").unwrap(), "tenant=a/b,user=7;p=1;q");
    assert_eq!(inject(&open(), &cx.with_baggage(Vec::<KeyValue>::new())).get("baggage"), None);
}

#[test]
fn ok_baggage_of_the_service_alone_is_sent_with_and_without_a_span() {
    let cx = Context::new().with_baggage([KeyValue::new("tenant", "acme")]);
    let served = Sdk::by_default().start(&cx);
    assert_eq!(get(&inject(&open(), &served), "baggage"), Some("tenant=acme"));
    assert_eq!(get(&inject(&open(), &cx), "baggage"), Some("tenant=acme"));
}

#[test]
fn ok_by_default_none_is_sent() {
    let request = [TRACEPARENT, ("baggage", "tenant=acme,user=7"), ("x-request-id", "order-7")];
    let names = "tracecontext,baggage,correlation:x-request-id;opaque";
    let sent = |propagator: OtelPropagator| {
        let served = Sdk::by_default().start(&extract(&propagator, &request));
        let sent = inject(&propagator, &served);
        (sent.get("baggage").cloned(), sent.get("x-request-id").cloned())
    };
    assert_eq!(sent(OtelPropagator::new(named(names, names))), (None, None));
    let only = OtelPropagator::new(named(names, names)).allow_baggage(Allow::Only(&["tenant"]));
    assert_eq!(sent(only), (Some("tenant=acme".to_owned()), None));
    let all = OtelPropagator::new(named(names, names)).allow_correlation(Allow::All);
    assert_eq!(sent(all), (None, Some("order-7".to_owned())));
}

#[test]
fn ok_what_is_not_accepted_is_nowhere() {
    let propagator = open().accept_baggage(Allow::Only(&["tenant"]));
    let cx = extract(&propagator, &[TRACEPARENT, ("baggage", "tenant=acme,user=7")]);
    assert_eq!(cx.baggage().len(), 1);
    assert_eq!(get(&inject(&propagator, &cx), "baggage"), Some("tenant=acme"));
}

#[test]
fn ok_every_omission_is_told_with_the_destination() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&told);
    let propagator = OtelPropagator::new(presets::W3C).on_omitted(move |destination, report| {
        sink.lock().unwrap().push((destination.map(str::to_owned), report.to_string()));
    });
    let cx = extract(&propagator, &[TRACEPARENT, ("baggage", "tenant=acme,user=7")]);
    inject(&propagator, &cx);
    inject(&propagator, &cx.with_value(traceprop_opentelemetry::Destination::new("stock:80")));
    inject(&propagator, &extract(&propagator, &[TRACEPARENT]));
    let text = "baggage: 2 members omitted (not-allowed)".to_owned();
    assert_eq!(*told.lock().unwrap(), [(None, text.clone()), (Some("stock:80".to_owned()), text)]);
}
