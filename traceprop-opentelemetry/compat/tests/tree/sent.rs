//! What a service with a server layer of others sends: baggage where it is allowed, and the data of one vendor's headers.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::Request;
use axum::routing::get;
use axum::{Json, Router};
use traceprop_core::{Allow, InjectOptions, Propagator, presets};
use traceprop_opentelemetry::OtelPropagator;
use traceprop_reqwest::PropagationMiddleware;
use tracing::Instrument;

use crate::clients::{inject_as_others_do, plain, with_retry, without_spans};
use crate::common::{TRACEPARENT, named};
use crate::servers::{ROOT, SERVERS, Server};
use crate::world::{Turn, call, serve};

type Headers = HashMap<String, String>;

/// Responds with the headers that it received. It has no span.
async fn echo() -> SocketAddr {
    async fn headers(request: Request) -> Json<Headers> {
        let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
        Json(request.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect())
    }
    serve(Router::new().fallback(headers)).await
}

async fn headers_of(response: reqwest::Response) -> Headers {
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

/// Sends the request through a service, and returns what it sends: by the global propagator, and by our middleware.
async fn through(
    turn: &Turn,
    server: Server,
    propagator: Propagator,
    options: InjectOptions<'static>,
    lines: &[(&str, &str)],
) -> [Headers; 2] {
    let echo = echo().await;
    let propagator = Arc::new(propagator);
    let client = with_retry(PropagationMiddleware::new(Arc::clone(&propagator)));
    let handler = async move || {
        let url = format!("http://{echo}/");
        let mut request = plain().get(&url).build().unwrap();
        inject_as_others_do(request.headers_mut());
        let foreign = headers_of(plain().execute(request).await.unwrap()).await;
        let ours = headers_of(client.get(&url).with_extension(options).send().await.unwrap()).await;
        Json([foreign, ours])
    };
    let shop = serve(server.with(Router::new().route("/", get(handler)), turn, propagator)).await;
    turn.reset();
    let sent = call(shop, "/", lines).await;
    serde_json::from_slice(&sent.bytes().await.unwrap()).unwrap()
}

#[tokio::test]
async fn ok_baggage_and_correlation_ids_leave_only_where_they_are_allowed() {
    let turn = Turn::new().await;
    let names = "tracecontext,baggage,correlation:x-request-id;opaque";
    let lines = [TRACEPARENT, ("baggage", "tenant=acme,user=7"), ("x-request-id", "order-7")];
    for server in SERVERS {
        turn.set_propagator(OtelPropagator::new(named(names, names)));
        let closed = InjectOptions::new();
        for sent in through(&turn, server, named(names, names), closed, &lines).await {
            assert!(sent.contains_key("traceparent"), "{server:?}: {sent:?}");
            assert_eq!((sent.get("baggage"), sent.get("x-request-id")), (None, None), "{server:?}: {sent:?}");
        }

        let tenant = Allow::Only(&["tenant"]);
        let open = OtelPropagator::new(named(names, names)).allow_baggage(tenant).allow_correlation(Allow::All);
        turn.set_propagator(open);
        let open = InjectOptions::new().allow_baggage(tenant).allow_correlation(Allow::All);
        for sent in through(&turn, server, named(names, names), open, &lines).await {
            assert_eq!((&*sent["baggage"], &*sent["x-request-id"]), ("tenant=acme", "order-7"), "{server:?}: {sent:?}");
        }
    }
}

#[tokio::test]
async fn ok_priority_origin_and_tags_of_datadog_go_on() {
    let turn = Turn::new().await;
    let datadog = [
        ("x-datadog-trace-id", "11803532876627986230"),
        ("x-datadog-parent-id", "67667974448284343"),
        ("x-datadog-sampling-priority", "2"),
        ("x-datadog-origin", "rum"),
        ("x-datadog-tags", "_dd.p.tid=4bf92f3577b34da6,_dd.p.dm=-4"),
    ];
    for server in SERVERS {
        turn.set_propagator(OtelPropagator::new(presets::DATADOG));
        let sent = through(&turn, server, presets::DATADOG.propagator(), InjectOptions::new(), &datadog).await;
        let spans = turn.spans(2).await;
        let of = |name: &str| spans.iter().find(|span| span.name == name).unwrap().span_context.span_id().to_string();
        let parents = [of(ROOT), of("GET")];
        for (sent, parent) in sent.iter().zip(parents) {
            let parent = u64::from_str_radix(&parent, 16).unwrap().to_string();
            assert_eq!(sent["x-datadog-parent-id"], parent, "{server:?}: {sent:?}, {spans:#?}");
            for (name, value) in datadog.into_iter().filter(|(name, _)| *name != "x-datadog-parent-id") {
                assert_eq!(sent[name], value, "{server:?}: {sent:?}");
            }
        }
    }
}

#[tokio::test]
async fn ok_attempts_share_the_active_span_unless_each_has_one() {
    let turn = Turn::new().await;
    turn.set_propagator(OtelPropagator::new(presets::W3C));
    let parents = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&parents);
    let flaky = async move |request: Request| {
        let mut parents = sink.lock().unwrap();
        parents.push(request.headers()["traceparent"].to_str().unwrap()[36..52].to_owned());
        if parents.len() % 2 == 1 { http::StatusCode::SERVICE_UNAVAILABLE } else { http::StatusCode::OK }
    };
    let flaky = serve(Router::new().fallback(flaky)).await;
    let propagation = || PropagationMiddleware::new(presets::W3C);
    for (client, distinct) in [(with_retry(propagation()), 2), (without_spans(propagation()), 1)] {
        turn.reset();
        let work = tracing::info_span!("work");
        client.get(format!("http://{flaky}/")).send().instrument(work).await.unwrap();
        let exported: Vec<_> =
            turn.spans(distinct).await.iter().map(|span| span.span_context.span_id().to_string()).collect();
        let sent = std::mem::take(&mut *parents.lock().unwrap());
        assert_eq!(sent.len(), 2);
        assert!(sent.iter().all(|parent| exported.contains(parent)), "{sent:?}, {exported:?}");
        assert_eq!(sent.iter().collect::<HashSet<_>>().len(), distinct);
    }
}
