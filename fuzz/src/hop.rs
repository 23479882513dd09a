//! A hop that speaks only W3C: what of a request is left behind it.

use traceprop_core::SpanId;

use crate::check::Sink;
use crate::input::Headers;

/// What goes on behind a service that makes a span of its own, and knows traceparent and tracestate alone. With
/// `vendor`, it puts a member of its own to the left, as vendors do.
pub fn w3c_only(came: &Sink, span: SpanId, vendor: bool) -> Headers {
    let Some(parent) = came.value("traceparent") else { return Headers::new() };
    let parent = format!("{}-{span}-{}", &parent[..35], &parent[53..55]);
    let mut headers = vec![("traceparent".to_owned(), parent.into_bytes())];
    let mut members: Vec<String> = came.values("tracestate").into_iter().map(str::to_owned).collect();
    if vendor {
        members.insert(0, "vendor=1".to_owned());
    }
    if !members.is_empty() {
        let line = members.join(",");
        // No more than 32, the right-most go.
        let line: Vec<_> = line.split(',').take(32).collect();
        headers.push(("tracestate".to_owned(), line.join(",").into_bytes()));
    }
    headers
}
