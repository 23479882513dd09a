//! Requests that a fleet has to get right which speaks W3C alone.

use super::{Request, all, came, came_to, continued, ensure};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const STATE: &str = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";

pub const REQUESTS: &[Request] = &[
    Request {
        to: "edge",
        title: "A caller that has a trace: it is continued, and its tracestate with it",
        headers: &[("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("tracestate", STATE)],
        expect: |edge| {
            continued(edge, TRACE)?;
            ensure(all(edge, |hop| came(hop, "tracestate") == Some(STATE)), "the tracestate got lost")
        },
    },
    Request {
        to: "edge",
        title: "A caller without a trace: the edge begins one",
        headers: &[],
        expect: |edge| ensure(edge.ids.parent.is_none(), "the edge invented a parent"),
    },
    Request {
        to: "edge",
        title: "A caller whose trace cannot be read: one line says why, and the edge begins a new one",
        headers: &[
            ("traceparent", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"),
            ("tracestate", "rojo=00f067aa0ba902b7"),
        ],
        expect: |edge| {
            let explained = edge.explain.contains("invalid traceparent (uppercase-hex at byte 4)");
            ensure(explained, "the report does not say what was wrong")?;
            let fresh = edge.ids.trace.as_deref().is_some_and(|trace| trace != TRACE) && edge.ids.parent.is_none();
            ensure(fresh, "an unreadable trace was continued")?;
            let clean = edge.calls.iter().all(|sent| all(&sent.hop, |hop| came(hop, "tracestate").is_none()));
            ensure(clean, "the tracestate of an unreadable trace was handed on")
        },
    },
    Request {
        to: "edge",
        title: "A caller with baggage: `tenant` may go to stock, nothing may go to partner",
        headers: &[
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("baggage", "tenant=acme,session=secret"),
        ],
        expect: |edge| {
            let expected =
                [("orders", Some("tenant=acme,session=secret")), ("stock", Some("tenant=acme")), ("partner", None)];
            let right = expected.into_iter().all(|(service, baggage)| came_to(edge, service, "baggage") == baggage);
            ensure(right, "baggage went where it was not allowed, or did not where it was")
        },
    },
];
