//! `elastic.json`: a traceparent under Elastic's name.

use traceprop_core::formats::elastic::Elastic;
use traceprop_core::formats::tracecontext::{TraceFlags, TraceParent};
use traceprop_core::{InjectOptions, Pairs, Propagator, format::Outcome};

use crate::case::{Case, Differences, Op, ToInject, Verdict};

pub(crate) fn check(case: &Case) -> Verdict {
    let propagator = Propagator::builder().with_format(Elastic::new()).build().expect("one format");
    match case.op() {
        Op::Extract => extract(case, &propagator),
        Op::Inject => inject(case, &propagator),
    }
}

fn extract(case: &Case, propagator: &Propagator) -> Verdict {
    let headers = case.headers();
    let report = propagator.explain(&headers);
    let outcome = report.entries().next().expect("one format").parsed.outcome();
    let mut differences = Differences::default();
    case.compare_outcome(&outcome, &mut differences);
    if let Some(expected) = case.expect().text("flags") {
        let Outcome::Context(context) = outcome else { panic!("no context has flags") };
        let flags = TraceFlags::new(context.sampling.is_sampled(), context.random);
        differences.equal("flags", expected, &format!("{:02x}", flags.to_byte()));
    }
    if let Some(expected) = case.expect().text("version") {
        let version = headers.iter().find_map(|(_, value)| TraceParent::parse(value).ok()).map(|parent| parent.version);
        differences.equal("version", Some(expected), version.map(|version| format!("{version:02x}")).as_deref());
    }
    assert!(report.extraction().tracestate().is_empty(), "tracestate belongs to traceparent");
    differences.verdict()
}

fn inject(case: &Case, propagator: &Propagator) -> Verdict {
    let fields = case.context();
    let context = ToInject::of(fields);
    let flags = fields.text("flags").map_or(0, |hex| u8::from_str_radix(hex, 16).expect("flags"));
    let mut headers = Pairs::new();
    assert_eq!(fields.text("outcome"), Some("context"));
    let _ = match context.span() {
        Some(span) => {
            let span = span.with_random(TraceFlags::from_byte(flags).is_random());
            propagator.inject(&span, &InjectOptions::everything(), &mut headers)
        }
        None => context.forward(propagator, &InjectOptions::everything(), &mut headers),
    };
    let mut differences = Differences::default();
    case.compare_headers(&headers, &mut differences);
    differences.verdict()
}
