//! `w3c-tracecontext.json`: traceparent and tracestate.

use traceprop_core::formats::tracecontext::W3cTraceContext;
use traceprop_core::{
    InjectOptions, OwnedContext, Pairs, Propagator,
    format::Outcome,
    formats::tracecontext::{TraceFlags, TraceParent},
    tracestate::TraceStateEdit,
};

use crate::case::{Case, Differences, Op, ToInject, Verdict};

pub(crate) fn check(case: &Case) -> Verdict {
    match case.op() {
        Op::Extract => extract(case),
        Op::Inject => inject(case),
    }
}

fn propagator(format: W3cTraceContext) -> Propagator {
    Propagator::builder().with_format(format).build().expect("one format")
}

fn extract(case: &Case) -> Verdict {
    let propagator = propagator(W3cTraceContext::new());
    let headers = case.headers();
    let report = propagator.explain(&headers);
    let outcome = report.entries().next().expect("one format").parsed.outcome();
    let mut differences = Differences::default();
    case.compare_outcome(&outcome, &mut differences);
    let expect = case.expect();
    if let Some(expected) = expect.text("flags") {
        let flags = match outcome {
            Outcome::Context(context) => TraceFlags::new(context.sampling.is_sampled(), context.random),
            _ => TraceFlags::default(),
        };
        differences.equal("flags", expected, &format!("{:02x}", flags.to_byte()));
    }
    if let Some(expected) = expect.pairs("tracestate") {
        let state = report.extraction().tracestate();
        let got: Vec<_> = state.iter().map(|member| (member.key, member.value)).collect();
        differences.equal("tracestate", expected, got);
    }
    if let Some(expected) = expect.text("version") {
        // The version has no use once the value is read, so only the typed header keeps it.
        let line = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("traceparent"));
        let version = line.and_then(|(_, value)| TraceParent::parse(value).ok()).map(|parent| parent.version);
        differences.equal("version", Some(expected), version.map(|version| format!("{version:02x}")).as_deref());
    }
    differences.verdict()
}

fn inject(case: &Case) -> Verdict {
    let mut format = W3cTraceContext::new();
    if let Some(characters) = case.limits().number("tracestate_chars") {
        format = format.max_tracestate_len(characters);
    }
    let propagator = propagator(format);
    let fields = case.context();
    let context = ToInject::of(fields);
    let flags = fields.text("flags").map_or(0, |hex| u8::from_str_radix(hex, 16).expect("flags"));
    let tracestate = fields.pairs("tracestate").unwrap_or_default();
    // The received version is never the one that is written.
    let _ = fields.text("version");
    let set = fields.pairs("tracestate_set").unwrap_or_default();
    let set = set.iter().map(|(key, value)| TraceStateEdit::set(key, value).expect("a legal member"));
    let deleted = fields.list("tracestate_delete").unwrap_or_default();
    let deleted = deleted.iter().map(|key| TraceStateEdit::delete(key.as_str().expect("a key")));
    let edits: Vec<_> = set.chain(deleted).collect();
    let outgoing = InjectOptions::everything().edit_tracestate(&edits);
    let mut headers = Pairs::new();
    let _ = match context.span() {
        Some(span) => {
            let span = span.with_random(TraceFlags::from_byte(flags).is_random());
            let owned = OwnedContext::new(span).with_tracestate(tracestate).expect("a legal tracestate");
            propagator.inject(&owned.span().expect("it was made of a span"), &outgoing, &mut headers)
        }
        None => context.forward(&propagator, &outgoing, &mut headers),
    };
    let mut differences = Differences::default();
    case.compare_headers(&headers, &mut differences);
    differences.verdict()
}
