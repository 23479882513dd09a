//! The kinds of clients.

use std::net::SocketAddr;
use std::time::Duration;

use http::StatusCode;
use opentelemetry::{Context, global};
use opentelemetry_http::HeaderInjector;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use reqwest_retry::RetryTransientMiddleware;
use reqwest_retry::policies::ExponentialBackoff;
use reqwest_tracing::TracingMiddleware;
use traceprop_core::presets;
use traceprop_reqwest::PropagationMiddleware;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// reqwest-retry, and inside of it reqwest-tracing and our middleware.
    Retry,
    /// Instrumentation that uses the global propagator.
    Foreign,
}

pub const CLIENTS: [Kind; 2] = [Kind::Retry, Kind::Foreign];

impl Kind {
    pub async fn get(self, stock: SocketAddr) {
        let url = format!("http://{stock}/");
        let status = match self {
            Self::Retry => {
                let client = with_retry(PropagationMiddleware::new(presets::W3C));
                client.get(format!("{url}flaky")).send().await.unwrap().status()
            }
            Self::Foreign => {
                let mut request = plain().get(url).build().unwrap();
                inject_as_others_do(request.headers_mut());
                plain().execute(request).await.unwrap().status()
            }
        };
        assert_eq!(status, StatusCode::OK);
    }
}

pub fn plain() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn retry() -> RetryTransientMiddleware<ExponentialBackoff> {
    let soon = Duration::from_millis(1);
    let policy = ExponentialBackoff::builder().retry_bounds(soon, soon).build_with_max_retries(2);
    RetryTransientMiddleware::new_with_policy(policy)
}

/// Returns a client that retries, with a span of reqwest-tracing for each attempt.
pub fn with_retry(propagation: PropagationMiddleware) -> ClientWithMiddleware {
    ClientBuilder::new(plain()).with(retry()).with(TracingMiddleware::default()).with(propagation).build()
}

/// Returns a client that retries, without spans.
pub fn without_spans(propagation: PropagationMiddleware) -> ClientWithMiddleware {
    ClientBuilder::new(plain()).with(retry()).with(propagation).build()
}

pub fn inject_as_others_do(headers: &mut http::HeaderMap) {
    global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&Context::current(), &mut HeaderInjector(headers));
    });
}
