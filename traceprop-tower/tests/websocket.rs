//! Websockets of axum: their task keeps the context of the upgraded request.

mod support;

use std::net::{SocketAddr, TcpStream};

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use support::serve;
use traceprop_tower::{ExtractLayer, InContext, OwnedContext, ResponseHeaders, presets};
use tungstenite::client::IntoClientRequest;

/// Returns the current trace and the caller's span.
fn seen() -> String {
    let ids = OwnedContext::current().and_then(|context| Some((context.trace_id()?, context.parent_id()?)));
    ids.map_or("none".to_owned(), |(trace, parent)| format!("{trace} {parent}"))
}

/// Responds to each message with the current context, in the task of the socket and in a spawned one.
async fn session(mut socket: WebSocket) {
    while let Some(Ok(Message::Text(text))) = socket.recv().await {
        let task = tokio::spawn(async { seen() }.in_current_context()).await.unwrap_or_default();
        let answer = format!("{text}: {}, {task}", seen());
        if socket.send(Message::Text(answer.into())).await.is_err() {
            return;
        }
    }
}

async fn live(upgrade: WebSocketUpgrade) -> Response {
    match OwnedContext::current() {
        Some(context) => upgrade.on_upgrade(|socket| session(socket).in_context(context)),
        None => upgrade.on_upgrade(session),
    }
}

/// Reads the context too late: axum runs the callback in its own task, after the handler has returned.
async fn too_late(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|socket| session(socket).in_current_context())
}

async fn server() -> SocketAddr {
    let app = Router::new().route("/live", get(live)).route("/too-late", get(too_late));
    serve(app.layer(ExtractLayer::new(presets::W3C).response_headers(ResponseHeaders::new().server_timing()))).await
}

/// Opens a websocket, sends some words and returns the responses. The client is a blocking thread.
fn talk(address: SocketAddr, path: &str, number: u64, words: &[&str]) -> Vec<String> {
    let mut request = format!("ws://{address}{path}").into_client_request().expect("a request");
    let parent = format!("00-{number:032x}-{number:016x}-01");
    request.headers_mut().insert("traceparent", parent.parse().expect("a value"));
    let stream = TcpStream::connect(address).expect("a server");
    let (mut socket, response) = tungstenite::client(request, stream).expect("an upgrade");
    let timing = response.headers()["server-timing"].to_str().expect("text");
    assert!(timing.starts_with(&format!("traceparent;desc=\"00-{number:032x}-")), "{timing}");
    let mut answers = Vec::new();
    for word in words {
        socket.send(tungstenite::Message::text(*word)).expect("it is open");
        answers.push(socket.read().expect("an answer").into_text().expect("text").to_string());
    }
    socket.close(None).expect("it was open");
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ok_sessions_keep_the_context_of_their_own_request() {
    let address = server().await;
    let sessions: Vec<_> = (1..=20)
        .map(|number| tokio::task::spawn_blocking(move || talk(address, "/live", number, &["a", "b", "c"])))
        .collect();
    for (number, session) in (1..=20_u64).zip(sessions) {
        let ids = format!("{number:032x} {number:016x}");
        let expected = ["a", "b", "c"].map(|word| format!("{word}: {ids}, {ids}"));
        assert_eq!(session.await.expect("no panic"), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ok_callback_that_runs_later_has_no_current_context() {
    let address = server().await;
    let session = tokio::task::spawn_blocking(move || talk(address, "/too-late", 7, &["a"]));
    assert_eq!(session.await.expect("no panic"), ["a: none, none"]);
}
