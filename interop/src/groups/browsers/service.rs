//! The two services of a page: the origin that it is loaded from, and an API of another origin.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tower_http::cors::CorsLayer;
use traceprop_http::{PageMarkup, ResponseHeaders, cors};
use traceprop_tower::{ExtractLayer, OwnedContext, presets};

use super::agents::Agent;
use crate::Error;

/// What happened while a page was open.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The span in which the document was written.
    pub(super) document: Option<OwnedContext>,
    /// The calls that the API took: path, headers and context.
    pub(super) calls: Vec<(String, HeaderMap, OwnedContext)>,
    /// Everything that the agent sent to its collector, as text.
    pub(super) collected: String,
    /// What the page said at its end.
    pub(super) report: Option<Report>,
}

/// What a page says at its end.
#[derive(Debug, Deserialize)]
pub(super) struct Report {
    pub(super) calls: std::collections::BTreeMap<String, String>,
    collected: Vec<String>,
    pub(super) error: Option<String>,
}

/// Both services, while a page is open.
#[derive(Debug)]
pub(super) struct Services {
    seen: Arc<Shared>,
    page: SocketAddr,
    tasks: [tokio::task::JoinHandle<()>; 2],
}

#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<Seen>,
    reported: Notify,
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Services {
    pub(super) async fn start(agent: Agent, bundle: String) -> Result<Self, Error> {
        let seen = Arc::new(Shared::default());
        let page_listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let api_listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let page = page_listener.local_addr()?;
        let api = format!("http://{}", api_listener.local_addr()?);
        let settings = json!({"api": api, "config": agent.config}).to_string();
        let routers = [page_service(&seen, settings, bundle), api_service(&seen, agent, page.port())?];
        let [first, second] = [page_listener, api_listener]
            .into_iter()
            .zip(routers)
            .map(serve)
            .collect::<Vec<_>>()
            .try_into()
            .map_err(|_| "two services")?;
        Ok(Self { seen, page, tasks: [first, second] })
    }

    /// The address of the page. `localhost` is another origin than the API's `127.0.0.1`.
    pub(super) fn address(&self) -> String {
        format!("http://localhost:{}/", self.page.port())
    }

    pub(super) async fn reported(&self) {
        self.seen.reported.notified().await;
    }

    /// Ends both services.
    pub(super) fn stop(self) -> Seen {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
        let mut seen = Seen::default();
        self.seen.change(|last| std::mem::swap(last, &mut seen));
        if let Some(report) = &seen.report {
            report.collected.iter().for_each(|text| seen.collected.push_str(text));
        }
        seen
    }
}

fn serve((listener, router): (TcpListener, Router)) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            eprintln!("browsers: {error}");
        }
    })
}

/// The origin of the page. Its document names the trace in which it was written.
fn page_service(seen: &Arc<Shared>, settings: String, bundle: String) -> Router {
    let document = {
        let seen = Arc::clone(seen);
        move || async move {
            let context = OwnedContext::current();
            let mut headers = HeaderMap::new();
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            let markup = context.as_ref().and_then(OwnedContext::span).and_then(|span| {
                let markup = PageMarkup::for_response(&span, &headers)?.opentelemetry().sentry();
                Some(markup.datadog(SystemTime::now()).to_string())
            });
            let html = format!(
                "<!doctype html><html><head><title>page</title>{}</head><body><script id=settings \
                 type=application/json>{settings}</script><script type=module src=/agent.js></script></body></html>",
                markup.unwrap_or_default()
            );
            seen.change(|seen| seen.document = context);
            (headers, Html(html))
        }
    };
    let report = {
        let seen = Arc::clone(seen);
        move |body: String| async move {
            seen.change(|seen| {
                seen.report = Some(serde_json::from_str(&body).unwrap_or_else(|error| Report {
                    calls: Default::default(),
                    collected: Vec::new(),
                    error: Some(format!("the report is no JSON: {error}")),
                }));
            });
            seen.reported.notify_one();
        }
    };
    let collect = {
        let seen = Arc::clone(seen);
        move |method: Method, uri: Uri, body: Bytes| async move {
            if method == Method::GET && uri.path() == "/favicon.ico" {
                return StatusCode::NOT_FOUND.into_response();
            }
            seen.change(|seen| seen.collected.push_str(&text_of(&body)));
            axum::Json(json!({})).into_response()
        }
    };
    let response_headers = ResponseHeaders::new().server_timing();
    Router::new()
        .route("/", get(document))
        .layer(ExtractLayer::new(presets::ALL_TO_W3C).response_headers(response_headers))
        .route("/agent.js", get(|| async { ([(header::CONTENT_TYPE, "text/javascript")], bundle) }))
        .route("/report", post(report))
        .fallback(collect)
}

/// The API. It allows the names that the agent needs, and no other.
fn api_service(seen: &Arc<Shared>, agent: Agent, page_port: u16) -> Result<Router, Error> {
    let origin: HeaderValue = format!("http://localhost:{page_port}").parse()?;
    let response_headers = ResponseHeaders::new().server_timing().timing_allow_origin(origin.clone());
    let allowed: Vec<_> = agent.lists.iter().copied().flatten().cloned().collect();
    let cors = CorsLayer::new()
        .allow_origin(origin)
        .allow_headers(allowed)
        .expose_headers(cors::expose_headers(&response_headers).collect::<Vec<_>>());
    let seen = Arc::clone(seen);
    let call = move |uri: Uri, headers: HeaderMap| async move {
        if let Some(context) = OwnedContext::current() {
            seen.change(|seen| seen.calls.push((uri.path().to_owned(), headers, context)));
        }
        "done"
    };
    Ok(Router::new()
        .fallback(call)
        .layer(ExtractLayer::new(presets::ALL_TO_W3C).response_headers(response_headers))
        .layer(cors))
}

/// A body as text. Some agents compress it.
fn text_of(body: &[u8]) -> String {
    use std::io::Read as _;
    let mut text = Vec::new();
    match body {
        [0x1f, 0x8b, ..] if flate2::read::GzDecoder::new(body).read_to_end(&mut text).is_ok() => {}
        _ => text = body.to_vec(),
    }
    String::from_utf8_lossy(&text).into_owned()
}
