//! What callers send: every format alone, and all at once. All name the same trace, decision and parent.

use std::sync::LazyLock;

use traceprop_core::Propagator;

/// The caller's trace id, and its lower half as a decimal number.
pub(crate) const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
pub(crate) const TRACE_LOW: &str = "11803532876627986230";
/// The caller's span id, and it as a decimal number.
pub(crate) const SPAN: &str = "00f067aa0ba902b7";
pub(crate) const SPAN_DECIMAL: &str = "67667974448284343";

/// What a header is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Ids, decisions and what belongs to them.
    Trace,
    /// A list of baggage that is named by its header.
    List,
    /// One member of baggage; its key is a part of the name.
    Member(&'static str),
    /// An id in a header that is one of the trace only where a propagator is told so.
    Correlation,
    /// A name that a server reads as that of another header.
    Lookalike,
    /// A header that is none of a trace.
    Foreign,
}

#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) value: &'static str,
    pub(crate) kind: Kind,
    /// The name of its format in a list, or an empty text if no format has it.
    pub(crate) format: &'static str,
}

pub(crate) struct Message {
    pub(crate) name: &'static str,
    pub(crate) lines: Vec<Line>,
}

type Row = (&'static str, &'static [(&'static str, &'static str, Kind)]);

const ROWS: &[Row] = &[
    (
        "tracecontext",
        &[
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Kind::Trace),
            ("tracestate", "theirs=t1", Kind::Trace),
        ],
    ),
    ("b3", &[("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1", Kind::Trace)]),
    (
        "b3multi",
        &[
            ("x-b3-traceid", "4bf92f3577b34da6a3ce929d0e0e4736", Kind::Trace),
            ("x-b3-spanid", "00f067aa0ba902b7", Kind::Trace),
            ("x-b3-sampled", "1", Kind::Trace),
        ],
    ),
    (
        "datadog",
        &[
            ("x-datadog-trace-id", "11803532876627986230", Kind::Trace),
            ("x-datadog-parent-id", "67667974448284343", Kind::Trace),
            ("x-datadog-sampling-priority", "1", Kind::Trace),
            ("x-datadog-origin", "theirs", Kind::Trace),
            ("x-datadog-tags", "_dd.p.tid=4bf92f3577b34da6", Kind::Trace),
        ],
    ),
    (
        "jaeger",
        &[
            ("uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:1", Kind::Trace),
            ("uberctx-tenant", "acme", Kind::Member("tenant")),
            ("uberctx-user", "alice", Kind::Member("user")),
        ],
    ),
    (
        "sw8",
        &[
            (
                "sw8",
                "1-NGJmOTJmMzU3N2IzNGRhNmEzY2U5MjlkMGUwZTQ3MzY=-c2VnbWVudA==-1-dGhlaXJz-dGhlaXJz-dGhlaXJz-dGhlaXJz",
                Kind::Trace,
            ),
            ("sw8-x", "0-1700000000000", Kind::Trace),
            ("sw8-correlation", "dGVuYW50:YWNtZQ==,dXNlcg==:YWxpY2U=", Kind::List),
        ],
    ),
    (
        "xray",
        &[(
            "x-amzn-trace-id",
            "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1",
            Kind::Trace,
        )],
    ),
    ("sentry", &[("sentry-trace", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1", Kind::Trace)]),
    (
        "newrelic",
        &[(
            "newrelic",
            "eyJ2IjpbMCwxXSwiZCI6eyJ0eSI6IkFwcCIsImFjIjoiMSIsImFwIjoiMiIsImlkIjoiMDBmMDY3YWEwYmE5MDJiNyIsInRyIjoiNGJmOTJmMzU3N2IzNGRhNmEzY2U5MjlkMGUwZTQ3MzYiLCJwciI6MS4wLCJzYSI6dHJ1ZSwidGkiOjE3MDAwMDAwMDAwMDB9fQ==",
            Kind::Trace,
        )],
    ),
    (
        "instana",
        &[
            ("x-instana-t", "4bf92f3577b34da6a3ce929d0e0e4736", Kind::Trace),
            ("x-instana-s", "00f067aa0ba902b7", Kind::Trace),
            ("x-instana-l", "1", Kind::Trace),
        ],
    ),
    ("elastic", &[("elastic-apm-traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Kind::Trace)]),
    ("cloudtrace", &[("x-cloud-trace-context", "4bf92f3577b34da6a3ce929d0e0e4736/67667974448284343;o=1", Kind::Trace)]),
    (
        "ottrace",
        &[
            ("ot-tracer-traceid", "4bf92f3577b34da6a3ce929d0e0e4736", Kind::Trace),
            ("ot-tracer-spanid", "00f067aa0ba902b7", Kind::Trace),
            ("ot-tracer-sampled", "true", Kind::Trace),
            ("ot-baggage-tenant", "acme", Kind::Member("tenant")),
            ("ot-baggage-user", "alice", Kind::Member("user")),
        ],
    ),
    ("grpc-trace-bin", &[("grpc-trace-bin", "AABL+S81d7NNpqPOkp0ODkc2AQDwZ6oLqQK3AgE", Kind::Trace)]),
    ("correlation", &[("x-request-id", "order-77", Kind::Correlation)]),
    ("baggage", &[("baggage", "tenant=acme,user=alice,sentry-sample_rand=0.5", Kind::List)]),
    (
        "",
        &[
            ("x-dynatrace", "theirs", Kind::Trace),
            ("x-honeycomb-trace", "theirs", Kind::Trace),
            ("x-trace", "theirs", Kind::Trace),
            ("x-trace-options", "theirs", Kind::Trace),
            ("request-context", "theirs", Kind::Trace),
            ("x-ot-span-context", "theirs", Kind::Trace),
            ("x-client-trace-id", "theirs", Kind::Trace),
            ("x-envoy-force-trace", "theirs", Kind::Trace),
        ],
    ),
    (
        "",
        &[
            ("x_datadog_trace_id", "11803532876627986230", Kind::Lookalike),
            ("x_b3_traceid", "4bf92f3577b34da6a3ce929d0e0e4736", Kind::Lookalike),
            ("uberctx_user", "alice", Kind::Lookalike),
        ],
    ),
];

pub(crate) static MESSAGES: LazyLock<Vec<Message>> = LazyLock::new(|| {
    let lines = |(format, lines): &Row| {
        // Until a format is built, its headers are those of no format.
        let format = if *format == "correlation" || is_format(format) { *format } else { "" };
        lines.iter().map(move |(name, value, kind)| Line { name, value, kind: *kind, format }).collect::<Vec<_>>()
    };
    let foreign = || Line { name: "x-shop", value: "7", kind: Kind::Foreign, format: "" };
    let mut messages: Vec<Message> = ROWS
        .iter()
        .map(|row| Message { name: row.1[0].0, lines: lines(row).into_iter().chain([foreign()]).collect() })
        .collect();
    let all = ROWS.iter().flat_map(lines).chain([foreign()]).collect();
    messages.push(Message { name: "all at once", lines: all });
    messages.push(Message { name: "nothing", lines: vec![foreign()] });
    messages
});

pub(crate) fn is_format(name: &str) -> bool {
    Propagator::from_names(name, "none").is_ok()
}
