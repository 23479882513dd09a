//! A hop that speaks only W3C: what remains of a request after it.

use traceprop_core::SpanId;

use crate::check::Sink;
use crate::input::Headers;

/// Returns what a service sends that makes its own span and knows only traceparent and tracestate.
///
/// With `vendor`, it adds its own member on the left, as vendors do.
pub fn w3c_only(received: &Sink, span: SpanId, vendor: bool) -> Headers {
    let Some(parent) = received.value("traceparent") else { return Headers::new() };
    let parent = format!("{}-{span}-{}", &parent[..35], &parent[53..55]);
    let mut headers = vec![("traceparent".to_owned(), parent.into_bytes())];
    let mut members: Vec<String> = received.values("tracestate").into_iter().map(str::to_owned).collect();
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
