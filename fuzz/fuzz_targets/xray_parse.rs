//! X-Ray's header: the value agrees with its grammar, a child keeps the fields, and only allowed fields are sent.
#![cfg_attr(fuzzing, no_main)]

use std::sync::LazyLock;

use traceprop_core::formats::xray::{XAmznTraceId, XRay};
use traceprop_core::{Allow, InjectOptions, Propagator, Sampling, SpanId};
use traceprop_fuzz::oracle::{Expected, xray};
use traceprop_fuzz::{
    Headers, Input, SPAN, Sink, Steps, WRITING, extract, field_len, target, values, within, written_by_passthrough,
    written_by_span,
};

target!(run);

static XRAY: LazyLock<Propagator> =
    LazyLock::new(|| Propagator::builder().with_format(XRay::new()).build().expect("one format"));

fn run(data: &[u8]) {
    value(data);
    let headers = Input::new(data).headers();
    for line in values(&headers, "x-amzn-trace-id") {
        value(line);
    }
    request(&headers);
}

fn fields(header: &XAmznTraceId<'_>) -> xray::Fields {
    let more: Vec<_> = header.fields().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let lineage = more.iter().find(|(key, _)| key == "Lineage").map(|(_, value)| value.as_str());
    assert_eq!(header.lineage(), lineage);
    let (trace_id, parent_id) = (header.trace_id(), header.parent_id());
    xray::Fields { trace_id, parent_id, sampling: header.sampling(), asks: header.asks_for_decision(), more }
}

fn value(value: &[u8]) {
    let parsed = XAmznTraceId::parse(value);
    assert_eq!(parsed.ok().map(|header| fields(&header)), xray::value(value));
    if let Err(reject) = parsed {
        within(reject, value.len());
    }
}

fn request(headers: &Headers) {
    let carrier = Steps::new(headers);
    let report = XRAY.explain(headers);
    let extraction = extract(&XRAY, &carrier);
    let expected = xray::expected(headers);
    assert_eq!(Expected::from(report.entries().next().expect("one format").parsed.outcome()), expected);
    for (_, reject) in report.invalid_headers() {
        within(reject, field_len(headers, |name| name.eq_ignore_ascii_case("x-amzn-trace-id")));
    }
    let received = xray::line(headers).and_then(xray::value);
    assert_eq!(extraction.xray().map(|header| fields(&header)), received);

    let everything = InjectOptions::everything();
    let forward = |options: &InjectOptions<'_>| written_by_passthrough(&XRAY, &extraction.passthrough(), options).0;
    let passed = carrier.at_most(WRITING, || forward(&everything));
    assert_eq!(xray::expected(&passed.0), xray::forwarded(headers));
    let Some(received) = received.filter(|received| received.trace_id.is_some()) else { return };
    assert_eq!(read(&passed).map(|fields| fields.more), Some(received.more.clone()));
    let call = extraction.span_with_ids(received.trace_id.expect("it has one"), SpanId::new(SPAN).expect("not zero"));
    let write = |options: &InjectOptions<'_>| carrier.at_most(WRITING, || written_by_span(&XRAY, &call, options).0);
    let child = xray::Fields { parent_id: SpanId::new(SPAN), asks: false, ..received.clone() };
    assert_eq!(read(&write(&everything)), Some(child.clone()));

    // A key is allowed, and then none.
    let key = received.more.first().map_or("", |(key, _)| key.as_str());
    for (allow, keys) in [(Allow::Only(&[key]), &[key, "Lineage"][..]), (Allow::None, &["Lineage"])] {
        let options = InjectOptions::new().allow_baggage(allow);
        let more: Vec<_> = child.more.iter().filter(|(key, _)| keys.contains(&key.as_str())).cloned().collect();
        let sent = write(&options);
        assert_eq!(read(&sent), Some(xray::Fields { more: more.clone(), ..child.clone() }));
        let text = sent.value("x-amzn-trace-id").expect("a context");
        assert_eq!(text.matches(';').count(), 1 + usize::from(child.sampling != Sampling::Deferred) + more.len());
        assert_eq!(read(&forward(&options)).map(|fields| fields.more), Some(more));
    }
}

fn read(sink: &Sink) -> Option<xray::Fields> {
    xray::value(sink.value("x-amzn-trace-id")?.as_bytes())
}
