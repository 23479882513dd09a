//! The service: it answers `hello`. What is around it differs.

use axum::Router;
use axum::routing::get;
use opentelemetry::trace::TraceContextExt;
use opentelemetry_instrumentation_tower::http::server::Layer as OtelLayer;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tower_http::request_id::{MakeRequestUuid, RequestId, SetRequestIdLayer};
use tower_layer::Identity;
use traceprop_tower::logging::SpanLayer;
use traceprop_tower::{ExtractLayer, OwnedContext, presets};

use crate::request::{BODY, TRACE_ID};

/// The services by the names that tables give them.
pub(crate) const SERVICES: [(&str, fn() -> Router); 7] = [
    ("bare", bare),
    ("empty-layer", empty_layer),
    ("traceprop", layer),
    ("log-line", log_line),
    ("traceprop-with-log-line", layers_and_log_line),
    ("opentelemetry-instrumentation-tower", opentelemetry),
    ("tower-http-request-id", request_id),
];

/// Returns the service with this name.
pub(crate) fn by_name(name: &str) -> Option<Router> {
    SERVICES.iter().find(|(known, _)| *known == name).map(|(_, service)| service())
}

fn bare() -> Router {
    Router::new().route("/basket", get(async || BODY))
}

/// A layer that does nothing: axum stores the service of each layer in a box.
fn empty_layer() -> Router {
    bare().layer(Identity::new())
}

/// All formats are read.
fn layer() -> Router {
    let handler = async || {
        assert_eq!(current(), Some(TRACE_ID));
        BODY
    };
    Router::new().route("/basket", get(handler)).layer(ExtractLayer::new(presets::ALL_TO_W3C))
}

/// Each request logs a line, without ids.
fn log_line() -> Router {
    subscribe();
    let handler = async || {
        tracing::info!("hello");
        BODY
    };
    Router::new().route("/basket", get(handler))
}

/// Each request logs a line, with its ids.
fn layers_and_log_line() -> Router {
    subscribe();
    let handler = async || {
        assert_eq!(current(), Some(TRACE_ID));
        tracing::info!("hello");
        BODY
    };
    let service = Router::new().route("/basket", get(handler));
    service.layer(SpanLayer::new()).layer(ExtractLayer::new(presets::ALL_TO_W3C))
}

/// Reads traceparent and tracestate. Tracer and meter are those that do nothing.
fn opentelemetry() -> Router {
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let handler = async || {
        opentelemetry::Context::map_current(|context| {
            assert_eq!(u128::from_be_bytes(context.span().span_context().trace_id().to_bytes()), TRACE_ID);
        });
        BODY
    };
    Router::new().route("/basket", get(handler)).layer(OtelLayer::new())
}

/// Creates an id for each request.
fn request_id() -> Router {
    let handler = async |request: axum::extract::Request| {
        assert!(request.extensions().get::<RequestId>().is_some(), "an id");
        BODY
    };
    Router::new().route("/basket", get(handler)).layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
}

fn current() -> Option<u128> {
    Some(OwnedContext::current()?.trace_id()?.get())
}

/// Formats lines as by default, and drops them.
fn subscribe() {
    let subscriber = tracing_subscriber::fmt().with_writer(std::io::sink).with_ansi(false).finish();
    tracing::subscriber::set_global_default(subscriber).expect("the first one of the process");
}
