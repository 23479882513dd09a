//! Response headers that name the trace, read from a real socket.

mod support;

use std::net::SocketAddr;

use axum::Router;
use axum::http::{HeaderValue, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get as on_get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use traceprop_core::{IdBits, IdGenerator, Propagator, Trust, formats::correlation::Correlation};
use traceprop_tower::{ExtractLayer, ResponseHeaders};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRANSACTION: Correlation = Correlation::from_static("x-plumbr-transactionid");
const ALL: &[&str] = &[
    "server-timing",
    "traceresponse",
    "x-plumbr-transactionid",
    "timing-allow-origin",
    "access-control-expose-headers",
];

fn layer() -> ExtractLayer<impl IdGenerator + Clone> {
    let names = "tracecontext,b3,correlation:x-plumbr-transactionid";
    let propagator = Propagator::builder().names(names, names).expect("known names").build().expect("valid settings");
    ExtractLayer::new(propagator).id_generator(|| IdBits::random(7))
}

fn all() -> ResponseHeaders {
    ResponseHeaders::new()
        .server_timing()
        .traceresponse()
        .echo_correlation(TRANSACTION)
        .timing_allow_origin(HeaderValue::from_static("https://shop.example"))
        .expose_headers()
}

async fn serve<G: IdGenerator + Clone + Send + Sync + 'static>(layer: ExtractLayer<G>) -> SocketAddr {
    let proxied = || {
        let names = ["server-timing", "server-timing", "traceresponse", "timing-allow-origin"];
        let values = ["db;dur=5, traceparent;desc=\"00-1-2-01\"", "cache;desc=\"a, b\"", "00-1-2-01", "*"];
        (axum::response::AppendHeaders(names.into_iter().zip(values)), "proxied")
    };
    let kept = |name: &'static str, value: &'static str| on_get(async move || ([(name, value)], "kept"));
    let cached = |control: &'static str| kept("cache-control", control);
    let app = Router::new()
        .route("/", axum::routing::any(async || "hello"))
        .route("/health", on_get(async || "well"))
        .route("/proxied", on_get(async move || proxied()))
        .route("/cors", on_get(async || ([("access-control-expose-headers", "etag")], "cors")))
        .route("/error", on_get(async || StatusCode::INTERNAL_SERVER_ERROR.into_response()))
        .route("/public", cached("public, max-age=0"))
        .route("/max-age", cached("max-age=60"))
        .route("/private", cached("private, max-age=60"))
        .route("/expires", kept("expires", "Wed, 21 Oct 2015 07:28:00 GMT"))
        .route("/last-modified", kept("last-modified", "Wed, 21 Oct 2015 07:28:00 GMT"))
        .route("/stale", cached("max-age=0, stale-while-revalidate=60"))
        .route("/cloudflare", kept("cloudflare-cdn-cache-control", "max-age=60"))
        .route("/nginx", kept("x-accel-expires", "60"))
        .route("/no-cache", cached("no-cache"))
        .layer(layer);
    support::serve(app).await
}

/// Returns the lines of these headers in a response, in order.
async fn answer(address: SocketAddr, request: &str, lines: &str, names: &[&str]) -> Vec<String> {
    let mut stream = TcpStream::connect(address).await.expect("a server");
    let request = format!("{request} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{lines}\r\n");
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (head, _) = answer.split_once("\r\n\r\n").expect("a head");
    let is_asked = |line: &&str| names.iter().any(|name| line.starts_with(&format!("{name}:")));
    head.lines().skip(1).filter(is_asked).map(str::to_owned).collect()
}

fn parent(flags: &str) -> String {
    format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-{flags}\r\n")
}

fn metric(flags: &str) -> String {
    format!("server-timing: traceparent;desc=\"00-{TRACE}-0000000000000007-{flags}\"")
}

#[tokio::test]
async fn ok_nothing_is_written_by_default() {
    for layer in [
        layer(),
        layer().response_headers(ResponseHeaders::new()),
        layer().response_headers(ResponseHeaders::new().expose_headers()),
    ] {
        let address = serve(layer).await;
        assert_eq!(answer(address, "GET /", &parent("01"), ALL).await, [""; 0]);
    }
}

#[tokio::test]
async fn ok_server_timing_has_the_form_that_agents_read() {
    let address = serve(layer().response_headers(ResponseHeaders::new().server_timing())).await;
    for (received, flags) in [
        (parent("01"), "01"),
        // Splunk accepts no flag but the sampled one.
        (parent("03"), "01"),
        (parent("00"), "00"),
        (parent("02"), "00"),
        (format!("b3: {TRACE}-00f067aa0ba902b7-d\r\n"), "01"),
        (format!("b3: {TRACE}-00f067aa0ba902b7\r\n"), "01"),
    ] {
        assert_eq!(answer(address, "GET /", &received, ALL).await, [metric(flags)], "{received}");
    }
    let new = "server-timing: traceparent;desc=\"00-00000000000000070000000000000007-0000000000000007-01\"";
    assert_eq!(answer(address, "GET /none", "", ALL).await, [new], "a new trace, and a fallback");
    assert_eq!(answer(address, "GET /error", "", ALL).await, [new]);
}

#[tokio::test]
async fn ok_proxied_metric_is_replaced_and_others_stay() {
    let address = serve(layer().response_headers(ResponseHeaders::new().server_timing())).await;
    let lines = answer(address, "GET /proxied", &parent("01"), &["server-timing"]).await;
    assert_eq!(lines, ["server-timing: db;dur=5".into(), "server-timing: cache;desc=\"a, b\"".into(), metric("01")]);
}

#[tokio::test]
async fn ok_traceresponse_and_draft_server_timing_have_all_flags() {
    let address = serve(layer().response_headers(ResponseHeaders::new().traceresponse().draft_server_timing())).await;
    for flags in ["00", "01", "02", "03"] {
        let lines = answer(address, "GET /", &parent(flags), ALL).await;
        let value = format!("00-{TRACE}-0000000000000007-{flags}");
        assert_eq!(lines, [format!("server-timing: trace;desc={value}"), format!("traceresponse: {value}")]);
    }
    let lines = answer(address, "GET /proxied", &parent("01"), &["traceresponse"]).await;
    assert_eq!(lines, [format!("traceresponse: 00-{TRACE}-0000000000000007-01")]);
}

#[tokio::test]
async fn ok_correlation_id_is_echoed_as_received_or_generated() {
    let address = serve(layer().response_headers(ResponseHeaders::new().echo_correlation(TRANSACTION))).await;
    let names = &["x-plumbr-transactionid"];
    for text in ["4BF92F35-77B3-4DA6-A3CE-929D0E0E4736", "{4bf92f35-77b3-4da6-a3ce-929d0e0e4736}"] {
        let lines = answer(address, "GET /", &format!("X-Plumbr-TransactionId: {text}\r\n"), names).await;
        assert_eq!(lines, [format!("x-plumbr-transactionid: {text}")]);
    }
    let made = ["x-plumbr-transactionid: 4bf92f35-77b3-4da6-a3ce-929d0e0e4736"];
    assert_eq!(answer(address, "GET /", &parent("01"), names).await, made);
    let bad = format!("{}X-Plumbr-TransactionId: <script>\r\n", parent("01"));
    assert_eq!(answer(address, "GET /", &bad, names).await, [""; 0]);
    let other = format!("{}X-Plumbr-TransactionId: order-77\r\n", parent("01"));
    assert_eq!(answer(address, "GET /", &other, names).await, ["x-plumbr-transactionid: order-77"]);
}

#[tokio::test]
async fn ok_names_are_exposed_unless_the_response_exposes_some() {
    let address = serve(layer().response_headers(all())).await;
    let names = &["timing-allow-origin", "access-control-expose-headers"];
    let allowed = "timing-allow-origin: https://shop.example";
    let exposed = "access-control-expose-headers: server-timing, traceresponse, x-plumbr-transactionid";
    assert_eq!(answer(address, "GET /", "", names).await, [allowed, exposed]);
    assert_eq!(answer(address, "GET /cors", "", names).await, ["access-control-expose-headers: etag", allowed]);
    assert_eq!(answer(address, "GET /proxied", "", names).await, ["timing-allow-origin: *", exposed]);
}

#[tokio::test]
async fn ok_outer_cors_layer_takes_precedence() {
    use tower_http::cors::CorsLayer;
    use traceprop_http::cors;

    let headers = ResponseHeaders::new().server_timing();
    let app = Router::new().route("/", on_get(async || "hello"));
    let app = app.layer(layer().response_headers(headers.clone().expose_headers()));
    let names = &["server-timing", "access-control-expose-headers"];
    let silent = CorsLayer::new().allow_origin([HeaderValue::from_static("https://shop.example")]);
    let etag = "etag".parse().expect("a name");
    let listing = silent.clone().expose_headers(cors::expose_headers(&headers).chain([etag]).collect::<Vec<_>>());
    for (cors, exposed) in [(silent, "server-timing"), (listing, "server-timing,etag")] {
        let address = support::serve(app.clone().layer(cors)).await;
        let lines = answer(address, "GET /", &parent("01"), names).await;
        let exposed = format!("access-control-expose-headers: {exposed}");
        assert!(lines.len() == 2 && lines.contains(&metric("01")) && lines.contains(&exposed), "{lines:?}");
        let preflight = "origin: https://shop.example\r\naccess-control-request-method: GET\r\n";
        assert!(!answer(address, "OPTIONS /", preflight, names).await.contains(&metric("01")));
    }
}

#[tokio::test]
async fn ok_preflights_and_skipped_paths_are_unchanged() {
    let layer = layer().skip(|head| head.uri.path() == "/health").response_headers(all().allow_shared_caches());
    let address = serve(layer).await;
    let preflight = parent("01") + "access-control-request-method: GET\r\n";
    assert_eq!(answer(address, "OPTIONS /", &preflight, ALL).await, [""; 0]);
    assert_eq!(answer(address, "OPTIONS /", &parent("01"), ALL).await.len(), ALL.len());
    assert_eq!(answer(address, "GET /health", &parent("01"), ALL).await, [""; 0]);
    assert_eq!(answer(address, "GET /", &parent("01"), ALL).await.len(), ALL.len());
}

#[tokio::test]
async fn ok_responses_for_shared_caches_name_no_trace_unless_allowed() {
    let kept = ["/public", "/max-age", "/expires", "/last-modified", "/stale", "/cloudflare", "/nginx"];
    for (response_headers, shared) in [(all(), 0), (all().allow_shared_caches(), ALL.len())] {
        let address = serve(layer().response_headers(response_headers)).await;
        let others = ["/private", "/no-cache"].map(|path| (path, ALL.len()));
        for (path, lines) in kept.map(|path| (path, shared)).into_iter().chain(others) {
            let request = format!("GET {path}");
            assert_eq!(answer(address, &request, &parent("01"), ALL).await.len(), lines, "{path}");
        }
    }
}

#[tokio::test]
async fn ok_passthrough_keeps_the_span_of_the_upstream_service() {
    let layer = layer()
        .passthrough()
        .response_headers(ResponseHeaders::new().server_timing().traceresponse().echo_correlation(TRANSACTION));
    let address = serve(layer).await;
    let lines = answer(address, "GET /proxied", &parent("01"), &ALL[..3]).await;
    assert_eq!(
        lines,
        [
            "server-timing: db;dur=5, traceparent;desc=\"00-1-2-01\"",
            "server-timing: cache;desc=\"a, b\"",
            "traceresponse: 00-1-2-01",
        ]
    );
    // A passthrough makes no id.
    let request = format!("{}X-Plumbr-TransactionId: {TRACE}\r\n", parent("01"));
    let lines = answer(address, "GET /proxied", &request, &["x-plumbr-transactionid"]).await;
    assert_eq!(lines, [format!("x-plumbr-transactionid: {TRACE}")]);
    assert_eq!(answer(address, "GET /", "", ALL).await, [""; 0]);
}

#[tokio::test]
async fn ok_restarted_trace_is_the_one_that_is_named() {
    let address = serve(layer().trust(Trust::Restart).response_headers(ResponseHeaders::new().server_timing())).await;
    let lines = answer(address, "GET /", &parent("00"), ALL).await;
    assert_eq!(lines, ["server-timing: traceparent;desc=\"00-00000000000000070000000000000007-0000000000000007-01\""]);
}
