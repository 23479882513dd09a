//! Two servers, the first of which calls the second.

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

/// What becomes of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The head of the answer.
    pub(crate) status: Option<u16>,
    /// What our layer turned down. `None` if the request did not come as far.
    pub(crate) rejects: Option<Vec<String>>,
    /// What the second server got.
    pub(crate) sent: Option<HeaderMap>,
    /// What reading took, and what writing took, in memory.
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

/// Counts what `call` of the service behind it allocates. All of our reading and writing is done there.
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

/// A chain, and how it looks at requests.
pub(crate) struct Chain {
    address: SocketAddr,
    seen: Shared,
}

impl Chain {
    /// Servers as axum starts them, with the limits that hyper has by default. The first one makes a span of its own.
    pub(crate) async fn start() -> Self {
        let (router, seen) = edge(ExtractLayer::new(everything())).await;
        let (listener, address) = listen().await;
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, seen }
    }

    /// The same of a first server that only passes on what came.
    pub(crate) async fn start_relay() -> Self {
        let (router, seen) = edge(ExtractLayer::new(everything()).passthrough()).await;
        let (listener, address) = listen().await;
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, seen }
    }

    /// The same as [`Chain::start`] with a first server that lets far more through.
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

    /// Sends these lines. A server that refuses them may do so before all are written.
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

    /// The same where the handler has to answer: what the second server got.
    #[track_caller]
    pub(crate) fn passed(case: &str, seen: Seen) -> HeaderMap {
        assert_eq!(seen.status, Some(200), "{case}: {:?}", seen.rejects);
        seen.sent.unwrap_or_else(|| panic!("{case}: no call"))
    }
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// The first server's router, and the second server behind it, started.
async fn edge(layer: ExtractLayer) -> (Router, Shared) {
    let seen = Shared::default();
    let back = back(Arc::clone(&seen)).await;
    let layer = {
        let seen = Arc::clone(&seen);
        layer.on_report(move |report| {
            let rejects = report.invalid_headers().map(|(_, reject)| reject.to_string()).collect();
            seen.lock().expect("no panic").rejects = Some(rejects);
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
    // Around our layer, so that what it reads is counted.
    let counted = {
        let seen = Arc::clone(&seen);
        move |inner| Counted { inner, count: |seen, memory| seen.reading = memory, seen: Arc::clone(&seen) }
    };
    let layers = ServiceBuilder::new().layer_fn(counted).layer(layer);
    (Router::new().route("/", axum::routing::get(handler)).layer(layers), seen)
}

/// Keeps the headers of a request. There must be one alone.
async fn back(seen: Shared) -> SocketAddr {
    let keep = async move |request: Request| {
        let before = seen.lock().expect("no panic").sent.replace(request.headers().clone());
        assert!(before.is_none(), "a second request behind the first");
    };
    let (listener, address) = listen().await;
    let router = Router::new().fallback(keep);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}
