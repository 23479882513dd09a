//! Jaeger's headers: the value agrees with its grammar, the flag byte survives, and baggage is read up to its limits and
//! comes back.
#![cfg_attr(fuzzing, no_main)]

use std::sync::LazyLock;

use traceprop_core::format::MAX_HEADER_LINES;
use traceprop_core::formats::jaeger::Jaeger;
use traceprop_core::{
    InjectOptions, OwnedBaggage, Propagator, SpanId,
    formats::jaeger::{JaegerBaggage, UberTraceId},
};
use traceprop_fuzz::oracle::{Expected, is_token, jaeger};
use traceprop_fuzz::{
    Headers, Input, READING, SPAN, Sink, Steps, WRITING, extract, field_len, target, values, within,
    written_by_passthrough, written_by_span,
};

target!(run);

static JAEGER: LazyLock<Propagator> =
    LazyLock::new(|| Propagator::builder().with_format(Jaeger::new()).build().expect("one format"));

fn run(data: &[u8]) {
    value(data);
    let headers = Input::new(data).headers();
    for line in values(&headers, "uber-trace-id") {
        value(line);
    }
    request(&headers);
}

fn value(value: &[u8]) {
    let parsed = UberTraceId::parse(value);
    let fields = parsed.ok().map(|header| (header.trace_id, header.span_id, header.flags.to_byte()));
    assert_eq!(fields, jaeger::header(value));
    match parsed {
        Ok(header) => {
            assert_eq!(header.flags.sampling(), jaeger::sampling(header.flags.to_byte()));
            let written = header.to_string();
            assert_eq!(header.write(&mut [0; UberTraceId::MAX_LEN]), written);
            assert_eq!(UberTraceId::parse(written.as_bytes()), Ok(header));
        }
        Err(reject) => within(reject, value.len()),
    }
}

fn request(headers: &Headers) {
    let carrier = Steps::new(headers);
    let report = JAEGER.explain(headers);
    // Lines of the trace are compared, and each is found by a walk.
    let lines = values(headers, "uber-trace-id").len().min(MAX_HEADER_LINES + 1);
    let extraction = carrier.at_most(2 + lines, || extract(&JAEGER, &carrier));
    let expected = jaeger::expected(headers);
    assert_eq!(Expected::from(report.entries().next().expect("one format").parsed.outcome()), expected);
    for (_, reject) in report.invalid_headers() {
        within(reject, field_len(headers, |name| Some(reject.field()) == traceprop_core::Field::from_name(name)));
    }

    let baggage = carrier.at_most(READING, || extraction.jaeger().baggage());
    let items: Vec<_> = baggage.iter().map(|item| (item.key().into_owned(), item.value().into_owned())).collect();
    assert_eq!(items, jaeger::baggage(headers));
    assert!(items.len() == baggage.len() && items.len() <= JaegerBaggage::MAX_ITEMS);
    for item in baggage.iter() {
        let bytes: Vec<u8> = item.value_bytes().collect();
        assert_eq!(String::from_utf8_lossy(&bytes), item.value());
        // A key whose bytes are no text is not found by one.
        assert!(baggage.get(&item.key()).is_some() || item.key().contains('\u{fffd}'));
    }
    let skipped = field_len(headers, |name| jaeger::is_line(name) || name.eq_ignore_ascii_case("jaeger-baggage"));
    baggage.ignored().into_iter().for_each(|reject| within(reject, skipped));
    assert!(OwnedBaggage::from(&baggage).iter().all(|entry| items.contains(&(entry.key.clone(), entry.value.clone()))));

    let outgoing = InjectOptions::everything();
    let (passed, _) =
        carrier.at_most(WRITING, || written_by_passthrough(&JAEGER, &extraction.passthrough(), &outgoing));
    assert_eq!(trace(&passed), if matches!(expected, Expected::Context(_)) { expected } else { Expected::Absent });
    comes_back(&passed, &items);
    let span = SpanId::new(SPAN).expect("not zero");
    if let Some(received) = extraction.context() {
        let (sent, _) = written_by_span(&JAEGER, &extraction.span_with_ids(received.trace_id, span), &outgoing);
        let parent_id = Some(span);
        assert_eq!(trace(&sent), Expected::Context(traceprop_core::RemoteContext { parent_id, ..received }));
        let flags = |headers: &Headers| jaeger::header(values(headers, "uber-trace-id")[0]).map(|(.., flags)| flags);
        assert_eq!(flags(&sent.0), flags(headers), "no flag is lost");
        comes_back(&sent, &items);
        assert!(!sent.has("jaeger-baggage") && !sent.has("jaeger-debug-id"));
    }
    let (private, _) = written_by_passthrough(&JAEGER, &extraction.passthrough(), &InjectOptions::new());
    assert!(private.0.iter().all(|(name, _)| name == "uber-trace-id" || name == "jaeger-debug-id"));
}

fn trace(sink: &Sink) -> Expected {
    match jaeger::expected(&sink.0) {
        // A debug id is forwarded by a passthrough, and does not count if there is a trace.
        Expected::Decision(_) => Expected::Absent,
        expected => expected,
    }
}

/// Checks that what the headers can spell is read again, if the first items fit.
fn comes_back(sink: &Sink, items: &[(String, String)]) {
    let again = jaeger::baggage(&sink.0);
    assert!(again.iter().all(|item| items.contains(item)), "{again:?} is not of {items:?}");
    let bytes: usize = items.iter().map(|(key, value)| key.len() + 3 * value.len()).sum();
    let can_be_said = |(key, value): &&(String, String)| {
        key.len() <= 120 && is_token(key.as_bytes()) && !value.is_empty() && !value.contains('\u{fffd}')
    };
    if bytes <= JaegerBaggage::MAX_BYTES {
        assert!(items.iter().filter(can_be_said).all(|item| again.contains(item)), "{items:?} became {again:?}");
    }
}
