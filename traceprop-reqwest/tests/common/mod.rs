//! A server on loopback that keeps the headers of each request.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::any;

type Kept = Arc<Mutex<Vec<HeaderMap>>>;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    kept: Kept,
}

impl Server {
    /// Starts a server that answers `OK` to every request.
    pub(crate) async fn start() -> Self {
        Self::serve(|kept| Router::new().fallback(any(keep)).with_state(kept)).await
    }

    /// Starts a server that redirects every request to `target`.
    pub(crate) async fn redirecting_to(target: String) -> Self {
        let moved = move |State(kept): State<Kept>, headers: HeaderMap| async move {
            kept.lock().expect("no test panics with it").push(headers);
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, target)]).into_response()
        };
        Self::serve(|kept| Router::new().fallback(any(moved)).with_state(kept)).await
    }

    async fn serve(router: impl FnOnce(Kept) -> Router) -> Self {
        let kept = Kept::default();
        let router = router(kept.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback is there");
        let address = listener.local_addr().expect("it was bound");
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, kept }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/items", self.address)
    }

    /// Returns the headers of all requests so far, in order.
    pub(crate) fn requests(&self) -> Vec<HeaderMap> {
        self.kept.lock().expect("no test panics with it").clone()
    }

    /// Returns the headers of the only request.
    #[allow(dead_code, reason = "not every test has only one")]
    #[track_caller]
    pub(crate) fn request(&self) -> HeaderMap {
        let [request] = self.requests().try_into().expect("just one request");
        request
    }
}

async fn keep(State(kept): State<Kept>, headers: HeaderMap) -> &'static str {
    kept.lock().expect("no test panics with it").push(headers);
    "OK"
}

/// Returns all values of a header, in order.
pub(crate) fn values<'h>(headers: &'h HeaderMap, name: &str) -> Vec<&'h str> {
    headers.get_all(name).iter().map(|value| value.to_str().expect("visible ASCII")).collect()
}
