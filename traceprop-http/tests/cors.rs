//! Preflights of browser agents, against a `CorsLayer` with our lists.

use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use tower::{Layer, ServiceExt, service_fn};
use tower_http::cors::{AllowHeaders, CorsLayer, ExposeHeaders};
use traceprop_core::{IdBits, Propagator, presets};
use traceprop_http::{HeaderCarrier, ResponseHeader, ResponseHeaders, cors};

const ORIGIN: &str = "https://shop.example";

/// Agents with their settings, and the names in their preflights, in Chromium's notation.
const ASKED: &[(&str, &str)] = &[
    (
        "Datadog",
        "baggage,traceparent,tracestate,x-datadog-origin,x-datadog-parent-id,x-datadog-sampling-priority,\
         x-datadog-trace-id",
    ),
    (
        "Datadog, four formats",
        "b3,traceparent,tracestate,x-b3-sampled,x-b3-spanid,x-b3-traceid,x-datadog-origin,x-datadog-parent-id,\
         x-datadog-sampling-priority,x-datadog-trace-id",
    ),
    ("OpenTelemetry, Splunk, Faro, Elastic", "traceparent"),
    ("OpenTelemetry with baggage", "baggage,traceparent"),
    ("Elastic with tracestate", "traceparent,tracestate"),
    ("OpenTelemetry, B3", "b3"),
    ("OpenTelemetry, B3 in several headers", "x-b3-sampled,x-b3-spanid,x-b3-traceid"),
    ("OpenTelemetry, Jaeger", "uber-trace-id,uberctx-session.id,uberctx-user.id"),
    ("Sentry", "baggage,sentry-trace"),
    ("Sentry with traceparent", "baggage,sentry-trace,traceparent"),
    ("SkyWalking", "sw8"),
    ("New Relic", "newrelic"),
    ("New Relic with W3C", "newrelic,traceparent,tracestate"),
    ("New Relic, W3C only", "traceparent,tracestate"),
    ("Instana", "x-instana-l,x-instana-s,x-instana-t"),
    ("Application Insights", "request-context,request-id,traceparent"),
    ("AWS RUM", "x-amzn-trace-id"),
];

fn layer(allow: impl IntoIterator<Item = HeaderName>) -> CorsLayer {
    let response = ResponseHeaders::new().server_timing();
    CorsLayer::new()
        .allow_origin(HeaderValue::from_static(ORIGIN))
        // With credentials the layer panics if a list is a wildcard.
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::PUT])
        .allow_headers(AllowHeaders::list(allow))
        .expose_headers(ExposeHeaders::list(cors::expose_headers(&response)))
}

/// Sends one request through the layer to a service that names its trace.
async fn send(layer: &CorsLayer, request: Request<()>) -> Response<String> {
    let service = service_fn(|request: Request<()>| async move {
        assert_ne!(request.method(), Method::OPTIONS, "a preflight must not reach the application");
        let propagator = presets::ALL_TO_W3C.propagator();
        let carrier = HeaderCarrier::new(request.headers());
        let span = propagator.extract(&carrier).new_span(&|| IdBits::random(7));
        let mut response = Response::new(span.trace_id().to_string());
        assert!(ResponseHeaders::new().server_timing().write_span(&span, response.headers_mut()));
        Ok::<_, std::convert::Infallible>(response)
    });
    match layer.layer(service).oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Returns the requested names that are not allowed.
async fn blocked(layer: &CorsLayer, asked: &str) -> Vec<String> {
    let request = Request::builder()
        .method(Method::OPTIONS)
        .header("origin", ORIGIN)
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", asked);
    let response = send(layer, request.body(()).expect("a request")).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!response.headers().contains_key("server-timing"));
    let allowed = response.headers()["access-control-allow-headers"].to_str().expect("names are ASCII");
    let allowed: Vec<_> = allowed.split(',').map(str::trim).collect();
    assert!(!allowed.contains(&"*"));
    asked.split(',').filter(|name| !allowed.contains(name)).map(str::to_owned).collect()
}

#[tokio::test]
async fn ok_each_agent_may_send_its_headers() {
    let layer = layer(cors::browser_agent_headers().chain(cors::jaeger_baggage_headers(["session.id", "user.id"])));
    for (agent, asked) in ASKED {
        assert!(blocked(&layer, asked).await.is_empty(), "{agent}");
    }
}

#[tokio::test]
async fn ok_lists_of_formats_cover_the_agents_that_use_them() {
    let propagator = Propagator::from_names("all", "tracecontext").expect("the names are known");
    let all = layer(cors::allow_headers(&propagator));
    for (agent, asked) in ASKED {
        let own: &[&str] = match *agent {
            "OpenTelemetry, Jaeger" => &["uberctx-session.id", "uberctx-user.id"],
            "Application Insights" => &["request-context", "request-id"],
            _ => &[],
        };
        assert_eq!(blocked(&all, asked).await, own, "{agent}");
    }
    for (list, agent) in [
        ([&cors::DATADOG[..], &cors::TRACE_CONTEXT, &cors::BAGGAGE].concat(), "Datadog"),
        ([&cors::B3_MULTI[..], &cors::B3].concat(), "OpenTelemetry, B3 in several headers"),
        (cors::SENTRY.to_vec(), "Sentry"),
        (cors::SW8.to_vec(), "SkyWalking"),
        (cors::NEW_RELIC.to_vec(), "New Relic with W3C"),
        (cors::APPLICATION_INSIGHTS.to_vec(), "Application Insights"),
        (cors::AWS_RUM.to_vec(), "AWS RUM"),
    ] {
        let asked = ASKED.iter().find(|(name, _)| *name == agent).map(|(_, asked)| *asked);
        assert!(blocked(&layer(list), asked.expect("a listed agent")).await.is_empty(), "{agent}");
    }
}

/// A server that allows only the names of one agent version blocks the next version.
#[tokio::test]
async fn err_list_without_baggage_blocks_an_agent_that_sends_it() {
    let layer = layer([&cors::DATADOG[..], &cors::TRACE_CONTEXT].concat());
    assert_eq!(blocked(&layer, ASKED[0].1).await, ["baggage"]);
}

#[tokio::test]
async fn ok_page_may_read_its_trace() {
    let request = Request::builder()
        .header("origin", ORIGIN)
        .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let response = send(&layer(cors::browser_agent_headers()), request.body(()).expect("a request")).await;
    assert_eq!(response.headers()["access-control-expose-headers"], "server-timing");
    let parent = ResponseHeader::ServerTiming.read(response.headers()).expect("a header");
    assert_eq!(parent.trace_id.to_string(), *response.body());
}
