//! The test service: says which trace context it was sent, and makes calls on behalf of a test suite.
//!
//! | route | what it does |
//! |---|---|
//! | `POST /test` | takes `[{"url": U, "arguments": A}, …]` and posts each `A` to its `U`, in order, before it answers |
//! | `GET /inspect` | answers what it made of the request's headers, as JSON: see [`inspect`] |
//! | `GET /call?url=U` | gets `U` and answers with its status and body |
//!
//! `POST /test` is what the test suite of the W3C talks to. The service calls whatever address it is told to: keep it on
//! loopback.

mod call;
mod harness;
pub mod inspect;
pub mod options;
pub mod serve;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use traceprop_core::Propagator;
use traceprop_tower::ExtractLayer;

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What the handlers share.
#[derive(Clone)]
struct Service {
    propagator: Arc<Propagator>,
    client: reqwest::Client,
}

/// The routes, behind the layer that reads the trace context of each request.
///
/// # Errors
/// When the HTTP client cannot be built.
pub fn router(propagator: Propagator) -> Result<Router, reqwest::Error> {
    let propagator = Arc::new(propagator);
    let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build()?;
    let routes = Router::new()
        .route("/test", post(harness::test))
        .route("/inspect", get(inspect::inspect))
        .route("/call", get(call::call));
    Ok(routes.layer(ExtractLayer::new(propagator.clone())).with_state(Service { propagator, client }))
}

/// Why the service could not do what it was told to.
#[derive(Debug, thiserror::Error)]
enum ServiceError {
    #[error("the body is no list of callbacks: {0}")]
    BadCallbacks(#[from] serde_json::Error),
    #[error("the call failed: {0}")]
    CallFailed(#[from] reqwest::Error),
}

impl IntoResponse for ServiceError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::BadCallbacks(_) => StatusCode::BAD_REQUEST,
            Self::CallFailed(_) => StatusCode::BAD_GATEWAY,
        };
        (status, format!("{self}\n")).into_response()
    }
}
