//! What the other tests are for: `ExtractLayer` next to OpenTelemetry, without `install`. Its own process, which has no
//! active span source.
#![cfg(all(feature = "tower", feature = "tracing"))]

use std::convert::Infallible;

use http::{Request, Response};
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use tower::{ServiceBuilder, ServiceExt};
use traceprop_core::{InjectOptions, OwnedContext, Pairs, presets};
use traceprop_tower::ExtractLayer;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;

/// The span of a called service would be an orphan: its parent is a span that nobody exports.
#[tokio::test]
async fn control_without_install_a_call_names_a_span_that_is_not_exported() {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("shop"));
    let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));

    let handler = async |_: Request<()>| {
        let span = tracing::info_span!("server");
        let _ = span.context();
        let sent = span.in_scope(|| {
            let mut headers = Pairs::new();
            let context = OwnedContext::current().expect("the layer made one");
            presets::W3C.propagator().inject(&context, &InjectOptions::new(), &mut headers);
            headers.get("traceparent").expect("a header")[36..52].to_owned()
        });
        Ok::<_, Infallible>(Response::new(sent))
    };
    let service = ServiceBuilder::new().layer(ExtractLayer::new(presets::W3C)).service_fn(handler);
    let Ok(response) = service.oneshot(Request::new(())).await;
    let spans = exporter.get_finished_spans().expect("spans");
    assert_eq!(spans.len(), 1);
    assert_ne!(spans[0].span_context.span_id().to_string(), response.into_body());
}
