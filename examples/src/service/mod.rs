//! The test service: answers which trace context it received, and makes calls for a test suite.
//!
//! | route | action |
//! |---|---|
//! | `POST /test` | takes `[{"url": U, "arguments": A}, …]` and posts each `A` to its `U` in order, then answers |
//! | `GET /inspect` | answers with the extracted context as JSON, see [`inspect`] |
//! | `GET /call?url=U` | sends GET to `U` and answers with its status and body |
//!
//! The W3C test suite uses `POST /test`. The service calls every address that a request names, so keep it on loopback.

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

/// The timeout of a call.
const TIMEOUT: Duration = Duration::from_secs(10);

/// State of the handlers.
#[derive(Clone)]
struct Service {
    propagator: Arc<Propagator>,
    client: reqwest::Client,
}

/// Returns the routes, wrapped in the layer that reads the trace context of each request.
///
/// # Errors
/// Returns an error if the HTTP client cannot be built.
pub fn router(propagator: Propagator) -> Result<Router, reqwest::Error> {
    let propagator = Arc::new(propagator);
    let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build()?;
    let routes = Router::new()
        .route("/test", post(harness::test))
        .route("/inspect", get(inspect::inspect))
        .route("/call", get(call::call));
    Ok(routes.layer(ExtractLayer::new(propagator.clone())).with_state(Service { propagator, client }))
}

/// Why a request to the service failed.
#[derive(Debug, thiserror::Error)]
enum ServiceError {
    #[error("the body is not a list of callbacks: {0}")]
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
