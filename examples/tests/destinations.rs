//! One table of destinations for every client that takes rules: what each of them sends is the same.

use std::convert::Infallible;
use std::sync::LazyLock;

use axum::Router;
use http::{HeaderMap, HeaderValue, Request};
use tower::{ServiceBuilder, ServiceExt, service_fn};
use traceprop_core::{
    InjectOptions, OwnedBaggage, OwnedContext, Propagator, SpanContext, baggage::BaggageEntry, presets,
};
use traceprop_http::Destination;
use traceprop_reqwest::{Client, Rule, Rules, RulesExt};
use traceprop_tower::InjectLayer;

/// What a destination receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Nothing,
    TraceContext,
    /// Trace context, the baggage key `tenant`, and the request id.
    Tenant,
    Everything,
    B3,
}

use Due::{B3, Everything, Nothing, Tenant, TraceContext};

fn rules() -> Rules {
    let shared = Propagator::from_names("none", "tracecontext,baggage,correlation:x-request-id").expect("known names");
    Rules::builder(shared)
        .rule("none.internal", Rule::nothing())
        .rule("*.internal", Rule::trace_context().allow_baggage(["tenant"]).allow_correlation(["X-Request-Id"]))
        .rule("127.0.0.0/8", Rule::everything())
        .rule("[fd00::]/8", Rule::everything())
        .rule("https://api.example", Rule::everything())
        .rule("api.example:8080", Rule::everything())
        .rule("legacy.example", Rule::trace_context().propagator(Propagator::from_names("none", "b3").expect("b3")))
        .rule("*.example", Rule::trace_context())
        .rule("*", Rule::nothing())
        .build()
        .expect("good rules")
}

/// A URI, and what its host receives from each client.
const DESTINATIONS: &[(&str, Due)] = &[
    ("http://none.internal/", Nothing),
    ("http://NONE.internal./a?b", Nothing),
    ("http://stock.internal/", Tenant),
    ("http://Stock.INTERNAL:8080/", Tenant),
    ("http://a.b.internal./", Tenant),
    ("http://internal/", Nothing),
    ("http://evilinternal/", Nothing),
    ("http://stock.internal.evil/", Nothing),
    ("http://stock.internal:secret@evil/", Nothing),
    ("http://evil:secret@stock.internal/", Tenant),
    ("http://127.0.0.1/", Everything),
    ("http://127.255.0.1:9/", Everything),
    ("http://0.0.0.0/", Everything),
    ("http://[::]/", Everything),
    ("http://[::ffff:127.0.0.1]/", Everything),
    ("http://[::FFFF:7f00:1]/", Everything),
    ("http://[fd12::1]:8080/", Everything),
    ("http://[fe80::1]/", Nothing),
    ("http://[::1]/", Nothing),
    ("http://128.0.0.1/", Nothing),
    ("http://127.0.0.1.evil/", Nothing),
    ("http://127.0.0.1.example/", TraceContext),
    ("https://api.example/", Everything),
    ("https://api.example:8443/", Everything),
    ("http://api.example/", TraceContext),
    ("http://api.example:8080/", Everything),
    ("http://legacy.example/", B3),
    ("http://other.example/", TraceContext),
    ("http://example/", Nothing),
    ("http://xn--bcher-kva.example/", TraceContext),
];

/// Hosts that a URL parser writes as `127.0.0.1`, and that a client without one passes to its resolver.
const NUMBERS: &[&str] = &[
    "http://0x7f.1/",
    "http://0X7F.0.0.1/",
    "http://2130706433/",
    "http://127.1/",
    "http://127.0.1:8080/",
    "http://0177.0.0.1/",
    "http://127.0.0.01/",
    "http://127.0.0.1./",
];

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Headers that the request already has, for example copied from another request.
const STALE: &[(&str, &str)] = &[
    ("accept", "text/plain"),
    ("baggage", "stale=1"),
    ("b3", "0"),
    ("grpc-trace-bin", "AA"),
    ("sentry-trace", "1"),
    ("traceparent", "stale"),
    ("x_datadog_trace_id", "1"),
    ("x-request-id", "stale"),
    ("x-dynatrace", "1"),
];

fn context() -> OwnedContext {
    let mut baggage = OwnedBaggage::new();
    for key in ["tenant", "user"] {
        baggage.push(BaggageEntry { key: key.into(), value: "x".into(), properties: String::new() });
    }
    let span = SpanContext::new(TRACE.parse().expect("an id"), "00f067aa0ba902b7".parse().expect("an id"));
    OwnedContext::new(span).with_baggage(&baggage)
}

fn stale() -> HeaderMap {
    STALE.iter().map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value))).collect()
}

/// The lines that were sent, sorted. The span id of each call is its own, so it is masked.
fn lines(headers: &HeaderMap) -> Vec<String> {
    let mask = |value: &str| match value.split_once(TRACE) {
        Some((head, tail)) if tail.len() >= 17 => format!("{head}{TRACE}-SPAN{}", &tail[17..]),
        _ => value.to_owned(),
    };
    let mut lines: Vec<_> =
        headers.iter().map(|(name, value)| format!("{name}: {}", mask(value.to_str().expect("text")))).collect();
    // What every HTTP client adds.
    lines.retain(|line| {
        !["host: ", "content-length: ", "authorization: "].iter().any(|name| line.starts_with(name))
            && line != "accept: */*"
    });
    lines.sort();
    lines
}

/// Returns what a client with `InjectLayer` sends.
async fn layered(uri: &str, context: Option<&OwnedContext>, headers: HeaderMap) -> Vec<String> {
    let echo = service_fn(|request: Request<()>| async move { Ok::<_, Infallible>(request.into_parts().0.headers) });
    let client = ServiceBuilder::new().layer(InjectLayer::new(presets::W3C).rules(rules())).service(echo);
    let mut request = Request::get(uri).body(()).expect("a request");
    *request.headers_mut() = headers;
    if let Some(context) = context {
        request.extensions_mut().insert(context.clone());
    }
    let Ok(sent) = client.oneshot(request).await;
    lines(&sent)
}

/// Answers with the lines that it received. It is the proxy of the client, so it receives the requests for all hosts.
static PROXY: LazyLock<(Client, tokio::runtime::Runtime)> = LazyLock::new(|| {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
    let address = listener.local_addr().expect("an address");
    let echo = async |request: axum::extract::Request| lines(request.headers()).join("\n");
    runtime.spawn(async move { axum::serve(listener, Router::new().fallback(echo)).await });
    let proxy = reqwest::Proxy::http(format!("http://{address}")).expect("a URL");
    let transport = reqwest::Client::builder().proxy(proxy);
    (Client::builder(rules()).transport(transport).no_redirects().build().expect("a client"), runtime)
});

/// Returns what the reqwest client sends.
fn reqwested(uri: &str, context: Option<&OwnedContext>, headers: HeaderMap) -> Vec<String> {
    let (client, runtime) = &*PROXY;
    let request = client.get(uri).headers(headers);
    let request = match context {
        Some(context) => request.context(context.clone()),
        None => request,
    };
    let body = runtime.block_on(async { request.send().await.expect("a response").text().await.expect("a body") });
    body.lines().map(str::to_owned).collect()
}

/// Returns the lines that are due, by what [`Due`] says.
fn due(due: Due, has_context: bool, has_stale: bool) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let ours = format!("00-{TRACE}-SPAN-00");
    let has_trace = has_context && !matches!(due, Nothing | B3);
    if has_trace {
        lines.push(format!("traceparent: {ours}"));
    }
    if has_context && due == B3 {
        lines.push(format!("b3: {TRACE}-SPAN"));
    }
    if has_context && due == Tenant {
        lines.push("baggage: tenant=x".to_owned());
    }
    if has_context && due == Everything {
        lines.push("baggage: tenant=x,user=x".to_owned());
    }
    if has_context && matches!(due, Tenant | Everything) {
        lines.push(format!("x-request-id: {}", correlation_id()));
    }
    if has_stale {
        lines.push("accept: text/plain".to_owned());
    }
    lines.sort();
    lines
}

fn correlation_id() -> String {
    let id = TRACE;
    format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..])
}

#[test]
fn ok_every_client_sends_what_the_rules_say() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for &(uri, expected) in DESTINATIONS {
        let context = context();
        let sent = runtime.block_on(layered(uri, Some(&context), HeaderMap::new()));
        assert_eq!(sent, due(expected, true, false), "InjectLayer, {uri}");
        let mut request = reqwest::Request::new(reqwest::Method::GET, uri.parse().unwrap());
        rules().inject(&context, &mut request);
        assert_eq!(lines(request.headers()), sent, "RulesExt, {uri}");
        if uri.starts_with("http:") {
            assert_eq!(reqwested(uri, Some(&context), HeaderMap::new()), sent, "Client, {uri}");
        }
    }
}

#[test]
fn ok_stale_headers_are_judged_alike_with_a_context_and_without() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for &(uri, expected) in DESTINATIONS.iter().filter(|(uri, _)| uri.starts_with("http:")) {
        for context in [Some(context()), None] {
            let sent = runtime.block_on(layered(uri, context.as_ref(), stale()));
            assert_eq!(reqwested(uri, context.as_ref(), stale()), sent, "{uri}");
            if expected == Nothing {
                assert_eq!(sent, due(Nothing, false, true), "{uri}");
            }
        }
    }
}

#[test]
fn ok_a_number_is_an_address_only_for_a_client_that_parses_urls() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for &uri in NUMBERS {
        let context = context();
        for context in [Some(&context), None] {
            let sent = runtime.block_on(layered(uri, context, stale()));
            assert_eq!(sent, due(Nothing, false, true), "{uri}");
        }
        assert_eq!(reqwested(uri, Some(&context), HeaderMap::new()), due(Everything, true, false), "{uri}");
    }
    // Neither is there a rule for all hosts that gives them something.
    let open = Rules::builder(presets::W3C).rule("*", Rule::everything()).build().unwrap();
    let mut headers = HeaderMap::new();
    for uri in NUMBERS {
        let uri = uri.parse().unwrap();
        open.inject_headers(&context(), &InjectOptions::new(), Destination::from_uri(&uri), &mut headers);
        assert!(headers.is_empty(), "{uri}");
    }
}

#[test]
fn ok_a_request_without_a_host_gets_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for uri in ["/items", "api.example:443"] {
        let sent = runtime.block_on(layered(uri, Some(&context()), stale()));
        assert_eq!(sent, due(Nothing, false, true), "{uri}");
    }
}
