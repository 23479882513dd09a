//! HTTP/1.1 for the test service. `axum::serve` has a limit of 100 headers, and tests of this service send more.

use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

/// The limit of headers in one request. A request with more is answered with 431.
pub const MAX_HEADERS: usize = 1024;

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
            let connection =
                http1::Builder::new().max_headers(MAX_HEADERS).serve_connection(TokioIo::new(stream), service);
            let _ = connection.await;
        });
    }
}
