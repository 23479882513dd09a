//! Two servers: the first calls the second.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use allocation_counter::{AllocationInfo, measure};
use axum::Router;
use axum::extract::Request;
use axum::http::HeaderMap;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::server::conn::http1;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use traceprop_tower::{ExtractLayer, InjectLayer, InjectOptions};

use crate::everything;

/// Result of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The head of the response.
    pub(crate) status: Option<u16>,
    /// Invalid headers that our layer reported. `None` if the request did not reach it.
    pub(crate) invalid_headers: Option<Vec<String>>,
    /// What the second server received.
    pub(crate) sent: Option<HeaderMap>,
    /// Memory that reading and writing allocated.
    pub(crate) reading: Memory,
    pub(crate) writing: Memory,
}

/// Allocations and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
}

impl From<AllocationInfo> for Memory {
    fn from(info: AllocationInfo) -> Self {
        Self { count: info.count_total, bytes: info.bytes_total }
    }
}

type Shared = Arc<Mutex<Seen>>;

/// Counts the allocations of the inner service's `call`, which does all of our reading and writing.
#[derive(Clone)]
struct Counted<S> {
    inner: S,
    count: fn(&mut Seen, Memory),
    seen: Shared,
}

impl<S: Service<R>, R> Service<R> for Counted<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, request: R) -> S::Future {
        let mut request = Some(request);
        let mut future = None;
        let info = measure(|| future = request.take().map(|request| self.inner.call(request)));
        (self.count)(&mut self.seen.lock().expect("no panic"), info.into());
        future.expect("it was called")
    }
}

/// A running chain with its counters.
pub(crate) struct Chain {
    address: SocketAddr,
    seen: Shared,
}

impl Chain {
    /// Starts servers as axum does, with hyper's default limits. The first one makes its own span.
    pub(crate) async fn start() -> Self {
        let (router, seen) = edge(ExtractLayer::new(everything())).await;
        let (listener, address) = listen().await;
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, seen }
    }

    /// Starts a chain whose first server is a passthrough.
    pub(crate) async fn start_passthrough() -> Self {
        let (router, seen) = edge(ExtractLayer::new(everything()).passthrough()).await;
        let (listener, address) = listen().await;
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, seen }
    }

    /// Starts a chain whose first server has far higher limits.
    pub(crate) async fn start_wide() -> Self {
        let (router, seen) = edge(ExtractLayer::new(everything())).await;
        let (listener, address) = listen().await;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut http1 = http1::Builder::new();
                http1.max_headers(20_000).max_buf_size(4 << 20);
                let service = TowerToHyperService::new(router.clone());
                tokio::spawn(http1.serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, seen }
    }

    /// Sends these lines. A server can reject them before all are written.
    pub(crate) async fn send(&self, lines: &[u8]) -> Seen {
        *self.seen.lock().expect("no panic") = Seen::default();
        let mut stream = TcpStream::connect(self.address).await.expect("a server");
        let request = [b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n", lines, b"\r\n"].concat();
        let _ = stream.write_all(&request).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let mut seen = std::mem::take(&mut *self.seen.lock().expect("no panic"));
        let head = String::from_utf8_lossy(&answer);
        seen.status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        seen
    }

    /// Sends lines that the handler must respond to, and returns what the second server received.
    #[track_caller]
    pub(crate) fn passed(case: &str, seen: Seen) -> HeaderMap {
        assert_eq!(seen.status, Some(200), "{case}: {:?}", seen.invalid_headers);
        seen.sent.unwrap_or_else(|| panic!("{case}: no call"))
    }
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// Starts the second server, and returns the router of the first.
async fn edge(layer: ExtractLayer) -> (Router, Shared) {
    let seen = Shared::default();
    let back = back(Arc::clone(&seen)).await;
    let layer = {
        let seen = Arc::clone(&seen);
        layer.on_report(move |report| {
            let invalid_headers = report.invalid_headers().map(|(_, reject)| reject.to_string()).collect();
            seen.lock().expect("no panic").invalid_headers = Some(invalid_headers);
        })
    };
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let client = InjectLayer::new(everything()).inject_options(InjectOptions::everything()).layer(client);
    let client = Counted { inner: client, count: |seen, memory| seen.writing = memory, seen: Arc::clone(&seen) };
    let handler = move || {
        let client = client.clone();
        async move {
            let request = http::Request::get(format!("http://{back}/")).body(Empty::new()).expect("a request");
            client.oneshot(request).await.expect("the second server answers").status()
        }
    };
    // Outside of our layer, so that its reading is counted.
    let counted = {
        let seen = Arc::clone(&seen);
        move |inner| Counted { inner, count: |seen, memory| seen.reading = memory, seen: Arc::clone(&seen) }
    };
    let layers = ServiceBuilder::new().layer_fn(counted).layer(layer);
    (Router::new().route("/", axum::routing::get(handler)).layer(layers), seen)
}

/// Keeps the headers of the only request.
async fn back(seen: Shared) -> SocketAddr {
    let keep = async move |request: Request| {
        let before = seen.lock().expect("no panic").sent.replace(request.headers().clone());
        assert!(before.is_none(), "a second request");
    };
    let (listener, address) = listen().await;
    let router = Router::new().fallback(keep);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}
