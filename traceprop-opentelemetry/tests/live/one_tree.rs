//! {three kinds of servers} x {four kinds of clients} x {every request}.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::Request;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Extension, Router};
use opentelemetry::trace::SpanId;
use opentelemetry_sdk::trace::SpanData;
use traceprop_core::{Trust, formats::tracecontext::TraceParent};
use traceprop_opentelemetry::ServerLayer;
use traceprop_tower::{ExtractLayer, OwnedContext, presets};
use tracing::Instrument;

use crate::clients::{CLIENTS, Kind};
use crate::requests::{CASES, Case};
use crate::servers::{ROOT, SERVERS, Seen, Server};
use crate::world::{Turn, call, serve};

/// The traceparents that arrived at the second service.
type Arrived = Arc<Mutex<Vec<String>>>;

/// The second service. It has a span for each request, and at first it is not available at `/flaky`.
async fn stock(arrived: &Arrived) -> SocketAddr {
    let layer = ServerLayer::new(
        ExtractLayer::new(presets::W3C),
        |_| tracing::info_span!(target: "live", "stock", otel.kind = "server"),
    );
    let sink = Arc::clone(arrived);
    let note = move |request: Request| {
        let traceparent = request.headers().get("traceparent").map(|value| value.to_str().unwrap().to_owned());
        sink.lock().unwrap().extend(traceparent);
    };
    let count = AtomicUsize::new(0);
    let flaky = {
        let note = note.clone();
        let count = Arc::new(count);
        async move |request: Request| {
            note(request);
            match count.fetch_add(1, Ordering::Relaxed) % 2 {
                0 => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::OK,
            }
        }
    };
    let app = Router::new().route("/", get(async move |request| note(request))).route("/flaky", get(flaky));
    serve(app.layer(layer)).await
}

/// The first service: it logs, and calls the second one within a span of its own.
async fn shop(turn: &Turn, server: Server, client: Kind, trust: Trust, stock: SocketAddr, seen: Seen) -> SocketAddr {
    let handler = async move |Extension(context): Extension<OwnedContext>| {
        seen.add("extension", Some(context));
        seen.add("current", OwnedContext::current());
        tracing::info!(target: "live", "in the handler");
        let work = async {
            tracing::info!(target: "live", "in the inner span");
            seen.add("inner", OwnedContext::current());
            client.get(stock).await;
        };
        work.instrument(tracing::info_span!(target: "live", "inner")).await;
    };
    serve(server.around(Router::new().route("/", get(handler)), turn, trust)).await
}

#[tokio::test]
async fn ok_every_format_server_and_client_is_one_tree() {
    let turn = Turn::new().await;
    let arrived = Arrived::default();
    let stock = stock(&arrived).await;
    for server in SERVERS {
        for client in CLIENTS {
            for case in CASES {
                let case = &server.expected(*case);
                let seen = Seen::default();
                let shop = shop(&turn, server, client, case.trust, stock, seen.clone()).await;
                turn.reset();
                let response = call(shop, "/", case.lines).await;
                assert_eq!(response.status(), StatusCode::OK);
                let attempts = if client == Kind::Retry { 2 } else { 1 };
                // The server's, the inner one, and for each attempt that of the second service, with one of its own.
                let count = 2 + attempts * if client == Kind::Retry { 2 } else { 1 };
                let count = if case.is_sampled { count } else { 0 };
                let spans = turn.spans(count).await;
                let timing = response.headers().get("server-timing").map(|value| value.to_str().unwrap().to_owned());
                let sent = std::mem::take(&mut *arrived.lock().unwrap());
                let what = format!("{}, {server:?}, {client:?}: sent {sent:?}, {spans:#?}", case.name);
                assert_eq!(spans.len(), count, "{what}");
                assert_eq!(sent.len(), attempts, "{what}");
                check(case, &spans, &sent, &seen.take(), timing.as_deref(), &turn, &what);
            }
        }
    }
}

fn check(
    case: &Case,
    spans: &[SpanData],
    sent: &[String],
    seen: &[(String, OwnedContext)],
    timing: Option<&str>,
    turn: &Turn,
    what: &str,
) {
    let sent: Vec<TraceParent> = sent.iter().map(|line| TraceParent::parse(line.as_bytes()).unwrap()).collect();
    let trace = sent[0].trace_id.to_string();
    if let Some((expected, _)) = case.continues.filter(|(trace, _)| !trace.is_empty()) {
        assert_eq!(trace, expected, "{what}");
    }
    if case.continues.is_none() {
        assert!(case.lines.iter().all(|(_, value)| !value.contains(&trace)), "{what}");
    }
    for context in seen.iter().map(|(_, context)| context) {
        assert_eq!(context.trace_id().unwrap().to_string(), trace, "{what}");
        assert_eq!(context.sampling().is_sampled(), case.is_sampled, "{what}");
    }
    assert!(sent.iter().all(|sent| sent.flags.is_sampled() == case.is_sampled), "{what}");
    if !case.is_sampled {
        return;
    }

    let exported: HashSet<String> = spans.iter().map(|span| span.span_context.span_id().to_string()).collect();
    assert!(spans.iter().all(|span| span.span_context.trace_id().to_string() == trace), "{what}");
    let root = &one(spans, |span| span.name == ROOT, what);
    for span in spans {
        let parent = span.parent_span_id.to_string();
        if std::ptr::eq(span, *root) {
            match case.continues.map(|(_, parent)| parent) {
                None => assert_eq!(span.parent_span_id, SpanId::INVALID, "{what}"),
                Some("") if case.name == "sw8" => assert!(span.parent_span_is_remote, "{what}"),
                Some("") => assert_eq!(span.parent_span_id, SpanId::INVALID, "{what}"),
                Some(caller) => assert_eq!((&*parent, span.parent_span_is_remote), (caller, true), "{what}"),
            }
        } else {
            assert!(exported.contains(&parent), "{what}");
        }
    }
    let links = usize::from(case.trust == Trust::Restart || case.name == "two traces");
    assert_eq!(root.links.len(), links, "{what}");
    assert!(spans.iter().filter(|span| span.name != ROOT).all(|span| span.links.is_empty()), "{what}");

    // The wire, the contexts, the response and the log lines name spans that are exported.
    assert!(sent.iter().all(|sent| exported.contains(&sent.parent_id.to_string())), "{what}");
    let parents: HashSet<_> = sent.iter().map(|sent| sent.parent_id).collect();
    assert_eq!(parents.len(), sent.len(), "each attempt has a span, {what}");
    let server = root.span_context.span_id().to_string();
    let inner = one(spans, |span| span.name == "inner", what).span_context.span_id().to_string();
    assert_eq!(seen.len(), 3, "{what}");
    for (place, context) in seen {
        let expected = if place == "inner" { &inner } else { &server };
        assert_eq!(
            (&context.span_id().unwrap().to_string(), context.is_reported()),
            (expected, true),
            "{place}, {what}"
        );
    }
    assert!(timing.is_some_and(|timing| timing.contains(&trace) && timing.contains(&server)), "{timing:?}, {what}");
    let logs = turn.logs();
    assert_eq!(logs.len(), 2, "{logs:?}, {what}");
    for (line, expected) in logs.iter().zip([&server, &inner]) {
        assert_eq!((line["trace_id"].as_str(), line["span_id"].as_str()), (Some(&*trace), Some(&**expected)), "{what}");
    }
}

fn one<'s>(spans: &'s [SpanData], is: impl Fn(&SpanData) -> bool, what: &str) -> &'s SpanData {
    let mut found = spans.iter().filter(|span| is(span));
    let span = found.next().unwrap_or_else(|| panic!("{what}"));
    assert!(found.next().is_none(), "{what}");
    span
}
