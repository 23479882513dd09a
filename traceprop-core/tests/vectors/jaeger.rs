//! `jaeger.json`: `uber-trace-id`, Jaeger's baggage and its debug id.

use traceprop_core::formats::jaeger::Jaeger;
use traceprop_core::{InjectOptions, OwnedContext, Pairs, Propagator, formats::jaeger::JaegerFlags};

use crate::case::{Case, Differences, Op, ToInject, Verdict};

pub(crate) fn check(case: &Case) -> Verdict {
    let propagator = Propagator::builder().with_format(Jaeger::new()).build().expect("one format");
    match case.op() {
        Op::Extract => extract(case, &propagator),
        Op::Inject => inject(case, &propagator),
    }
}

fn extract(case: &Case, propagator: &Propagator) -> Verdict {
    let headers = case.headers();
    let report = propagator.explain(&headers);
    let extraction = report.extraction();
    let mut differences = Differences::default();
    case.compare_outcome(&report.entries().next().expect("one format").parsed.outcome(), &mut differences);
    let expect = case.expect();
    if let Some(expected) = expect.number("flags") {
        let flags = extraction.jaeger().uber_trace_id().map(|header| usize::from(header.flags.to_byte()));
        differences.equal("flags", Some(expected), flags);
    }
    if let Some(expected) = expect.pairs("baggage") {
        let baggage = extraction.jaeger().baggage();
        let items: Vec<_> = baggage.iter().map(|item| (item.key(), item.value())).collect();
        let got: Vec<_> = items.iter().map(|(key, value)| (key.as_ref(), value.as_ref())).collect();
        differences.equal("baggage", expected, got);
    }
    let debug_id = extraction.jaeger().debug_id().map(|id| id.value());
    differences.equal("debug_id", expect.text("debug_id"), debug_id.as_deref());
    differences.verdict()
}

fn inject(case: &Case, propagator: &Propagator) -> Verdict {
    let fields = case.context();
    let context = ToInject::of(fields);
    let has_context = fields.text("outcome") == Some("context");
    let flags = JaegerFlags::from_byte(u8::try_from(fields.number("flags").unwrap_or(0)).expect("a byte"));
    let baggage = fields.pairs("baggage").unwrap_or_default();
    let outgoing = InjectOptions::everything();
    let mut headers = Pairs::new();
    let _ = match context.span().filter(|_| has_context) {
        Some(span) => {
            let owned = OwnedContext::new(span).with_jaeger_flags(flags);
            let owned = owned.with_jaeger_baggage(baggage).expect("legal keys");
            propagator.inject(&owned.span().expect("it was made of a span"), &outgoing, &mut headers)
        }
        None => context.forward(propagator, &outgoing, &mut headers),
    };
    let mut differences = Differences::default();
    case.compare_headers(&headers, &mut differences);
    differences.verdict()
}
