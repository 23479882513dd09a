//! `sw8.json`: SkyWalking's headers.
//!
//! An id of `derived` is one that no published rule gives: it has to be the same each time, and no other case has it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use traceprop_core::formats::sw8::{Sw8, Sw8Extension, Sw8Parts, Sw8View, trace_id_from_text};
use traceprop_core::{InjectOptions, OwnedContext, Pairs, Propagator, RemoteContext, format::Outcome};

use crate::case::{Case, Differences, Op, ToInject, Verdict};

static SW8: Sw8 = Sw8::new("traceprop", "vectors");

pub(crate) fn check(case: &Case) -> Verdict {
    match case.op() {
        Op::Extract => extract(case),
        Op::Inject => inject(case),
    }
}

fn propagator() -> Propagator {
    Propagator::builder().extract(&SW8).inject(&SW8).build().expect("an identity")
}

fn extract(case: &Case) -> Verdict {
    let propagator = propagator();
    let headers = case.headers();
    let report = propagator.explain(&headers);
    let outcome = report.entries().next().expect("one format").parsed.outcome();
    let mut differences = Differences::default();
    let expect = case.expect();
    match expect.text("trace_id") {
        Some("derived") => derived(case, &outcome, &mut differences),
        _ => case.compare_outcome(&outcome, &mut differences),
    }
    let received = report.extraction().sw8();
    if let Some(Value::Object(expected)) = expect.value("sw8") {
        let got = received.map(|received| fields(&received)).unwrap_or_default();
        differences.equal("sw8", expected, &got);
    }
    if let Some(expected) = expect.pairs("correlation") {
        let pairs = received.iter().flat_map(|received| received.correlation.iter());
        let got: Vec<_> = pairs.map(|(key, value)| (key.to_string(), value.to_string())).collect();
        let expected: Vec<_> = expected.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        differences.equal("correlation", expected, got);
    }
    if let Some(expected) = expect.value("sw8_x") {
        differences.equal("sw8_x", Some(extension(expected)), received.and_then(|received| received.extension));
    }
    differences.verdict()
}

/// The ids that were derived so far, and the text of each.
static DERIVED: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

fn derived(case: &Case, outcome: &Outcome, differences: &mut Differences) {
    let expect = case.expect();
    let Outcome::Context(context) = outcome else {
        differences.equal("outcome", expect.text("outcome"), Some(outcome.as_str()));
        return;
    };
    differences.equal("outcome", expect.text("outcome"), Some("context"));
    differences.equal("sampling", expect.text("sampling"), Some(context.sampling.as_str()));
    differences.equal("parent_id", expect.text("parent_id"), context.parent_id.map(|id| id.to_string()).as_deref());
    let fields = expect.value("sw8").and_then(Value::as_object).expect("the text that it is derived of");
    let text = fields["trace_id"].as_str().expect("a text");
    differences.equal("derived trace_id", trace_id_from_text(text), Some(context.trace_id));
    let mut known = DERIVED.lock().unwrap_or_else(PoisonError::into_inner);
    let first = known.entry(context.trace_id.to_string()).or_insert_with(|| text.to_owned());
    differences.equal("text of the derived trace_id", text, first.as_str());
}

fn fields(received: &Sw8View<'_>) -> serde_json::Map<String, Value> {
    let header = received.header;
    let mut fields = serde_json::Map::new();
    let texts = [
        ("sample", u8::from(header.is_sampled()).to_string()),
        ("trace_id", header.trace_id().to_string()),
        ("segment_id", header.segment_id().to_string()),
        ("service", header.service().to_string()),
        ("instance", header.instance().to_string()),
        ("endpoint", header.endpoint().to_string()),
        ("peer", header.peer().to_string()),
    ];
    for (name, text) in texts {
        fields.insert(name.into(), text.into());
    }
    fields.insert("span_id".into(), header.span_number().into());
    fields
}

fn extension(value: &Value) -> Sw8Extension {
    let fields = value.as_object().expect("an object");
    assert!(fields.keys().all(|key| ["tracing_mode", "sent_at_ms"].contains(&key.as_str())), "unknown field of sw8_x");
    Sw8Extension { skip_analysis: fields["tracing_mode"] == "1", sent_at_ms: fields["sent_at_ms"].as_u64() }
}

fn inject(case: &Case) -> Verdict {
    let context = case.context();
    let expected = context.value("sw8").and_then(Value::as_object).expect("context.sw8");
    let text = |name: &str| expected[name].as_str().expect("a text");
    let span_number = expected["span_id"].as_u64().and_then(|number| u32::try_from(number).ok());
    let fields = Sw8Parts {
        trace_id: text("trace_id"),
        segment_id: text("segment_id"),
        span_number: span_number.expect("a number"),
        service: text("service"),
        instance: text("instance"),
        endpoint: text("endpoint"),
        peer: text("peer"),
    };
    assert_eq!(context.text("outcome"), Some("context"));
    let ToInject { trace_id, span_id, sampling } = ToInject::of(context);
    let trace_id = trace_id.expect("context.trace_id");
    let mut differences = Differences::default();
    differences.equal("ids", Some((trace_id, span_id)), fields.ids().map(|(trace_id, span)| (trace_id, Some(span))));
    differences.equal("sample", text("sample"), if sampling.is_sampled() { "1" } else { "0" });
    let remote = RemoteContext { sampling, ..RemoteContext::new(trace_id, span_id) };
    let mut owned = OwnedContext::from_remote(remote).with_sw8(&fields).expect("legal fields");
    if let Some(pairs) = context.pairs("correlation") {
        owned = owned.with_sw8_correlation(pairs);
    }
    if let Some(value) = context.value("sw8_x") {
        owned = owned.with_sw8_extension(extension(value));
    }
    let mut headers = Pairs::new();
    propagator().inject(&owned, &InjectOptions::everything(), &mut headers);
    case.compare_headers(&headers, &mut differences);
    differences.verdict()
}
