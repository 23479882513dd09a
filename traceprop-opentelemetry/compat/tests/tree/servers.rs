//! Server layers of others, with `AdoptingLayer` inside.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum_tracing_opentelemetry::middleware::OtelAxumLayer;
use opentelemetry::global;
use opentelemetry_instrumentation_tower::http::server::Layer as OtelTowerLayer;
use tower::ServiceBuilder;
use traceprop_core::{Propagator, Trust};
use traceprop_opentelemetry::OtelPropagator;
use traceprop_tower::{AdoptingLayer, OwnedContext, ResponseHeaders};

use crate::common::all;
use crate::requests::Case;
use crate::world::Turn;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// axum-tracing-opentelemetry.
    AxumTracing,
    /// opentelemetry-instrumentation-tower, which uses no `tracing`.
    Tower,
    /// The same, with no router in between: its context is not active when it calls the inner service.
    TowerStack,
}

pub const SERVERS: [Server; 3] = [Server::AxumTracing, Server::Tower, Server::TowerStack];

/// The name of the server's span.
pub const ROOT: &str = "GET /";

impl Server {
    /// Returns what is expected of this server: the context of the request is not attached when the span is started, so an
    /// id generator does not see a trace id that has no span.
    pub fn expected(self, case: Case) -> Case {
        if case.continues.is_some_and(|(_, parent)| parent.is_empty()) && case.name == "a correlation id" {
            return Case { continues: None, ..case };
        }
        case
    }

    /// Adds the server's span to a service.
    pub fn around(self, app: Router, turn: &Turn, trust: Trust) -> Router {
        let propagator = Arc::new(all().with_trust(trust));
        turn.set_propagator(OtelPropagator::new(Arc::clone(&propagator)));
        self.with(app, turn, propagator)
    }

    /// Adds the server's span, which is made with the global propagator.
    pub fn with(self, app: Router, turn: &Turn, propagator: Arc<Propagator>) -> Router {
        // What the layer of opentelemetry-instrumentation-tower asks for.
        global::set_tracer_provider(turn.provider());
        let adopting = AdoptingLayer::new(propagator).response_headers(ResponseHeaders::new().server_timing());
        match self {
            Self::AxumTracing => app.layer(adopting).layer(OtelAxumLayer::default()),
            Self::Tower => app.layer(adopting).layer(OtelTowerLayer::new()),
            Self::TowerStack => app.layer(ServiceBuilder::new().layer(OtelTowerLayer::new()).layer(adopting)),
        }
    }
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
