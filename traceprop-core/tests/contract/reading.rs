//! Absent, husk, one value, two of them.

use traceprop_core::{RemoteContext, format::Outcome};

use crate::formats::SUBJECTS;
use crate::requests::foreign;
use crate::subject::{Empty, Lines, OWN_SPAN, SPAN, Second, Subject, TRACE, inject_span, lines, outcome};

#[test]
fn ok_nothing_there_is_absent() {
    for subject in SUBJECTS.iter() {
        assert_eq!(outcome::<String>(subject, &[]), Outcome::Absent, "{}", subject.name());
        assert_eq!(outcome(subject, &foreign(subject)), Outcome::Absent, "{}", subject.name());
    }
}

#[test]
fn ok_husks_are_absent() {
    for subject in SUBJECTS.iter() {
        for husk in &subject.husks {
            assert_eq!(outcome(subject, husk), Outcome::Absent, "{}: {husk:?}", subject.name());
        }
    }
}

#[test]
fn ok_an_empty_value_is_what_the_format_says() {
    for subject in SUBJECTS.iter() {
        for blank in ["", " ", "\t \t"] {
            let got = outcome(subject, &subject.request(blank));
            match (subject.empty, got) {
                (Empty::Absent, Outcome::Absent) => {}
                (Empty::Invalid(reason), Outcome::Invalid(reject)) if reject.reason() == reason => {}
                (expected, got) => panic!("{}: {expected:?}, {got:?}", subject.name()),
            }
        }
    }
}

fn expected(subject: &Subject, request: &Lines) -> RemoteContext {
    match outcome(subject, request) {
        Outcome::Context(context) => context,
        other => panic!("{}: {other:?}", subject.name()),
    }
}

#[test]
fn ok_the_value_is_read_in_any_case_of_its_name_and_with_blanks_around() {
    for subject in SUBJECTS.iter() {
        let request = subject.request(&subject.value);
        let context = expected(subject, &request);
        assert_eq!(context.trace_id, TRACE, "{}", subject.name());
        assert_eq!(context.parent_id, subject.names_span.then_some(SPAN), "{}", subject.name());
        let shouted: Lines = request.iter().map(|(name, value)| (name.to_uppercase(), value.clone())).collect();
        assert_eq!(expected(subject, &shouted), context, "{}", subject.name());
        let blanks = subject.request(&format!(" \t{} ", subject.value));
        assert_eq!(expected(subject, &blanks), context, "{}", subject.name());
        let another = expected(subject, &subject.request(&subject.other_value));
        assert_eq!(another.trace_id.get(), TRACE.get() + 1, "{}", subject.name());
    }
}

#[track_caller]
fn check_second(subject: &Subject, second: Second, request: &Lines) {
    let (first, last) = (subject.request(&subject.value), subject.request(&subject.other_value));
    let got = outcome(subject, request);
    match second {
        Second::FirstCounts => assert_eq!(got, outcome(subject, &first), "{}", subject.name()),
        Second::LastCounts => assert_eq!(got, outcome(subject, &last), "{}", subject.name()),
        Second::Invalid(reason) => match got {
            Outcome::Invalid(reject) => assert_eq!(reject.reason(), reason, "{}: {request:?}", subject.name()),
            other => panic!("{}: {other:?} of {request:?}", subject.name()),
        },
    }
}

#[test]
fn ok_a_second_line_is_what_the_format_says() {
    for subject in SUBJECTS.iter() {
        let mut request = subject.request(&subject.value);
        request.push((subject.main.to_owned(), subject.other_value.clone()));
        check_second(subject, subject.two_lines, &request);
    }
}

#[test]
fn ok_a_joined_line_is_what_the_format_says() {
    for subject in SUBJECTS.iter() {
        for comma in [",", ", ", " ,\t"] {
            let joined = [subject.value.as_str(), subject.other_value.as_str()].join(comma);
            check_second(subject, subject.joined, &subject.request(&joined));
        }
    }
}

#[test]
fn ok_a_list_on_two_lines_is_the_list_on_one() {
    for subject in SUBJECTS.iter() {
        for (name, first, second) in &subject.lists {
            let with = |values: &[&str]| {
                let mut request = subject.request(&subject.value);
                // The names of the list are checked with the list.
                request.retain(|(known, _)| known != name);
                request.extend(lines(&values.iter().map(|value| (*name, *value)).collect::<Vec<_>>()));
                request
            };
            let joined = format!("{first},{second}");
            let (two, one, loose) = (with(&[first, second]), with(&[&joined]), with(&["", first, " ", second, ""]));
            let propagator = subject.propagator();
            for other in [two, loose] {
                assert_eq!(outcome(subject, &other), outcome(subject, &one), "{}", subject.name());
                let (other, one) = (other.as_slice(), one.as_slice());
                assert_eq!(
                    inject_span(&propagator, &other),
                    inject_span(&propagator, &one),
                    "{}: {name}",
                    subject.name()
                );
            }
            // All of it is forwarded.
            assert_ne!(
                inject_span(&propagator, &with(&[&joined]).as_slice()),
                inject_span(&propagator, &with(&[first]).as_slice()),
                "{}: {name} by {OWN_SPAN}",
                subject.name()
            );
        }
    }
}
