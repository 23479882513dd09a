//! Allocations of writing into a header map: one for each line, none for known names. Response headers take one each.

use std::fmt::Write;
use std::time::SystemTime;

use allocation_counter::measure;
use http::{HeaderMap, HeaderName, HeaderValue};
use traceprop_core::formats::sw8::Sw8;
use traceprop_core::{Allow, Field, IdBits, InjectOptions, OwnedContext, Propagator, format::Outcome, presets};
use traceprop_http::{HeaderCarrier, HeaderCarrierMut, PageMarkup, ResponseHeader, ResponseHeaders, RumIds};

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

/// Returns a request with these headers among ordinary ones.
fn request_of(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let ordinary = [("host", "shop.example"), ("accept", "*/*"), ("user-agent", "Mozilla/5.0"), ("cookie", "a=b; c=d")];
    ordinary
        .iter()
        .chain(lines)
        .map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

const SW8: &str = "1-NGJmOTJmMzU3N2IzNGRhNmEzY2U5MjlkMGUwZTQ3MzY=-YQ==-0-Yg==-Yw==-Lw==-ZA==";

/// The name of each format, with a request in that format.
const FORMATS: &[(&str, &[(&str, &str)])] = &[
    (
        "tracecontext",
        &[("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("tracestate", "a=1")],
    ),
    ("b3", &[("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1-05e3ac9a4f6e3b90")]),
    (
        "b3multi",
        &[
            ("x-b3-traceid", "4bf92f3577b34da6a3ce929d0e0e4736"),
            ("x-b3-spanid", "00f067aa0ba902b7"),
            ("x-b3-sampled", "1"),
        ],
    ),
    (
        "datadog",
        &[
            ("x-datadog-trace-id", "11803532876627986230"),
            ("x-datadog-parent-id", "67667974448284343"),
            ("x-datadog-sampling-priority", "1"),
            ("x-datadog-origin", "rum"),
            ("x-datadog-tags", "_dd.p.tid=4bf92f3577b34da6,_dd.p.dm=-0"),
        ],
    ),
    (
        "jaeger",
        &[
            ("uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:f067aa0ba902b7:0:1"),
            ("uberctx-tenant", "acme"),
            ("uberctx-user", "alice"),
        ],
    ),
    ("sw8", &[("sw8", SW8), ("sw8-correlation", "dGVuYW50:YWNtZQ==")]),
    (
        "ottrace",
        &[("ot-tracer-traceid", "a3ce929d0e0e4736"), ("ot-tracer-spanid", "00f067aa0ba902b7"), ("ot-baggage-a", "1")],
    ),
    ("instana", &[("x-instana-t", "a3ce929d0e0e4736"), ("x-instana-s", "00f067aa0ba902b7"), ("x-instana-l", "1")]),
    (
        "newrelic",
        &[(
            "newrelic",
            "eyJ2IjpbMCwxXSwiZCI6eyJ0eSI6IkFwcCIsImFjIjoiMzMiLCJhcCI6IjIiLCJ0eCI6IjZiIiwidHIiOiI1YSIsInRpIjoxfX0=",
        )],
    ),
    ("grpc-trace-bin", &[("grpc-trace-bin", "AABL+S81d7NNpqPOkp0ODkc2AQDwZ6oLqQK3AgE")]),
    ("elastic", &[("elastic-apm-traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]),
    (
        "sentry",
        &[
            ("sentry-trace", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1"),
            ("baggage", "sentry-trace_id=4bf92f3577b34da6a3ce929d0e0e4736,sentry-release=a%401"),
        ],
    ),
    ("cloudtrace", &[("x-cloud-trace-context", "4bf92f3577b34da6a3ce929d0e0e4736/67667974448284343;o=1")]),
    (
        "xray",
        &[(
            "x-amzn-trace-id",
            "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1;Lineage=1:f4ae5ad5:0;a=b",
        )],
    ),
    ("correlation:x-request-id", &[("x-request-id", "{4BF92F35-77B3-4DA6-A3CE-929D0E0E4736}")]),
    (
        "tracecontext,baggage",
        &[("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("baggage", "a=1")],
    ),
];

#[test]
fn ok_each_format_of_the_table_is_measured() {
    let all = Propagator::from_names("all,b3multi,correlation:x-request-id", "none").unwrap();
    for name in all.extract_names() {
        let is_measured = FORMATS.iter().any(|(names, _)| names.split(',').any(|known| known == name));
        assert!(is_measured, "add `{name}` to `FORMATS`");
    }
    for field in Field::BUILT_IN.iter().filter_map(|field| field.name()) {
        let is_read = all.extract_fields().any(|known| known == field);
        assert!(is_read, "{field} is a field of no format in this list");
    }
}

/// Default headers of Datadog's browser agent.
const DATADOG_RUM: [(&str, &str); 7] = [
    ("x-datadog-trace-id", "11803532876627986230"),
    ("x-datadog-parent-id", "67667974448284343"),
    ("x-datadog-sampling-priority", "1"),
    ("x-datadog-origin", "rum"),
    ("traceparent", "00-0000000000000000a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ("tracestate", "dd=s:1;o:rum"),
    ("baggage", "session.id=8f14e45f-ceea-467a-9a36-dedd4bea2543"),
];

#[test]
fn ok_extract_of_each_format_allocates_nothing() {
    for (names, lines) in FORMATS {
        let (propagator, headers) = (Propagator::from_names(names, "none").unwrap(), request_of(lines));
        let info = measure(|| {
            let carrier = HeaderCarrier::new(&headers);
            let extraction = propagator.extract(&carrier);
            assert!(extraction.context().is_some(), "{names}");
        });
        assert_eq!(info.count_total, 0, "{names}");
    }
}

#[test]
fn ok_all_formats_with_a_report_allocate_nothing() {
    let propagator = Propagator::from_names("all,correlation:x-request-id", "none").unwrap();
    for (lines, expected) in [(&DATADOG_RUM[..], 2), (&[], 0)] {
        let headers = request_of(lines);
        let info = measure(|| {
            let carrier = HeaderCarrier::new(&headers);
            let report = propagator.explain(&carrier);
            let entries = report.entries().filter(|entry| matches!(entry.parsed.outcome(), Outcome::Context(_)));
            assert_eq!((entries.count(), report.invalid_headers().count()), (expected, 0));
            assert_eq!(report.extraction().context().is_some(), expected > 0);
        });
        assert_eq!(info.count_total, 0);
    }
}

#[test]
fn ok_inject_of_each_format_allocates_once_a_line() {
    let all = "all,b3multi,correlation:x-request-id";
    let build = |names: &str| {
        let builder = Propagator::builder().define(Sw8::new("cart", "cart-1"));
        builder.names("all,correlation:x-request-id", names).and_then(|builder| builder.build()).unwrap()
    };
    let three = ("tracecontext,baggage,b3", FORMATS[0].1);
    let written = FORMATS.iter().copied().filter(|(names, _)| *names != "newrelic");
    for (names, lines) in written.chain([three, (all, FORMATS[4].1)]) {
        let (propagator, headers) = (build(names), request_of(lines));
        let carrier = HeaderCarrier::new(&headers);
        let span = propagator.extract(&carrier).new_span(&|| IdBits::random(7));
        let mut outgoing = HeaderMap::with_capacity(64);
        let info = measure(|| {
            propagator.inject(&span, &InjectOptions::everything(), &mut HeaderCarrierMut::new(&mut outgoing));
        });
        // A name that is known only at run time allocates too.
        let prefixes = ["uberctx-", "ot-baggage-"];
        let is_made = |name: &&HeaderName| {
            prefixes.iter().any(|prefix| name.as_str().starts_with(prefix)) || *name == "x-request-id"
        };
        let made = outgoing.keys().filter(is_made).count();
        assert!(!outgoing.is_empty(), "{names}");
        assert_eq!(info.count_total, (outgoing.len() + made) as u64, "{names}: {outgoing:?}");
    }
}

#[test]
fn ok_inject_allocates_once_a_line() {
    let (propagator, headers) = (presets::W3C.propagator(), request());
    let carrier = HeaderCarrier::new(&headers);
    let extraction = propagator.extract(&carrier);
    let context = OwnedContext::from_span(&extraction, &extraction.new_span(&|| IdBits::random(7)));
    let mut outgoing = HeaderMap::with_capacity(8);
    let info = measure(|| {
        let span = context.span().expect("a span");
        let omitted = propagator.inject(&span, &InjectOptions::everything(), &mut HeaderCarrierMut::new(&mut outgoing));
        assert!(omitted.is_complete());
    });
    assert_eq!((outgoing.len(), info.count_total), (3, 3));
}

#[test]
fn ok_removing_stale_lines_allocates_nothing_more() {
    let (propagator, headers) = (presets::W3C.propagator(), request());
    let carrier = HeaderCarrier::new(&headers);
    let span = propagator.extract(&carrier).new_span(&|| IdBits::random(7));
    let mut outgoing = request();
    let info = measure(|| {
        propagator.inject(&span, &InjectOptions::everything(), &mut HeaderCarrierMut::new(&mut outgoing));
    });
    assert_eq!(outgoing.len(), 3);
    assert_eq!(info.count_total, 3);
}

#[test]
fn ok_response_header_takes_one_allocation() {
    let (propagator, headers) = (presets::W3C.propagator(), request());
    let carrier = HeaderCarrier::new(&headers);
    let span = propagator.extract(&carrier).new_span(&|| IdBits::random(7));
    let mut response = HeaderMap::with_capacity(8);
    response.insert("server-timing", HeaderValue::from_static("db;dur=12"));
    // Second lines of a header are stored outside of the map, in a list that grows once.
    response.append("vary", HeaderValue::from_static("origin"));
    response.append("vary", HeaderValue::from_static("accept"));
    let info = measure(|| {
        assert!(ResponseHeaders::new().server_timing().write_span(&span, &mut response));
    });
    assert_eq!(info.count_total, 1);
    let info = measure(|| {
        assert_eq!(ResponseHeader::ServerTiming.read(&response).expect("a header").trace_id, span.trace_id());
    });
    assert_eq!(info.count_total, 0);
}

#[test]
fn ok_page_markup_and_rum_ids_allocate_nothing() {
    let (propagator, headers) = (presets::ALL_TO_W3C.propagator(), request());
    let carrier = HeaderCarrier::new(&headers);
    let extraction = propagator.extract(&carrier);
    let context = OwnedContext::from_span(&extraction, &extraction.new_span(&|| IdBits::random(7)));
    let (response, mut page) = (HeaderMap::new(), String::with_capacity(1024));
    let info = measure(|| {
        let span = context.span().expect("a span");
        let markup = PageMarkup::for_response(&span, &response).expect("not cached");
        let markup = markup.opentelemetry().datadog(SystemTime::now()).sentry_with_baggage(context.baggage());
        write!(page, "<head>{markup}</head>").expect("a string");
        let link = RumIds::from_context(&context, Allow::All).expect("a trace");
        assert_eq!(link.get("userId").as_deref(), Some("alice"));
        write!(page, "{}{}", link.trace_id_decimal(), link.trace_id_low_hex()).expect("a string");
    });
    assert_eq!(info.count_total, 0);
}
