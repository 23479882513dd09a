//! What a response of an upstream service tells of its trace, behind a listener with each trust.

use std::convert::Infallible;

use http::{HeaderMap, HeaderValue, Method, Request, Response};
use tower::{Layer, ServiceExt, service_fn};
use traceprop_core::formats::correlation::Correlation;
use traceprop_core::{IdBits, IdGenerator};
use traceprop_tower::{ExtractLayer, Propagator, ResponseHeaders, Trust, presets};

const UPSTREAM: &[(&str, &str)] = &[
    ("etag", "\"1\""),
    ("server-timing", "db;dur=1.50 ,intid;desc=0123456789abcdef, cache;desc=\"a, trace\""),
    ("server-timing", "traceparent;desc=\"00-11111111111111111111111111111111-2222222222222222-01\""),
    ("traceresponse", "00-11111111111111111111111111111111-2222222222222222-01"),
    ("x-amzn-trace-id", "Root=1-67891233-abcdef012345678912345678"),
    ("x-b3-traceid", "1111111111111111"),
    ("x-order-id", "7"),
    ("x-request-id", "upstream"),
];

/// Forwards to the upstream service.
async fn forward(_: Request<()>) -> Result<Response<()>, Infallible> {
    let mut response = Response::new(());
    for (name, value) in UPSTREAM {
        response.headers_mut().append(*name, HeaderValue::from_static(value));
    }
    Ok(response)
}

fn listener(trust: Trust) -> ExtractLayer<impl IdGenerator + Clone> {
    let propagator = Propagator::from_names("tracecontext,correlation:x-request-id", "tracecontext").expect("names");
    ExtractLayer::new(propagator.with_trust(trust)).id_generator(|| IdBits::random(7))
}

fn lines(headers: &HeaderMap) -> Vec<String> {
    let mut lines: Vec<_> =
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().expect("text"))).collect();
    lines.sort();
    lines
}

fn everything() -> Vec<String> {
    UPSTREAM.iter().map(|(name, value)| format!("{name}: {value}")).collect()
}

/// What is left for a stranger. The id of the correlation header is the upstream's.
const REST: [&str; 3] = ["etag: \"1\"", "server-timing: db;dur=1.50 , cache;desc=\"a, trace\"", "x-order-id: 7"];

async fn answer<G: IdGenerator + Clone>(layer: ExtractLayer<G>, request: Request<()>) -> Vec<String> {
    let Ok(response) = layer.layer(service_fn(forward)).oneshot(request).await;
    lines(response.headers())
}

fn get(path: &str) -> Request<()> {
    Request::get(path).body(()).expect("a request")
}

fn preflight() -> Request<()> {
    let request = Request::options("/").header("access-control-request-method", "GET");
    request.header("origin", "https://stranger.example").body(()).expect("a request")
}

#[tokio::test]
async fn ok_a_stranger_is_told_nothing_of_an_upstream_trace_by_default() {
    for trust in [Trust::Continue, Trust::Resample, Trust::Restart, Trust::Ignore] {
        let skips = listener(trust).skip(|request| request.uri.path() == "/health");
        let is_stranger = matches!(trust, Trust::Restart | Trust::Ignore);
        let expected = if is_stranger { REST.map(str::to_owned).to_vec() } else { everything() };
        for request in [get("/"), get("/health"), preflight()] {
            assert_eq!(answer(skips.clone(), request.clone()).await, expected, "{trust:?}");
            assert_eq!(answer(skips.clone().passthrough(), request).await, expected, "{trust:?}");
        }
    }
}

#[tokio::test]
async fn ok_a_setting_strips_or_keeps_under_every_trust() {
    for trust in [Trust::Continue, Trust::Ignore] {
        let with = |headers: ResponseHeaders| listener(trust).skip(|_| true).response_headers(headers);
        assert_eq!(answer(with(ResponseHeaders::new().strip_upstream()), get("/")).await, REST, "{trust:?}");
        assert_eq!(answer(with(ResponseHeaders::new().keep_upstream()), get("/")).await, everything(), "{trust:?}");
    }
}

#[tokio::test]
async fn ok_our_own_headers_are_written_after_it() {
    let headers = || ResponseHeaders::new().server_timing().echo_correlation(Correlation::from_static("x-request-id"));
    let ours = |trust| listener(trust).response_headers(headers());
    let own = [
        "server-timing: traceparent;desc=\"00-00000000000000070000000000000007-0000000000000007-01\"",
        "x-request-id: 00000000-0000-4007-0000-000000000007",
    ];
    let mut expected: Vec<_> = REST.iter().chain(&own).map(ToString::to_string).collect();
    expected.sort();
    assert_eq!(answer(ours(Trust::Restart), get("/")).await, expected);
    // The layer around another one leaves what the inner one wrote.
    let inner = ours(Trust::Restart).layer(service_fn(forward));
    let Ok(response) = listener(Trust::Ignore).layer(inner).oneshot(get("/")).await;
    assert_eq!(lines(response.headers()), expected);
}

#[tokio::test]
async fn ok_the_trust_of_the_request_counts() {
    let layer = || {
        ExtractLayer::new(presets::W3C).trust_fn(|request| match request.method {
            Method::PUT => Trust::Restart,
            _ => Trust::Continue,
        })
    };
    let count = async |method: Method| {
        let request = Request::builder().method(method).uri("/").body(()).expect("a request");
        answer(layer(), request).await.len()
    };
    // Without a propagator that has it, a correlation header is one like any other.
    assert_eq!((count(Method::GET).await, count(Method::PUT).await), (UPSTREAM.len(), REST.len() + 1));
}
