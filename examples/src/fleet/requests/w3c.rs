//! Requests for the fleet that uses W3C only.

use super::{Request, all, continued, ensure, received, received_by};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const STATE: &str = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";

pub const REQUESTS: &[Request] = &[
    Request {
        to: "edge",
        title: "A caller with a trace: the trace is continued, with its tracestate",
        headers: &[("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("tracestate", STATE)],
        expect: |edge| {
            continued(edge, TRACE)?;
            ensure(all(edge, |hop| received(hop, "tracestate") == Some(STATE)), "the tracestate was lost")
        },
    },
    Request {
        to: "edge",
        title: "A caller without a trace: the edge starts one",
        headers: &[],
        expect: |edge| ensure(edge.ids.parent.is_none(), "the edge invented a parent"),
    },
    Request {
        to: "edge",
        title: "A caller with an invalid traceparent: one line says why, and the edge starts a new trace",
        headers: &[
            ("traceparent", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"),
            ("tracestate", "rojo=00f067aa0ba902b7"),
        ],
        expect: |edge| {
            let explained = edge.explain.contains("invalid traceparent (uppercase-hex at byte 4)");
            ensure(explained, "the report does not give the reason")?;
            let fresh = edge.ids.trace.as_deref().is_some_and(|trace| trace != TRACE) && edge.ids.parent.is_none();
            ensure(fresh, "an invalid trace was continued")?;
            let clean = edge.calls.iter().all(|sent| all(&sent.hop, |hop| received(hop, "tracestate").is_none()));
            ensure(clean, "the tracestate of an invalid trace was forwarded")
        },
    },
    Request {
        to: "edge",
        title: "A caller with baggage: stock is allowed `tenant` only, partner is allowed nothing",
        headers: &[
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("baggage", "tenant=acme,session=secret"),
        ],
        expect: |edge| {
            let expected =
                [("orders", Some("tenant=acme,session=secret")), ("stock", Some("tenant=acme")), ("partner", None)];
            let right = expected.into_iter().all(|(service, baggage)| received_by(edge, service, "baggage") == baggage);
            ensure(right, "baggage was sent where it is not allowed, or omitted where it is allowed")
        },
    },
];
