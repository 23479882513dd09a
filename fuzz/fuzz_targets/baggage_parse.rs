//! W3C `baggage` agrees with its grammar on one line and on many, is read up to its limits, and is forwarded as far as
//! it is allowed.
#![cfg_attr(fuzzing, no_main)]

use traceprop_core::formats::baggage::W3cBaggage;
use traceprop_core::{
    Allow, Baggage, InjectOptions, InvalidReason, OwnedBaggage, Propagator, baggage::BaggageLimits,
    report::BaggageReport,
};
use traceprop_fuzz::oracle::baggage;
use traceprop_fuzz::{
    Headers, Input, READING, Sink, Steps, WRITING, extract, ids, target, within, written_by_passthrough,
    written_by_span,
};

target!(run);

fn run(data: &[u8]) {
    let mut input = Input::new(data);
    // The default limits, or some that a short input can exceed.
    let (limits, format) = match input.bytes() {
        [0, _] => (BaggageLimits { members: 64, bytes: 8192 }, W3cBaggage::new()),
        [members, bytes] => {
            let limits = BaggageLimits { members: usize::from(members % 16), bytes: usize::from(bytes) * 2 };
            (limits, W3cBaggage::new().limits(limits))
        }
    };
    let propagator = Propagator::builder().with_format(format).build().expect("baggage");
    let lines = input.lines();
    let headers: Headers = lines.iter().map(|line| ("Baggage".to_owned(), line.to_vec())).collect();
    let carrier = Steps::new(&headers);
    let extraction = carrier.at_most(1, || extract(&propagator, &carrier));
    let expected = baggage::expected(&lines, limits);

    let read = carrier.at_most(READING, || extraction.baggage());
    let members: Vec<_> = read.iter().map(|member| member.to_string()).collect();
    let written: Vec<_> = expected.members.iter().map(|member| member.written.as_str()).collect();
    assert_eq!(members, written);
    assert!(read.len() == members.len() && read.len() <= limits.members);
    for (member, expected) in read.iter().zip(&expected.members) {
        assert_eq!((member.key(), member.value().as_ref()), (expected.key.as_str(), expected.value.as_str()));
        assert_eq!(String::from_utf8_lossy(&member.value_bytes().collect::<Vec<_>>()), expected.value);
        assert!(read.get(member.key()).is_some());
    }
    report(&propagator, &headers, &expected);
    if let [line] = lines[..] {
        let one =
            Baggage::from_lines(traceprop_core::format::HeaderLines::one(line), limits).map(|baggage| baggage.len());
        assert_eq!(one.unwrap_or(0), written.len());
    }

    let span = extraction.new_span(&ids);
    let (sent, omitted) =
        carrier.at_most(2 * WRITING, || written_by_span(&propagator, &span, &InjectOptions::everything()));
    assert_eq!(sent.value("baggage").unwrap_or_default(), written.join(","));
    // If there are only commas after a limit, it may report an excess: it does not look.
    let len = lines.iter().map(|line| line.len() + 1).sum::<usize>();
    assert!(
        if expected.beyond { !omitted.is_complete() } else { omitted.is_complete() || len > limits.bytes + 1 },
        "{omitted}"
    );
    let (passed, _) = written_by_passthrough(&propagator, &extraction.passthrough(), &InjectOptions::everything());
    for sink in [&sent, &passed] {
        assert!(sink.0.iter().map(|(_, value)| value.len() + 1).sum::<usize>() <= limits.bytes + 1);
        assert_eq!(reread(&propagator, sink), written);
    }
    allowed(&propagator, &expected, &|outgoing| written_by_span(&propagator, &span, outgoing).0);
    allowed(&propagator, &expected, &|outgoing| {
        written_by_passthrough(&propagator, &extraction.passthrough(), outgoing).0
    });

    // Decoded, and encoded again, it says the same.
    let owned = OwnedBaggage::from(read);
    let again = owned.to_string();
    let again = Baggage::from_lines(
        traceprop_core::format::HeaderLines::one(again.as_bytes()),
        BaggageLimits { bytes: usize::MAX, ..limits },
    );
    let again = again.unwrap_or(Baggage::EMPTY);
    assert!(
        again.iter().map(|member| member.value().into_owned()).eq(expected.members.iter().map(|m| m.value.clone()))
    );
    assert_eq!(OwnedBaggage::from(again), owned);
}

fn report(propagator: &Propagator, headers: &Headers, expected: &baggage::Expected) {
    let found = expected.members.len();
    let len = headers.iter().map(|(_, line)| line.len() + 1).sum();
    match propagator.explain(headers).baggage() {
        BaggageReport::NotRead => panic!("it is read"),
        BaggageReport::Absent => assert!(found == 0 && !expected.malformed && !expected.beyond),
        BaggageReport::Members(count, skipped) => {
            assert!(count == found && found > 0);
            assert!(skipped.is_some() || !(expected.malformed || expected.beyond));
            skipped.into_iter().for_each(|reject| within(reject, len));
        }
        BaggageReport::Invalid(reject) => {
            assert!(found == 0, "{reject}");
            assert_eq!(reject.reason() == InvalidReason::TooManyLines, headers.len() > 64);
            within(reject, len);
        }
    }
}

/// Checks that exactly the allowed members are written.
fn allowed(propagator: &Propagator, expected: &baggage::Expected, write: &dyn Fn(&InjectOptions<'_>) -> Sink) {
    assert!(write(&InjectOptions::new()).0.is_empty());
    let Some(first) = expected.members.first() else { return };
    let sent = write(&InjectOptions::new().allow_baggage(Allow::Only(&[first.key.as_str(), "tenant"])));
    let may_go = expected.members.iter().filter(|member| [first.key.as_str(), "tenant"].contains(&member.key.as_str()));
    assert!(reread(propagator, &sent).iter().eq(may_go.map(|member| &member.written)));
}

fn reread(propagator: &Propagator, sink: &Sink) -> Vec<String> {
    propagator.extract(sink).baggage().iter().map(|member| member.to_string()).collect()
}
