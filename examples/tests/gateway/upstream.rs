//! An upstream on loopback that notes what it receives.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Version};
use axum::response::Response;
use axum::{Router, routing::any};
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

use crate::common::Service;
use crate::frames::{self, Frames};

/// A request as the upstream received it.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    pub target: String,
    pub version: Version,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub trailers: Option<HeaderMap>,
}

impl Received {
    /// Returns the lines of a header.
    pub fn lines(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().map(|line| line.to_str().expect("ASCII")).collect()
    }
}

#[derive(Clone)]
pub struct Upstream {
    pub url: String,
    received: Arc<Mutex<Vec<Received>>>,
    /// A body that is being read or sent was dropped before its end.
    dropped: Arc<Mutex<usize>>,
}

impl Upstream {
    pub async fn start() -> Self {
        Self::start_with(auto::Builder::new(TokioExecutor::new())).await
    }

    /// Starts an upstream that knows no HTTP/2.
    pub async fn start_http1() -> Self {
        Self::start_with(auto::Builder::new(TokioExecutor::new()).http1_only()).await
    }

    async fn start_with(server: auto::Builder<TokioExecutor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback is there");
        let url = format!("http://{}", listener.local_addr().expect("it was bound"));
        let upstream = Self { url, received: Arc::default(), dropped: Arc::default() };
        let app = Router::new().fallback(any(answer)).with_state(upstream.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (server, service) = (server.clone(), TowerToHyperService::new(app.clone()));
                tokio::spawn(async move {
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        upstream
    }

    /// Starts a gateway in front of this upstream.
    pub fn gateway(&self, arguments: &str) -> Service {
        let arguments = format!("--upstream {} {arguments}", self.url);
        Service::start_with(arguments.split_whitespace())
    }

    /// Returns the only request since the last call.
    #[track_caller]
    pub fn received(&self) -> Received {
        let received = std::mem::take(&mut *self.received.lock().expect("no test panics with it"));
        let [received] = received.try_into().expect("one request");
        received
    }

    pub fn dropped(&self) -> usize {
        *self.dropped.lock().expect("no test panics with it")
    }
}

/// Counts a body that is dropped before its end.
struct CountDrop(Arc<Mutex<usize>>, bool);

impl Drop for CountDrop {
    fn drop(&mut self) {
        *self.0.lock().expect("no test panics with it") += usize::from(!self.1);
    }
}

async fn answer(State(upstream): State<Upstream>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let note = |body, trailers| {
        upstream.received.lock().expect("no test panics with it").push(Received {
            method: head.method.to_string(),
            target: head.uri.path_and_query().expect("a path").to_string(),
            version: head.version,
            headers: head.headers.clone(),
            body,
            trailers,
        });
    };
    match head.uri.path() {
        // Sends each frame back when it is read.
        "/echo" => {
            note(Bytes::new(), None);
            Response::new(body)
        }
        // Sends one chunk, and never ends.
        "/endless" => {
            note(Bytes::new(), None);
            let count = CountDrop(upstream.dropped.clone(), false);
            let (frames, body) = Frames::channel();
            frames.send(Frame::data(Bytes::from_static(b"first"))).expect("the body is there");
            tokio::spawn(async move {
                frames.closed().await;
                drop(count);
            });
            Response::new(Body::new(body))
        }
        // Never answers.
        "/silent" => {
            let _count = CountDrop(upstream.dropped.clone(), false);
            note(Bytes::new(), None);
            std::future::pending().await
        }
        "/moved" => Response::builder().status(302).header("location", "/x").body(Body::empty()).expect("a response"),
        // Promises more than it sends.
        "/short" => {
            let (frames, body) = Frames::channel();
            frames.send(Frame::data(Bytes::from_static(b"par"))).expect("the body is there");
            tokio::spawn(async move {
                // Later than the head, so that there is a response.
                tokio::time::sleep(Duration::from_millis(100)).await;
                let _ = frames.fail("the disk is gone");
            });
            Response::builder().header("content-length", "10").body(Body::new(body)).expect("a response")
        }
        "/trailers" => {
            let (body, trailers) = frames::collect(body).await;
            note(body, trailers);
            let trailers = [("x-sum", "7"), ("traceresponse", "00-1-2-01")];
            let trailers =
                trailers.map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value)));
            let trailers = HeaderMap::from_iter(trailers);
            let body = Frames::of([Ok(Frame::data(Bytes::from_static(b"data"))), Ok(Frame::trailers(trailers))]);
            Response::builder().header("trailer", "x-sum, traceresponse").body(Body::new(body)).expect("a response")
        }
        _ => {
            let (body, trailers) = frames::collect(body).await;
            note(body, trailers);
            Response::builder()
                .status(203)
                .header("connection", "x-hop")
                .header("x-hop", "1")
                .header("x-end", "1")
                .header("set-cookie", "a=1")
                .header("set-cookie", "b=2")
                .body(Body::from("answer"))
                .expect("a response")
        }
    }
}
