//! The tracers of Envoy, and the list of formats that services behind each use.

use serde_json::{Value, json};

/// One configuration of Envoy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tracer {
    /// The name of the configuration, and of Envoy's listener.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// What our services read and write, as docs/envoy.md says.
    pub(super) list: &'static str,
    /// Whether Envoy makes a span of its own for the call to the service.
    pub(super) upstream_span: bool,
    /// How many spans of Envoy are between the spans of two services.
    pub(super) spans_between: usize,
    pub(super) is_quick: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    None,
    /// Zipkin, with the name of its option for W3C, and whether a span has the id of its caller.
    Zipkin {
        w3c: bool,
        shared: bool,
    },
    OpenTelemetry,
    Datadog,
    SkyWalking,
}

const B3: Kind = Kind::Zipkin { w3c: false, shared: true };
const B3_OWN: Kind = Kind::Zipkin { w3c: false, shared: false };
const B3_W3C: Kind = Kind::Zipkin { w3c: true, shared: true };
const B3_W3C_OWN: Kind = Kind::Zipkin { w3c: true, shared: false };

/// Everything that Istio's guide tells applications to copy.
const ISTIO: &str = "tracecontext,b3multi,datadog,jaeger,sw8,baggage,correlation:x-request-id";

const fn tracer(name: &'static str, kind: Kind, list: &'static str, spans_between: usize) -> Tracer {
    Tracer { name, kind, list, upstream_span: spans_between == 2, spans_between, is_quick: false }
}

const fn quick(tracer: Tracer) -> Tracer {
    Tracer { is_quick: true, ..tracer }
}

pub(super) const TRACERS: [Tracer; 14] = [
    tracer("none", Kind::None, "tracecontext,baggage,correlation:x-request-id", 0),
    quick(tracer("zipkin", B3, "b3multi,baggage,correlation:x-request-id", 0)),
    tracer("zipkin-own-span", B3_OWN, "b3multi,baggage,correlation:x-request-id", 1),
    tracer("zipkin-upstream-span", B3_OWN, "b3multi,baggage,correlation:x-request-id", 2),
    tracer("zipkin-single-b3", B3_OWN, "b3,baggage", 1),
    tracer("zipkin-w3c", B3_W3C, "tracecontext,b3multi,baggage", 0),
    tracer("zipkin-w3c-upstream-span", B3_W3C_OWN, "tracecontext,b3multi,baggage", 2),
    quick(tracer("opentelemetry", Kind::OpenTelemetry, "tracecontext,baggage,correlation:x-request-id", 1)),
    tracer("opentelemetry-upstream-span", Kind::OpenTelemetry, "tracecontext,baggage", 2),
    tracer("opentelemetry-istio", Kind::OpenTelemetry, ISTIO, 2),
    tracer("datadog", Kind::Datadog, "datadog,tracecontext,baggage", 1),
    tracer("datadog-upstream-span", Kind::Datadog, "datadog,tracecontext,baggage", 2),
    tracer("skywalking", Kind::SkyWalking, "sw8,baggage", 0),
    tracer("skywalking-upstream-span", Kind::SkyWalking, "sw8,baggage", 2),
];

impl Tracer {
    /// Returns whether Envoy's span has the id of its caller's span.
    pub(super) fn shares_ids(&self) -> bool {
        matches!(self.kind, Kind::Zipkin { shared: true, .. })
    }

    /// Returns whether Envoy reports spans in which our services find themselves.
    pub(super) fn has_spans_between(&self) -> bool {
        self.spans_between > 0 || self.shares_ids()
    }

    /// Returns how many spans Envoy reports of one request.
    pub(super) fn spans_reported(&self) -> usize {
        match self.kind {
            Kind::None => 0,
            _ => 1 + usize::from(self.upstream_span),
        }
    }

    /// Returns the tracing settings of a listener.
    pub(super) fn tracing(&self) -> Option<Value> {
        let (name, mut config) = match self.kind {
            Kind::None => return None,
            Kind::Zipkin { w3c, shared } => {
                let option = if w3c { "USE_B3_WITH_W3C_PROPAGATION" } else { "USE_B3" };
                let config = json!({
                    "collector_cluster": "collector",
                    "collector_endpoint": "/api/v2/spans",
                    "collector_endpoint_version": "HTTP_JSON",
                    "trace_id_128bit": true,
                    "shared_span_context": shared,
                    "trace_context_option": option,
                });
                ("ZipkinConfig", config)
            }
            Kind::OpenTelemetry => {
                let uri = json!({ "uri": "http://collector/v1/traces", "cluster": "collector", "timeout": "5s" });
                ("OpenTelemetryConfig", json!({ "service_name": "envoy", "http_service": { "http_uri": uri } }))
            }
            Kind::Datadog => ("DatadogConfig", json!({ "service_name": "envoy", "collector_cluster": "collector" })),
            Kind::SkyWalking => {
                let service = json!({ "envoy_grpc": { "cluster_name": "collector-h2c" } });
                let client = json!({ "service_name": "envoy", "instance_name": "envoy-1" });
                ("SkyWalkingConfig", json!({ "grpc_service": service, "client_config": client }))
            }
        };
        config["@type"] = format!("type.googleapis.com/envoy.config.trace.v3.{name}").into();
        let provider = json!({ "name": name, "typed_config": config });
        Some(json!({ "spawn_upstream_span": self.upstream_span, "provider": provider }))
    }
}
