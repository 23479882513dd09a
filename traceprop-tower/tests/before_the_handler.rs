//! What is refused of a request is not in it when a handler runs. Real servers on loopback.

mod support;

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::routing::any;
use support::{PARENT, TRACE, send, serve};
use traceprop_tower::extract::RefusedContext;
use traceprop_tower::{Allow, ExtractLayer, OwnedContext, Propagator, Trust, presets};

const TRUSTS: [Trust; 4] = [Trust::Continue, Trust::Resample, Trust::Restart, Trust::Ignore];

/// A line of each kind: read, not read here, read by no format, named with `_`, text, and not of a trace.
const RECEIVED: &[(&str, &str)] = &[
    ("traceparent", PARENT),
    ("tracestate", "rojo=1"),
    ("x-datadog-trace-id", "77"),
    ("x-dynatrace", "FW4;1"),
    ("x_b3_traceid", "80e6b5d0a9d93650"),
    ("baggage", "tenant=acme, user=alice;p"),
    ("baggage", "user=bob"),
    ("baggage", " sentry-sampled=true,plan = a%20b"),
    ("uberctx-user", "alice"),
    ("x-request-id", "4bf92f35-77b3-4da6-a3ce-929d0e0e4736"),
    ("x-acme-trace", "77"),
    ("cookie", "a=1"),
    ("accept", "text/html"),
    ("accept", "*/*"),
];

fn propagator() -> Propagator {
    use traceprop_core::format::{CustomHeader, Format, FormatFields, Headers, InjectContext, Parsed, Writer};

    /// Reads nothing of its header, which belongs to it all the same.
    struct Acme;

    const NAMES: &[CustomHeader] = &[CustomHeader::from_static("x-acme-trace")];

    impl Format for Acme {
        fn name(&self) -> &str {
            "acme"
        }

        fn fields(&self) -> FormatFields<'_> {
            FormatFields::custom(NAMES)
        }

        fn extract(&self, _: &Headers<'_>) -> Parsed {
            Parsed::absent()
        }

        fn inject(&self, _: &InjectContext<'_>, _: &mut Writer<'_>) {}
    }

    let names = "tracecontext,baggage,correlation:x-request-id";
    let builder = Propagator::builder().names(names, names).expect("names of formats");
    builder.with_format(Acme).build().expect("valid settings")
}

/// Responds with the headers that a handler sees, and with what was refused.
async fn seen(request: Request) -> String {
    let others = ["host", "connection", "access-control-request-method", "content-length"];
    let headers = request.headers().iter().filter(|(name, _)| !others.contains(&name.as_str()));
    let mut lines: Vec<_> = headers.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or("?"))).collect();
    // Names may move. The values of a name may not.
    lines.sort_by_key(|line| line.split(':').next().map(str::to_owned));
    let refused = request.extensions().get::<RefusedContext>();
    lines.push(refused.map_or("nothing refused".to_owned(), RefusedContext::to_string));
    lines.join("\n")
}

async fn listener(layer: ExtractLayer) -> SocketAddr {
    serve(Router::new().fallback(any(seen)).layer(layer)).await
}

fn text(lines: &[(&str, &str)]) -> Vec<u8> {
    lines.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<String>().into_bytes()
}

/// The lines that stay, in the order in which a handler is shown them.
fn left(stays: impl Fn(&str) -> bool, changed: &[(&str, &str)]) -> Vec<String> {
    let mut lines: Vec<_> = RECEIVED.iter().filter(|(name, _)| stays(name)).chain(changed).collect();
    lines.sort_by_key(|(name, _)| *name);
    lines.iter().map(|(name, value)| format!("{name}: {}", value.trim())).collect()
}

/// Sends the request as a request, a preflight, and to a path that is skipped.
async fn check(layer: &ExtractLayer, expected: Vec<String>, refused: &str) {
    let layer = layer.clone().skip(|head| head.uri.path() == "/health");
    let address = listener(layer).await;
    let preflight = [RECEIVED, &[("access-control-request-method", "GET")]].concat();
    for (method, path, lines) in
        [("GET", "/", RECEIVED), ("OPTIONS", "/", RECEIVED), ("OPTIONS", "/", &preflight), ("GET", "/health", RECEIVED)]
    {
        let answer = send(address, method, path, &text(lines)).await.expect("an answer");
        let expected = [expected.join("\n").as_str(), refused].join("\n");
        assert_eq!(answer.body, expected, "{method} {path}");
    }
}

const TEXT: [&str; 5] = ["baggage", "uberctx-user", "x-request-id", "cookie", "accept"];

#[tokio::test]
async fn ok_a_trusted_caller_keeps_each_line() {
    check(&ExtractLayer::new(propagator()), left(|_| true, &[]), "nothing refused").await;
}

#[tokio::test]
async fn ok_resampling_removes_decisions_in_text_and_names_that_are_read_otherwise() {
    let layer = ExtractLayer::new(propagator()).trust(Trust::Resample);
    let baggage = [("baggage", "tenant=acme, user=alice;p"), ("baggage", "user=bob"), ("baggage", "plan = a%20b")];
    let expected = left(|name| !["baggage", "x_b3_traceid"].contains(&name), &baggage);
    check(&layer, expected, "nothing refused").await;
}

#[tokio::test]
async fn ok_restart_removes_all_of_a_trace_and_keeps_text() {
    let layer = ExtractLayer::new(propagator()).trust(Trust::Restart);
    let baggage = [("baggage", "tenant=acme, user=alice;p"), ("baggage", "user=bob"), ("baggage", "plan = a%20b")];
    let expected = left(|name| name != "baggage" && TEXT.contains(&name), &baggage);
    let refused = format!(
        "refused 6 headers and 1 member of tracecontext, baggage, acme, b3, datadog, x-dynatrace, trace {TRACE}, span \
         00f067aa0ba902b7"
    );
    check(&layer, expected, &refused).await;
}

#[tokio::test]
async fn ok_ignore_removes_text_too() {
    let layer = ExtractLayer::new(propagator()).trust(Trust::Ignore);
    let expected = left(|name| ["cookie", "accept"].contains(&name), &[]);
    let refused = format!(
        "refused 11 headers and 0 members of tracecontext, baggage, correlation:x-request-id, acme, b3, datadog, \
         jaeger, x-dynatrace, trace {TRACE}, span 00f067aa0ba902b7"
    );
    check(&layer, expected, &refused).await;
}

#[tokio::test]
async fn ok_an_allow_list_removes_members_under_each_trust() {
    let layer = ExtractLayer::new(propagator()).allow_baggage(Allow::Only(&["tenant", "sentry-sampled"]));
    let is_text = |name: &str| ["baggage", "uberctx-user"].contains(&name);
    let baggage = [("baggage", "tenant=acme"), ("baggage", "sentry-sampled=true")];
    check(&layer, left(|name| !is_text(name), &baggage), "nothing refused").await;
    let without_underscore = |name: &str| !is_text(name) && name != "x_b3_traceid";
    let resampling = layer.clone().trust(Trust::Resample);
    check(&resampling, left(without_underscore, &baggage[..1]), "nothing refused").await;
}

#[tokio::test]
async fn ok_refused_headers_can_be_kept_for_an_audit() {
    for (trust, refused) in [
        (Trust::Continue, "nothing refused".to_owned()),
        (Trust::Resample, "refused 1 header and 1 member of baggage, b3".to_owned()),
        (
            Trust::Restart,
            format!(
                "refused 6 headers and 1 member of tracecontext, baggage, acme, b3, datadog, x-dynatrace, trace {TRACE}, \
                 span 00f067aa0ba902b7"
            ),
        ),
    ] {
        let layer = ExtractLayer::new(propagator()).trust(trust).keep_refused();
        check(&layer, left(|_| true, &[]), &refused).await;
    }
    let layer = ExtractLayer::new(propagator()).allow_baggage(Allow::None).keep_refused();
    check(&layer, left(|_| true, &[]), "refused 0 headers and 6 members of baggage, jaeger").await;
}

#[tokio::test]
async fn ok_all_headers_can_be_taken_under_each_trust() {
    for trust in TRUSTS {
        let address = listener(ExtractLayer::new(propagator()).trust(trust).take_headers().keep_refused()).await;
        for (method, path) in [("GET", "/"), ("OPTIONS", "/")] {
            let answer = send(address, method, path, &text(RECEIVED)).await.expect("an answer");
            for name in ["traceparent", "tracestate", "baggage", "x-request-id", "x-acme-trace"] {
                assert!(!answer.body.contains(&format!("{name}:")), "{trust:?}: {}", answer.body);
            }
            assert!(answer.body.starts_with("accept: text/html\naccept: */*\ncookie: a=1"), "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn ok_the_report_is_made_before_anything_is_removed() {
    let layer = ExtractLayer::new(propagator()).trust(Trust::Ignore).on_report(|report| {
        assert_eq!(report.extraction().refused().map(|context| context.trace_id.to_string()).as_deref(), Some(TRACE));
        assert_eq!(report.entries().next().map(|entry| entry.parsed.outcome().as_str()), Some("context"));
    });
    let answer = send(listener(layer).await, "GET", "/", &text(RECEIVED)).await.expect("the report is as expected");
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn ok_trust_depends_on_the_peer_and_on_the_path() {
    async fn trusted(request: Request) -> String {
        let context = request.extensions().get::<OwnedContext>();
        format!("{:?}", context.map(OwnedContext::trust))
    }
    let layer = |own: Trust| {
        ExtractLayer::new(presets::W3C).trust(own).trust_fn(|request| {
            let Some(ConnectInfo(peer)) = request.extensions.get::<ConnectInfo<SocketAddr>>() else {
                return Trust::Ignore;
            };
            match request.uri.path() {
                "/partner" => Trust::Restart,
                _ if peer.ip().is_loopback() => Trust::Continue,
                _ => Trust::Ignore,
            }
        })
    };
    for (own, path, expected) in [
        (Trust::Continue, "/", "Some(Continue)"),
        (Trust::Continue, "/partner", "Some(Restart)"),
        (Trust::Resample, "/", "Some(Resample)"),
        (Trust::Ignore, "/partner", "Some(Ignore)"),
    ] {
        let app = Router::new().fallback(any(trusted)).layer(layer(own));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        let answer = send(address, "GET", path, &text(RECEIVED)).await.expect("an answer");
        assert_eq!(answer.body, expected, "{own:?} {path}");
        // A server that does not know its peers.
        let bare = serve(Router::new().fallback(any(trusted)).layer(layer(own))).await;
        let answer = send(bare, "GET", path, &text(RECEIVED)).await.expect("an answer");
        assert_eq!(answer.body, "Some(Ignore)");
    }
}
