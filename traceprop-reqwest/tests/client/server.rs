//! A server on loopback that records its requests and answers as the URL says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, Method, Response, StatusCode, Uri, header};
use axum::routing::any;
use reqwest::Url;

/// One received request.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

type Kept = Arc<Mutex<Vec<Seen>>>;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    kept: Kept,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let kept = Kept::default();
        let router = Router::new().fallback(any(answer)).with_state(kept.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback is there");
        let address = listener.local_addr().expect("it was bound");
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, kept }
    }

    /// Returns the URL of a path.
    pub(crate) fn url(&self, path: &str) -> Url {
        format!("http://{}{path}", self.address).parse().expect("a URL")
    }

    /// Returns a URL that answers with a redirect.
    pub(crate) fn to(&self, status: u16, next: impl AsRef<str>) -> Url {
        self.at("127.0.0.1", status, next)
    }

    /// Returns the URL of a path, with another name of this server.
    pub(crate) fn at(&self, host: &str, status: u16, next: impl AsRef<str>) -> Url {
        let mut url = self.url("/go");
        url.set_host(Some(host)).expect("a host");
        url.query_pairs_mut().append_pair("status", &status.to_string()).append_pair("to", next.as_ref());
        url
    }

    /// Returns all requests so far, in order.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.kept.lock().expect("no test panics with it").clone()
    }

    /// Returns the only request.
    #[track_caller]
    pub(crate) fn only(&self) -> Seen {
        let [seen] = self.seen().try_into().expect("just one request");
        seen
    }
}

/// Answers. `to`: redirects there, with `status`. `cookie`: sets it. `wait`: waits so many milliseconds first.
async fn answer(
    State(kept): State<Kept>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<axum::body::Body> {
    let seen = Seen { method, path: uri.path().to_owned(), headers, body };
    kept.lock().expect("no test panics with it").push(seen);
    let url: Url = format!("http://server{uri}").parse().expect("a URL");
    let asked = |name: &str| url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned());
    if let Some(wait) = asked("wait") {
        tokio::time::sleep(Duration::from_millis(wait.parse().expect("a number"))).await;
    }
    let mut response = Response::new(axum::body::Body::from("OK"));
    let mut set = |name: HeaderName, value: String| {
        response.headers_mut().insert(name, value.parse().expect("a value"));
    };
    if let Some(cookie) = asked("cookie") {
        set(header::SET_COOKIE, cookie);
    }
    if let Some(next) = asked("to") {
        set(header::LOCATION, next);
        let status = asked("status").and_then(|status| status.parse().ok()).expect("a number");
        *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    }
    response
}
