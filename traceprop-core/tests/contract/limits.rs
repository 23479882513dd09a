//! Bytes that no header may have, and values that are longer than any.

use std::collections::BTreeSet;
use std::fmt;

use traceprop_core::{InvalidHeader, format::Outcome};

use crate::formats::SUBJECTS;
use crate::requests::full;
use crate::subject::{Subject, TRACE, outcome};

/// A value, which shows as text where a test fails.
#[derive(Clone)]
struct Bytes(Vec<u8>);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// Returns the name of an error's field, or `None` for a custom one.
fn field_of(reject: InvalidHeader) -> Option<&'static str> {
    reject.field().name()
}

#[test]
fn err_a_byte_that_is_not_ascii_in_any_place_of_any_line() {
    for subject in SUBJECTS.iter() {
        for request in full(subject) {
            let request: Vec<_> = request.into_iter().map(|(name, value)| (name, Bytes(value.into_bytes()))).collect();
            for line in 0..request.len() {
                for place in 0..=request[line].1.0.len() {
                    for byte in [0xe9, 0x80, 0xff, 0x00, 0x7f, b'\r', b'\n'] {
                        let mut request = request.clone();
                        let value = &mut request[line].1.0;
                        if place < value.len() {
                            value[place] = byte;
                        } else {
                            value.push(byte);
                        }
                        check(subject, line, place, &request);
                    }
                }
            }
        }
    }
}

#[track_caller]
fn check(subject: &Subject, line: usize, place: usize, request: &[(String, Bytes)]) {
    let name = request[line].0.as_str();
    match outcome(subject, request) {
        Outcome::Context(context) => {
            // An optional field costs itself.
            let may = name != subject.main || subject.says_nothing.contains(&place);
            assert!(may, "{}: read {request:?}", subject.name());
            // The upper half of a Datadog trace id is in the list of tags.
            let same = context.trace_id == TRACE || (name == "x-datadog-tags" && context.trace_id.low() == TRACE.low());
            assert!(same, "{}: {context:?} of {request:?}", subject.name());
        }
        Outcome::Invalid(reject) => {
            let about = field_of(reject);
            assert!(about.is_none_or(|field| field == name), "{}: {reject} of {request:?}", subject.name());
        }
        other => panic!("{}: {other:?} of {request:?}", subject.name()),
    }
}

#[test]
fn err_one_byte_more_than_the_longest() {
    for subject in SUBJECTS.iter() {
        for value in &subject.too_long.longest {
            let got = outcome(subject, &subject.request(value));
            assert!(matches!(got, Outcome::Context(_)), "{}: {got:?} of {value:.80}", subject.name());
        }
        for (value, reason) in &subject.too_long.longer {
            match outcome(subject, &subject.request(value)) {
                Outcome::Invalid(reject) => assert_eq!(reject.reason(), *reason, "{}: {value:.80}", subject.name()),
                other => panic!("{}: {other:?} of {value:.80}", subject.name()),
            }
        }
    }
}

/// The trace continues with other fields of any length, and no long field is written.
#[test]
fn ok_oversize_optional_fields_cost_themselves() {
    for subject in SUBJECTS.iter() {
        for request in full(subject) {
            let names: BTreeSet<_> = request.iter().map(|(name, _)| name.clone()).collect();
            for name in names.iter().filter(|name| *name != subject.main && !is_needed(name)) {
                for letter in ["a", "0", "a=1,", "YQ==:YQ==,", "_dd.p.a=1,"] {
                    let mut request = request.clone();
                    request.retain(|(known, _)| known != name);
                    request.push((name.clone(), letter.repeat(100_000 / letter.len())));
                    match outcome(subject, &request) {
                        Outcome::Context(context) => assert_eq!(context.trace_id.low(), TRACE.low()),
                        other => panic!("{}: {other:?} with a long {name}", subject.name()),
                    }
                }
            }
        }
    }
}

/// Returns whether the context needs this header in addition to the trace id: the span id.
fn is_needed(name: &str) -> bool {
    ["x-b3-spanid", "ot-tracer-spanid", "x-instana-s"].contains(&name)
}

#[test]
fn ok_more_lines_than_are_read_do_not_panic() {
    for subject in SUBJECTS.iter() {
        for request in full(subject) {
            for (name, value) in &request {
                for count in [64, 65, 200] {
                    let mut request = request.clone();
                    request.extend(vec![(name.clone(), value.clone()); count]);
                    let _ = outcome(subject, &request);
                }
            }
        }
    }
}
