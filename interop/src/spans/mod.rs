//! Spans that others report: a collector of our own for four protocols.

mod datadog;
mod otlp;
mod skywalking;
mod zipkin;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use tokio::time::sleep;
use traceprop_core::{SpanId, TraceId};

use crate::Error;

/// What is kept of a reported span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reported {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) parent_id: Option<SpanId>,
}

/// A collector on a port of loopback. It stops with the runtime.
#[derive(Clone, Debug)]
pub(crate) struct Collector {
    pub(crate) port: u16,
    spans: Arc<Mutex<Vec<Reported>>>,
}

const MAX_BODY: usize = 16 << 20;

impl Collector {
    pub(crate) async fn start() -> Result<Self, Error> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let collector = Self { port: listener.local_addr()?.port(), spans: Arc::default() };
        let app = Router::new().fallback(receive).with_state(collector.clone());
        // Serves HTTP/1.1, and HTTP/2 without TLS for gRPC.
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(collector)
    }

    fn add(&self, spans: impl IntoIterator<Item = Reported>) {
        let mut all = self.spans.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.extend(spans);
    }

    /// Returns the spans of a trace, once there are so many of them or the time is over.
    pub(crate) async fn spans_of(&self, trace_id: TraceId, count: usize, limit: Duration) -> Vec<Reported> {
        let begin = Instant::now();
        loop {
            let spans: Vec<_> = {
                let all = self.spans.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                all.iter().filter(|span| span.trace_id == trace_id).copied().collect()
            };
            if spans.len() >= count || begin.elapsed() > limit {
                return spans;
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Reads what a tracer reports, by the path of its protocol.
async fn receive(State(collector): State<Collector>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    if path == skywalking::PATH {
        return read_stream(&collector, request.into_body()).await;
    }
    let Ok(body) = to_bytes(request.into_body(), MAX_BODY).await else { return answer(StatusCode::BAD_REQUEST) };
    let spans = match path.as_str() {
        zipkin::PATH => zipkin::read(&body),
        otlp::PATH => otlp::read(&body),
        datadog::PATH => datadog::read(&body),
        // What Datadog's agents are asked for in addition.
        _ => return answer(StatusCode::NOT_FOUND),
    };
    match spans {
        Ok(spans) => {
            collector.add(spans);
            answer(StatusCode::OK)
        }
        Err(error) => {
            eprintln!("{path}: {error}");
            answer(StatusCode::BAD_REQUEST)
        }
    }
}

/// An answer that the client of each protocol accepts: an empty object in JSON, and no field of protobuf.
fn answer(status: StatusCode) -> Response {
    let body = if status == StatusCode::OK { Body::from("{}") } else { Body::empty() };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

/// Reads messages of a gRPC stream as they arrive: the tracer does not end it.
async fn read_stream(collector: &Collector, mut body: Body) -> Response {
    let mut buffer = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        buffer.extend_from_slice(frame.data_ref().map_or(&[], |data| data.as_ref()));
        while let Some(length) = message_length(&buffer) {
            match skywalking::read(&buffer[5..5 + length]) {
                Ok(spans) => collector.add(spans),
                Err(error) => eprintln!("{}: {error}", skywalking::PATH),
            }
            buffer.drain(..5 + length);
        }
    }
    let mut response = Response::new(Body::empty());
    response.headers_mut().insert(CONTENT_TYPE, "application/grpc".parse().expect("a legal value"));
    response.headers_mut().insert("grpc-status", "0".parse().expect("a legal value"));
    response
}

/// Returns the length of the first message, if all of it has arrived. A compressed one is none of ours.
fn message_length(buffer: &[u8]) -> Option<usize> {
    let (head, rest) = buffer.split_first_chunk::<5>()?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    (rest.len() >= length).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_waits_for_a_whole_message() {
        assert_eq!(message_length(&[0, 0, 0, 0]), None);
        assert_eq!(message_length(&[0, 0, 0, 0, 2, 7]), None);
        assert_eq!(message_length(&[0, 0, 0, 0, 2, 7, 8, 0]), Some(2));
    }
}
