//! `w3c-baggage.json`: what a baggage holds, whether there is a trace or not.

use traceprop_core::formats::baggage::W3cBaggage;
use traceprop_core::{
    InjectOptions, OwnedBaggage, OwnedContext, Pairs, SpanContext,
    baggage::{BaggageEntry, BaggageLimits},
    report::BaggageReport,
};

use crate::case::{Case, Differences, Op, Verdict};

pub(crate) fn check(case: &Case) -> Verdict {
    match case.op() {
        Op::Extract => extract(case),
        Op::Inject => inject(case),
    }
}

fn limited(case: &Case) -> W3cBaggage {
    let limits = case.limits();
    W3cBaggage::new().limits(BaggageLimits {
        members: limits.number("members").unwrap_or(BaggageLimits::W3C.members),
        bytes: limits.number("bytes").unwrap_or(BaggageLimits::W3C.bytes),
    })
}

fn extract(case: &Case) -> Verdict {
    let builder = traceprop_core::Propagator::builder().extract(limited(case)).inject_none();
    let propagator = builder.build().expect("baggage is read");
    let headers = case.headers();
    let report = propagator.explain(&headers);
    let expect = case.expect();
    let (outcome, reason) = match report.baggage() {
        BaggageReport::Members(..) => ("context", None),
        BaggageReport::Absent => ("absent", None),
        BaggageReport::Invalid(reject) => ("invalid", Some(reject.reason().as_str())),
        BaggageReport::NotRead => ("not read", None),
    };
    let mut differences = Differences::default();
    differences.equal("outcome", expect.text("outcome").expect("expect.outcome"), outcome);
    if let Some(expected) = expect.text("reason") {
        case.hint("reason", Some(expected), reason);
    }
    if let Some(expected) = expect.rows::<3>("baggage") {
        let baggage = report.extraction().baggage();
        let properties: Vec<_> = baggage.iter().map(|member| member.properties().to_string()).collect();
        let values: Vec<_> = baggage.iter().map(|member| member.value()).collect();
        let members = baggage.iter().zip(&values).zip(&properties);
        let got: Vec<_> = members
            .map(|((member, value), properties)| {
                let properties = (!properties.is_empty()).then_some(properties.as_str());
                [Some(member.key()), Some(value.as_ref()), properties]
            })
            .collect();
        differences.equal("baggage", expected, got);
    }
    differences.verdict()
}

fn inject(case: &Case) -> Verdict {
    let builder = traceprop_core::Propagator::builder().extract_none().inject(limited(case));
    let propagator = builder.build().expect("baggage is written");
    let mut baggage = OwnedBaggage::new();
    for [key, value, properties] in case.context().rows::<3>("baggage").expect("context.baggage") {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        baggage.push(BaggageEntry { key: text(key), value: text(value), properties: text(properties) });
    }
    // Baggage needs no trace; the type wants ids, and nothing here writes them.
    let ids = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let span = SpanContext::new(ids.0.parse().expect("an id"), ids.1.parse().expect("an id"));
    let owned = OwnedContext::new(span).with_baggage(&baggage);
    let mut headers = Pairs::new();
    propagator.inject(&owned.span().expect("it was made of a span"), &InjectOptions::everything(), &mut headers);
    let mut differences = Differences::default();
    case.compare_headers(&headers, &mut differences);
    differences.verdict()
}
