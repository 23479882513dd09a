//! The kinds of servers: our layer, with and without `tracing`, and one that is written by hand.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use opentelemetry::global;
use opentelemetry::propagation::Extractor;
use opentelemetry::trace::{SpanBuilder, SpanKind};
use traceprop_core::{Propagator, Trust};
use traceprop_opentelemetry::{OtelPropagator, ServerLayer};
use traceprop_tower::{AdoptingLayer, ExtractLayer, OwnedContext, ResponseHeaders};
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::common::all;
use crate::requests::Case;
use crate::world::Turn;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// `ServerLayer` with spans of `tracing`.
    Layer,
    /// `ServerLayer` with a tracer.
    Tracer,
    /// A middleware of the application, and `AdoptingLayer` inside of it.
    ByHand,
}

pub const SERVERS: [Server; 3] = [Server::Layer, Server::Tracer, Server::ByHand];

/// The name of the server's span.
pub const ROOT: &str = "server";

impl Server {
    /// Returns what is expected of this server, which is all that was sent.
    pub const fn expected(self, case: Case) -> Case {
        case
    }

    /// Adds the server's span to a service.
    pub fn around(self, app: Router, turn: &Turn, trust: Trust) -> Router {
        let propagator: Arc<Propagator> = Arc::new(all().with_trust(trust));
        let timing = ResponseHeaders::new().server_timing();
        let extract = ExtractLayer::new(Arc::clone(&propagator)).response_headers(timing.clone());
        match self {
            Self::Layer => app.layer(ServerLayer::new(extract, |request| {
                tracing::info_span!(
                    target: "live",
                    "server",
                    otel.kind = "server",
                    path = request.uri.path(),
                    trace_id = tracing::field::Empty,
                    span_id = tracing::field::Empty
                )
            })),
            Self::Tracer => app.layer(ServerLayer::with_tracer(extract, turn.tracer(), |_| {
                SpanBuilder::from_name("server").with_kind(SpanKind::Server)
            })),
            Self::ByHand => {
                turn.set_propagator(OtelPropagator::new(Arc::clone(&propagator)));
                let adopting = AdoptingLayer::new(propagator).response_headers(timing.clone());
                app.layer(adopting).layer(from_fn(by_hand))
            }
        }
    }
}

struct Headers<'h>(&'h http::HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|name| name.as_str()).collect()
    }
}

/// What applications write that know OpenTelemetry's API.
async fn by_hand(request: Request, next: Next) -> Response {
    let parent = global::get_text_map_propagator(|propagator| {
        propagator.extract_with_context(&opentelemetry::Context::new(), &Headers(request.headers()))
    });
    // So that an id generator sees it.
    let span = {
        let _attached = parent.clone().attach();
        let span = tracing::info_span!(target: "live", "server", otel.kind = "server");
        span.set_parent(parent.clone()).unwrap();
        let _ = span.context();
        span
    };
    next.run(request).instrument(span).await
}

/// What a handler has seen of its context.
#[derive(Clone, Debug, Default)]
pub struct Seen(Arc<Mutex<Vec<(String, OwnedContext)>>>);

impl Seen {
    pub fn add(&self, what: &str, context: Option<OwnedContext>) {
        if let Some(context) = context {
            self.0.lock().unwrap().push((what.to_owned(), context));
        }
    }

    pub fn take(&self) -> Vec<(String, OwnedContext)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}
