//! Envoy's configuration: a listener for each tracer, and two clusters for the services behind it.

use serde_json::{Value, json};

use super::tracers::Tracer;
use crate::hops::{PROTOCOL, Protocol};

const HTTP: &str = "type.googleapis.com/envoy.extensions";

/// Returns the whole configuration, for tracers and the ports of the services behind each.
pub(super) fn bootstrap(tracers: &[(Tracer, u16)], collector: u16) -> Value {
    let mut clusters = vec![cluster("collector", collector, false), cluster("collector-h2c", collector, true)];
    for (tracer, port) in tracers {
        clusters.push(cluster(&cluster_name(tracer, Protocol::Http1), *port, false));
        clusters.push(cluster(&cluster_name(tracer, Protocol::Http2), *port, true));
    }
    let listeners: Vec<_> = tracers.iter().map(|(tracer, _)| listener(tracer)).collect();
    // Each span is reported at once.
    let settings = json!({
        "tracing.zipkin.min_flush_spans": 1,
        "tracing.zipkin.flush_interval_ms": 100,
        "tracing.opentelemetry.min_flush_spans": 1,
        "tracing.opentelemetry.flush_interval_ms": 100,
    });
    json!({
        "admin": { "address": address(0) },
        "layered_runtime": { "layers": [{ "name": "static", "static_layer": settings }] },
        "static_resources": { "clusters": clusters, "listeners": listeners },
    })
}

fn address(port: u16) -> Value {
    json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } })
}

fn cluster_name(tracer: &Tracer, protocol: Protocol) -> String {
    format!("{}-{}", tracer.name, protocol.name())
}

fn cluster(name: &str, port: u16, is_http2: bool) -> Value {
    let endpoint = json!({ "endpoint": { "address": address(port) } });
    let load = json!({ "cluster_name": name, "endpoints": [{ "lb_endpoints": [endpoint] }] });
    let mut cluster = json!({ "name": name, "type": "STATIC", "connect_timeout": "5s", "load_assignment": load });
    if is_http2 {
        let options = json!({
            "@type": format!("{HTTP}.upstreams.http.v3.HttpProtocolOptions"),
            "explicit_http_config": { "http2_protocol_options": {} },
        });
        let key = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
        cluster["typed_extension_protocol_options"] = json!({ key: options });
    }
    cluster
}

fn listener(tracer: &Tracer) -> Value {
    let is_http2 = json!([{ "name": PROTOCOL, "string_match": { "exact": Protocol::Http2.name() } }]);
    let routes = json!([
        { "match": { "prefix": "/", "headers": is_http2 }, "route": { "cluster": cluster_name(tracer, Protocol::Http2) } },
        { "match": { "prefix": "/" }, "route": { "cluster": cluster_name(tracer, Protocol::Http1) } },
    ]);
    let router = json!({ "@type": format!("{HTTP}.filters.http.router.v3.Router") });
    let mut manager = json!({
        "@type": format!("{HTTP}.filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": tracer.name,
        // Reads HTTP/1.1 and HTTP/2, and tells them apart.
        "codec_type": "AUTO",
        "http_filters": [{ "name": "router", "typed_config": router }],
        "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": routes }] },
    });
    if let Some(tracing) = tracer.tracing() {
        manager["tracing"] = tracing;
    }
    let filter = json!({ "name": "http", "typed_config": manager });
    json!({ "name": tracer.name, "address": address(0), "filter_chains": [{ "filters": [filter] }] })
}
