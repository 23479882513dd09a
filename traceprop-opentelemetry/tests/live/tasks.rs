//! Tasks, roots and many requests at once.

use std::collections::HashMap;
use std::net::SocketAddr;

use axum::extract::Request;
use axum::routing::get;
use axum::{Json, Router};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SpanData;
use traceprop_core::{Allow, InContext, OwnedContext, Trust, presets};
use traceprop_opentelemetry::{OtelCallSpans, ServerLayer};
use traceprop_reqwest::{Client, Rule, Rules};
use traceprop_tower::ExtractLayer;
use tracing::Instrument;

use crate::clients::Kind;
use crate::common::{PARENT, TRACE, TRACEPARENT};
use crate::servers::Server;
use crate::world::{DISABLED, Turn, call, serve};

/// Responds with the headers that it received. It has no span.
async fn echo() -> SocketAddr {
    async fn headers(request: Request) -> Json<HashMap<String, String>> {
        let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
        Json(request.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect())
    }
    serve(Router::new().fallback(headers)).await
}

fn client() -> Client {
    let rules = Rules::builder(presets::W3C).rule("*", Rule::trace_context().allow_all_baggage()).build().unwrap();
    Client::builder(rules).transport(reqwest::Client::builder().no_proxy()).build().unwrap()
}

async fn sent(client: &Client, address: SocketAddr) -> HashMap<String, String> {
    serde_json::from_slice(&client.get(format!("http://{address}/")).send().await.unwrap().bytes().await.unwrap())
        .unwrap()
}

fn parent_of(sent: &HashMap<String, String>) -> String {
    sent["traceparent"][36..52].to_owned()
}

fn id(span: &SpanData) -> String {
    span.span_context.span_id().to_string()
}

fn named<'s>(spans: &'s [SpanData], name: &str) -> &'s SpanData {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {spans:#?}"))
}

/// Serves one route, whose handler returns what was sent, with a server span of ours.
async fn service<F>(turn: &Turn, handler: impl Fn() -> F + Clone + Send + Sync + 'static) -> SocketAddr
where
    F: Future<Output = Json<Vec<HashMap<String, String>>>> + Send + 'static,
{
    let app = Router::new().route("/", get(handler));
    serve(Server::Layer.around(app, turn, Trust::Continue)).await
}

async fn answer(address: SocketAddr, lines: &[(&str, &str)]) -> Vec<HashMap<String, String>> {
    serde_json::from_slice(&call(address, "/", lines).await.bytes().await.unwrap()).unwrap()
}

#[tokio::test]
async fn ok_a_spawned_task_needs_its_span_alone_and_its_context_alone_names_an_exported_id() {
    let turn = Turn::new().await;
    let echo = echo().await;
    let shop = service(&turn, move || async move {
        let call = move || async move { sent(&client(), echo).await };
        let log = |place: &'static str| tracing::info!(target: "live", place);
        let in_span = async move {
            log("in the span");
            call().await
        };
        let in_span = tokio::spawn(in_span.in_current_span()).await.unwrap();
        let in_context = tokio::spawn(call().in_current_context()).await.unwrap();
        Json(vec![in_span, in_context])
    })
    .await;
    let sent = answer(shop, &[TRACEPARENT]).await;
    let server = id(named(&turn.spans(1).await, "server"));
    assert_eq!(sent.iter().map(parent_of).collect::<Vec<_>>(), [server.clone(), server.clone()]);
    assert_eq!(turn.logs()[0]["span_id"].as_str(), Some(&*server));
}

#[tokio::test]
async fn ok_a_filtered_server_span_hands_on_the_caller() {
    let turn = Turn::new().await;
    let echo = echo().await;
    let handler = async move || {
        tracing::info!(target: "live", "without a span");
        let outer = sent(&client(), echo).await;
        let inner = tracing::info_span!(target: "live", "inner");
        Json(vec![outer, sent(&client(), echo).instrument(inner).await])
    };
    let layer = ServerLayer::new(
        ExtractLayer::new(presets::ALL_TO_W3C),
        |_| tracing::info_span!(target: DISABLED, "server", otel.kind = "server"),
    );
    let shop = serve(Router::new().route("/", get(handler)).layer(layer)).await;
    let sent = answer(shop, &[TRACEPARENT, ("tracestate", "rojo=1")]).await;
    let spans = turn.spans(1).await;
    assert_eq!(spans.len(), 1, "{spans:#?}");
    let inner = named(&spans, "inner");
    assert_eq!(inner.parent_span_id.to_string(), PARENT);
    assert_eq!([parent_of(&sent[0]), parent_of(&sent[1])], [PARENT.to_owned(), id(inner)]);
    assert!(sent.iter().all(|sent| sent["tracestate"] == "rojo=1"), "{sent:?}");

    // The line has the trace, but the caller's span is not the one that logged it.
    let line = &turn.logs()[0];
    assert_eq!((line["trace_id"].as_str(), line.get("span_id")), (Some(TRACE), None));

    // Links wait for the span that is recorded.
    turn.reset();
    let handler = async || drop(tracing::info_span!(target: "live", "inner").entered());
    let layer = ServerLayer::new(
        ExtractLayer::new(presets::W3C).trust(Trust::Restart),
        |_| tracing::info_span!(target: DISABLED, "server"),
    );
    let shop = serve(Router::new().route("/", get(handler)).layer(layer)).await;
    call(shop, "/", &[TRACEPARENT]).await;
    assert_eq!(named(&turn.spans(1).await, "inner").links.len(), 1);
}

#[tokio::test]
async fn ok_a_span_around_the_connection_is_not_the_parent() {
    let turn = Turn::new().await;
    let app = Router::new().route("/", get(async || ()));
    let app = Server::Layer.around(app, &turn, Trust::Continue);
    let connection = tracing::info_span!(target: "live", "connection");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let span = connection.clone();
    let around = move |request: Request, next: axum::middleware::Next| next.run(request).instrument(span.clone());
    let app = app.layer(axum::middleware::from_fn(around));
    tokio::spawn(async move { axum::serve(listener, app).await }.instrument(connection));
    for (lines, parent) in [(&[][..], "0000000000000000"), (&[TRACEPARENT], PARENT)] {
        turn.reset();
        call(address, "/", lines).await;
        assert_eq!(named(&turn.spans(1).await, "server").parent_span_id.to_string(), parent);
    }
}

#[tokio::test]
async fn ok_a_root_inside_of_the_request_keeps_its_own_trace() {
    let turn = Turn::new().await;
    let echo = echo().await;
    let tracer = turn.tracer();
    let shop = service(&turn, move || {
        let tracer = tracer.clone();
        async move {
            let root = tracer.build_with_context(tracer.span_builder("root"), &Context::new());
            let cx = Context::current_with_span(root);
            let client = client();
            let call = sent(&client, echo);
            Json(vec![opentelemetry::context::FutureExt::with_context(call, cx).await])
        }
    })
    .await;
    let sent = answer(shop, &[TRACEPARENT, ("tracestate", "rojo=1")]).await;
    let spans = turn.spans(2).await;
    let root = named(&spans, "root");
    assert_ne!(root.span_context.trace_id().to_string(), TRACE);
    assert_eq!(sent[0]["traceparent"][3..35], root.span_context.trace_id().to_string());
    assert_eq!(parent_of(&sent[0]), id(root));
    assert!(!sent[0].contains_key("tracestate"));
}

#[tokio::test]
async fn ok_an_inbound_allow_list_holds_for_opentelemetrys_baggage() {
    let turn = Turn::new().await;
    let echo = echo().await;
    let handler = async move || {
        let seen = Context::map_current(|cx| cx.baggage().iter().map(|(key, _)| key.to_string()).collect::<Vec<_>>());
        assert_eq!(seen, ["tenant"]);
        Json(vec![sent(&client(), echo).await])
    };
    let extract = ExtractLayer::new(presets::W3C).allow_baggage(Allow::Only(&["tenant"]));
    let layer = ServerLayer::new(extract, |_| tracing::info_span!(target: "live", "server"));
    let shop = serve(Router::new().route("/", get(handler)).layer(layer)).await;
    let sent = answer(shop, &[TRACEPARENT, ("baggage", "tenant=acme,user=7")]).await;
    assert_eq!(sent[0]["baggage"], "tenant=acme");
    drop(turn);
}

#[tokio::test]
async fn ok_baggage_that_a_handler_sets_in_either_way_is_sent_where_allowed() {
    let turn = Turn::new().await;
    let echo = echo().await;
    let shop = service(&turn, move || async move {
        let by_otel = Context::map_current(|cx| {
            let old = cx.baggage().iter().map(|(key, (value, metadata))| {
                opentelemetry::baggage::KeyValueMetadata::new(key.clone(), value.clone(), metadata.clone())
            });
            cx.with_baggage(old.chain([KeyValue::new("plan", "b").into()]).collect::<Vec<_>>())
        });
        let by_otel = opentelemetry::context::FutureExt::with_context(sent(&client(), echo), by_otel).await;

        let context = OwnedContext::current().unwrap();
        let mut baggage = traceprop_core::OwnedBaggage::from(context.baggage());
        baggage.set("plan", "c");
        let by_traceprop = sent(&client(), echo).in_context(context.with_baggage(&baggage)).await;

        let rules = Rules::builder(presets::W3C).rule("*", Rule::trace_context()).build().unwrap();
        let closed = Client::builder(rules).transport(reqwest::Client::builder().no_proxy()).build().unwrap();
        Json(vec![by_otel, by_traceprop, sent(&closed, echo).await])
    })
    .await;
    let sent = answer(shop, &[TRACEPARENT, ("baggage", "tenant=acme")]).await;
    let server = id(named(&turn.spans(1).await, "server"));
    assert!(sent.iter().all(|sent| parent_of(sent) == server), "{sent:?}");
    assert_eq!(sent[0]["baggage"], "tenant=acme,plan=b");
    assert_eq!(sent[1]["baggage"], "tenant=acme,plan=c");
    assert_eq!(sent[2].get("baggage"), None);
}

#[tokio::test]
async fn ok_many_requests_at_once_mix_neither_ids_nor_baggage() {
    let turn = Turn::new().await;
    let echo = echo().await;
    let shop = service(&turn, move || async move {
        tokio::task::yield_now().await;
        let inner = tracing::info_span!(target: "live", "inner");
        let task = tokio::spawn(async move { sent(&client(), echo).await }.instrument(inner));
        Json(vec![task.await.unwrap()])
    })
    .await;
    let calls = (1..=100_u32).map(|number| async move {
        let traceparent = format!("00-{number:032x}-{number:016x}-01");
        let baggage = format!("number={number}");
        let sent = answer(shop, &[("traceparent", &traceparent), ("baggage", &baggage)]).await.remove(0);
        assert_eq!((&sent["traceparent"][..36], &*sent["baggage"]), (&traceparent[..36], &*baggage));
        parent_of(&sent)
    });
    let mut tasks = tokio::task::JoinSet::new();
    calls.for_each(|call| drop(tasks.spawn(call)));
    let parents = tasks.join_all().await;
    let spans = turn.spans(200).await;
    assert_eq!(spans.len(), 200);
    for span in spans.iter().filter(|span| span.name == "server") {
        assert_eq!(u128::from_be_bytes(span.span_context.trace_id().to_bytes()), {
            u128::from(u64::from_be_bytes(span.parent_span_id.to_bytes()))
        });
    }
    assert!(parents.iter().all(|parent| spans.iter().any(|span| span.name == "inner" && id(span) == *parent)));
}

#[tokio::test]
async fn ok_attempts_share_the_active_span_unless_each_has_one() {
    let turn = Turn::new().await;
    let flaky = {
        let parents = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let sink = std::sync::Arc::clone(&parents);
        let handler = async move |request: Request| {
            let mut parents = sink.lock().unwrap();
            parents.push(request.headers()["traceparent"].to_str().unwrap()[36..52].to_owned());
            if parents.len() % 2 == 1 { http::StatusCode::SERVICE_UNAVAILABLE } else { http::StatusCode::OK }
        };
        (serve(Router::new().fallback(handler)).await, parents)
    };
    let span = tracing::info_span!(target: "live", "work");
    Kind::Retry.get(flaky.0).instrument(span).await;
    let spans = turn.spans(3).await;
    let attempts: Vec<String> = spans.iter().filter(|span| span.name == "attempt").map(id).collect();
    assert_eq!(*flaky.1.lock().unwrap(), attempts);
    assert_ne!(attempts[0], attempts[1]);
}

#[tokio::test]
async fn ok_each_hop_of_a_redirect_has_a_client_span() {
    let turn = Turn::new().await;
    let echo = echo().await;
    let redirect = async move || axum::response::Redirect::temporary(&format!("http://{echo}/"));
    let first = serve(Router::new().fallback(redirect)).await;
    let rules = Rules::builder(presets::W3C).rule("*", Rule::trace_context()).build().unwrap();
    let client = Client::builder(rules)
        .transport(reqwest::Client::builder().no_proxy())
        .spans(OtelCallSpans::new(turn.tracer()))
        .build()
        .unwrap();
    let work = tracing::info_span!(target: "live", "work");
    let sent = sent(&client, first).instrument(work).await;
    let spans = turn.spans(3).await;
    let hops: Vec<&SpanData> = spans.iter().filter(|span| span.name == "GET").collect();
    let work = named(&spans, "work");
    assert_eq!(hops.len(), 2, "{spans:#?}");
    assert!(hops.iter().all(|hop| hop.parent_span_id == work.span_context.span_id()), "{spans:#?}");
    assert_eq!(parent_of(&sent), id(hops[1]));
    let attribute = |span: &SpanData, key: &str| {
        span.attributes
            .iter()
            .find(|attribute| attribute.key.as_str() == key)
            .map(|attribute| attribute.value.to_string())
    };
    assert_eq!(attribute(hops[0], "http.response.status_code"), Some("307".to_owned()));
    assert_eq!(attribute(hops[0], "http.request.resend_count"), None);
    assert_eq!(attribute(hops[1], "http.request.resend_count"), Some("1".to_owned()));
    assert_eq!(attribute(hops[1], "server.port"), Some(echo.port().to_string()));
    assert_eq!(hops[0].span_kind, opentelemetry::trace::SpanKind::Client);

    // Without a span around it, the call is the root.
    turn.reset();
    let sent = self::sent(&client, echo).await;
    let spans = turn.spans(1).await;
    assert_eq!(parent_of(&sent), id(&spans[0]));
    assert_eq!(spans[0].parent_span_id, opentelemetry::trace::SpanId::INVALID);

    // Where nobody listens, the span has an error.
    turn.reset();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    assert!(client.get(format!("http://{closed}/")).send().await.is_err());
    let spans = turn.spans(1).await;
    assert_eq!(attribute(&spans[0], "error.type"), Some("no_response".to_owned()));
}

#[tokio::test]
async fn ok_where_telemetry_is_suppressed_calls_carry_nothing() {
    let turn = Turn::new().await;
    let echo = echo().await;
    let client = client();
    let suppressed = Context::new().with_telemetry_suppressed();
    let call = opentelemetry::context::FutureExt::with_context(sent(&client, echo), suppressed);
    let work = tracing::info_span!(target: "live", "work");
    let sent = call.instrument(work).await;
    assert!(!sent.contains_key("traceparent"), "{sent:?}");
    drop(turn);
}

#[tokio::test]
async fn ok_the_span_of_a_tracer_ends_with_the_response_though_a_task_holds_it() {
    let turn = Turn::new().await;
    let handler = async || {
        let held = Context::current();
        tokio::spawn(async move {
            tokio::time::sleep(std::time::Duration::from_secs(60)).await;
            drop(held);
        });
        http::StatusCode::BAD_GATEWAY
    };
    let app = Router::new().route("/", get(handler));
    let shop = serve(Server::Tracer.around(app, &turn, Trust::Continue)).await;
    call(shop, "/", &[TRACEPARENT]).await;
    let spans = turn.spans(1).await;
    let status = named(&spans, "server").attributes.iter().find(|a| a.key.as_str() == "http.response.status_code");
    assert_eq!(status.map(|a| a.value.to_string()), Some("502".to_owned()));
}
