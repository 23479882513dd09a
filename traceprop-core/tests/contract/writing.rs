//! What is written: what was meant, once, in the format's own fields and in no others.

use proptest::prelude::*;
use proptest::sample::select;
use traceprop_core::{
    CarrierMut, InjectOptions, OwnedContext, Pairs, RemoteContext, Sampling, SpanContext, SpanId, TraceId,
    carrier::{FieldName, FieldValue},
    format::{Format, Passthrough},
};

use crate::cases;
use crate::formats::{SUBJECTS, writers};
use crate::requests::{broken, canonical, foreign, full, odd};
use crate::subject::{Lines, OWN_SPAN, SPAN, Subject, TRACE, forward, in_good_form, inject_span, is_in, lines, span};

const DECISIONS: [Sampling; 4] = [Sampling::Deferred, Sampling::NotSampled, Sampling::Sampled, Sampling::Debug];

fn inject(subject: &Subject, span: &SpanContext<'_>, headers: &mut Lines) {
    subject.propagator().inject(span, &InjectOptions::everything(), headers);
}

fn any_span() -> impl Strategy<Value = SpanContext<'static>> {
    let ids = (any::<u128>().prop_filter_map("zero", TraceId::new), any::<u64>().prop_filter_map("zero", SpanId::new));
    // An id with one half of zeros is an id too.
    let narrow = (0..=1u8, 0..=1u8).prop_map(|(high, low)| (high == 1, low == 1));
    (ids, narrow, select(DECISIONS.to_vec()), any::<bool>()).prop_map(
        |((trace_id, span_id), (high, low), sampling, random)| {
            let (keep_high, keep_low) = (high || !low, low || !high);
            let halves = (if keep_high { trace_id.high() } else { 0 }, if keep_low { trace_id.low() } else { 0 });
            let trace_id = TraceId::from_halves(halves.0, halves.1).unwrap_or(trace_id);
            SpanContext::new(trace_id, span_id).with_sampling(sampling).with_random(random)
        },
    )
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn ok_what_is_written_is_read_again(span in any_span()) {
        for subject in writers() {
            let propagator = subject.propagator();
            let mut headers = Pairs::new();
            let omitted = propagator.inject(&span, &InjectOptions::everything(), &mut headers);
            if subject.needs_low && span.trace_id().low() == 0 {
                prop_assert!(headers.is_empty() && !omitted.is_complete(), "{}", subject.name());
                continue;
            }
            prop_assert!(omitted.is_complete(), "{}: {omitted}", subject.name());
            let back = propagator.extract(&headers).context();
            prop_assert_eq!(back, Some(subject.comes_back(&span)), "{} wrote {:?}", subject.name(), headers);
            prop_assert!(propagator.explain(&headers).invalid_headers().next().is_none());
        }
    }

    #[test]
    fn ok_a_context_built_from_fields_is_forwarded_as_a_span_is_injected(span in any_span()) {
        for subject in writers() {
            let context = RemoteContext {
                sampling: span.sampling(),
                random: span.is_random(),
                ..RemoteContext::new(span.trace_id(), Some(span.span_id()))
            };
            let (mut injected, mut forwarded, mut owned) = (Lines::new(), Lines::new(), Lines::new());
            inject(subject, &span, &mut injected);
            subject.propagator().inject(Passthrough::from_remote(context), &InjectOptions::everything(), &mut forwarded);
            inject(subject, &OwnedContext::new(span).span().expect("a span"), &mut owned);
            let passed_on = if subject.is_correlation() { &Lines::new() } else { &injected };
            prop_assert_eq!(passed_on, &forwarded, "{}", subject.name());
            prop_assert_eq!(&injected, &owned, "{}", subject.name());
        }
    }
}

/// Returns everything that the format may ever have written, names in several letter cases, each line twice.
fn stale(subject: &Subject) -> Lines {
    let requests = [full(subject), canonical(subject), odd(subject), broken(subject)].concat();
    let lines = requests.into_iter().flatten();
    lines.flat_map(|(name, value)| [(name.to_uppercase(), value.clone()), (name, value)]).collect()
}

#[test]
fn ok_nothing_stale_is_left_and_nothing_foreign_is_touched() {
    for subject in writers() {
        for sampling in DECISIONS {
            let mut fresh = Lines::new();
            inject(subject, &span(sampling), &mut fresh);
            let foreign = foreign(subject);
            // Old lines are between foreign ones.
            let mut headers = foreign.clone();
            headers.extend(stale(subject));
            headers.extend(lines(&[("x-last", "1")]));
            let kept = [foreign, lines(&[("x-last", "1")])].concat();
            inject(subject, &span(sampling), &mut headers);
            assert_eq!(headers, [kept.clone(), fresh.clone()].concat(), "{}", subject.name());
            // Once more over its own lines.
            inject(subject, &span(sampling), &mut headers);
            assert_eq!(headers, [kept, fresh].concat(), "{}", subject.name());
        }
    }
}

#[test]
fn ok_a_passthrough_leaves_nothing_stale_either() {
    for subject in SUBJECTS.iter() {
        let propagator = subject.propagator();
        for request in [canonical(subject), odd(subject)].concat() {
            let extraction = propagator.extract(&request);
            let mut fresh = Lines::new();
            propagator.inject(extraction.passthrough(), &InjectOptions::new(), &mut fresh);
            let mut headers = [foreign(subject), stale(subject)].concat();
            propagator.inject(extraction.passthrough(), &InjectOptions::new(), &mut headers);
            // Also if there is nothing to write.
            assert_eq!(headers, [foreign(subject), fresh].concat(), "{}: {request:?}", subject.name());
        }
    }
}

#[test]
fn ok_nothing_to_write_touches_nothing() {
    for subject in writers() {
        let before = [foreign(subject), stale(subject)].concat();
        let mut headers = before.clone();
        let propagator = subject.propagator();
        propagator.inject(Passthrough::sampling_only(Sampling::Deferred), &InjectOptions::everything(), &mut headers);
        assert_eq!(headers, before, "{}", subject.name());
        // A trace without the sender's span cannot be forwarded by a format that needs one. Older headers go all the same.
        let undecided = Passthrough::from_remote(RemoteContext::new(TRACE, None));
        let omitted = propagator.inject(undecided, &InjectOptions::everything(), &mut headers);
        let needs_span = subject.names_span && subject.main != "x-amzn-trace-id";
        let writes_nothing = needs_span || subject.is_correlation();
        assert_eq!(headers == foreign(subject), writes_nothing, "{}", subject.name());
        assert_eq!(omitted.is_complete(), !needs_span, "{}: {omitted}", subject.name());
    }
}

#[test]
fn ok_the_same_context_is_written_the_same_twice() {
    for subject in writers() {
        let propagator = subject.propagator();
        for request in [full(subject), canonical(subject), odd(subject)].concat() {
            let request = request.as_slice();
            assert_eq!(inject_span(&propagator, &request), inject_span(&subject.propagator(), &request));
            assert_eq!(forward(&propagator, &request), forward(&subject.propagator(), &request));
        }
    }
}

/// Keeps the names that were appended, whatever is removed.
#[derive(Default)]
struct Names(Vec<String>);

impl CarrierMut for Names {
    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        assert!(!value.is_empty(), "{name} is empty");
        self.0.push(name.as_str().to_owned());
    }

    fn remove_if(&mut self, _: &mut dyn FnMut(&str) -> bool) {}
}

#[test]
fn ok_all_that_is_written_is_listed_and_all_that_is_listed_can_be_written() {
    for subject in writers() {
        let propagator = subject.propagator();
        let listed: Vec<&str> = propagator.inject_fields().collect();
        let mut names = Names::default();
        let call = InjectOptions::everything().sent_at_ms(1);
        for sampling in DECISIONS {
            propagator.inject(&span(sampling), &call, &mut names);
        }
        for request in [full(subject), canonical(subject), odd(subject), broken(subject)].concat() {
            let extraction = propagator.extract(&request);
            propagator.inject(&extraction.span_with_ids(TRACE, OWN_SPAN), &call, &mut names);
            propagator.inject(extraction.passthrough(), &call, &mut names);
        }
        for name in &names.0 {
            assert!(listed.iter().any(|field| is_in(field, name)), "{}: {name} is not listed", subject.name());
            assert!(subject.owns(name), "{}: {name} is not its field", subject.name());
        }
        for field in &listed {
            // The single header is owned by who writes the several ones, and the other way round.
            let other = subject.name().starts_with("b3") || (subject.name() == "datadog" && *field == "ot-baggage-");
            // It is sent to nobody.
            let other = other || *field == "x-instana-synthetic";
            let written = names.0.iter().any(|name| is_in(field, name));
            assert!(written || other, "{}: {field} is never written", subject.name());
        }
    }
}

#[test]
fn ok_what_is_written_is_in_good_form() {
    for subject in writers() {
        for sampling in DECISIONS {
            let mut headers = Pairs::new();
            subject.propagator().inject(&span(sampling), &InjectOptions::everything(), &mut headers);
            assert!(!headers.is_empty(), "{}", subject.name());
            in_good_form(&headers);
            // The span is spelled as the format requires.
            let spelt = headers.iter().any(|(_, value)| value.contains(&(subject.spell)(SPAN)));
            assert_eq!(spelt, subject.names_span, "{}: {headers:?}", subject.name());
        }
    }
}

#[test]
fn ok_formats_differ_in_name_and_fields() {
    for (place, subject) in SUBJECTS.iter().enumerate() {
        let others = SUBJECTS.iter().enumerate().filter(|(other, _)| *other != place);
        for (_, other) in others.filter(|(_, other)| other.name() != subject.name()) {
            let shared = other.name().starts_with("b3") && subject.name().starts_with("b3");
            assert_eq!(other.owns(subject.main), shared, "{} and {}", subject.name(), other.name());
        }
        let fields = Format::fields(&subject.format);
        assert!(!fields.built_in_fields().is_empty() || !fields.custom_headers().is_empty());
    }
}
