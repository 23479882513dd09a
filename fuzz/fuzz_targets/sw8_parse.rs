//! SkyWalking's headers: the value agrees with its grammar, ids map by their published rules, and text comes back byte for
//! byte.
#![cfg_attr(fuzzing, no_main)]

use std::sync::LazyLock;

use traceprop_core::formats::sw8::{
    Sw8, Sw8Correlation, Sw8Extension, Sw8Header, Sw8Text, span_id_from_segment, trace_id_from_text, trace_id_text,
};
use traceprop_core::{InjectOptions, Propagator, RemoteContext, SpanId};
use traceprop_fuzz::oracle::{Expected, sw8, trim};
use traceprop_fuzz::{
    Headers, Input, SPAN, extract, field_len, target, values, within, written_by_passthrough, written_by_span,
};

target!(run);

static SW8: LazyLock<Propagator> = LazyLock::new(|| {
    let format = Sw8::new("cart", "cart-1");
    Propagator::builder().with_format(format).build().expect("one format, with an identity")
});

fn run(data: &[u8]) {
    value(data);
    ids(data);
    let headers = Input::new(data).headers();
    for line in values(&headers, "sw8") {
        value(line);
    }
    for line in values(&headers, "sw8-correlation") {
        pairs(line);
    }
    for line in values(&headers, "sw8-x") {
        extension(line);
    }
    request(&headers);
}

fn value(value: &[u8]) {
    let parsed = Sw8Header::parse(value);
    let expected = sw8::value(trim(value));
    assert_eq!(parsed.as_ref().ok().map(fields), expected);
    match parsed {
        Ok(header) => {
            let context = header.context();
            assert_eq!(trace_id_from_text(&header.trace_id().to_string()), Some(context.trace_id));
            let span = span_id_from_segment(&header.segment_id().to_string(), header.span_number());
            assert_eq!(context.parent_id, Some(span));
            let logged = trace_id_text(value).map(|text| text.to_string());
            let text = header.trace_id().to_string();
            let may_be_logged = text.len() <= 150 && text.bytes().all(|b| b.is_ascii_graphic());
            assert_eq!(logged, Some(text).filter(|_| may_be_logged));
        }
        Err(reject) => within(reject, value.len()),
    }
}

fn fields(header: &Sw8Header<'_>) -> sw8::Value {
    let names = [header.service(), header.instance(), header.endpoint(), header.peer()];
    let context = header.context();
    sw8::Value {
        sampled: header.is_sampled(),
        trace: header.trace_id().to_string(),
        segment: header.segment_id().to_string(),
        span: header.span_number(),
        names: names.map(|name| name.to_string()),
        trace_id: context.trace_id,
        span_id: context.parent_id.expect("every value has one"),
    }
}

/// Checks the ids of plain text, and encoded text.
fn ids(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        assert_eq!(trace_id_from_text(text), sw8::trace_id(text));
        let number = u32::from(data.first().copied().unwrap_or(0));
        assert_eq!(span_id_from_segment(text, number), sw8::span_id(text, number));
    }
    let text = Sw8Text::parse(data);
    let expected = sw8::base64_text(data).filter(|_| data.len() <= 2048);
    assert_eq!(text.map(|text| text.to_string()).ok(), expected);
    match text {
        Ok(text) => {
            assert_eq!((text.len(), text.is_empty()), (text.to_string().len(), text.to_string().is_empty()));
            let mut room = [0; 1536];
            assert_eq!(text.decode(&mut room), Some(text.to_string().as_str()));
        }
        Err(reject) => within(reject, data.len()),
    }
}

fn pairs(line: &[u8]) {
    let parsed = Sw8Correlation::parse(line);
    let read = |correlation: Sw8Correlation<'_>| {
        let pairs = correlation.iter().map(|(key, value)| (key.to_string(), value.to_string()));
        pairs.collect::<Vec<_>>()
    };
    let expected = sw8::correlation(&[line]);
    match parsed {
        Ok(correlation) => {
            assert_eq!((read(correlation), correlation.len()), (expected.clone(), expected.len()));
            correlation.ignored().into_iter().for_each(|reject| within(reject, line.len()));
        }
        Err(reject) => {
            assert!(expected.is_empty());
            within(reject, line.len());
        }
    }
}

fn extension(line: &[u8]) {
    match Sw8Extension::parse(line) {
        Ok(extension) => {
            let fields: Vec<_> = trim(line).split(|&b| b == b'-').map(trim).collect();
            assert_eq!(extension.skip_analysis, fields[0] == b"1");
            let digits = fields.get(1).filter(|digits| digits.iter().all(u8::is_ascii_digit));
            let time = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u64>().ok());
            assert_eq!(extension.sent_at_ms, time);
            assert_eq!(Sw8Extension::parse(extension.to_string().as_bytes()), Ok(extension));
        }
        Err(reject) => within(reject, line.len()),
    }
}

fn request(headers: &Headers) {
    let report = SW8.explain(headers);
    let extraction = extract(&SW8, headers);
    let expected = sw8::expected(headers);
    assert_eq!(Expected::from(report.entries().next().expect("one format").parsed.outcome()), expected);
    for (_, reject) in report.invalid_headers() {
        let name = reject.field().name().expect("a built-in field");
        within(reject, field_len(headers, |known| known.eq_ignore_ascii_case(name)));
    }
    let (passed, _) = written_by_passthrough(&SW8, &extraction.passthrough(), &InjectOptions::everything());
    let Some(parent) = extraction.context() else {
        return assert!(passed.0.is_empty(), "without an sw8 the others mean nothing");
    };
    let value = sw8::read(headers).flatten().expect("it is valid");
    let received = extraction.sw8().expect("it is valid");
    assert_eq!(fields(&received.header), value);
    let correlation = sw8::correlation(&values(headers, "sw8-correlation"));
    assert_eq!(sw8::read(&passed.0).flatten().as_ref(), Some(&value), "a passthrough says what was received");
    short(&correlation, &passed.0);

    let span = SpanId::new(SPAN).expect("not zero");
    let call = InjectOptions::everything().endpoint("/é").peer("stock:80");
    let (sent, _) = written_by_span(&SW8, &extraction.span_with_ids(parent.trace_id, span), &call);
    let Some(text) = sent.value("sw8") else {
        // Only a trace id that leaves no room for our own fields is not written.
        return assert!(value.trace.len() > 1200);
    };
    let injected = sw8::value(text.as_bytes()).expect("what is written is valid");
    assert_eq!((&injected.trace, injected.span_id, injected.sampled), (&value.trace, span, value.sampled));
    assert_eq!(injected.names, ["cart", "cart-1", "/é", "stock:80"].map(str::to_owned));
    let read = SW8.extract(&sent).context();
    assert_eq!(read, Some(RemoteContext { parent_id: Some(span), ..parent }));
    short(&correlation, &sent.0);
    let (private, _) = written_by_span(&SW8, &extraction.span_with_ids(parent.trace_id, span), &InjectOptions::new());
    assert!(!private.has("sw8-correlation"));
}

/// Checks that pairs with a value of at most 128 bytes are forwarded.
fn short(pairs: &[(String, String)], sent: &Headers) {
    let pairs: Vec<_> = pairs.iter().filter(|(_, value)| value.len() <= 128).cloned().collect();
    assert_eq!(sw8::correlation(&values(sent, "sw8-correlation")), pairs);
}
