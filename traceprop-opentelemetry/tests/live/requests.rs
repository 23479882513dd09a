//! What a caller sends.

use traceprop_core::Trust;

#[derive(Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    pub lines: &'static [(&'static str, &'static str)],
    pub trust: Trust,
    /// The trace that the exported spans have to be in, and the caller's span.
    pub continues: Option<(&'static str, &'static str)>,
    pub is_sampled: bool,
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
const CALLER: Option<(&str, &str)> = Some((TRACE, PARENT));

const fn of(name: &'static str, lines: &'static [(&'static str, &'static str)]) -> Case {
    Case { name, lines, trust: Trust::Continue, continues: CALLER, is_sampled: true }
}

const fn new_trace(name: &'static str, lines: &'static [(&'static str, &'static str)]) -> Case {
    Case { continues: None, ..of(name, lines) }
}

pub const CASES: &[Case] = &[
    of("w3c", &[("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("tracestate", "rojo=1")]),
    Case {
        is_sampled: false,
        ..of("w3c, not sampled", &[("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02")])
    },
    of("b3", &[("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1")]),
    of("b3, debug", &[("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-d")]),
    of("b3, open", &[("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7")]),
    of(
        "b3multi",
        &[
            ("x-b3-traceid", "4bf92f3577b34da6a3ce929d0e0e4736"),
            ("x-b3-spanid", "00f067aa0ba902b7"),
            ("x-b3-sampled", "1"),
        ],
    ),
    of(
        "datadog",
        &[
            ("x-datadog-trace-id", "11803532876627986230"),
            ("x-datadog-parent-id", "67667974448284343"),
            ("x-datadog-sampling-priority", "2"),
            ("x-datadog-origin", "rum"),
            ("x-datadog-tags", "_dd.p.tid=4bf92f3577b34da6,_dd.p.dm=-4"),
        ],
    ),
    of("jaeger", &[("uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:1")]),
    of("sentry", &[("sentry-trace", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1")]),
    of("elastic", &[("elastic-apm-traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]),
    of(
        "ottrace",
        &[
            ("ot-tracer-traceid", "a3ce929d0e0e4736"),
            ("ot-tracer-spanid", "00f067aa0ba902b7"),
            ("ot-tracer-sampled", "true"),
        ],
    )
    .in_trace("0000000000000000a3ce929d0e0e4736"),
    of(
        "instana",
        &[
            ("x-instana-t", "4bf92f3577b34da6a3ce929d0e0e4736"),
            ("x-instana-s", "00f067aa0ba902b7"),
            ("x-instana-l", "1"),
        ],
    ),
    of("xray", &[("x-amzn-trace-id", "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1")]),
    of("grpc-trace-bin", &[("grpc-trace-bin", "AABL+S81d7NNpqPOkp0ODkc2AQDwZ6oLqQK3AgE=")]),
    of("cloudtrace", &[("x-cloud-trace-context", "4bf92f3577b34da6a3ce929d0e0e4736/67667974448284343;o=1")]),
    // The ids are computed of text.
    Case {
        continues: Some(("", "")),
        ..of("sw8", &[("sw8", "1-MS4yMzQuNTY3OA==-c2VnbWVudA==-3-d2Vi-d2ViLTE=-L2E=-c2hvcA==")])
    },
    of(
        "two traces",
        &[
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("b3", "80e6b5d0a9d936508a0ac984f71ab247-8a0ac984f71ab247-1"),
        ],
    ),
    new_trace("nothing", &[]),
    new_trace(
        "rubbish",
        &[("traceparent", "rubbish"), ("b3", "x"), ("x-datadog-trace-id", "-1"), ("uber-trace-id", ":")],
    ),
    Case { is_sampled: false, ..new_trace("b3: 0", &[("b3", "0")]) },
    new_trace("b3: d", &[("b3", "d")]),
    Case {
        continues: Some((TRACE, "")),
        ..of("a correlation id", &[("x-request-id", "4bf92f35-77b3-4da6-a3ce-929d0e0e4736")])
    },
    Case {
        trust: Trust::Restart,
        ..new_trace(
            "restart",
            &[("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"), ("tracestate", "rojo=1")],
        )
    },
    Case {
        trust: Trust::Ignore,
        ..new_trace("ignore", &[("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")])
    },
    Case {
        trust: Trust::Resample,
        ..of("resample", &[("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")])
    },
];

impl Case {
    const fn in_trace(self, trace: &'static str) -> Self {
        Self { continues: Some((trace, PARENT)), ..self }
    }
}
