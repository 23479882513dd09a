//! The gateway of the test service, between real sockets.

#[path = "../common/mod.rs"]
mod common;
mod connection;
mod flags;
mod frames;
mod refused;
mod streams;
mod upstream;

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request, Response, Version};
use common::Service;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use upstream::Upstream;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const CLIENTS: [&str; 3] = ["hyper", "reqwest", "plain"];
const TIMEOUT: Duration = Duration::from_secs(30);
const VERSIONS: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];

/// Returns a client that speaks one version of HTTP.
fn client(version: Version) -> legacy::Client<HttpConnector, Body> {
    legacy::Client::builder(TokioExecutor::new()).http2_only(version == Version::HTTP_2).build_http()
}

async fn send(version: Version, mut request: Request<Body>) -> Response<Body> {
    *request.version_mut() = version;
    let response = tokio::time::timeout(TIMEOUT, client(version).request(request)).await.expect("in time");
    response.expect("the gateway answers").map(Body::new)
}

fn get(service: &Service, path: &str) -> axum::http::request::Builder {
    Request::get(service.url(path))
}

fn empty(builder: axum::http::request::Builder) -> Request<Body> {
    builder.body(Body::empty()).expect("a request")
}

/// Returns trace and span id of the only traceparent.
#[track_caller]
fn traceparent(headers: &HeaderMap) -> (String, String) {
    let lines: Vec<_> = headers.get_all("traceparent").iter().collect();
    let [line] = lines.try_into().expect("just one traceparent");
    let line = line.to_str().expect("ASCII");
    (line[3..35].to_owned(), line[36..52].to_owned())
}
