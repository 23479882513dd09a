//! The requests and paths to choose from.

use serde::Serialize;

use super::super::plan::{Fleet, Plan};
use super::super::service::Route;

/// Headers of an agent of one format.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Format {
    id: &'static str,
    name: &'static str,
    headers: &'static [(&'static str, &'static str)],
}

pub(super) const FORMATS: &[Format] = &[
    Format {
        id: "datadog",
        name: "Datadog, from a RUM agent",
        headers: &[
            ("x-datadog-trace-id", "11330031342388917060"),
            ("x-datadog-parent-id", "3105808763865489489"),
            ("x-datadog-sampling-priority", "1"),
            ("x-datadog-origin", "rum"),
        ],
    },
    Format {
        id: "w3c",
        name: "W3C, with tracestate and baggage",
        headers: &[
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("tracestate", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
            ("baggage", "tenant=acme,session=secret"),
        ],
    },
    Format {
        id: "b3",
        name: "B3, one header",
        headers: &[("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-d")],
    },
    Format {
        id: "b3multi",
        name: "B3, a header for each part",
        headers: &[
            ("x-b3-traceid", "80f198ee56343ba864fe8b2a57d3eff7"),
            ("x-b3-spanid", "e457b5a2e4d86bd1"),
            ("x-b3-sampled", "1"),
        ],
    },
    Format {
        id: "jaeger",
        name: "Jaeger, with baggage",
        headers: &[
            ("uber-trace-id", "3d1d6b5b8c7a4f2e9b0a1c2d3e4f5a6b:5b2b4e3c1d0f9a87:0:3"),
            ("uberctx-tenant", "acme"),
        ],
    },
    Format {
        id: "sw8",
        name: "SkyWalking",
        headers: &[(
            "sw8",
            "1-NGFmYWE4YTYzNDFjNGFjMDg2OTYyYTM1M2E2MzI5MGUuODcuMTc0MjIxOTgxMDgzODM3NzQ=\
             -NGFmYWE4YTYzNDFjNGFjMDg2OTYyYTM1M2E2MzI5MGUuODcuMTc0NjUyMDQwMTI4NjE2ODA=\
             -3-bWFsbA==-bWFsbC0x-R0VUOi9jYXJ0-c2hvcDo4MA==",
        )],
    },
    Format {
        id: "ottrace",
        name: "OpenTracing",
        headers: &[
            ("ot-tracer-traceid", "a958602b76b39d62"),
            ("ot-tracer-spanid", "40ce6a1b007fc31c"),
            ("ot-tracer-sampled", "true"),
        ],
    },
    Format {
        id: "newrelic",
        name: "New Relic, from a browser",
        headers: &[(
            "newrelic",
            "eyJ2IjpbMCwxXSwiZCI6eyJ0eSI6IkJyb3dzZXIiLCJhYyI6IjMxNDE1OTIiLCJhcCI6IjI3MTgyODEiLCJpZCI6IjA1ZjIwYzUwM2I3ODQ2MWYiLCJ0ciI6IjkyYmUzNDdlNWZlMDQzMjllMzA1OWRlNTAwYWQ2MzQ3IiwidGkiOjE3OTUyMDAwMDAxMjMsInRrIjoiNTU1In19",
        )],
    },
    Format {
        id: "cloudtrace",
        name: "Google Cloud, from a load balancer",
        headers: &[("x-cloud-trace-context", "a958602b76b39d62888bf010bf907b5b/4669786527834817308;o=1")],
    },
    Format {
        id: "sentry",
        name: "Sentry, from a browser",
        headers: &[
            ("sentry-trace", "2f90b30075b9669ae69a7feb163cc8e5-e57dddd84dceff9a-1"),
            ("baggage", "sentry-environment=prod,sentry-trace_id=2f90b30075b9669ae69a7feb163cc8e5,sentry-sampled=true"),
        ],
    },
    Format {
        id: "instana",
        name: "Instana",
        headers: &[
            ("x-instana-t", "4bf92f3577b34da6a3ce929d0e0e4736"),
            ("x-instana-s", "00f067aa0ba902b7"),
            ("x-instana-l", "1"),
        ],
    },
    Format {
        id: "elastic",
        name: "Elastic, from an old RUM agent",
        headers: &[("elastic-apm-traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")],
    },
    Format {
        id: "grpc-trace-bin",
        name: "OpenCensus, over gRPC",
        headers: &[("grpc-trace-bin", "AABL+S81d7NNpqPOkp0ODkc2AQDwZ6oLqQK3AgE")],
    },
    Format {
        id: "xray",
        name: "AWS X-Ray, from a Lambda function",
        headers: &[(
            "x-amzn-trace-id",
            "Root=1-67891204-edfd17dba1f976ec9b1bf481;Parent=83c3ec2055daf222;Sampled=1;Lineage=1:f4ae5ad5:0",
        )],
    },
    Format {
        id: "correlation",
        name: "A correlation id of 2016",
        headers: &[("x-plumbr-transactionid", "D19931BB-F235-4DCB-2E2F-B9D31225D62E")],
    },
    Format {
        id: "two-traces",
        name: "Two formats with different traces",
        headers: &[
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1"),
        ],
    },
    Format {
        id: "malformed",
        name: "An uppercase traceparent and a valid B3",
        headers: &[
            ("traceparent", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"),
            ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1"),
        ],
    },
    Format { id: "none", name: "No trace headers", headers: &[] },
];

/// A path through a fleet, from a service without callers to one without calls, or to all services.
#[derive(Clone, Debug)]
pub(super) struct Path {
    pub(super) id: String,
    /// The index of the fleet.
    pub(super) fleet: usize,
    title: &'static str,
    services: Vec<&'static str>,
    /// Every service makes all its calls.
    everywhere: bool,
    reads: &'static str,
}

impl Path {
    pub(super) fn first(&self) -> &'static str {
        self.services[0]
    }

    pub(super) fn route(&self) -> Route {
        if self.everywhere { Route::default() } else { Route::through(&self.services) }
    }
}

/// Returns all paths of a fleet. For each service without callers, the path to all services is the first one.
pub(super) fn paths(place: usize, fleet: &'static Fleet) -> Vec<Path> {
    let called = |plan: &Plan| fleet.plans.iter().flat_map(|caller| caller.calls).any(|leg| leg.to == plan.name);
    let path = |services: Vec<&'static str>, everywhere, reads| {
        let id = format!("{}/{}", fleet.name, services.join("-"));
        Path { id, fleet: place, title: fleet.title, services, everywhere, reads }
    };
    let mut paths = Vec::new();
    for first in fleet.plans.iter().filter(|plan| !called(plan)) {
        paths.push(path(vec![first.name], true, first.speaks));
        let mut open = vec![vec![first.name]];
        while let Some(services) = open.pop() {
            let last = services.last().copied().unwrap_or_default();
            let calls = fleet.plans.iter().find(|plan| plan.name == last).map_or(&[][..], |plan| plan.calls);
            if calls.is_empty() {
                paths.push(path(services.clone(), false, first.speaks));
            }
            open.extend(calls.iter().rev().map(|leg| [&services[..], &[leg.to]].concat()));
        }
    }
    paths
}

/// All choices of the page.
#[derive(Debug, Serialize)]
pub(super) struct Choices {
    formats: &'static [Format],
    paths: Vec<Offered>,
}

#[derive(Debug, Serialize)]
struct Offered {
    id: String,
    fleet: &'static str,
    text: String,
    /// What the first service reads.
    reads: String,
}

impl Choices {
    pub(super) fn new(paths: &[Path]) -> Self {
        let offered = |path: &Path| Offered {
            id: path.id.clone(),
            fleet: path.title,
            text: match path.everywhere {
                true => format!("{}, then all its callees", path.first()),
                false => path.services.join(" → "),
            },
            reads: path.reads.replace(',', ", "),
        };
        Self { formats: FORMATS, paths: paths.iter().map(offered).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::plan::{FLEETS, OPEN};
    use super::*;
    use traceprop_core::{Propagator, format::Outcome};

    #[test]
    fn ok_each_format_of_all_can_be_sent() {
        for format in Propagator::from_names("all", "none").unwrap().extract_names() {
            let alone = Propagator::from_names(format, "none").unwrap();
            let is_read = |choice: &Format| {
                let report = alone.explain(&choice.headers);
                report.entries().any(|entry| matches!(entry.parsed.outcome(), Outcome::Context(_)))
                    || !report.extraction().baggage().is_empty()
            };
            assert!(FORMATS.iter().any(is_read), "no headers of {format}");
        }
    }

    fn ids(fleet: &'static Fleet) -> Vec<String> {
        paths(0, fleet).into_iter().map(|path| path.id).collect()
    }

    #[test]
    fn ok_paths_lead_from_each_entrance_to_each_end() {
        assert_eq!(ids(&FLEETS[0]), ["w3c/edge", "w3c/edge-orders-stock", "w3c/edge-orders-partner"]);
        let open = ["open/gateway", "open/gateway-orders-stock"];
        let mail = ["open/gateway-mail-payments-legacy", "open/gateway-mail-payments-billing"];
        assert_eq!(ids(&OPEN), [open, mail].concat());
        assert_eq!(ids(&FLEETS[1]).len(), 7);
    }
}
