//! A `SpanLayer` without a context warns, once in a process. So this test has a process of its own.

#![cfg(feature = "tracing")]

mod support;

use axum::Router;
use axum::routing::get as on_get;
use serde_json::json;
use support::log::Log;
use support::{PARENT, get, serve};
use tower::ServiceBuilder;
use traceprop_tower::{ExtractLayer, logging::SpanLayer, presets};
use tracing::Level;

#[tokio::test]
async fn ok_the_wrong_order_warns_once_and_the_right_orders_do_not() {
    let (log, _guard) = Log::start(Level::INFO);
    let traced = format!("traceparent: {PARENT}\r\n");
    let app = || Router::new().route("/", on_get(async || "ok"));
    let in_axum = app().layer(SpanLayer::new()).layer(ExtractLayer::new(presets::W3C));
    let in_a_builder =
        app().layer(ServiceBuilder::new().layer(ExtractLayer::new(presets::W3C)).layer(SpanLayer::new()));
    for app in [in_axum, in_a_builder] {
        get(serve(app).await, "/", traced.as_bytes()).await;
    }
    assert_eq!(log.text(), "");

    let wrong = app().layer(ExtractLayer::new(presets::W3C)).layer(SpanLayer::new());
    let wrong = serve(wrong).await;
    let missing = serve(app().layer(SpanLayer::new())).await;
    for address in [wrong, wrong, missing] {
        get(address, "/", traced.as_bytes()).await;
    }
    let [line] = log.lines().try_into().expect("one line");
    assert_eq!((&line["level"], &line["target"]), (&json!("WARN"), &json!("traceprop_tower::logging")));
    let message = line["fields"]["message"].as_str().expect("a text");
    assert!(message.starts_with("SpanLayer found no context"), "{message}");
}
