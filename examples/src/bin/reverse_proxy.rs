//! A reverse proxy: axum receives, hyper-util's client calls, and two layers decide what the upstream learns of a trace.
//!
//! The trust depends on the route. The proxy makes spans, or passes contexts through. The program sends a request to each
//! route in both modes, and prints the trace headers that an upstream on loopback receives.

use std::error::Error;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, HOST, TE, TRANSFER_ENCODING, UPGRADE};
use axum::http::request::Parts;
use axum::http::uri::{Authority, Scheme};
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri, Version};
use axum::response::Response;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tower::{Layer, ServiceExt};
use traceprop_examples::lines;
use traceprop_tower::inject::Inject;
use traceprop_tower::{Allow, ExtractLayer, InjectLayer, InjectOptions, Trust, presets};

/// What the upstream may receive of a caller's baggage.
const BAGGAGE: Allow<'static> = Allow::Only(&["tenant"]);

#[derive(Clone, Copy, Debug)]
enum Mode {
    /// The proxy reports spans: each call has a span id of its own.
    Participate,
    /// The proxy reports no spans: the received context is forwarded.
    Passthrough,
}

/// Returns the trust in the callers of a route. A load balancer, say, lets only your own services call `/internal`.
fn trust(request: &Parts) -> Trust {
    match request.uri.path().split('/').nth(1) {
        Some("internal") => Trust::Continue,
        Some("pages") => Trust::Resample,
        Some("partners") => Trust::Restart,
        _ => Trust::Ignore,
    }
}

#[derive(Clone)]
struct Proxy {
    client: Inject<legacy::Client<HttpConnector, Body>>,
    upstream: Authority,
}

fn proxy(mode: Mode, upstream: Authority) -> Router {
    let inbound = ExtractLayer::new(presets::ALL_TO_W3C).trust_fn(trust).allow_baggage(BAGGAGE);
    let inbound = match mode {
        Mode::Participate => inbound,
        Mode::Passthrough => inbound.passthrough(),
    };
    let outbound = InjectLayer::new(presets::W3C).inject_options(InjectOptions::new().allow_baggage(BAGGAGE));
    let client = outbound.layer(legacy::Client::builder(TokioExecutor::new()).build_http());
    Router::new().fallback(forward).layer(inbound).with_state(Proxy { client, upstream })
}

async fn forward(State(proxy): State<Proxy>, mut request: Request) -> Result<Response, StatusCode> {
    let path = request.uri().path_and_query().cloned().ok_or(StatusCode::BAD_REQUEST)?;
    let uri = Uri::builder().scheme(Scheme::HTTP).authority(proxy.upstream).path_and_query(path);
    *request.uri_mut() = uri.build().map_err(|_| StatusCode::BAD_REQUEST)?;
    *request.version_mut() = Version::HTTP_11;
    // Before the client's layer: a caller that names `traceparent` in `Connection` removes its own, not that of the proxy.
    remove_connection_fields(request.headers_mut());
    request.headers_mut().remove(HOST);
    let response = proxy.client.oneshot(request).await;
    let mut response = response.map_err(|_| StatusCode::BAD_GATEWAY)?.map(Body::new);
    remove_connection_fields(response.headers_mut());
    Ok(response)
}

/// Removes the fields that belong to one connection (RFC 9110, section 7.6.1). `service` also forwards trailers.
fn remove_connection_fields(headers: &mut HeaderMap) {
    let lines = headers.get_all(CONNECTION).into_iter().filter_map(|line| line.to_str().ok());
    let named: Vec<HeaderName> =
        lines.flat_map(|line| line.split(',')).filter_map(|name| name.trim().parse().ok()).collect();
    let fixed = ["keep-alive", "proxy-connection"].map(HeaderName::from_static);
    for name in named.iter().chain(&fixed).chain(&[CONNECTION, TE, TRANSFER_ENCODING, UPGRADE]) {
        headers.remove(name);
    }
}

/// Answers with the trace headers of the request, a line each.
async fn show(headers: HeaderMap) -> String {
    let lines = lines::of_traces(&headers, &presets::W3C.propagator());
    lines.iter().map(|(name, value)| format!("{name}: {value}\n")).collect()
}

/// Serves on a free port of loopback. Stops with the runtime.
async fn start(app: Router) -> Result<Authority, Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string().parse()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

/// Sends the request of a caller to a route, and returns what the upstream received.
async fn call(proxy: &Authority, route: &str) -> Result<String, Box<dyn Error>> {
    let request = Request::get(format!("http://{proxy}/{route}/orders"))
        .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        .header("b3", "80e1afed08e019fc1110464cfa66635c-7a085853722dc6d2-0")
        .header("baggage", "tenant=acme,user=alice")
        .body(Body::empty())?;
    let client: legacy::Client<_, Body> = legacy::Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request).await?.map(Body::new);
    Ok(String::from_utf8(to_bytes(response.into_body(), 1 << 16).await?.into())?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let upstream = start(Router::new().fallback(show)).await?;
    for mode in [Mode::Participate, Mode::Passthrough] {
        let proxy = start(proxy(mode, upstream.clone())).await?;
        for route in ["internal", "pages", "partners", "public"] {
            let received = call(&proxy, route).await?;
            println!("{mode:?}, /{route}:");
            match received.as_str() {
                "" => println!("    no trace header"),
                received => received.lines().for_each(|line| println!("    {line}")),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const ROUTES: [&str; 4] = ["internal", "pages", "partners", "public"];

    /// Returns what the upstream receives for each route.
    async fn received(mode: Mode) -> [Vec<String>; 4] {
        let upstream = start(Router::new().fallback(show)).await.unwrap();
        let proxy = start(proxy(mode, upstream)).await.unwrap();
        let mut received = ROUTES.map(|_| Vec::new());
        for (route, lines) in ROUTES.iter().zip(&mut received) {
            *lines = call(&proxy, route).await.unwrap().lines().map(str::to_owned).collect();
        }
        received
    }

    #[tokio::test]
    async fn ok_participate() {
        let received = received(Mode::Participate).await;
        for (route, lines) in ROUTES.iter().zip(&received) {
            let traceparent = lines[0].strip_prefix("traceparent: 00-").unwrap();
            let continues = matches!(*route, "internal" | "pages");
            assert_eq!(traceparent.starts_with(TRACE), continues, "{route}");
            assert!(!traceparent.contains("00f067aa0ba902b7"), "the parent is the proxy's span: {traceparent}");
            let baggage: &[&str] = if *route == "public" { &[] } else { &["baggage: tenant=acme"] };
            assert_eq!(lines[1..], *baggage, "{route}");
        }
    }

    #[tokio::test]
    async fn ok_passthrough() {
        let [internal, pages, partners, public] = received(Mode::Passthrough).await;
        let traceparent = format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-01");
        assert_eq!(internal, [&traceparent, "baggage: tenant=acme"]);
        assert_eq!(pages, [&traceparent, "baggage: tenant=acme"]);
        assert_eq!((partners, public.len()), (vec!["baggage: tenant=acme".to_owned()], 0));
    }

    #[tokio::test]
    async fn err_without_an_upstream() {
        let proxy = start(proxy(Mode::Participate, "127.0.0.1:1".parse().unwrap())).await.unwrap();
        let client: legacy::Client<_, Body> = legacy::Client::builder(TokioExecutor::new()).build_http();
        let response = client.get(format!("http://{proxy}/").parse().unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    }

    #[test]
    fn ok_fields_of_the_connection_are_removed() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("connection", "close, X-Hop"), ("x-hop", "1"), ("te", "trailers"), ("x-end", "1")] {
            headers.insert(name, value.parse().unwrap());
        }
        remove_connection_fields(&mut headers);
        assert_eq!(headers, HeaderMap::from_iter([("x-end".parse().unwrap(), "1".parse().unwrap())]));
    }
}
