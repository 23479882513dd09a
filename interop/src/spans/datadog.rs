//! What Datadog's tracers send to their agent: lists of spans in MessagePack.

use std::collections::HashMap;

use serde::Deserialize;
use traceprop_core::{SpanId, TraceId};

use super::Reported;
use crate::Error;

pub(super) const PATH: &str = "/v0.4/traces";

/// The tag with the upper half of the trace id. One span of a list has it.
const UPPER_HALF: &str = "_dd.p.tid";

#[derive(Debug, Deserialize)]
struct Span {
    trace_id: u64,
    span_id: u64,
    #[serde(default)]
    parent_id: u64,
    #[serde(default)]
    meta: HashMap<String, String>,
}

pub(super) fn read(body: &[u8]) -> Result<Vec<Reported>, Error> {
    let lists: Vec<Vec<Span>> = rmp_serde::from_slice(body)?;
    lists.iter().flat_map(|list| of_list(list)).collect()
}

fn of_list(list: &[Span]) -> Vec<Result<Reported, Error>> {
    let upper = list.iter().find_map(|span| span.meta.get(UPPER_HALF));
    let upper = upper.and_then(|upper| u64::from_str_radix(upper, 16).ok()).unwrap_or_default();
    let span = |span: &Span| {
        let trace_id = TraceId::new(u128::from(upper) << 64 | u128::from(span.trace_id)).ok_or("no trace id")?;
        let span_id = SpanId::new(span.span_id).ok_or("no span id")?;
        Ok(Reported { trace_id, span_id, parent_id: SpanId::new(span.parent_id) })
    };
    list.iter().map(span).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_joins_both_halves() {
        let span = |meta: &[(&str, &str)], id| {
            let meta = meta.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            Span { trace_id: 0x20, span_id: id, parent_id: id - 1, meta }
        };
        let spans = of_list(&[span(&[], 2), span(&[(UPPER_HALF, "10")], 1)]);
        let spans: Vec<_> = spans.into_iter().map(Result::unwrap).collect();
        assert_eq!(spans[0].trace_id.to_string(), "00000000000000100000000000000020");
        assert_eq!(spans.iter().map(|span| span.parent_id).collect::<Vec<_>>(), [SpanId::new(1), None]);
    }
}
