//! The requests that traceprop sends to a peer.

use traceprop_core::Sampling;

use super::ours::{Datadog, Span};
use super::plan::Config;

/// A trace id and a span id, both with zeros in front, which some writers and readers lose.
const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";
pub(super) const SPAN_ID: &str = "00f067aa0ba902b7";

/// A request to a peer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    pub(super) name: &'static str,
    /// The case applies where one of these is written. Empty: always.
    pub(super) formats: &'static [&'static str],
    pub(super) span: Span,
}

const PLAIN: Span = Span {
    trace_id: TRACE_ID,
    span_id: SPAN_ID,
    sampling: Sampling::Sampled,
    baggage: &[("tenant", "acme"), ("user", "alice")],
    datadog: None,
    sampling_context: &[("environment", "prod"), ("release", "shop@1.0+7")],
};

const fn datadog(priority: i32, sampling: Sampling) -> Span {
    let tags = &[("_dd.p.dm", "-4"), ("_dd.p.usr.id", "alice")];
    Span { sampling, datadog: Some(Datadog { priority, origin: Some("synthetics"), tags }), ..PLAIN }
}

pub(super) const KEEP: Case = Case { name: "keep", formats: &["datadog"], span: datadog(2, Sampling::Sampled) };

pub(super) const CASES: [Case; 8] = [
    Case { name: "span", formats: &[], span: PLAIN },
    Case { name: "not-sampled", formats: &[], span: Span { sampling: Sampling::NotSampled, ..PLAIN } },
    Case { name: "short-id", formats: &[], span: Span { trace_id: "00000000000000000448eb211c80319c", ..PLAIN } },
    Case {
        name: "text",
        formats: &["baggage", "jaeger", "sw8"],
        span: Span { baggage: &[("tenant", "a b,c;d=e+f%g/h"), ("user", "Zoë")], ..PLAIN },
    },
    Case {
        name: "debug",
        formats: &["b3", "b3multi", "jaeger"],
        span: Span { sampling: Sampling::Debug, baggage: &[], ..PLAIN },
    },
    Case {
        name: "deferred",
        formats: &["b3", "b3multi", "datadog", "xray"],
        span: Span { sampling: Sampling::Deferred, baggage: &[], ..PLAIN },
    },
    KEEP,
    Case { name: "drop", formats: &["datadog"], span: datadog(-1, Sampling::NotSampled) },
];

impl Case {
    /// Returns whether the request makes sense for these formats of a peer.
    pub(super) fn applies(&self, formats: &str, config: &Config) -> bool {
        let is_written = || formats.split(',').any(|name| self.formats.contains(&name));
        // A tracestate holds Datadog's data too.
        let is_in_tracestate = || self.span.datadog.is_some() && config.tells("origin");
        self.formats.is_empty() || is_written() || is_in_tracestate()
    }
}
