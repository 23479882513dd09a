//! The test service: answers which trace context it received, and makes calls for a test suite.
//!
//! | route | action |
//! |---|---|
//! | `POST /test` | takes `[{"url": U, "arguments": A}, …]` and posts each `A` to its `U` in order, then answers |
//! | `GET /inspect` | answers with the extracted context as JSON, see [`inspect`] |
//! | `GET /call?url=U` | sends GET to `U` and answers with its status and body |
//! | any other | with `--upstream`: forwards the request and answers with the response, see [`gateway`] |
//!
//! The W3C test suite uses `POST /test`. The service calls every address that a request names, so keep it on loopback.

mod call;
pub mod gateway;
mod harness;
pub mod inspect;
pub mod options;
pub mod serve;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use traceprop_core::Propagator;
use traceprop_tower::ExtractLayer;

use gateway::{Gateway, SetupError};
use options::{Inbound, Options};

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
/// Returns an error if an HTTP client cannot be built.
pub fn router(options: Options) -> Result<Router, SetupError> {
    let propagator = Arc::new(options.propagator);
    let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build()?;
    let routes = Router::new()
        .route("/test", post(harness::test))
        .route("/inspect", get(inspect::inspect))
        .route("/call", get(call::call))
        .with_state(Service { propagator: propagator.clone(), client });
    // `/inspect` shows all headers of a request, those that the trust refuses included.
    let mut routes = routes.layer(layer(&propagator, &options.inbound).keep_refused());
    if let Some(outbound) = options.outbound {
        let gateway = any(gateway::forward).with_state(Gateway::new(outbound, &propagator, options.trust)?);
        let layer = layer(&propagator, &options.inbound);
        let layer = if options.inbound.keep_refused { layer.keep_refused() } else { layer };
        routes = routes.fallback_service(gateway.layer(layer));
    }
    Ok(routes)
}

/// Returns the layer that reads the trace context of each request.
fn layer(propagator: &Arc<Propagator>, inbound: &Inbound) -> ExtractLayer {
    let skip = inbound.skip.clone();
    let layer = ExtractLayer::new(propagator.clone())
        .allow_baggage(inbound.accept_baggage.0)
        .skip(move |request| skip.iter().any(|prefix| request.uri.path().starts_with(prefix)));
    if inbound.passthrough { layer.passthrough() } else { layer }
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
