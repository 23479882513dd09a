//! One service of the fleet. It calls the next services and answers with what it received and sent.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::{Query, State};
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

/// The timeout of a call.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// One request as a service received it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Hop {
    pub service: String,
    /// The formats that it reads, in order.
    pub speaks: String,
    /// The received header lines.
    pub received: Vec<Line>,
    /// How the propagator explains them.
    pub explain: String,
    /// Whether it continues the caller's trace. If not, it started one.
    pub continued: bool,
    /// The ids of this service's span.
    pub ids: Ids,
    pub calls: Vec<Sent>,
}

/// A call of a service.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Sent {
    /// The sent header lines.
    pub went_out: Vec<Line>,
    /// The ids in them. The callee has to continue these.
    pub ids: Ids,
    /// The request as the callee received it.
    pub hop: Hop,
}

/// Trace, span and parent in hex, or `None` if absent.
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

/// The path of a request through the fleet. Without a path, every service makes all its calls.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub struct Route {
    /// The services after this one, separated by commas.
    then: Option<String>,
}

impl Route {
    /// Returns the path through these services.
    pub fn through(services: &[&str]) -> Self {
        Self { then: Some(services.join(",")) }.rest()
    }

    fn leads_to(&self, service: &str) -> bool {
        self.then.as_deref().is_none_or(|then| then.split(',').next() == Some(service))
    }

    /// Returns the rest of the path for the next service.
    fn rest(&self) -> Self {
        let rest = |then: &str| then.split_once(',').map_or(String::new(), |(_, rest)| rest.to_owned());
        Self { then: self.then.as_deref().map(rest) }
    }
}

/// The address of each service. Set when all services listen.
type Addresses = Arc<OnceLock<HashMap<&'static str, String>>>;

/// A fleet on loopback, each service on a port of its own.
pub struct Running {
    addresses: Addresses,
}

#[derive(Clone)]
struct Service {
    plan: &'static Plan,
    /// Reads the formats of the service.
    speaks: Arc<Propagator>,
    calls: Arc<[Outward]>,
    client: reqwest::Client,
    addresses: Addresses,
}

/// A call of a service, and the propagator that writes the formats of the callee.
struct Outward {
    leg: &'static Leg,
    writes: Propagator,
    /// The propagator of the callee. It reads the ids that are sent.
    reads: Propagator,
}

/// Returns a propagator that reads and writes these formats.
fn propagator(plan: &Plan, reads: &str, writes: &str) -> Result<Propagator, ConfigError> {
    // sw8 names the service that writes it.
    Propagator::builder().define(Sw8::new(plan.name, "demo")).names(reads, writes)?.build()
}

impl Running {
    /// Starts all services. They stop with the runtime.
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
                // Reads the trace context of each request.
                .layer(ExtractLayer::new(speaks.clone()))
                .with_state(Service { plan, speaks, calls, client, addresses });
            tokio::spawn(async move { axum::serve(listener, app).await });
        }
        let _ = addresses.set(bound);
        Ok(Self { addresses })
    }

    pub fn url(&self, service: &str, route: &Route) -> String {
        url(&self.addresses, service, route)
    }
}

fn url(addresses: &Addresses, service: &str, route: &Route) -> String {
    let address = addresses.get().and_then(|addresses| addresses.get(service)).map_or("", String::as_str);
    match &route.then {
        Some(then) => format!("{address}?then={then}"),
        None => address.to_owned(),
    }
}

async fn handle(
    State(service): State<Service>,
    Query(route): Query<Route>,
    RequestContext(context): RequestContext,
    headers: HeaderMap,
) -> Result<Json<Hop>, StatusCode> {
    let mut calls = Vec::new();
    for outward in service.calls.iter().filter(|outward| route.leads_to(outward.leg.to)) {
        calls.push(service.call(outward, &route).await.map_err(|_| StatusCode::BAD_GATEWAY)?);
    }
    let carrier = HeaderCarrier::new(&headers);
    Ok(Json(Hop {
        service: service.plan.name.into(),
        speaks: service.plan.speaks.into(),
        received: lines::of_traces(&headers, &service.speaks),
        explain: service.speaks.explain(&carrier).to_string(),
        continued: service.speaks.extract(&carrier).context().is_some(),
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
    async fn call(&self, outward: &Outward, route: &Route) -> Result<Sent, reqwest::Error> {
        let Outward { leg, writes, reads } = outward;
        let call = Call::new(writes).inject_options(leg.outgoing);
        // Writes the trace context. Use `propagate(&propagator)` for a call without baggage. A service usually calls `send`
        // next; this one reads the written headers first.
        let url = url(&self.addresses, leg.to, &route.rest());
        let request = self.client.get(url).propagate_with(&call).build()?;
        let went_out = lines::of_traces(request.headers(), writes);
        let ids = ids_in(request.headers(), reads);
        let hop = self.client.execute(request).await?.error_for_status()?.json().await?;
        Ok(Sent { went_out, ids, hop })
    }
}

/// Returns the ids in these headers, in any format.
fn ids_in(headers: &HeaderMap, propagator: &Propagator) -> Ids {
    Ids::of(&OwnedContext::from_passthrough(&propagator.extract(&HeaderCarrier::new(headers))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_a_route_leads_to_one_service_after_the_other() {
        let edge = Route::through(&["edge", "mail", "payments"]);
        let mail = edge.rest();
        let payments = mail.rest();
        assert!(edge.leads_to("mail") && !edge.leads_to("payments") && !edge.leads_to("edge"));
        assert!(mail.leads_to("payments") && !payments.leads_to("legacy"));
        assert_eq!(payments, Route::through(&["payments"]));
    }

    #[test]
    fn ok_without_a_route_all_calls_are_made() {
        assert!(Route::default().leads_to("mail") && Route::default().rest().leads_to("payments"));
    }
}
