//! HTTP/1.1 for the test service. `axum::serve` would do, but for its limit of 100 headers: this service is sent more on
//! purpose.

use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

/// Headers of one request. Beyond, the answer is 431.
pub const MAX_HEADERS: usize = 1024;

/// Serves until the future is dropped. A connection that fails ends alone.
pub async fn serve(listener: TcpListener, app: Router) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // Out of file descriptors, mostly: others have to be closed first.
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
