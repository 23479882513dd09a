//! `b3-single.json` and `b3-multi.json`: both are read by the combined reader, each is written in its own encoding.

use traceprop_core::formats::b3::B3;
use traceprop_core::{
    Field, InjectOptions, OwnedContext, Pairs, Propagator, SpanId,
    format::Outcome,
    formats::b3::{B3Ids, B3Multi, B3Single},
};

use crate::case::{Case, Differences, Headers, Op, ToInject, Verdict};

pub(crate) fn check_single(case: &Case) -> Verdict {
    check(case, B3::single())
}

pub(crate) fn check_multi(case: &Case) -> Verdict {
    check(case, B3::multi())
}

fn check(case: &Case, format: B3) -> Verdict {
    let propagator = Propagator::builder().with_format(format).build().expect("one format");
    match case.op() {
        Op::Extract => extract(case, &propagator),
        Op::Inject => inject(case, &propagator),
    }
}

fn extract(case: &Case, propagator: &Propagator) -> Verdict {
    let headers = case.headers();
    let report = propagator.explain(&headers);
    let reading = report.entries().next().expect("one format").parsed;
    let mut differences = Differences::default();
    case.compare_outcome(&reading.outcome(), &mut differences);
    if let Some(expected) = case.expect().text_or_null("parent_span_id") {
        let got = match reading.outcome() {
            Outcome::Context(_) => parent_span_id(&headers, reading.encoding()).map(|id| id.to_string()),
            _ => None,
        };
        differences.equal("parent_span_id", expected, got.as_deref());
    }
    differences.verdict()
}

/// Returns the parent of the sender's span, which only the typed headers have.
fn parent_span_id(headers: &Headers, source: Option<&str>) -> Option<SpanId> {
    let first = |field: Field| {
        let header = headers.iter().find(|(name, _)| Field::from_name(name) == Some(field));
        header.map(|(_, value)| value.as_slice())
    };
    let ids = match source {
        Some("b3") => B3Single::parse(first(Field::B3)?).ok()?.ids(),
        _ => B3Multi::parse(first).ok()??.ids(),
    };
    ids?.parent_span_id()
}

fn inject(case: &Case, propagator: &Propagator) -> Verdict {
    let fields = case.context();
    let outcome = fields.text("outcome").expect("context.outcome");
    let context = ToInject::of(fields);
    let parent = fields.text_or_null("parent_span_id").flatten().map(|hex| hex.parse().expect("an id"));
    let outgoing = InjectOptions::new();
    let mut headers = Pairs::new();
    let _ = match (context.span(), parent) {
        (Some(span), None) => propagator.inject(&span, &outgoing, &mut headers),
        (Some(span), Some(parent)) => {
            // A span of this service does not write its parent in B3: only a passthrough does.
            let ids = B3Ids::new(span.trace_id(), span.span_id()).with_parent_span_id(Some(parent));
            let owned = OwnedContext::from(B3Single::new(ids, span.sampling()));
            propagator.inject(&owned, &outgoing, &mut headers)
        }
        (None, _) => context.forward(propagator, &outgoing, &mut headers),
    };
    let mut differences = Differences::default();
    let with_ids = outcome == "context";
    differences.equal("the case has ids", with_ids, context.span().is_some());
    case.compare_headers(&headers, &mut differences);
    differences.verdict()
}
