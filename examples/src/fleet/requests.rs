//! The requests that are sent through the fleet, and what has to come of each beside being one trace.

use super::service::Hop;
use super::verdict::Broken;

/// A request to the edge.
pub struct Request {
    pub title: &'static str,
    pub headers: &'static [(&'static str, &'static str)],
    pub expect: fn(&Hop) -> Result<(), Broken>,
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

pub const REQUESTS: &[Request] = &[
    Request {
        title: "A caller that has a trace: it is continued, and its tracestate with it",
        headers: &[
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("tracestate", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
        ],
        expect: |edge| {
            edge.ids
                .trace
                .as_deref()
                .filter(|trace| *trace == TRACE)
                .ok_or(Broken("the caller's trace was not continued"))?;
            let kept = |hop: &Hop| came(hop, "tracestate") == Some("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
            all(edge, kept).ok_or(Broken("the tracestate got lost"))
        },
    },
    Request {
        title: "A caller without a trace: the edge begins one",
        headers: &[],
        expect: |edge| match edge.ids.parent {
            None => Ok(()),
            Some(_) => Err(Broken("the edge invented a parent")),
        },
    },
    Request {
        title: "A caller whose trace cannot be read: one line says why, and the edge begins a new one",
        headers: &[
            ("traceparent", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"),
            ("tracestate", "rojo=00f067aa0ba902b7"),
        ],
        expect: |edge| {
            let explained = edge.explain.contains("traceparent: uppercase-hex at byte 4");
            explained.then_some(()).ok_or(Broken("the report does not say what was wrong"))?;
            let fresh = edge.ids.trace.as_deref().is_some_and(|trace| trace != TRACE) && edge.ids.parent.is_none();
            fresh.then_some(()).ok_or(Broken("an unreadable trace was continued"))?;
            let clean = edge.calls.iter().all(|sent| all(&sent.hop, |hop| came(hop, "tracestate").is_none()).is_some());
            clean.then_some(()).ok_or(Broken("the tracestate of an unreadable trace was handed on"))
        },
    },
    Request {
        title: "A caller with baggage: `tenant` may go to stock, nothing may go to partner",
        headers: &[
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("baggage", "tenant=acme,session=secret"),
        ],
        expect: |edge| {
            let got = |service: &str| find(edge, service).and_then(|hop| came(hop, "baggage"));
            let expected =
                [("orders", Some("tenant=acme,session=secret")), ("stock", Some("tenant=acme")), ("partner", None)];
            let right = expected.into_iter().all(|(service, baggage)| got(service) == baggage);
            right.then_some(()).ok_or(Broken("baggage went where it was not allowed, or did not where it was"))
        },
    },
];

/// The first line of this name that came in.
fn came<'h>(hop: &'h Hop, name: &str) -> Option<&'h str> {
    hop.came_in.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// Whether something holds for a service and all behind it.
fn all(hop: &Hop, holds: impl Fn(&Hop) -> bool + Copy) -> Option<()> {
    (holds(hop) && hop.calls.iter().all(|sent| all(&sent.hop, holds).is_some())).then_some(())
}

fn find<'h>(hop: &'h Hop, service: &str) -> Option<&'h Hop> {
    if hop.service == service {
        return Some(hop);
    }
    hop.calls.iter().find_map(|sent| find(&sent.hop, service))
}
