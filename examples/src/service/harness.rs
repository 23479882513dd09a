//! `POST /test`: the callbacks of the W3C test suite.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;
use traceprop_core::InjectOptions;
use traceprop_reqwest::{Call, Propagate};

use super::{Service, ServiceError};

#[derive(Deserialize)]
struct Callback {
    url: String,
    arguments: Value,
}

/// Answers with the status of each call. The calls come first, because the suite forgets them after the answer.
pub(super) async fn test(State(service): State<Service>, body: Bytes) -> Result<Json<Vec<u16>>, ServiceError> {
    let callbacks: Vec<Callback> = serde_json::from_slice(&body)?;
    let mut statuses = Vec::with_capacity(callbacks.len());
    for Callback { url, arguments } in callbacks {
        let call = Call::new(&service.propagator).inject_options(InjectOptions::everything());
        let request = service.client.post(url).json(&arguments).propagate_with(&call);
        statuses.push(request.send().await?.status().as_u16());
    }
    Ok(Json(statuses))
}
