//! Servers and clients on loopback.

#![allow(dead_code, unreachable_pub, reason = "each test program uses its part")]

#[cfg(feature = "tracing")]
pub mod log;

use std::net::SocketAddr;

use axum::Router;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
pub const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Serves the router on a real socket until the test ends.
pub async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// The parts of a response that tests check.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    pub fn ok(body: impl Into<String>) -> Self {
        Self { status: 200, body: body.into() }
    }
}

/// Sends these bytes as header lines. A client library does not send everything that a server can receive.
pub async fn send(address: SocketAddr, method: &str, path: &str, lines: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).await.expect("a server");
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n").into_bytes();
    request.extend_from_slice(lines);
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await.expect("the server reads");
    let mut answer = Vec::new();
    // A handler that panics closes its connection.
    stream.read_to_end(&mut answer).await.ok()?;
    let answer = String::from_utf8(answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, body: body.to_owned() })
}

pub async fn get(address: SocketAddr, path: &str, lines: &[u8]) -> Answer {
    send(address, "GET", path, lines).await.expect("an answer")
}
