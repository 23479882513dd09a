//! The trace to continue: outcome, ids, sampling decision and source format.

use serde_json::{Map, Value, json};
use traceprop_core::{
    Field, Propagator, RemoteContext, Sampling,
    format::Outcome,
    formats::tracecontext::TraceParent,
    report::{BaggageReport, ExtractReport},
};

pub(super) fn add(keys: &mut Map<String, Value>, report: &ExtractReport<'_>, propagator: &Propagator) {
    let extraction = report.extraction();
    let context = extraction.context();
    let sampling = match (extraction.context(), extraction.sampling()) {
        (None, Sampling::Deferred) => None,
        (_, sampling) => Some(sampling.as_str()),
    };
    keys.insert("outcome".into(), outcome(report, propagator).into());
    keys.insert("trace_id".into(), context.map(|context| context.trace_id.to_string()).into());
    keys.insert("parent_id".into(), context.and_then(|context| context.parent_id).map(|id| id.to_string()).into());
    keys.insert("sampling".into(), sampling.into());
    keys.insert("flags".into(), context.map(|context| flags(context, report)).into());
    keys.insert("version".into(), version(report).into());
    keys.insert("style".into(), extraction.source_format().into());
    let links = extraction.links().map(|link| {
        json!({
            "trace_id": link.trace_id.to_string(),
            "span_id": link.span_id.to_string(),
            "reason": link.reason.as_str(),
            "style": link.format,
        })
    });
    keys.insert("links".into(), links.collect());
    let formats =
        report.entries().map(|entry| json!({ "style": entry.format, "outcome": entry.parsed.outcome().as_str() }));
    keys.insert("formats".into(), formats.collect());
}

/// Returns the outcome of all formats together. Baggage counts only if no other format is read.
fn outcome(report: &ExtractReport<'_>, propagator: &Propagator) -> &'static str {
    let any_invalid = || report.entries().any(|entry| matches!(entry.parsed.outcome(), Outcome::Invalid(_)));
    let baggage_alone = propagator.extract_names().all(|name| name == "baggage");
    match (report.extraction().context(), report.extraction().sampling()) {
        (Some(_), _) => "context",
        (None, sampling) if sampling != Sampling::Deferred => "sampling-only",
        (None, _) if any_invalid() => "invalid",
        (None, _) if baggage_alone => match report.baggage() {
            BaggageReport::Members(..) => "context",
            BaggageReport::Invalid(_) => "invalid",
            BaggageReport::Absent | BaggageReport::NotRead => "absent",
        },
        (None, _) => "absent",
    }
}

/// Returns the flags as the source format has them. For Jaeger this is a number with its own bits. For all other formats
/// these are the equivalent traceparent flags, with both bits of level 2: sampled and random.
fn flags(context: RemoteContext, report: &ExtractReport<'_>) -> Value {
    let jaeger = report.extraction().jaeger().uber_trace_id().filter(|_| report.source_format() == Some("jaeger"));
    match jaeger {
        Some(header) => header.flags.to_byte().into(),
        None => {
            let sampled = u8::from(context.sampling.is_sampled());
            let random = u8::from(context.random) << 1;
            format!("{:02x}", sampled | random).into()
        }
    }
}

/// Returns the version of a valid traceparent, or of one under Elastic's name.
fn version(report: &ExtractReport<'_>) -> Option<String> {
    const FIELDS: [(&str, Field); 2] = [("tracecontext", Field::TraceParent), ("elastic", Field::ElasticTraceParent)];
    let valid = |name: &str| {
        report.entries().any(|entry| entry.format == name && matches!(entry.parsed.outcome(), Outcome::Context(_)))
    };
    let (_, field) = FIELDS.into_iter().find(|(name, _)| valid(name))?;
    let line = report.extraction().headers().get(field)?;
    TraceParent::parse(line).ok().map(|parent| format!("{:02x}", parent.version))
}
