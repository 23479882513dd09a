//! Log lines have the ids of the request wherever its work goes: inner spans, spawned tasks, threads, bodies.

#![cfg(all(feature = "tracing", feature = "tracing-subscriber", feature = "http-body"))]

mod support;

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::routing::get as on_get;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};
use serde_json::{Value, json};
use support::log::Log;
use support::{Answer, PARENT, TRACE, get, serve};
use traceprop_core::IdBits;
use traceprop_core::formats::sw8::Sw8;
use traceprop_tower::logging::{self, InTrace, SpanLayer, WithIds};
use traceprop_tower::{ExtractLayer, OwnedContext, Propagator, presets};
use tracing::Level;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::format::{Format, Json};

fn layer() -> ExtractLayer<fn() -> IdBits> {
    ExtractLayer::new(presets::W3C).id_generator(|| IdBits::non_random(7))
}

fn lines() -> Vec<u8> {
    format!("traceparent: {PARENT}\r\n").into_bytes()
}

/// Captures a JSON log whose lines have the ids at the top level.
fn with_ids(edit: fn(Format<Json>) -> Format<Json>) -> (Log, DefaultGuard) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .map_event_format(edit)
        .map_event_format(WithIds)
        .with_writer(move || writer.clone())
        .finish();
    (log, tracing::subscriber::set_default(subscriber))
}

/// Returns the ids of a line that `trace_id`, `span_id` are in, or `null`.
fn ids(object: &Value) -> Value {
    json!([object["trace_id"], object["span_id"], object["parent_id"], object["dd.trace_id"], object["dd.span_id"]])
}

fn expected() -> Value {
    json!([TRACE, "0000000000000007", "00f067aa0ba902b7", "11803532876627986230", "7"])
}

#[tokio::test]
async fn ok_json_lines_have_the_ids_at_the_top_level_inside_of_an_inner_span() {
    let (log, _guard) = with_ids(|format| format);
    let handler = async || {
        tracing::info_span!("inner", step = 1).in_scope(|| tracing::info!(items = 2, "hello"));
        "ok"
    };
    let app = Router::new().route("/", on_get(handler)).layer(SpanLayer::new()).layer(layer());
    assert_eq!(get(serve(app).await, "/", &lines()).await, Answer::ok("ok"));
    tracing::info!("outside of a request");
    let [line, outside] = log.lines().try_into().expect("two lines");
    assert_eq!(ids(&line), expected());
    assert_eq!((&line["fields"], &line["span"]["name"]), (&json!({"message": "hello", "items": 2}), &json!("inner")));
    assert_eq!(ids(&line["spans"][0]), expected());
    assert_eq!(ids(&outside), json!([null, null, null, null, null]));
}

#[tokio::test]
async fn ok_ids_need_no_span_and_leave_other_formats_alone() {
    let (log, _guard) = with_ids(|format| format.flatten_event(true).with_current_span(false).with_span_list(false));
    let handler = async || {
        tracing::info!("hello");
        "ok"
    };
    let app = serve(Router::new().route("/", on_get(handler)).layer(layer())).await;
    get(app, "/", &lines()).await;
    let [line] = log.lines().try_into().expect("a line");
    assert_eq!((ids(&line), &line["message"]), (expected(), &json!("hello")));
    drop(_guard);

    let log = Log::default();
    let writer = log.clone();
    let text = tracing_subscriber::fmt().with_ansi(false).without_time().map_event_format(WithIds);
    let _guard = tracing::subscriber::set_default(text.with_writer(move || writer.clone()).finish());
    get(app, "/", &lines()).await;
    assert_eq!(log.text(), " INFO log_everywhere: hello\n");
}

#[tokio::test]
async fn ok_text_of_a_request_is_escaped_json() {
    let (log, _guard) = with_ids(|format| format);
    let handler = async || {
        tracing::info!("hello");
        "ok"
    };
    let propagator = Propagator::builder().with_format(Sw8::new("shop", "shop-1")).build().expect("a propagator");
    let app = Router::new().route("/", on_get(handler)).layer(ExtractLayer::new(propagator));
    // The trace id is `a"b\c`.
    let sw8 = b"sw8: 1-YSJiXGM=-c2VnbWVudA==-3-cw==-aQ==-Lw==-cA==\r\n";
    get(serve(app).await, "/", sw8).await;
    assert_eq!(log.lines()[0]["sw8.trace_id"], "a\"b\\c");
}

#[tokio::test]
async fn ok_spawned_tasks_and_threads_have_the_context_and_the_span() {
    let (log, _guard) = Log::start(Level::INFO);
    fn work(place: &str) -> Option<String> {
        tracing::info!(place);
        OwnedContext::current().and_then(|context| context.span_id()).map(|id| id.to_string())
    }
    let handler = async || {
        let task = tokio::spawn(async { work("task") }.in_current_trace()).await.expect("no panic");
        let closure = logging::in_current_trace(|| work("closure"));
        // The subscriber is that of this thread.
        let closure = tokio::spawn(async { closure() }).await.expect("no panic");
        let bare = tokio::spawn(async { work("bare") }).await.expect("no panic");
        format!("{task:?} {closure:?} {bare:?}")
    };
    let app = Router::new().route("/", on_get(handler)).layer(SpanLayer::new()).layer(layer());
    let answer = get(serve(app).await, "/", &lines()).await;
    assert_eq!(answer.body, r#"Some("0000000000000007") Some("0000000000000007") None"#);
    let spans: Vec<_> = log.lines().iter().map(|line| (line["fields"]["place"].clone(), ids(&line["span"]))).collect();
    let none = json!([null, null, null, null, null]);
    assert_eq!(spans, [(json!("task"), expected()), (json!("closure"), expected()), (json!("bare"), none)]);
}

#[test]
fn ok_a_closure_carries_both_to_another_thread() {
    let (log, _guard) = Log::start(Level::INFO);
    let span = tracing::info_span!("request", trace_id = "x");
    let context = OwnedContext::new(traceprop_core::SpanContext::root(&traceprop_core::RandomIds));
    let (trace_id, dispatch) = (context.trace_id(), tracing::dispatcher::get_default(Clone::clone));
    let closure = context.scope(|| {
        span.in_scope(|| {
            logging::in_current_trace(|| {
                tracing::info!("thread");
                OwnedContext::current().and_then(|context| context.trace_id())
            })
        })
    });
    let thread = std::thread::spawn(move || tracing::dispatcher::with_default(&dispatch, closure));
    assert_eq!(thread.join().expect("no panic"), trace_id);
    assert_eq!(log.lines()[0]["span"]["trace_id"], "x");
}

/// A body that logs in each poll and in its drop.
struct Logs(u8);

impl HttpBody for Logs {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0 += 1;
        tracing::info!("poll");
        Poll::Ready((self.0 < 3).then(|| Ok(Frame::data(Bytes::from_static(b"x")))))
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        tracing::info!("drop");
    }
}

#[tokio::test]
async fn ok_a_body_logs_in_the_span_of_its_request_where_its_context_goes() {
    for goes_along in [true, false] {
        let (log, _guard) = Log::start(Level::INFO);
        let app = Router::new().route("/", on_get(async || Body::new(Logs(0)))).layer(SpanLayer::new());
        let app = if goes_along { app.layer(layer().include_response_body()) } else { app.layer(layer()) };
        assert!(get(serve(app).await, "/", &lines()).await.body.contains('x'));
        let lines = log.lines();
        assert!(lines.len() >= 4, "{lines:?}");
        let wanted = if goes_along { expected() } else { json!([null, null, null, null, null]) };
        assert!(lines.iter().all(|line| ids(&line["span"]) == wanted), "{lines:?}");
    }
}

/// A task that aborts, and a task that ends, run no span any longer than the body.
#[tokio::test]
async fn ok_the_span_ends_with_the_body() {
    let log = Log::default();
    let writer = log.clone();
    let closing = tracing_subscriber::fmt().json().with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE);
    let _guard = tracing::subscriber::set_default(closing.with_writer(move || writer.clone()).finish());
    let app = Router::new().route("/", on_get(async || Body::new(Logs(0)))).layer(SpanLayer::new());
    get(serve(app.layer(layer().include_response_body())).await, "/", &lines()).await;
    let messages: Vec<_> = log.lines().iter().map(|line| line["fields"]["message"].clone()).collect();
    assert_eq!(messages.last(), Some(&json!("close")), "{messages:?}");
    assert_eq!(messages.iter().filter(|message| **message == "close").count(), 1);
}
