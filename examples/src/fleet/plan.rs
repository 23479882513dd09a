//! The services of each fleet, their formats and their calls.

use traceprop_core::{Allow, InjectOptions};

use super::requests::{Request, mixed, w3c};

/// Services that call each other, and the requests that are sent to them.
pub struct Fleet {
    /// The name in addresses.
    pub name: &'static str,
    pub title: &'static str,
    pub plans: &'static [Plan],
    pub requests: &'static [Request],
}

/// A service.
pub struct Plan {
    pub name: &'static str,
    /// The formats that it reads, in order. Its callers write them.
    pub speaks: &'static str,
    pub calls: &'static [Leg],
}

/// A call, and the baggage and correlation ids that it sends.
pub struct Leg {
    pub to: &'static str,
    pub outgoing: InjectOptions<'static>,
}

impl Fleet {
    /// Returns the formats of a service. Empty if the fleet has no such service.
    pub fn speaks(&self, service: &str) -> &'static str {
        self.plans.iter().find(|plan| plan.name == service).map_or("", |plan| plan.speaks)
    }
}

impl Leg {
    /// Creates a call inside the fleet. The callee gets baggage and correlation ids.
    const fn to(to: &'static str) -> Self {
        Self { to, outgoing: InjectOptions::everything() }
    }
}

/// All fleets, simple ones first.
pub const FLEETS: &[Fleet] = &[
    Fleet { name: "w3c", title: "all use W3C", plans: W3C, requests: w3c::REQUESTS },
    Fleet { name: "mixed", title: "no two use the same formats", plans: MIXED, requests: mixed::REQUESTS },
];

/// The fleet that the page shows first. Its first service reads every format.
pub const OPEN: Fleet = Fleet { name: "open", title: "the gateway reads every format", plans: GATEWAY, requests: &[] };

const BOTH: &str = "tracecontext,baggage";

const W3C: &[Plan] = &[
    Plan { name: "edge", speaks: BOTH, calls: &[Leg::to("orders")] },
    Plan {
        name: "orders",
        speaks: BOTH,
        calls: &[
            // A service of ours that needs one key only.
            Leg { to: "stock", outgoing: InjectOptions::new().allow_baggage(Allow::Only(&["tenant"])) },
            // A foreign service gets trace context only.
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
/// The sw8 and correlation data of `shop`, and the Datadog data of `edge`, pass through `mail`, which reads neither of
/// these formats, to services that do.
const MIXED: &[Plan] = &[
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
// Tracecontext first: the format that supplies the trace also supplies its Datadog data.
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
