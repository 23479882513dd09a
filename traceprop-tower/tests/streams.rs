//! After the head of a response: streaming bodies and upgraded connections keep their context.
#![cfg(feature = "http-body")]

mod support;

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Response, StatusCode, header};
use axum::routing::get as on_get;
use http_body::Frame;
use hyper::body::Bytes;
use support::{PARENT, TRACE, get, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use traceprop_tower::{ExtractLayer, InContext, OwnedContext, ResponseHeaders, presets};

fn parent() -> String {
    OwnedContext::current().and_then(|context| context.parent_id()).map_or("none".to_owned(), |id| id.to_string())
}

/// Sends the current span five times, with pauses.
struct Ticks {
    left: u8,
    pause: Pin<Box<Sleep>>,
}

fn ticks() -> Ticks {
    Ticks { left: 5, pause: Box::pin(sleep(Duration::ZERO)) }
}

impl http_body::Body for Ticks {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let before = parent();
        ready!(self.pause.as_mut().poll(task));
        assert_eq!(parent(), before);
        self.pause = Box::pin(sleep(Duration::from_micros(300)));
        self.left -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(format!("{before}\n"))))))
    }
}

/// Reads a chunked body line by line.
fn said(body: &str) -> Vec<&str> {
    body.lines().map(str::trim).filter(|line| line.len() == 16 || *line == "none").collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ok_streaming_bodies_of_200_requests_keep_their_own_context() {
    let app = Router::new().route("/", on_get(async || Response::new(Body::new(ticks()))));
    let address = serve(app.layer(ExtractLayer::new(presets::W3C).include_response_body())).await;
    let requests: Vec<_> = (1..=200_u32)
        .map(|n| {
            tokio::spawn(async move {
                let lines = format!("traceparent: 00-{n:032x}-{n:016x}-01\r\n");
                let answer = get(address, "/", lines.as_bytes()).await;
                let own = format!("{n:016x}");
                assert_eq!(said(&answer.body), [own.as_str(); 5]);
            })
        })
        .collect();
    for request in requests {
        request.await.unwrap();
    }
}

#[tokio::test]
async fn ok_bodies_have_no_context_by_default_or_if_skipped() {
    let app = || Router::new().route("/", on_get(async || Response::new(Body::new(ticks()))));
    let lines = format!("traceparent: {PARENT}\r\n");
    let address = serve(app().layer(ExtractLayer::new(presets::W3C))).await;
    assert_eq!(said(&get(address, "/", lines.as_bytes()).await.body), ["none"; 5]);
    let address = serve(app().layer(ExtractLayer::new(presets::W3C).skip(|_| true).include_response_body())).await;
    assert_eq!(said(&get(address, "/", lines.as_bytes()).await.body), ["none"; 5]);
}

/// Upgrades, and responds to each word with the current trace, as the task of a websocket does.
async fn upgrade(mut request: Request) -> Response<Body> {
    let upgraded = hyper::upgrade::on(&mut request);
    let session = async move {
        let Ok(upgraded) = upgraded.await else { return };
        let mut stream = hyper_util::rt::TokioIo::new(upgraded);
        while let Ok(word @ 1..) = stream.read_u8().await {
            let trace = OwnedContext::current().and_then(|context| context.trace_id()).map(|id| id.to_string());
            let text = format!("{} {}\n", word as char, trace.unwrap_or_default());
            if stream.write_all(text.as_bytes()).await.is_err() {
                return;
            }
        }
    };
    tokio::spawn(session.in_current_context());
    let head = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
    head.header(header::CONNECTION, "upgrade").header(header::UPGRADE, "words").body(Body::empty()).expect("an answer")
}

async fn read_to(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        text.push(stream.read_u8().await.expect("more") as char);
    }
    text
}

#[tokio::test]
async fn ok_upgraded_connections_keep_the_context_of_their_request() {
    let layer = ExtractLayer::new(presets::W3C)
        .response_headers(ResponseHeaders::new().server_timing())
        .include_response_body();
    let address: SocketAddr = serve(Router::new().route("/", on_get(upgrade)).layer(layer)).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "GET / HTTP/1.1\r\nhost: test\r\nconnection: upgrade\r\nupgrade: words\r\ntraceparent: {PARENT}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let head = read_to(&mut stream, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(head.contains(&format!("server-timing: traceparent;desc=\"00-{TRACE}-")), "{head}");
    for word in ["a", "b"] {
        stream.write_all(word.as_bytes()).await.unwrap();
        assert_eq!(read_to(&mut stream, "\n").await, format!("{word} {TRACE}\n"));
    }
}
