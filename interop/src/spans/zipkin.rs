//! Zipkin's JSON, version 2.

use serde::Deserialize;

use super::Reported;
use crate::Error;

pub(super) const PATH: &str = "/api/v2/spans";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Span {
    trace_id: String,
    id: String,
    parent_id: Option<String>,
}

pub(super) fn read(body: &[u8]) -> Result<Vec<Reported>, Error> {
    let spans: Vec<Span> = serde_json::from_slice(body)?;
    let span = |span: Span| {
        let parent_id = span.parent_id.map(|id| id.parse()).transpose()?;
        Ok(Reported { trace_id: format!("{:0>32}", span.trace_id).parse()?, span_id: span.id.parse()?, parent_id })
    };
    spans.into_iter().map(span).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_reads_spans() {
        let body = br#"[{"traceId":"00f067aa0ba902b7","id":"00f067aa0ba902b8","parentId":"00f067aa0ba902b9","kind":"SERVER"}]"#;
        let [span] = read(body).unwrap()[..] else { panic!("one span") };
        assert_eq!(span.trace_id.to_string(), "000000000000000000f067aa0ba902b7");
        assert_eq!(span.parent_id.unwrap().to_string(), "00f067aa0ba902b9");
        assert!(read(b"[{}]").is_err());
    }
}
