//! One service of the fleet: it calls the next ones, and answers with what it saw.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use traceprop_core::formats::sw8::Sw8;
use traceprop_core::{ConfigError, OwnedContext, Propagator};
use traceprop_http::HeaderCarrier;
use traceprop_reqwest::{Call, Propagate};
use traceprop_tower::{ExtractLayer, RequestContext};

use super::FleetError;
use super::plan::{Fleet, Leg, Plan};
use crate::lines::{self, Line};

/// How long a call may take.
pub const TIMEOUT: Duration = Duration::from_secs(5);

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

/// A fleet on loopback, each service on a port of its own.
pub struct Running {
    addresses: Addresses,
}

#[derive(Clone)]
struct Service {
    plan: &'static Plan,
    /// Reads what the service speaks.
    speaks: Arc<Propagator>,
    calls: Arc<[Outward]>,
    client: reqwest::Client,
    addresses: Addresses,
}

/// A call of a service, and the propagator that writes what the callee speaks.
struct Outward {
    leg: &'static Leg,
    writes: Propagator,
    /// The propagator of the callee, to say what it is about to read.
    reads: Propagator,
}

/// Reads the dialects of a service, and writes those of whom it calls.
fn propagator(plan: &Plan, reads: &str, writes: &str) -> Result<Propagator, ConfigError> {
    // Whoever writes sw8 has to say who it is.
    Propagator::builder().sw8(Sw8::new(plan.name, "demo")).names(reads, writes)?.build()
}

impl Running {
    /// Starts all services. They run as long as the runtime does.
    pub async fn start(fleet: &'static Fleet, client: &reqwest::Client) -> Result<Self, FleetError> {
        let addresses = Addresses::default();
        let mut bound = HashMap::new();
        for plan in fleet.plans {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            bound.insert(plan.name, format!("http://{}/", listener.local_addr()?));
            let speaks = Arc::new(propagator(plan, plan.speaks, plan.speaks)?);
            let calls = plan.calls.iter().map(|leg| Outward::new(plan, leg, fleet)).collect::<Result<_, _>>()?;
            let (client, addresses) = (client.clone(), addresses.clone());
            let app = Router::new()
                .route("/", get(handle))
                // In: this line.
                .layer(ExtractLayer::new(speaks.clone()))
                .with_state(Service { plan, speaks, calls, client, addresses });
            tokio::spawn(async move { axum::serve(listener, app).await });
        }
        let _ = addresses.set(bound);
        Ok(Self { addresses })
    }

    pub fn url(&self, service: &str) -> String {
        url(&self.addresses, service)
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
    for outward in service.calls.iter() {
        calls.push(service.call(outward).await.map_err(|_| StatusCode::BAD_GATEWAY)?);
    }
    Ok(Json(Hop {
        service: service.plan.name.into(),
        came_in: lines::of_traces(&headers, &service.speaks),
        explain: service.speaks.explain(&HeaderCarrier::new(&headers)).to_string(),
        ids: context.as_ref().map(Ids::of).unwrap_or_default(),
        calls,
    }))
}

impl Outward {
    fn new(plan: &Plan, leg: &'static Leg, fleet: &Fleet) -> Result<Self, ConfigError> {
        let callee = fleet.speaks(leg.to);
        Ok(Self { leg, writes: propagator(plan, plan.speaks, callee)?, reads: propagator(plan, callee, callee)? })
    }
}

impl Service {
    async fn call(&self, outward: &Outward) -> Result<Sent, reqwest::Error> {
        let Outward { leg, writes, reads } = outward;
        let call = Call::new(writes).outgoing(leg.outgoing);
        // Out: this `propagate_with`, or `propagate(&propagator)` where no baggage is to go along. Mostly followed by
        // `send`; here we look at the request first.
        let request = self.client.get(url(&self.addresses, leg.to)).propagate_with(&call).build()?;
        let went_out = lines::of_traces(request.headers(), writes);
        let ids = ids_in(request.headers(), reads);
        let hop = self.client.execute(request).await?.error_for_status()?.json().await?;
        Ok(Sent { went_out, ids, hop })
    }
}

/// The ids that these headers hold, whatever the format.
fn ids_in(headers: &HeaderMap, propagator: &Propagator) -> Ids {
    Ids::of(&OwnedContext::from_relay(&propagator.extract(&HeaderCarrier::new(headers))))
}
