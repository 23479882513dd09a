//! HTTP/1.1 and HTTP/2 without TLS, for the test service. `axum::serve` has a limit of 100 headers, and tests of this
//! service send more.

use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

/// The limit of headers in one request of HTTP/1.1. A request with more is answered with 431.
pub const MAX_HEADERS: usize = 1024;

/// The limit of all headers in one request of HTTP/2, in bytes. It has no limit of their number.
pub const MAX_HEADER_LIST: u32 = 1 << 20;

/// Serves until the future is dropped. A failed connection does not affect others.
pub async fn serve(listener: TcpListener, app: Router) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // Usually no file descriptor is free until other connections are closed.
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(app.clone());
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            let mut server = auto::Builder::new(TokioExecutor::new());
            server.http1().max_headers(MAX_HEADERS);
            server.http2().max_header_list_size(MAX_HEADER_LIST);
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
