//! The agents, and what is expected of each.

use http::HeaderName;
use traceprop_http::cors;

/// An agent in one configuration. Each has a page of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Agent {
    /// The file in `browsers/pages`, without `.js`.
    pub(super) page: &'static str,
    /// The npm package.
    pub(super) package: &'static str,
    /// The configuration, as the page knows it.
    pub(super) config: &'static str,
    /// The lists of traceprop-http that a server has to allow.
    pub(super) lists: &'static [&'static [HeaderName]],
    /// How the agent spells the ids of a call in what it collects.
    pub(super) ids: Ids,
    /// Whether the agent links a call to the span that `Server-Timing` names.
    pub(super) links_calls: bool,
    /// How the agent links the document to the trace in which the server wrote it.
    pub(super) document: Document,
}

/// How an agent spells ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ids {
    /// Hex digits.
    Hex,
    /// The low 64 bits, in decimal.
    Decimal,
    /// A trace id with `1-` in front and a `-` after the time.
    XRay,
    /// SkyWalking's text.
    Text,
}

/// What links a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Document {
    /// What the agent collects contains the span id of the server.
    SpanId,
    /// What the agent collects contains the trace id of the server, as the agent spells it.
    TraceId,
    /// The calls of the page continue the trace of the document.
    Continued,
    /// The agent has no such link.
    Not,
}

const fn agent(
    page: &'static str,
    package: &'static str,
    config: &'static str,
    lists: &'static [&'static [HeaderName]],
) -> Agent {
    Agent { page, package, config, lists, ids: Ids::Hex, links_calls: false, document: Document::Not }
}

impl Agent {
    const fn ids(self, ids: Ids) -> Self {
        Self { ids, ..self }
    }

    const fn links_calls(self) -> Self {
        Self { links_calls: true, ..self }
    }

    const fn document(self, document: Document) -> Self {
        Self { document, ..self }
    }

    /// The name on the command line and in the matrix.
    pub(super) fn name(self) -> &'static str {
        self.page
    }
}

/// Every page that is run.
pub(super) static AGENTS: [Agent; 17] = [
    agent("datadog-rum", "@datadog/browser-rum", "default", &[&cors::TRACE_CONTEXT, &cors::BAGGAGE, &cors::DATADOG])
        .ids(Ids::Decimal)
        .document(Document::TraceId),
    agent("datadog-rum", "@datadog/browser-rum", "b3", &[&cors::B3, &cors::B3_MULTI, &cors::BAGGAGE])
        .ids(Ids::Decimal)
        .document(Document::TraceId),
    agent("opentelemetry-web", OPENTELEMETRY, "w3c", &[&cors::TRACE_CONTEXT, &cors::BAGGAGE])
        .document(Document::SpanId),
    // Its document load reads the tag with the propagator of the page, and these three do not read traceparent.
    agent("opentelemetry-web", OPENTELEMETRY, "b3", &[&cors::B3]),
    agent("opentelemetry-web", OPENTELEMETRY, "b3multi", &[&cors::B3_MULTI]),
    agent("opentelemetry-web", OPENTELEMETRY, "jaeger", &[&cors::JAEGER]),
    agent("splunk", "@splunk/otel-web", "default", &[&cors::TRACE_CONTEXT]).links_calls().document(Document::SpanId),
    agent("faro", "@grafana/faro-web-sdk", "default", &[&cors::TRACE_CONTEXT]).links_calls().document(Document::SpanId),
    agent("elastic-rum", "@elastic/apm-rum", "default", &[&cors::TRACE_CONTEXT]).document(Document::Continued),
    agent("elastic-rum", "@elastic/apm-rum", "tracestate", &[&cors::TRACE_CONTEXT]).document(Document::Continued),
    agent("sentry-browser", "@sentry/browser", "default", &[&cors::SENTRY]).document(Document::Continued),
    agent("sentry-browser", "@sentry/browser", "traceparent", &[&cors::SENTRY, &cors::TRACE_CONTEXT])
        .document(Document::Continued),
    agent("skywalking-client", "skywalking-client-js", "default", &[&cors::SW8]).ids(Ids::Text),
    agent("application-insights", INSIGHTS, "w3c", &[&cors::APPLICATION_INSIGHTS]),
    agent("application-insights", INSIGHTS, "both", &[&cors::APPLICATION_INSIGHTS]),
    agent("aws-rum", "aws-rum-web", "xray", &[&cors::AWS_RUM]).ids(Ids::XRay),
    agent("aws-rum", "aws-rum-web", "w3c", &[&cors::AWS_RUM, &cors::TRACE_CONTEXT]),
];

const OPENTELEMETRY: &str = "@opentelemetry/sdk-trace-web";
const INSIGHTS: &str = "@microsoft/applicationinsights-web";
