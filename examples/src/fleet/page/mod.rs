//! A page that sends requests through a fleet from the browser and shows the results.
//!
//! | address | answer |
//! |---|---|
//! | `/` | the page; it loads only `/page.css` and `/page.js` |
//! | `/choices` | the choices: `{formats: [{id, name, headers}, …], paths: [{id, fleet, text, reads}, …]}` |
//! | `/send?path=ID` | forwards the trace headers of this request to the first service of a path: [`Answer`] |
//!
//! The address of the page contains the choices. `docs/fleet.png` is a picture of
//! `/?path=open/gateway&format=datadog`, taken by `chromium --headless --screenshot --window-size=1200,1160`.

mod choices;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use traceprop_core::Propagator;
use traceprop_core::formats::sw8::Sw8;

use self::choices::{Choices, Path};
use super::plan::{FLEETS, OPEN};
use super::service::{Hop, Running};
use super::verdict::{one_trace, services};
use super::{FleetError, client};
use crate::lines::{self, Line};

const HTML: &str = include_str!("page.html");
const CSS: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page loads its own script and style only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Formats whose headers are forwarded.
const ALL: &str = "all,correlation:X-Plumbr-TransactionId";

/// A page that listens, and its fleets.
pub struct Page {
    listener: TcpListener,
    app: Router,
}

/// The result of a request.
#[derive(Debug, Deserialize, Serialize)]
pub struct Answer {
    /// The trace header lines that the browser sent.
    pub sent: Vec<Line>,
    /// Whether all services are in one trace, and all spans are linked.
    pub whole: bool,
    /// The result as text.
    pub verdict: String,
    /// The first service, with its calls.
    pub hop: Hop,
}

#[derive(Clone)]
struct PageState {
    paths: Arc<[Path]>,
    choices: Arc<Choices>,
    fleets: Arc<[Running]>,
    all: Arc<Propagator>,
    client: reqwest::Client,
}

impl Page {
    /// Starts the fleets and listens.
    ///
    /// # Errors
    /// Returns [`FleetError`] if a fleet cannot start or the address cannot be bound.
    pub async fn start(address: SocketAddr) -> Result<Self, FleetError> {
        let client = client()?;
        let (mut paths, mut fleets) = (Vec::new(), Vec::new());
        for (place, fleet) in [&OPEN].into_iter().chain(FLEETS).enumerate() {
            paths.extend(choices::paths(place, fleet));
            fleets.push(Running::start(fleet, &client).await?);
        }
        let state = PageState {
            choices: Arc::new(Choices::new(&paths)),
            paths: paths.into(),
            fleets: fleets.into(),
            all: Arc::new(Propagator::builder().define(Sw8::new("page", "demo")).names("none", ALL)?.build()?),
            client,
        };
        let app = Router::new()
            .route(
                "/",
                get(async || ([(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)], HTML)),
            )
            .route("/page.css", get(async || ([(CONTENT_TYPE, "text/css; charset=utf-8")], CSS)))
            .route("/page.js", get(async || ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], SCRIPT)))
            .route("/choices", get(async |State(state): State<PageState>| Json(&*state.choices).into_response()))
            .route("/send", get(send))
            .with_state(state);
        Ok(Self { listener: TcpListener::bind(address).await?, app })
    }

    /// Returns the address that it listens on.
    ///
    /// # Errors
    /// Returns an error if the system does not report it.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers requests until the process ends.
    ///
    /// # Errors
    /// Returns an error if the server fails.
    pub async fn serve(self) -> io::Result<()> {
        axum::serve(self.listener, self.app).await
    }
}

#[derive(Deserialize)]
struct Chosen {
    path: String,
}

async fn send(
    State(state): State<PageState>,
    Query(chosen): Query<Chosen>,
    headers: HeaderMap,
) -> Result<Json<Answer>, StatusCode> {
    let path = state.paths.iter().find(|path| path.id == chosen.path).ok_or(StatusCode::NOT_FOUND)?;
    // Lines are forwarded unchanged, as by a proxy without tracing.
    let forwarded = headers.iter().filter(|(name, _)| lines::is_of_traces(name.as_str(), &state.all));
    let request = state.client.get(state.fleets[path.fleet].url(path.first(), &path.route()));
    let request = forwarded.fold(request, |request, (name, value)| request.header(name, value));
    let hop = answer(request).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let verdict = one_trace(&hop);
    Ok(Json(Answer {
        sent: lines::of_traces(&headers, &state.all),
        whole: verdict.is_ok(),
        verdict: match verdict {
            Ok(()) => format!("One trace through {} services", services(&hop)),
            Err(broken) => format!("Broken: {broken}"),
        },
        hop,
    }))
}

async fn answer(request: reqwest::RequestBuilder) -> reqwest::Result<Hop> {
    request.send().await?.error_for_status()?.json().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_the_page_loads_nothing_from_anywhere_else() {
        for (name, text) in [("html", HTML), ("css", CSS), ("js", SCRIPT)] {
            for sign in ["http:", "https:", "//", "@import", "url("] {
                // Comments of the script contain `//` too.
                let found = text.lines().find(|line| line.contains(sign) && !line.trim_start().starts_with("// "));
                assert_eq!(found, None, "{name} holds {sign}");
            }
        }
    }
}
