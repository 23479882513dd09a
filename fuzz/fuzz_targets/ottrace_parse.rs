//! OpenTracing's headers: ids of any width, a decision in words, and baggage as raw text.
#![cfg_attr(fuzzing, no_main)]

use std::sync::LazyLock;

use traceprop_core::formats::ottrace::{OtBaggage, OtTrace};
use traceprop_core::{Field, InjectOptions, Propagator, RemoteContext, Sampling, SpanId, TraceId};
use traceprop_fuzz::oracle::{Expected, is_token, ottrace};
use traceprop_fuzz::{
    Headers, Input, READING, SPAN, Sink, Steps, WRITING, extract, field_len, target, within, written_by_passthrough,
    written_by_span,
};

target!(run);

static OT_TRACE: LazyLock<Propagator> =
    LazyLock::new(|| Propagator::builder().with_format(OtTrace::new()).build().expect("one format"));

fn run(data: &[u8]) {
    let headers = Input::new(data).headers();
    let carrier = Steps::new(&headers);
    let report = OT_TRACE.explain(&headers);
    let extraction = carrier.at_most(READING, || extract(&OT_TRACE, &carrier));
    let expected = ottrace::expected(&headers);
    assert_eq!(Expected::from(report.entries().next().expect("one format").parsed.outcome()), expected);
    for (_, reject) in report.invalid_headers() {
        within(reject, field_len(&headers, |name| Some(reject.field()) == Field::from_name(name)));
    }

    // Baggage counts next to valid ids.
    let items = if matches!(expected, Expected::Context(_)) { ottrace::baggage(&headers) } else { Vec::new() };
    let baggage = carrier.at_most(READING, || extraction.ot_baggage());
    let read =
        carrier.at_most(READING, || baggage.iter().map(|(key, value)| (key.to_ascii_lowercase(), value.to_vec())));
    assert!(carrier.at_most(READING, || read.eq(items.iter().cloned())), "{baggage:?}");
    assert!(baggage.len() == items.len() && items.len() <= OtBaggage::MAX_ITEMS);
    baggage.ignored().into_iter().for_each(|reject| within(reject, field_len(&headers, ottrace::is_line)));

    let outgoing = InjectOptions::everything();
    let (passed, _) =
        carrier.at_most(WRITING, || written_by_passthrough(&OT_TRACE, &extraction.passthrough(), &outgoing));
    let Some(received) = extraction.context() else {
        return assert!(passed.0.is_empty());
    };
    let is_cut = received.trace_id.low() == 0;
    comes_back(&passed, received, &items);
    let span = SpanId::new(SPAN).expect("not zero");
    let own_span = extraction.span_with_ids(received.trace_id, span);
    let (sent, omitted) = written_by_span(&OT_TRACE, &own_span, &outgoing);
    assert!(is_cut == sent.0.is_empty() && (!is_cut || !omitted.is_complete()));
    if let Some(low) = TraceId::from_halves(0, received.trace_id.low()) {
        let sampling = match received.sampling {
            Sampling::Deferred => Sampling::NotSampled,
            decided => decided,
        };
        comes_back(&sent, RemoteContext { sampling, ..RemoteContext::new(low, Some(span)) }, &items);
    }
    let (private, _) = written_by_span(&OT_TRACE, &own_span, &InjectOptions::new());
    assert!(private.0.iter().all(|(name, _)| name.starts_with("ot-tracer-")));
}

/// Checks that a reader finds this context, and each item that a header can hold.
fn comes_back(sink: &Sink, context: RemoteContext, items: &[(String, Vec<u8>)]) {
    let found: &Headers = &sink.0;
    let can_be_sent = |(key, value): &&(String, Vec<u8>)| {
        // A tab is a control character too.
        let is_text = value.iter().all(|b| (b' '..=b'~').contains(b));
        !value.is_empty() && is_text && is_token(key.as_bytes()) && key.len() + "ot-baggage-".len() <= 128
    };
    if let Expected::Context(found) = ottrace::expected(found) {
        // A value that is not header text, such as a decision in other words, is not forwarded as it is.
        let decision = [context.sampling, Sampling::NotSampled];
        assert!((found.trace_id.low(), found.parent_id) == (context.trace_id.low(), context.parent_id));
        assert!(found.sampling == context.sampling || context.sampling == Sampling::Deferred, "{decision:?}");
        let sent: Vec<_> = ottrace::baggage(&sink.0);
        assert!(sent.iter().eq(items.iter().filter(can_be_sent)), "{sent:?} of {items:?}");
    } else {
        assert!(found.is_empty(), "{sink:?}");
    }
}
