//! B3 in one header and in several: both agree with their grammar and with each other, and come back as they were.
#![cfg_attr(fuzzing, no_main)]

use std::sync::LazyLock;

use traceprop_core::formats::b3::B3;
use traceprop_core::{
    Field, InjectOptions, Propagator, Sampling, SpanId,
    format::MAX_HEADER_LINES,
    formats::b3::{B3Multi, B3Single},
};
use traceprop_fuzz::oracle::{Expected, b3, equal_copies};
use traceprop_fuzz::{
    Headers, Input, SPAN, Sink, extract, is_blank, target, values, within, written_by_passthrough, written_by_span,
};

target!(run);

static ENCODINGS: LazyLock<[Propagator; 3]> = LazyLock::new(|| [B3::single(), B3::multi(), B3::both()].map(of));

fn of(format: B3) -> Propagator {
    Propagator::builder().with_format(format).build().expect("one format")
}

fn run(data: &[u8]) {
    value(data);
    let headers = Input::new(data).headers();
    for line in values(&headers, "b3") {
        value(line);
    }
    several(&headers);
    for propagator in ENCODINGS.iter() {
        request(propagator, &headers);
    }
}

/// Checks the single header.
fn value(value: &[u8]) {
    let parsed = B3Single::parse(value);
    let read = parsed.ok().map(|one| read(one.ids(), one.sampling()));
    assert_eq!(read, b3::single(value));
    match parsed {
        Ok(single) => {
            let written = single.to_string();
            assert_eq!(single.write(&mut [0; B3Single::MAX_LEN]), written);
            let again = B3Single::parse(written.as_bytes()).expect("it was written");
            assert_eq!((again.sampling(), again.to_string()), (single.sampling(), written));
            // Only a parent with an undecided sampling is not written: for many receivers it is invalid.
            assert!(again == single || single.sampling() == Sampling::Deferred);
            same_in_several(single);
        }
        Err(reject) => within(reject, value.len()),
    }
}

fn read(ids: Option<traceprop_core::formats::b3::B3Ids>, sampling: Sampling) -> b3::B3 {
    b3::B3 {
        ids: ids.map(|ids| (ids.trace_id(), ids.span_id())),
        parent: ids.and_then(|ids| ids.parent_span_id()),
        is_64_bit: ids.is_some_and(|ids| ids.is_64_bit()),
        sampling,
    }
}

/// Checks that the separate headers can carry what the single header carries.
fn same_in_several(single: B3Single) {
    let mut headers = Vec::new();
    B3Multi::from(single).write(|field, value| headers.push((field, value.to_owned())));
    let first = |field: Field| headers.iter().find(|(known, _)| *known == field).map(|(_, value)| value.as_bytes());
    let multi = B3Multi::parse(first).expect("it was written").expect("something was");
    assert_eq!((multi.ids(), multi.sampling(), multi.ignored().count()), (single.ids(), single.sampling(), 0));
}

/// Checks the separate headers.
fn several(headers: &Headers) {
    let first = |field: Field| values(headers, field.name()?).first().copied();
    let parsed = B3Multi::parse(first);
    let expected = b3::multi(headers);
    let found = match parsed {
        Ok(found) => found.map(|multi| Some(read(multi.ids(), multi.sampling()))),
        Err(_) => Some(None),
    };
    assert_eq!(found, expected);
    let rejects = match parsed {
        Ok(found) => found.iter().flat_map(|multi| multi.ignored()).collect(),
        Err(reject) => vec![reject],
    };
    for reject in rejects {
        let value = first(reject.field()).unwrap_or_default();
        within(reject, value.len());
    }
}

/// Checks what is read from a request, and written by a service with its own span and by one without.
fn request(propagator: &Propagator, headers: &Headers) {
    let extraction = extract(propagator, headers);
    let expected = b3::expected(headers);
    assert_eq!(Expected::from(&extraction), expected.usable());

    let received = b3::read(headers).flatten();
    let (passed, _) = written_by_passthrough(propagator, &extraction.passthrough(), &InjectOptions::new());
    let Some(received) = received else { return assert!(passed.0.is_empty()) };
    as_received(headers, &passed, received);
    // A single header with bytes that none may be sent with is not forwarded. Where it is not written either, separate
    // headers of the same trace that record alike go on alone.
    let alone =
        b3::multi(&passed.0).flatten().filter(|_| !passed.has("b3") && !values(headers, "b3").iter().all(is_text));
    if let Some(alone) = alone.filter(|alone| *alone != received) {
        assert_eq!(b3::multi(headers), Some(Some(alone)));
        assert_eq!(alone.ids.map(|(trace_id, _)| trace_id), received.ids.map(|(trace_id, _)| trace_id));
        assert_eq!(alone.sampling.is_sampled(), received.sampling.is_sampled());
    } else {
        same(propagator, &passed, received, expected);
    }

    let Some((trace_id, _)) = received.ids else { return };
    let span = SpanId::new(SPAN).expect("not zero");
    let (sent, omitted) = written_by_span(propagator, &extraction.span_with_ids(trace_id, span), &InjectOptions::new());
    assert!(omitted.is_complete());
    let injected = b3::read(&sent.0).flatten().expect("it is valid");
    assert_eq!(injected, b3::B3 { ids: Some((trace_id, span)), parent: None, ..received });
    // If the two encodings are written, they agree.
    if sent.has("b3") && sent.has("x-b3-traceid") {
        assert_eq!(b3::multi(&sent.0), Some(Some(injected)));
    }
    for name in ["b3", "x-b3-traceid", "x-b3-spanid"] {
        assert!(
            sent.value(name).is_none_or(|value| !value.contains([' ', ',']) && value == value.to_ascii_lowercase())
        );
    }
    // Debug is flags alone.
    assert!(!(sent.has("x-b3-flags") && sent.has("x-b3-sampled")));
}

/// Checks that what a passthrough sends says what was received.
fn same(propagator: &Propagator, passed: &Sink, received: b3::B3, expected: Expected) {
    assert_eq!(Expected::from(&propagator.extract(passed)), expected);
    let again = b3::read(&passed.0).flatten().expect("it is valid");
    // A parent with an undecided sampling is not written in the single header, but a passthrough forwards it.
    assert!(
        again == received || received.sampling == Sampling::Deferred || received.ids.is_none(),
        "{again:?} {received:?}"
    );
    assert_eq!(again.is_64_bit, received.is_64_bit);
}

/// Returns whether a line can be sent.
fn is_text(line: &&[u8]) -> bool {
    line.iter().all(|&b| b == b'\t' || (b' '..=b'~').contains(&b))
}

/// Checks that a valid single header is forwarded byte for byte, with the lines after it that are read. Equal lines become
/// one.
fn as_received(headers: &Headers, passed: &Sink, received: b3::B3) {
    let all = values(headers, "b3");
    let lines = &all[..all.len().min(MAX_HEADER_LINES)];
    let counts = lines.first().and_then(|line| b3::single(line)).is_some_and(|single| single == received);
    if counts && passed.has("b3") && lines.iter().all(is_text) {
        let one = equal_copies(&all).filter(|_| all.len() > 1);
        let lines = lines.iter().copied().filter(|line| !is_blank(line));
        let lines = one.map_or_else(|| lines.collect(), |value| vec![value]);
        let lines: Vec<_> = lines.into_iter().map(String::from_utf8_lossy).collect();
        assert_eq!(passed.values("b3"), lines);
    }
}
