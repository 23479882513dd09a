//! Who is in a fleet, what each service speaks, and whom it calls.

use traceprop_core::{Allow, InjectOptions};

use super::requests::{Request, dialects, w3c};

/// Services that call each other, and the requests that are sent to them.
pub struct Fleet {
    /// A word for addresses.
    pub name: &'static str,
    pub title: &'static str,
    pub plans: &'static [Plan],
    pub requests: &'static [Request],
}

/// A service.
pub struct Plan {
    pub name: &'static str,
    /// The dialects that it reads, in its order. Whoever calls it writes them.
    pub speaks: &'static str,
    pub calls: &'static [Leg],
}

/// A call, and which of the user's own text may go along.
pub struct Leg {
    pub to: &'static str,
    pub outgoing: InjectOptions<'static>,
}

impl Fleet {
    /// The dialects of a service; none if there is no such service.
    pub fn speaks(&self, service: &str) -> &'static str {
        self.plans.iter().find(|plan| plan.name == service).map_or("", |plan| plan.speaks)
    }
}

impl Leg {
    /// A call inside the fleet: the callee may have baggage and correlation ids.
    const fn to(to: &'static str) -> Self {
        Self { to, outgoing: InjectOptions::everything() }
    }
}

/// All fleets, simple ones first.
pub const FLEETS: &[Fleet] = &[
    Fleet { name: "w3c", title: "all of them speak W3C", plans: W3C, requests: w3c::REQUESTS },
    Fleet { name: "mixed", title: "no two of them speak the same", plans: DIALECTS, requests: dialects::REQUESTS },
];

/// The fleet that the page shows first: whatever one sends, its first service can read it.
pub const OPEN: Fleet = Fleet { name: "open", title: "the gateway reads every dialect", plans: GATEWAY, requests: &[] };

const BOTH: &str = "tracecontext,baggage";

const W3C: &[Plan] = &[
    Plan { name: "edge", speaks: BOTH, calls: &[Leg::to("orders")] },
    Plan {
        name: "orders",
        speaks: BOTH,
        calls: &[
            // Ours, but it needs to know one key only.
            Leg { to: "stock", outgoing: InjectOptions::new().allow_baggage(Allow::Only(&["tenant"])) },
            // Not ours: it gets trace context alone.
            Leg { to: "partner", outgoing: InjectOptions::new() },
        ],
    },
    Plan { name: "stock", speaks: BOTH, calls: &[] },
    Plan { name: "partner", speaks: BOTH, calls: &[] },
];

/// ```text
/// browser -----> edge -> orders -> stock
///                     \
/// older agents -> shop -> mail -> payments -> legacy
///                                         \
///                                          -> billing
/// ```
///
/// All that `shop` knows of sw8 and of correlation ids, and `edge` of Datadog, goes through `mail`, which knows none of
/// them, to others who do.
const DIALECTS: &[Plan] = &[
    Plan { name: "edge", speaks: "datadog,tracecontext", calls: &[Leg::to("orders"), Leg::to("mail")] },
    Plan { name: "shop", speaks: "sw8,correlation:X-Plumbr-TransactionId", calls: &[Leg::to("mail")] },
    ORDERS,
    STOCK,
    MAIL,
    PAYMENTS,
    LEGACY,
    BILLING,
];

/// ```text
/// anyone -> gateway -> orders -> stock
///                  \
///                   -> mail -> payments -> legacy
///                                      \
///                                       -> billing
/// ```
const GATEWAY: &[Plan] = &[
    Plan {
        name: "gateway",
        speaks: "all,correlation:X-Plumbr-TransactionId",
        calls: &[Leg::to("orders"), Leg::to("mail")],
    },
    ORDERS,
    STOCK,
    MAIL,
    PAYMENTS,
    LEGACY,
    BILLING,
];

const ORDERS: Plan = Plan { name: "orders", speaks: "b3", calls: &[Leg::to("stock")] };
const STOCK: Plan = Plan { name: "stock", speaks: "jaeger", calls: &[] };
const MAIL: Plan = Plan { name: "mail", speaks: "tracecontext", calls: &[Leg::to("payments")] };
// Tracecontext first: what supplies the trace also has the say in what Datadog knew of it.
const PAYMENTS: Plan =
    Plan { name: "payments", speaks: "tracecontext,sw8", calls: &[Leg::to("legacy"), Leg::to("billing")] };
const LEGACY: Plan = Plan { name: "legacy", speaks: "tracecontext,correlation:X-Plumbr-TransactionId", calls: &[] };
const BILLING: Plan = Plan { name: "billing", speaks: "datadog", calls: &[] };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_every_call_and_every_request_goes_to_a_service_of_its_fleet() {
        for fleet in FLEETS.iter().chain([&OPEN]) {
            let called = fleet.plans.iter().flat_map(|plan| plan.calls).map(|leg| leg.to);
            for service in called.chain(fleet.requests.iter().map(|request| request.to)) {
                assert!(!fleet.speaks(service).is_empty(), "{service}");
            }
        }
    }
}
