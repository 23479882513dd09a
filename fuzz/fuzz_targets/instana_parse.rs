//! Instana's headers: ids, a level that suppresses, and a correlation that goes to nobody.
#![cfg_attr(fuzzing, no_main)]

use std::sync::LazyLock;

use traceprop_core::formats::instana::Instana;
use traceprop_core::{Field, InjectOptions, Propagator, RemoteContext, Sampling, SpanId};
use traceprop_fuzz::oracle::{Expected, instana};
use traceprop_fuzz::{Input, SPAN, extract, field_len, target, within, written_by_passthrough, written_by_span};

target!(run);

static INSTANA: LazyLock<Propagator> =
    LazyLock::new(|| Propagator::builder().with_format(Instana::new()).build().expect("one format"));

fn run(data: &[u8]) {
    let headers = Input::new(data).headers();
    let report = INSTANA.explain(&headers);
    let expected = instana::expected(&headers);
    assert_eq!(Expected::from(report.entries().next().expect("one format").parsed.outcome()), expected);
    for (_, reject) in report.invalid_headers() {
        within(reject, field_len(&headers, |name| Some(reject.field()) == Field::from_name(name)));
    }
    let extraction = extract(&INSTANA, &headers);
    let correlation = extraction.instana().correlation();
    let correlation = correlation.map(|correlation| (correlation.kind.to_owned(), correlation.id.to_owned()));
    assert_eq!(correlation, instana::correlation(&headers));

    let (passed, _) = written_by_passthrough(&INSTANA, &extraction.passthrough(), &InjectOptions::everything());
    // Only a level can hold a correlation. Ids go on as they came, with all that commas join to them.
    let is_private = |(name, value): &(String, Vec<u8>)| match name.as_str() {
        "x-instana-t" | "x-instana-s" => false,
        "x-instana-l" => value.contains(&b'='),
        _ => true,
    };
    assert!(!passed.0.iter().any(is_private), "{passed:?}");
    // An unreadable level next to ids is not forwarded, which means the same.
    assert_eq!(instana::expected(&passed.0), expected.usable());
    let Some(received) = extraction.context() else { return };
    let span = SpanId::new(SPAN).expect("not zero");
    let own_span = extraction.span_with_ids(received.trace_id, span);
    let (sent, _) = written_by_span(&INSTANA, &own_span, &InjectOptions::everything());
    let context = RemoteContext { parent_id: Some(span), ..received };
    assert_eq!(instana::expected(&sent.0), Expected::Context(context));
    let level = if received.sampling == Sampling::NotSampled { "0" } else { "1" };
    assert_eq!(sent.value("x-instana-l"), Some(level));
    assert_eq!(sent.value("x-instana-t").map(str::len), Some(if received.trace_id.high() == 0 { 16 } else { 32 }));
    assert_eq!(sent.0.len(), 3);
}
