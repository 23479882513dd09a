//! The parent of the sender's span, which B3 alone tells.

use serde_json::{Map, Value};
use traceprop_core::{
    Field, SpanId,
    format::Outcome,
    formats::b3::{B3Multi, B3Single},
    report::ExtractReport,
};

pub(super) fn add(keys: &mut Map<String, Value>, report: &ExtractReport<'_>) {
    keys.insert("parent_span_id".into(), parent_span_id(report).map(|id| id.to_string()).into());
}

/// Returns the B3 parent, only if B3 has the trace that is continued.
fn parent_span_id(report: &ExtractReport<'_>) -> Option<SpanId> {
    let received = report.extraction().headers();
    let b3 = report.entries().find(|entry| matches!(entry.format, "b3" | "b3multi"))?;
    let Outcome::Context(context) = b3.parsed.outcome() else { return None };
    let continued = report.extraction().context()?;
    if context.trace_id != continued.trace_id {
        return None;
    }
    let ids = match b3.format {
        "b3" => B3Single::parse(received.get(Field::B3)?).ok()?.ids(),
        _ => B3Multi::parse(|field| received.get(field)).ok()??.ids(),
    };
    ids?.parent_span_id()
}
