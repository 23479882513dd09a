//! Invalid requests log nothing by default.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::get;
use traceprop_tower::ExtractLayer;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::chain::Chain;
use crate::{PARENT, everything, line, names};

/// Counts spans and events of our crates, at every level.
#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl Count {
    fn note(&self, metadata: &Metadata<'_>) {
        if metadata.target().starts_with("traceprop") {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn taken(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

impl Subscriber for Count {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.note(span.metadata());
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.note(event.metadata());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Requests with one or more invalid headers.
fn bad() -> Vec<Vec<u8>> {
    vec![
        names().iter().flat_map(|name| line(name, "bad\u{e9}")).collect(),
        [line("traceparent", PARENT), line("traceparent", PARENT.replace("-01", "-00"))].concat(),
        [line("traceparent", PARENT), line("tracestate", "bad"), line("baggage", "bad")].concat(),
        [line("traceparent", PARENT), line("baggage", "a=1,".repeat(10_000))].concat(),
        line("traceparent", "0".repeat(100_000)),
        [line("traceparent", PARENT), line("tracestate", "a=1,".repeat(10_000))].concat(),
    ]
}

#[tokio::test]
async fn ok_invalid_requests_log_nothing() {
    let count = Count::default();
    // The servers of this test run on its thread.
    let _guard = tracing::subscriber::set_default(count.clone());
    for chain in [Chain::start().await, Chain::start_passthrough().await] {
        for lines in bad() {
            let seen = chain.send(&lines).await;
            assert_eq!(seen.status, Some(200));
            assert!(
                seen.invalid_headers.is_some_and(|invalid_headers| !invalid_headers.is_empty()),
                "{}",
                lines.escape_ascii()
            );
        }
    }
    assert_eq!(count.taken(), 0);

    // With logging enabled the counter is not zero.
    let app = Router::new().route("/", get(async || "OK")).layer(ExtractLayer::new(everything()).log_problems());
    let request = axum::extract::Request::get("/").header("traceparent", "bad").body(axum::body::Body::empty());
    let answer = tower::ServiceExt::oneshot(app, request.expect("a request")).await.expect("it never fails");
    assert_eq!((answer.status().as_u16(), count.taken()), (200, 1));
}
