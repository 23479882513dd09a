//! One service of the fleet: it calls the next ones, and answers with what it saw.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use traceprop_core::{Allow, OwnedContext, Propagator};
use traceprop_http::HeaderCarrier;
use traceprop_reqwest::{Call, Outgoing, Propagate};
use traceprop_tower::{ExtractLayer, RequestContext};

use crate::lines::{self, Line};

/// How long a call may take.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// Where requests come in.
pub const EDGE: &str = "edge";

/// A service, and whom it calls.
pub struct Plan {
    pub name: &'static str,
    pub calls: &'static [Leg],
}

/// A call, and which of the user's own text may go along.
pub struct Leg {
    pub to: &'static str,
    pub baggage: Allow<'static>,
}

/// The fleet.
pub const FLEET: &[Plan] = &[
    Plan { name: EDGE, calls: &[Leg { to: "orders", baggage: Allow::All }] },
    Plan {
        name: "orders",
        calls: &[Leg { to: "stock", baggage: Allow::Only(&["tenant"]) }, Leg { to: "partner", baggage: Allow::None }],
    },
    Plan { name: "stock", calls: &[] },
    Plan { name: "partner", calls: &[] },
];

/// What a service saw of one request.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Hop {
    pub service: String,
    /// The lines that came in.
    pub came_in: Vec<Line>,
    /// What the propagator says of them.
    pub explain: String,
    /// The ids of this service's span.
    pub ids: Ids,
    pub calls: Vec<Sent>,
}

/// A call of a service.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Sent {
    /// The lines that went out.
    pub went_out: Vec<Line>,
    /// The ids that they hold: what the callee has to continue.
    pub ids: Ids,
    /// What the callee saw.
    pub hop: Hop,
}

/// Trace, span and parent, in hex; none where there is none.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Ids {
    pub trace: Option<String>,
    pub span: Option<String>,
    pub parent: Option<String>,
}

impl Ids {
    fn of(context: &OwnedContext) -> Self {
        Self {
            trace: context.trace_id().map(|id| id.to_string()),
            span: context.span_id().map(|id| id.to_string()),
            parent: context.parent_id().map(|id| id.to_string()),
        }
    }
}

/// Where each service listens. Known once all do.
type Addresses = Arc<OnceLock<HashMap<&'static str, String>>>;

/// The fleet on loopback, each service on a port of its own.
pub struct Running {
    addresses: Addresses,
    propagator: Arc<Propagator>,
}

#[derive(Clone)]
struct Service {
    plan: &'static Plan,
    propagator: Arc<Propagator>,
    client: reqwest::Client,
    addresses: Addresses,
}

impl Running {
    /// Starts all services. They run as long as the runtime does.
    pub async fn start(propagator: &Arc<Propagator>, client: &reqwest::Client) -> io::Result<Self> {
        let addresses = Addresses::default();
        let mut bound = HashMap::new();
        for plan in FLEET {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            bound.insert(plan.name, format!("http://{}/", listener.local_addr()?));
            let service =
                Service { plan, propagator: propagator.clone(), client: client.clone(), addresses: addresses.clone() };
            let app = Router::new()
                .route("/", get(handle))
                // In: this line.
                .layer(ExtractLayer::new(propagator.clone()))
                .with_state(service);
            tokio::spawn(async move { axum::serve(listener, app).await });
        }
        let _ = addresses.set(bound);
        Ok(Self { addresses, propagator: propagator.clone() })
    }

    pub fn url(&self, service: &str) -> String {
        url(&self.addresses, service)
    }

    pub fn propagator(&self) -> &Propagator {
        &self.propagator
    }
}

fn url(addresses: &Addresses, service: &str) -> String {
    addresses.get().and_then(|addresses| addresses.get(service)).cloned().unwrap_or_default()
}

async fn handle(
    State(service): State<Service>,
    RequestContext(context): RequestContext,
    headers: HeaderMap,
) -> Result<Json<Hop>, StatusCode> {
    let mut calls = Vec::new();
    for leg in service.plan.calls {
        calls.push(service.call(leg).await.map_err(|_| StatusCode::BAD_GATEWAY)?);
    }
    Ok(Json(Hop {
        service: service.plan.name.into(),
        came_in: lines::of_traces(&headers, &service.propagator),
        explain: service.propagator.explain(&HeaderCarrier::new(&headers)).to_string(),
        ids: context.as_ref().map(Ids::of).unwrap_or_default(),
        calls,
    }))
}

impl Service {
    async fn call(&self, leg: &Leg) -> Result<Sent, reqwest::Error> {
        let call = Call::new(&self.propagator).outgoing(Outgoing::new().baggage(leg.baggage));
        // Out: this `propagate_with`, or `propagate(&propagator)` where no baggage is to go along. Mostly followed by
        // `send`; here we look at the request first.
        let request = self.client.get(url(&self.addresses, leg.to)).propagate_with(&call).build()?;
        let went_out = lines::of_traces(request.headers(), &self.propagator);
        let ids = ids_in(request.headers(), &self.propagator);
        let hop = self.client.execute(request).await?.error_for_status()?.json().await?;
        Ok(Sent { went_out, ids, hop })
    }
}

/// The ids that these headers hold, whatever the format.
fn ids_in(headers: &HeaderMap, propagator: &Propagator) -> Ids {
    Ids::of(&OwnedContext::from_relay(&propagator.extract(&HeaderCarrier::new(headers))))
}
