//! Reading allocates nothing, and neither does writing into a carrier that has the room.

use std::fmt::{self, Write};

use allocation_counter::measure;
use traceprop_core::{
    CarrierMut, InjectOptions,
    carrier::{FieldName, FieldValue},
};

use crate::formats::SUBJECTS;
use crate::requests::{broken, canonical, foreign, full, odd};
use crate::subject::{Lines, OWN_SPAN, Subject};

fn requests(subject: &Subject) -> Vec<Lines> {
    let long: Vec<_> = subject.too_long.longest.iter().map(|value| subject.request(value)).collect();
    let longer = subject.too_long.longer.iter().map(|(value, _)| subject.request(value)).collect();
    let mut requests = [full(subject), canonical(subject), odd(subject), broken(subject), long, longer].concat();
    requests.extend(subject.husks.iter().cloned());
    requests.push(foreign(subject));
    requests
}

#[track_caller]
fn none(subject: &Subject, request: &Lines, what: &str, run: impl FnOnce()) {
    let count = measure(run).count_total;
    assert_eq!(count, 0, "{}: {what} of {request:.200?}", subject.name());
}

/// A carrier that holds its text in place.
struct Buffer {
    text: Box<[u8; 256 * 1024]>,
    len: usize,
}

impl Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.text.get_mut(self.len..self.len + text.len()).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len += text.len();
        Ok(())
    }
}

impl CarrierMut for Buffer {
    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        writeln!(self, "{name}: {value}").expect("room for all lines");
    }

    fn remove_if(&mut self, stale: &mut dyn FnMut(&str) -> bool) {
        let _ = stale("traceparent") | stale("accept");
    }
}

#[test]
fn ok_extract_explain_and_inject_without_an_allocation() {
    let mut buffer = Buffer { text: Box::new([0; 256 * 1024]), len: 0 };
    for subject in SUBJECTS.iter() {
        let propagator = subject.propagator();
        for request in requests(subject) {
            none(subject, &request, "extract", || {
                std::hint::black_box(propagator.extract(&request).context());
            });
            none(subject, &request, "explain", || {
                let report = propagator.explain(&request);
                std::hint::black_box(report.invalid_headers().count() + report.entries().count());
            });
            buffer.len = 0;
            let extraction = propagator.extract(&request);
            none(subject, &request, "passthrough", || {
                propagator.inject(extraction.passthrough(), &InjectOptions::everything(), &mut buffer);
            });
            if let Some(context) = extraction.context() {
                none(subject, &request, "inject", || {
                    let span = extraction.span_with_ids(context.trace_id, OWN_SPAN);
                    propagator.inject(&span, &InjectOptions::everything(), &mut buffer);
                });
            }
        }
    }
}
