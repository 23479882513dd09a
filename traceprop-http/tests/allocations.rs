//! What injecting into a header map costs: one allocation a line, none for names that are known. What naming the trace
//! in a response costs is the same.

use std::fmt::Write;
use std::time::SystemTime;

use allocation_counter::measure;
use http::{HeaderMap, HeaderValue};
use traceprop_core::{Allow, IdBits, Outgoing, OwnedContext, presets};
use traceprop_http::{HeaderCarrier, HeaderCarrierMut, PageMarkup, ResponseForm, ResponseTrace, RumLink};

fn request() -> HeaderMap {
    let mut headers = HeaderMap::new();
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    headers.insert("traceparent", HeaderValue::from_static(parent));
    headers.insert("tracestate", HeaderValue::from_static("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"));
    headers.insert("baggage", HeaderValue::from_static("userId=alice,tenant=acme"));
    headers
}

#[test]
fn ok_extract_allocates_nothing() {
    let (propagator, headers) = (presets::W3C.propagator(), request());
    let carrier = HeaderCarrier::new(&headers);
    let info = measure(|| {
        let report = propagator.explain(&carrier);
        assert!(report.extraction().context().is_some());
        assert_eq!(report.extraction().baggage().len(), 2);
    });
    assert_eq!(info.count_total, 0);
}

#[test]
fn ok_inject_allocates_once_a_line() {
    let (propagator, headers) = (presets::W3C.propagator(), request());
    let carrier = HeaderCarrier::new(&headers);
    let extraction = propagator.extract(&carrier);
    let context = OwnedContext::from_span(&extraction, &extraction.start_span(&|| IdBits::random(7)));
    let mut outgoing = HeaderMap::with_capacity(8);
    let info = measure(|| {
        let span = context.span().expect("it holds a span");
        let omitted = propagator.inject(&span, &Outgoing::trusted(), &mut HeaderCarrierMut::new(&mut outgoing));
        assert!(omitted.is_empty());
    });
    assert_eq!((outgoing.len(), info.count_total), (3, 3));
}

#[test]
fn ok_removing_stale_lines_costs_nothing_more() {
    let (propagator, headers) = (presets::W3C.propagator(), request());
    let carrier = HeaderCarrier::new(&headers);
    let span = propagator.extract(&carrier).start_span(&|| IdBits::random(7));
    let mut outgoing = request();
    let info = measure(|| {
        let _ = propagator.inject(&span, &Outgoing::trusted(), &mut HeaderCarrierMut::new(&mut outgoing));
    });
    assert_eq!(outgoing.len(), 3);
    assert_eq!(info.count_total, 3);
}

#[test]
fn ok_a_response_names_its_trace_in_one_allocation() {
    let (propagator, headers) = (presets::W3C.propagator(), request());
    let carrier = HeaderCarrier::new(&headers);
    let span = propagator.extract(&carrier).start_span(&|| IdBits::random(7));
    let mut response = HeaderMap::with_capacity(8);
    response.insert("server-timing", HeaderValue::from_static("db;dur=12"));
    // A second line of a header takes a place beside the map, which grows once.
    response.append("vary", HeaderValue::from_static("origin"));
    response.append("vary", HeaderValue::from_static("accept"));
    let info = measure(|| {
        assert!(ResponseTrace::new().with(ResponseForm::ServerTiming).write(&span, &mut response));
    });
    assert_eq!(info.count_total, 1);
    let info = measure(|| {
        assert_eq!(ResponseForm::ServerTiming.read(&response).expect("it is there").trace_id, span.trace_id());
    });
    assert_eq!(info.count_total, 0);
}

#[test]
fn ok_what_browsers_are_told_and_what_they_told_costs_nothing() {
    let (propagator, headers) = (presets::MIXED.propagator(), request());
    let carrier = HeaderCarrier::new(&headers);
    let extraction = propagator.extract(&carrier);
    let context = OwnedContext::from_span(&extraction, &extraction.start_span(&|| IdBits::random(7)));
    let (response, mut page) = (HeaderMap::new(), String::with_capacity(1024));
    let info = measure(|| {
        let span = context.span().expect("it holds a span");
        let markup = PageMarkup::for_response(&span, &response).expect("nobody keeps it");
        let markup = markup.open_telemetry().datadog(SystemTime::now()).sentry_with_baggage(context.baggage());
        write!(page, "<head>{markup}</head>").expect("a string takes all");
        let link = RumLink::of(&context, Allow::All).expect("it has a trace");
        assert_eq!(link.get("userId").as_deref(), Some("alice"));
        write!(page, "{}{}", link.trace_id_decimal(), link.trace_id_hex16()).expect("a string takes all");
    });
    assert_eq!(info.count_total, 0);
}
