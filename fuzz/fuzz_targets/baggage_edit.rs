//! Baggage that is read and changed: what a list of entries does, this does; and what goes out is legal and comes back.
#![cfg_attr(fuzzing, no_main)]

use traceprop_core::formats::baggage::W3cBaggage;
use traceprop_core::{
    Baggage, InjectOptions, OwnedBaggage, OwnedContext, Propagator, SpanContext, SpanId, TraceId,
    baggage::{BaggageEntry, BaggageLimits},
    format::HeaderLines,
};
use traceprop_fuzz::oracle::{baggage, is_token};
use traceprop_fuzz::{Input, target, written_by_span};

target!(run);

fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let line = input.line();
    let mut owned = OwnedBaggage::from(Baggage::parse(line).unwrap_or(Baggage::EMPTY));
    let mut model: Vec<BaggageEntry> = owned.iter().cloned().collect();
    let received = baggage::expected(&[line], BaggageLimits::W3C).members;
    assert!(model.iter().map(|entry| &entry.value).eq(received.iter().map(|member| &member.value)));

    for _ in 0..80 {
        match input.byte() {
            b's' => {
                let (key, value) = (input.text(), input.text());
                owned.set(&key, &value);
                let place = model.iter().position(|entry| entry.key == key).unwrap_or(model.len());
                model.retain(|entry| entry.key != key);
                // The members before the first of its key remain.
                model.insert(place, BaggageEntry { key, value, properties: String::new() });
            }
            b'r' => {
                let key = input.text();
                let before = model.len();
                model.retain(|entry| entry.key != key);
                assert_eq!(owned.remove(&key), model.len() < before);
            }
            b'p' => {
                let entry = BaggageEntry { key: input.text(), value: input.text(), properties: input.text() };
                owned.push(entry.clone());
                model.push(entry);
            }
            _ => break,
        }
        assert!(owned.iter().eq(&model));
    }
    assert_eq!((owned.len(), owned.is_empty()), (model.len(), model.is_empty()));
    for entry in &model {
        let last = model.iter().rfind(|known| known.key == entry.key).map(|known| known.value.as_str());
        assert_eq!(owned.get(&entry.key), last);
    }
    written(&owned, &model);
}

fn written(owned: &OwnedBaggage, model: &[BaggageEntry]) {
    let text = owned.to_string();
    assert!(text.bytes().all(|b| b == b'\t' || (b' '..=b'~').contains(&b)), "a line end, or worse");
    let legal: Vec<_> = model.iter().filter(|entry| is_legal(entry)).collect();
    let wide = BaggageLimits { members: usize::MAX, bytes: usize::MAX };
    let read = Baggage::from_lines(HeaderLines::one(text.as_bytes()), wide).expect("what is written can be read");
    assert!(read.ignored().is_none());
    assert!(
        read.iter()
            .map(|m| (m.key(), m.value().into_owned()))
            .eq(legal.iter().map(|e| (e.key.as_str(), e.value.clone())))
    );

    let propagator = Propagator::builder().extract_none().inject(W3cBaggage::new()).build().expect("baggage");
    let context = OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::MIN)).with_baggage(owned);
    let (sent, omitted) = written_by_span(&propagator, &context.span().expect("a span"), &InjectOptions::everything());
    let within = baggage::expected(&[text.as_bytes()], BaggageLimits::W3C);
    let expected: Vec<_> = within.members.iter().map(|member| member.written.as_str()).collect();
    assert_eq!(sent.value("baggage").unwrap_or_default(), expected.join(","));
    // What the user set and cannot be sent is reported too.
    assert_eq!(omitted.is_complete(), expected.len() == model.len(), "{omitted}");
    assert!(context.baggage().iter().map(|member| member.to_string()).eq(expected));
}

/// Returns whether a key is a token and the properties are what a member may have after its value.
fn is_legal(entry: &BaggageEntry) -> bool {
    let probe = format!("k=v;{}", entry.properties);
    let properties = !entry.properties.contains(',') && baggage::member(probe.as_bytes()).is_some();
    is_token(entry.key.as_bytes()) && properties
}
