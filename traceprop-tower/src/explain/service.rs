use std::convert::Infallible;
use std::fmt::Write;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{Extensions, HeaderValue, Request, Response, StatusCode};
use tower_service::Service;
use traceprop_core::report::OwnedReport;
use traceprop_core::{OwnedContext, Propagator};
use traceprop_http::HeaderCarrier;

use crate::extract::RefusedContext;
use crate::extract::begin::Changed;

/// Service that responds with an explanation of its own request: the report as a line and as a table, and the span that
/// serves the request.
///
/// Mount it at a route for debugging lost traces. It responds with `404` until [`enabled`](Self::enabled) turns it on.
/// The response contains ids and reasons, never the text of a header, and has `Cache-Control: no-store`.
///
/// With [`ExtractLayer::keep_report`](crate::ExtractLayer::keep_report) it explains the request as it was received. Without,
/// it explains the headers that it sees. If the layer removed some, it says so.
///
/// # Examples
///
/// ```
/// use axum::Router;
/// use traceprop_tower::explain::ExplainService;
/// use traceprop_tower::{ExtractLayer, presets};
///
/// let explain = ExplainService::new(presets::ALL_TO_W3C).enabled(cfg!(debug_assertions));
/// let app: Router = Router::new()
///     .route_service("/debug/trace", explain)
///     .layer(ExtractLayer::new(presets::ALL_TO_W3C));
/// ```
///
/// ```text
/// $ curl -H 'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7' http://localhost:8080/debug/trace
/// new trace; tracecontext: invalid traceparent (bad-length, ends at byte 52); absent: b3, ...
/// ```
#[derive(Clone, Debug)]
pub struct ExplainService {
    propagator: Arc<Propagator>,
    enabled: bool,
}

impl ExplainService {
    /// Creates a service that explains requests with `propagator`, which should be the one of the
    /// [`ExtractLayer`](crate::ExtractLayer). The service is off.
    pub fn new(propagator: impl Into<Arc<Propagator>>) -> Self {
        Self { propagator: propagator.into(), enabled: false }
    }

    /// Turns the service on or off.
    pub const fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    fn explain<B>(&self, request: &Request<B>) -> String {
        let extensions = request.extensions();
        let mut text = match extensions.get::<OwnedReport>() {
            Some(report) => format!("{report}\n\n{}\n", report.table()),
            None if is_changed(extensions) => REMOVED.to_owned(),
            None => {
                let carrier = HeaderCarrier::new(request.headers());
                let report = self.propagator.explain(&carrier);
                format!("{report}\n\n{}\n", report.table())
            }
        };
        if let Some(context) = extensions.get::<OwnedContext>() {
            // Writing into a string cannot fail.
            let _ = describe(context, &mut text);
        }
        text
    }
}

/// Explanations of what remains would be wrong.
const REMOVED: &str =
    "headers were removed before this service; ExtractLayer::keep_report() explains what was received\n";

fn is_changed(extensions: &Extensions) -> bool {
    extensions.get::<Changed>().is_some()
        || extensions.get::<RefusedContext>().is_some_and(|refused| !refused.is_kept())
}

/// Describes the context that the layer made, since only the layer knows its sampler and id generator.
fn describe(context: &OwnedContext, text: &mut String) -> std::fmt::Result {
    text.write_str("\nserved in")?;
    match context.trace_id() {
        Some(trace_id) => write!(text, " trace {trace_id}")?,
        None => text.write_str(" no trace")?,
    }
    if let Some(span_id) = context.span_id() {
        write!(text, ", span {span_id}")?;
    }
    writeln!(text, ", {}", context.sampling())
}

impl<B> Service<Request<B>> for ExplainService {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if !self.enabled {
            let mut response = Response::new(String::new());
            *response.status_mut() = StatusCode::NOT_FOUND;
            return ready(Ok(response));
        }
        let mut response = Response::new(self.explain(&request));
        for (name, value) in [
            (CONTENT_TYPE, "text/plain; charset=utf-8"),
            (CACHE_CONTROL, "no-store"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ] {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        ready(Ok(response))
    }
}
