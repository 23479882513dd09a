//! `GET /call?url=U`: one call to `U`, with trace context only.

use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use traceprop_reqwest::Propagate;

use super::{Service, ServiceError};

#[derive(Deserialize)]
pub(super) struct Target {
    url: String,
}

/// Answers with the status and body of `U`.
pub(super) async fn call(
    State(service): State<Service>,
    Query(target): Query<Target>,
) -> Result<Response, ServiceError> {
    let answer = service.client.get(target.url).propagate(&service.propagator).send().await?;
    let (status, content_type) = (answer.status(), answer.headers().get(CONTENT_TYPE).cloned());
    let mut response = (status, answer.bytes().await?).into_response();
    if let Some(content_type) = content_type {
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    Ok(response)
}
