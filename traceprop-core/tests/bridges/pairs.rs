//! The table of pairs, held against any contexts.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use traceprop_core::OwnedContext;

use crate::cases;
use crate::edge::{BETWEEN, Edge, FIRST, SECOND, hop};
use crate::format::{Attribute, Format};
use crate::further;
use crate::said::{Said, any_said};
use crate::seen::{Seen, see};
use crate::table::{Fate, Word, attributes, column};

/// Where on the way something is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leg {
    There,
    Back,
}

/// Sends what was said through a service into another format, and from there through a second one back.
fn travel(said: &Said, to: Format) -> (Seen, Seen) {
    let multi = if said.format == Format::B3 { !said.multi } else { said.multi };
    let mut between = Edge::writes(to, multi).calls(&said.request(), FIRST);
    let fields = (said.format == Format::W3c).then_some(said);
    let there = see(to, &between, fields);
    if to == Format::W3c {
        between = hop(&between, None);
    }
    let second = Edge::writes(said.format, said.multi);
    let mut back = see(said.format, &second.calls(&between, SECOND), fields);
    // Who called the second service, and which span Datadog knows last, is not in what it writes: it knows that.
    let context = second.context(&between, SECOND);
    back.span_id = context.parent_id().map(|id| id.get());
    if said.format == Format::Datadog {
        back.last_span = context.datadog().last_span().map(|span| span.to_string());
    }
    (there, back)
}

/// Returns what is wrong with one attribute, if anything is.
fn check(said: &Said, to: Format, leg: Leg, attribute: Attribute, fate: Fate, seen: &Seen) -> Result<(), String> {
    let caller = match (leg, to) {
        (Leg::Back, Format::W3c) => BETWEEN,
        (Leg::There | Leg::Back, _) => FIRST,
    };
    let expected = match attribute {
        Attribute::SpanId => Some(format!("{caller:016x}")),
        _ => said.value(attribute),
    };
    let got = seen.value(attribute);
    let Some(expected) = expected else {
        return match got.filter(|_| attribute.is_never_made_up()) {
            None => Ok(()),
            Some(got) => Err(format!("{attribute:?} was never written: {got}")),
        };
    };
    let holds = match fate {
        Fate::Kept => got.as_ref() == Some(&expected),
        Fate::Lost => got.is_none(),
        Fate::As(Word::Sampled) => seen.decision == Some("sampled"),
        Fate::As(Word::NotSampled) => seen.decision == Some("not sampled"),
        Fate::As(Word::PriorityTwo) => seen.priority == Some(2),
        Fate::As(Word::ZeroOrOne) => seen.priority == said.priority.map(|number| i32::from(number > 0)),
        Fate::As(Word::Between) => got == Some(format!("{FIRST:016x}")),
        Fate::As(Word::LowHalf) => got == Some(format!("{:032x}", said.trace_id as u64)),
        Fate::As(Word::Anew) => seen.decision == Some(undecided(said.format)),
    };
    match holds {
        true => Ok(()),
        false => Err(format!("{attribute:?} {leg:?}: {fate:?} of {expected}, and got {got:?}")),
    }
}

/// Returns what is wrong on the way back, on which a format that is only read is not written.
fn check_back(said: &Said, to: Format, attribute: Attribute, fate: Fate, seen: &Seen) -> Result<(), String> {
    if said.format.is_read_only() { Ok(()) } else { check(said, to, Leg::Back, attribute, fate, seen) }
}

/// Returns what a format writes if sampling is undecided.
fn undecided(format: Format) -> &'static str {
    match format {
        Format::B3 | Format::Datadog | Format::XRay => "deferred",
        Format::W3c | Format::Jaeger => "not sampled",
        Format::Sw8 => "sampled",
        Format::Correlation => "nothing",
        _ => further::undecided(format),
    }
}

fn check_all(said: &Said) -> Result<(), TestCaseError> {
    for to in Format::written() {
        let (there, back) = travel(said, to);
        for (attribute, cell) in column(said.format, to) {
            let both = check(said, to, Leg::There, attribute, cell.there, &there)
                .and_then(|()| check_back(said, to, attribute, cell.back, &back));
            if let Err(error) = both {
                let from = said.format;
                let request = said.request();
                return Err(TestCaseError::fail(format!(
                    "{from:?} over {to:?}: {error}\nof {request:?}\n{there:?}\n{back:?}"
                )));
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn ok_w3c_over_every_format(said in any_said(Format::W3c)) {
        check_all(&said)?;
    }

    #[test]
    fn ok_b3_over_every_format(said in any_said(Format::B3)) {
        check_all(&said)?;
    }

    #[test]
    fn ok_datadog_over_every_format(said in any_said(Format::Datadog)) {
        check_all(&said)?;
    }

    #[test]
    fn ok_jaeger_over_every_format(said in any_said(Format::Jaeger)) {
        check_all(&said)?;
    }

    #[test]
    fn ok_sw8_over_every_format(said in any_said(Format::Sw8)) {
        check_all(&said)?;
    }

    #[test]
    fn ok_sentry_over_every_format(said in any_said(Format::Sentry)) {
        check_all(&said)?;
    }

    #[test]
    fn ok_newrelic_over_every_format(said in any_said(Format::NewRelic)) {
        check_all(&said)?;
    }

    #[test]
    fn ok_cloudtrace_over_every_format(said in any_said(Format::CloudTrace)) {
        check_all(&said)?;
    }

    #[test]
    fn ok_xray_over_every_format(said in any_said(Format::XRay)) {
        check_all(&said)?;
    }

    #[test]
    fn ok_a_correlation_id_over_every_format(said in any_said(Format::Correlation)) {
        check_all(&said)?;
    }
}

/// A row that no context ever has would promise nothing.
#[test]
fn ok_every_row_is_put_to_the_test() {
    let mut runner = TestRunner::deterministic();
    for format in Format::ALL.iter().copied() {
        let strategy = any_said(format);
        let contexts: Vec<Said> =
            (0..64).map(|_| strategy.new_tree(&mut runner).expect("a context").current()).collect();
        for attribute in attributes(format) {
            let with = contexts.iter().filter(|said| said.value(attribute).is_some()).count();
            assert!(with >= 4, "{format:?}: {attribute:?} in {with} of 64");
        }
    }
}

/// Services without spans pass on what participants do, and leave the caller's span where it is.
#[test]
fn ok_passthrough_keeps_and_loses_what_spans_do() {
    let mut runner = TestRunner::deterministic();
    for format in Format::ALL.iter().copied() {
        let strategy = any_said(format);
        for _ in 0..64 {
            let said = strategy.new_tree(&mut runner).expect("a context").current();
            for to in Format::written().filter(|to| *to != format) {
                check_forwards(&said, to);
            }
        }
    }
}

fn check_forwards(said: &Said, to: Format) {
    let format = said.format;
    let first = Edge::writes(to, said.multi);
    let mut between = first.forwards(&said.request());
    if format == Format::Correlation {
        // A correlation id alone is not a context that a service without spans forwards.
        assert_eq!(between, [], "{to:?}");
        return;
    }
    let fields = (format == Format::W3c).then_some(said);
    let there = see(to, &between, fields);
    let sender = first.propagator().extract(&said.request()).context().and_then(|context| context.parent_id);
    let expected = sender.map(|id| id.get()).filter(|_| to != Format::Correlation);
    assert_eq!(there.span_id, expected, "{format:?} to {to:?}");
    if to == Format::Correlation {
        // It has no span, so nothing goes back.
        assert_eq!(Edge::writes(format, said.multi).forwards(&between), []);
        return;
    }
    if to == Format::W3c {
        between = hop(&between, None);
    }
    let second = Edge::writes(format, said.multi);
    let mut back = see(format, &second.forwards(&between), fields);
    if format == Format::Datadog {
        let context = OwnedContext::from_passthrough(&second.propagator().extract(&between));
        back.last_span = context.datadog().last_span().map(|span| span.to_string());
    }
    for (attribute, cell) in column(format, to) {
        // Other tests check which span is written where.
        let spans = [Attribute::SpanId, Attribute::B3Parent, Attribute::LastSpan];
        if spans.contains(&attribute) && !(format == Format::Datadog && attribute == Attribute::LastSpan) {
            continue;
        }
        // A passthrough forwards text of formats that are only read, and this text is a field of both.
        let shared = [(Format::OtTrace, Format::Datadog), (Format::W3c, Format::Sentry)];
        if attribute == Attribute::Baggage && shared.contains(&(format, to)) {
            continue;
        }
        let both = check(said, to, Leg::There, attribute, cell.there, &there)
            .and_then(|()| check_back(said, to, attribute, cell.back, &back));
        assert_eq!(both, Ok(()), "{format:?} over {to:?}: {:?}\n{between:?}", said.request());
    }
}
