//! A JSON log has the ids of the request in each line, and no unsafe text of the request.

#![cfg(feature = "tracing")]

mod support;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::routing::{any, get as on_get};
use serde_json::{Value, json};
use support::log::Log;
use support::{Answer, PARENT, get, send, serve};
use tower::{Layer, Service, ServiceExt};
use tower_http::trace::TraceLayer;
use traceprop_core::{IdBits, formats::correlation::Correlation};
use traceprop_tower::logging::{LogFields, SpanLayer, request_span};
use traceprop_tower::{ExtractLayer, OwnedContext, Propagator, ResponseHeaders, presets, request_span};
use tracing::{Level, Span};

/// Returns the span of the only line.
#[track_caller]
fn only_span(log: &Log) -> Value {
    let mut lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0]["span"].take()
}

async fn hello() -> &'static str {
    tokio::task::yield_now().await;
    tracing::info!("hello");
    "hello"
}

fn extract(propagator: impl Into<Arc<Propagator>>) -> ExtractLayer<impl traceprop_core::IdGenerator + Clone> {
    ExtractLayer::new(propagator).id_generator(|| IdBits::non_random(7))
}

fn traced() -> Vec<u8> {
    format!("traceparent: {PARENT}\r\n").into_bytes()
}

fn ids() -> Value {
    json!({
        "name": "request",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "span_id": "0000000000000007",
        "parent_id": "00f067aa0ba902b7",
        "dd.trace_id": "11803532876627986230",
        "dd.span_id": "7",
    })
}

#[tokio::test]
async fn ok_json_log_has_the_ids() {
    let (log, _guard) = Log::start(Level::INFO);
    let app = Router::new().route("/", on_get(hello)).layer(SpanLayer::new()).layer(extract(presets::W3C));
    assert_eq!(get(serve(app).await, "/", &traced()).await, Answer::ok("hello"));
    assert_eq!(only_span(&log), ids());
}

#[test]
fn ok_layers_that_log_in_call_have_the_ids() {
    let (log, _guard) = Log::start(Level::INFO);
    let handler = tower::service_fn(|_: Request| {
        tracing::info!("called");
        std::future::ready(Ok::<_, Infallible>(http::Response::new(())))
    });
    let mut service = extract(presets::W3C).layer(SpanLayer::new().layer(handler));
    let request = Request::get("/").header("traceparent", PARENT).body(Body::empty()).expect("a request");
    drop(service.call(request));
    assert_eq!(only_span(&log), ids());
    tracing::info!("after it");
    assert_eq!(log.lines()[1].get("span"), None);
}

#[tokio::test]
async fn ok_trace_layer_of_tower_http_has_the_ids() {
    let (log, _guard) = Log::start(Level::INFO);
    let trace = TraceLayer::new_for_http().make_span_with(request_span);
    let app = Router::new().route("/", on_get(hello)).layer(trace).layer(extract(presets::W3C));
    get(serve(app).await, "/", &traced()).await;
    assert_eq!(only_span(&log), ids());
}

#[tokio::test]
async fn ok_events_of_the_trace_layer_have_the_ids() {
    let (log, _guard) = Log::start(Level::DEBUG);
    let make = |request: &Request| {
        let fields = LogFields::from_extensions(request.extensions());
        request_span!(Level::DEBUG, "http", fields, baggage: [], method = %request.method())
    };
    let trace = TraceLayer::new_for_http().make_span_with(make);
    let app = Router::new().route("/", on_get(hello)).layer(trace).layer(extract(presets::W3C));
    get(serve(app).await, "/", &traced()).await;
    let mut expected = ids();
    expected["name"] = json!("http");
    expected["method"] = json!("GET");
    let seen: Vec<_> = log
        .lines()
        .into_iter()
        .filter(|line| line["span"]["trace_id"].is_string())
        .map(|line| line["span"].clone())
        .collect();
    assert_eq!(seen, [expected.clone(), expected.clone(), expected], "started, hello, finished");
}

#[tokio::test]
async fn ok_earlier_span_records_the_ids_later() {
    let (log, _guard) = Log::start(Level::INFO);
    let trace = TraceLayer::new_for_http().make_span_with(request_span);
    let record = middleware::from_fn(async |request: Request, next: Next| {
        LogFields::from_extensions(request.extensions()).record(&Span::current(), &["tenant"]);
        next.run(request).await
    });
    let app = Router::new().route("/", on_get(hello)).layer(record).layer(extract(presets::W3C)).layer(trace);
    get(serve(app).await, "/", &traced()).await;
    assert_eq!(only_span(&log), ids());
}

#[tokio::test]
async fn ok_disabled_span_changes_nothing_else() {
    async fn handler() -> String {
        let context = OwnedContext::current().expect("the layer put it there");
        let fields = LogFields::from_context(&context);
        tracing::warn!(trace_id = fields.trace_id().map(tracing::field::display), "low");
        context.parent_id().map_or("none".to_owned(), |id| id.to_string())
    }
    let (log, guard) = Log::start(Level::WARN);
    let app = Router::new().route("/", on_get(handler)).layer(SpanLayer::new()).layer(extract(presets::W3C));
    let address = serve(app).await;
    assert_eq!(get(address, "/", &traced()).await, Answer::ok("00f067aa0ba902b7"));
    let lines = log.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].get("span"), None);
    assert_eq!(lines[0]["fields"], json!({ "message": "low", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736" }));

    drop(guard);
    assert_eq!(get(address, "/", &traced()).await, Answer::ok("00f067aa0ba902b7"), "without any subscriber");
}

#[tokio::test]
async fn ok_absent_values_have_no_field() {
    let (log, _guard) = Log::start(Level::INFO);
    let app = Router::new()
        .route("/", any(hello))
        .layer(SpanLayer::new())
        .layer(extract(presets::W3C))
        .route("/bare", on_get(hello).layer(SpanLayer::new()));
    let address = serve(app).await;
    get(address, "/", b"").await;
    // A preflight has no span, and this one no trace.
    send(address, "OPTIONS", "/", b"access-control-request-method: GET\r\n").await;
    get(address, "/bare", &traced()).await;
    let new_trace = json!({
        "name": "request",
        "trace_id": "00000000000000070000000000000007",
        "span_id": "0000000000000007",
        "dd.trace_id": "7",
        "dd.span_id": "7",
    });
    // The warning that there is no context is of another level.
    let lines = log.lines().into_iter().filter(|line| line["level"] == "INFO");
    let spans: Vec<_> = lines.map(|line| line["span"].clone()).collect();
    assert_eq!(spans[0], new_trace);
    assert_eq!(spans[1..], [json!({ "name": "request" }), json!({ "name": "request" })]);
}

#[tokio::test]
async fn ok_passthrough_logs_the_received_ids() {
    let (log, _guard) = Log::start(Level::INFO);
    let app = Router::new()
        .route("/", on_get(hello))
        .layer(SpanLayer::new())
        .layer(extract(presets::ALL_TO_W3C).passthrough());
    let address = serve(app).await;
    get(address, "/", b"b3: 0\r\n").await;
    get(address, "/", &traced()).await;
    let spans: Vec<_> = log.lines().into_iter().map(|line| line["span"].clone()).collect();
    let passed_on = json!({
        "name": "request",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "span_id": "00f067aa0ba902b7",
        "dd.trace_id": "11803532876627986230",
        "dd.span_id": "67667974448284343",
    });
    assert_eq!(spans, [json!({ "name": "request" }), passed_on]);
}

fn with_baggage() -> SpanLayer {
    SpanLayer::make_span_with(|head| {
        let fields = LogFields::from_extensions(&head.extensions);
        request_span!(fields, baggage: ["session.id", "tenant"])
    })
}

#[tokio::test]
async fn ok_baggage_is_logged_if_its_key_is_listed() {
    let (log, _guard) = Log::start(Level::INFO);
    let app = Router::new().route("/", on_get(hello)).layer(with_baggage()).layer(extract(presets::W3C));
    let lines = [&traced()[..], b"baggage: user.id=alice,session.id=first,session.id=a2c1-77\r\n"].concat();
    get(serve(app).await, "/", &lines).await;
    let mut expected = ids();
    expected["session.id"] = json!("a2c1-77");
    assert_eq!(only_span(&log), expected);
    assert!(!log.text().contains("alice"), "{}", log.text());
}

#[tokio::test]
async fn ok_long_or_invisible_text_is_logged_as_its_length() {
    let (log, _guard) = Log::start(Level::INFO);
    let app = Router::new().route("/", on_get(hello)).layer(with_baggage()).layer(extract(presets::W3C));
    let address = serve(app).await;
    let longest = "s".repeat(150);
    for (value, shown) in [
        (longest.clone(), longest.clone()),
        (format!("{longest}s"), "151 bytes".to_owned()),
        ("%41".repeat(150), "A".repeat(150)),
        ("secret%0A{%22level%22:%22ERROR%22}".to_owned(), "24 bytes".to_owned()),
        ("%1B[31msecret".to_owned(), "11 bytes".to_owned()),
        ("se%20cret".to_owned(), "7 bytes".to_owned()),
        ("s%C3%A9cret".to_owned(), "7 bytes".to_owned()),
        ("%00%00".to_owned(), "2 bytes".to_owned()),
        ("%22%5C".to_owned(), "\"\\".to_owned()),
    ] {
        log.clear();
        get(address, "/", format!("baggage: tenant={value}\r\n").as_bytes()).await;
        assert_eq!(only_span(&log)["tenant"], shown, "{value}");
        assert!(!log.text().contains("cret"), "{}", log.text());
    }
}

#[tokio::test]
async fn ok_trace_id_of_sw8_is_the_received_text() {
    let (log, _guard) = Log::start(Level::INFO);
    let app = Router::new().route("/", on_get(hello)).layer(SpanLayer::new()).layer(extract(presets::ALL_TO_W3C));
    let address = serve(app).await;
    // In base64: ticket-1, ticket 1, the letter a 150 times, and 153 times.
    let long = "YWFh".repeat(50);
    for (encoded, shown) in [
        ("dGlja2V0LTE=", json!("ticket-1")),
        ("dGlja2V0IDE=", json!("8 bytes")),
        (&long, json!("a".repeat(150))),
        (&format!("{long}YWFh"), json!("153 bytes")),
    ] {
        log.clear();
        let line = format!("sw8: 1-{encoded}-c2VnbWVudA==-3-c2hvcA==-c2hvcC0x-L2NhcnQ=-c3RvY2s6ODA=\r\n");
        get(address, "/", line.as_bytes()).await;
        assert_eq!(only_span(&log)["sw8.trace_id"], shown, "{encoded}");
    }
}

#[tokio::test]
async fn ok_correlation_id_is_the_received_or_the_sent_one() {
    static TRANSACTION: Correlation = Correlation::from_static("x-plumbr-transactionid").opaque();

    let (log, _guard) = Log::start(Level::INFO);
    let spans = SpanLayer::make_span_with(|head| {
        request_span!(LogFields::from_extensions(&head.extensions).with_correlation(&TRANSACTION))
    });
    let propagator = Propagator::builder().extract(TRANSACTION).inject(TRANSACTION).build().expect("valid settings");
    let app = Router::new().route("/", on_get(hello)).layer(spans).layer(extract(propagator));
    let address = serve(app).await;
    for (line, shown) in [
        ("x-plumbr-transactionid: D19931BB-F235-4DCB-2E2F-B9D31225D62E\r\n", "D19931BB-F235-4DCB-2E2F-B9D31225D62E"),
        ("x-plumbr-transactionid: 2026/000123\r\n", "2026/000123"),
        ("", "28b3a97f-adf0-47e7-89b2-0f67d556b50a"),
    ] {
        log.clear();
        get(address, "/", line.as_bytes()).await;
        assert_eq!(only_span(&log)["correlation_id"], shown, "{line}");
    }
}

#[tokio::test]
async fn ok_the_header_that_the_propagator_names_is_logged_echoed_and_sent() {
    let (log, _guard) = Log::start(Level::INFO);
    // It is named here and nowhere else.
    let list = "tracecontext,correlation:x-order-id;opaque";
    let propagator = || Propagator::from_names(list, list).expect("valid settings");
    let named = SpanLayer::make_span_with(
        |head| request_span!(LogFields::from_extensions(&head.extensions), correlation: "order", baggage: [], step = 1),
    );
    let echo = ResponseHeaders::new().echo_correlation_of(&propagator());
    for (spans, field) in [(SpanLayer::new(), "correlation_id"), (named, "order")] {
        let layer = extract(propagator()).response_headers(echo.clone());
        let app = Router::new().route("/", on_get(hello)).layer(spans).layer(layer);
        log.clear();
        let request = Request::get("/").header("x-order-id", "order-7").body(Body::empty()).unwrap();
        let answer = app.oneshot(request).await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.headers()["x-order-id"]), (200, &"order-7".parse().unwrap()));
        assert_eq!(only_span(&log)[field], "order-7");
    }
}

#[tokio::test]
async fn ok_parallel_requests_log_their_own_ids() {
    async fn handler() -> String {
        for _ in 0..5 {
            tokio::task::yield_now().await;
            let own = OwnedContext::current().and_then(|context| context.trace_id()).map(tracing::field::display);
            tracing::info!(own);
        }
        String::new()
    }
    let (log, _guard) = Log::start(Level::INFO);
    let app = Router::new().route("/", on_get(handler)).layer(SpanLayer::new()).layer(extract(presets::W3C));
    let address = serve(app).await;
    let requests: Vec<_> = (1..=50)
        .map(|n| {
            tokio::spawn(async move {
                get(address, "/", format!("traceparent: 00-{n:032x}-{n:016x}-01\r\n").as_bytes()).await
            })
        })
        .collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), Answer::ok(""));
    }
    let lines = log.lines();
    assert_eq!(lines.len(), 250);
    for line in lines {
        assert!(line["fields"]["own"].is_string());
        assert_eq!(line["fields"]["own"], line["span"]["trace_id"]);
    }
}
