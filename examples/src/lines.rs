//! Headers as text for people and for JSON. For a demo only: a real service logs reports, which contain no header text.

use axum::http::HeaderMap;
use traceprop_core::{Field, Propagator};

/// A header line: name and value.
pub type Line = (String, String);

/// Returns all lines, including repeated ones. Bytes that are not UTF-8 become U+FFFD.
pub fn all(headers: &HeaderMap) -> Vec<Line> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()))).collect()
}

/// Returns the lines of trace headers: those with a built-in name, read or not, and those that the propagator writes.
pub fn of_traces(headers: &HeaderMap, propagator: &Propagator) -> Vec<Line> {
    let mut lines = all(headers);
    lines.retain(|(name, _)| is_of_traces(name, propagator));
    lines
}

/// Whether a header with this lowercase name is a trace header.
pub fn is_of_traces(name: &str, propagator: &Propagator) -> bool {
    Field::from_name(name).is_some() || propagator.inject_fields().any(|field| field == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn ok_lines_keep_repeats_and_odd_bytes() {
        let mut headers = HeaderMap::new();
        headers.append("tracestate", HeaderValue::from_static("a=1"));
        headers.append("tracestate", HeaderValue::from_bytes(b"b=\xff").unwrap());
        headers.append("host", HeaderValue::from_static("h"));
        headers.append("b3", HeaderValue::from_static("0"));
        let lines = of_traces(&headers, &traceprop_core::presets::W3C.propagator());
        let expected = [("tracestate", "a=1"), ("tracestate", "b=\u{fffd}"), ("b3", "0")];
        assert_eq!(lines, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(all(&headers).len(), 4);
    }
}
