//! How cost grows: with other headers, with the length of values, with formats that are configured and do not come.

use ::opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use ::opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use ::traceprop_core::Propagator;

use crate::datadog_opentelemetry::{Datadog, Style};
use crate::w3c::{ABSENT, IDS, NOTHING, SAMPLED, WITH_STATE};
use crate::{Baggage, Case, Contender, Found, Input, Tracestate, opentelemetry, traceprop};

const OTHERS: [usize; 7] = [0, 25, 50, 100, 200, 300, 400];
/// Members of the lists whose values grow.
const MEMBERS: usize = 16;
/// A member of a tracestate holds at most 256.
const STATE_VALUES: [usize; 6] = [4, 50, 100, 150, 200, 250];
/// All of a baggage holds at most 8192 bytes.
const BAGGAGE_VALUES: [usize; 6] = [4, 100, 200, 300, 400, 500];
/// Returns the names of all formats, in the order in which they are added. First are those that the peers have too.
fn names() -> Vec<String> {
    let first = ["tracecontext", "b3", "baggage"];
    let all = Propagator::from_names("all", "none").expect("this name is known");
    let more = all.extract_names().filter(|name| !first.contains(name)).chain(["correlation:x-correlation-id"]);
    first.into_iter().chain(more).map(str::to_owned).collect()
}

/// Returns the cases by the name of their curve and their position on it: `other-headers/100`.
pub fn cases() -> Vec<Case> {
    let headers = OTHERS.map(headers);
    let tracestate = STATE_VALUES.map(tracestate);
    let baggage = BAGGAGE_VALUES.map(baggage);
    let counts = 1..=names().len();
    let absent = counts.clone().map(|count| formats("formats-absent", &ABSENT, count));
    let present = counts.map(|count| formats("formats-with-traceparent", &WITH_STATE, count));
    headers.into_iter().chain(tracestate).chain(baggage).chain(absent).chain(present).collect()
}

fn headers(others: usize) -> Case {
    let all = traceprop::forever(Propagator::from_names("all", "none").expect("these names are known"));
    let input = &WITH_STATE;
    Case {
        name: format!("other-headers/{others}"),
        contenders: vec![
            Contender::extract("traceprop", input, others, traceprop::extract),
            Contender::extract("traceprop (every format)", input, others, |from| traceprop::extract_with(all, from)),
            Contender::extract("opentelemetry", input, others, opentelemetry::extract),
        ],
    }
}

fn tracestate(value: usize) -> Case {
    let line = list(value);
    let lines = forever(vec![SAMPLED, ("tracestate", line)].into_boxed_slice());
    let found = Found { tracestate: Tracestate::Members(MEMBERS), ..IDS };
    let input = forever(Box::new(Input::new("tracestate", lines, found)));
    Case {
        name: format!("tracestate-bytes/{}", line.len()),
        contenders: vec![
            Contender::extract("traceprop", input, 16, traceprop::extract),
            Contender::extract("opentelemetry", input, 16, opentelemetry::extract),
        ],
    }
}

fn baggage(value: usize) -> Case {
    let line = list(value);
    let lines = forever(vec![("baggage", line)].into_boxed_slice());
    let bytes = MEMBERS * ("m00".len() + value);
    let found = Found { baggage: Baggage { members: MEMBERS, bytes }, ..NOTHING };
    let input = forever(Box::new(Input::new("baggage", lines, found)));
    Case {
        name: format!("baggage-bytes/{}", line.len()),
        contenders: vec![
            Contender::extract("traceprop", input, 16, traceprop::extract_baggage),
            Contender::extract("opentelemetry", input, 16, opentelemetry::extract_baggage),
        ],
    }
}

/// Returns the first `count` formats, as far as a contender has them; `input` speaks the first of them or none.
fn formats(curve: &str, input: &'static Input, count: usize) -> Case {
    let list = names()[..count].join(",");
    let ours = traceprop::forever(Propagator::from_names(&list, "none").expect("these names are known"));
    let mut contenders =
        vec![Contender::extract("traceprop", input, 16, |headers| traceprop::extract_with(ours, headers))];
    if count <= 3 {
        // The last that finds a context wins, so the first of ours comes last.
        let boxed: [Box<dyn TextMapPropagator + Send + Sync>; 3] = [
            Box::new(TraceContextPropagator::new()),
            Box::new(opentelemetry::b3_single()),
            Box::new(BaggagePropagator::new()),
        ];
        let theirs = TextMapCompositePropagator::new(boxed.into_iter().take(count).rev().collect());
        contenders.push(Contender::extract("opentelemetry", input, 16, move |headers| {
            opentelemetry::extract_with(&theirs, headers)
        }));
    }
    let known = [Style::TraceContext, Style::B3SingleHeader, Style::Datadog, Style::B3Multi];
    if let Some(known) = known.get(..count) {
        let theirs = Datadog::new(known);
        contenders.push(Contender::extract("datadog-opentelemetry", input, 16, move |headers| {
            theirs.extract_with_tracestate(headers)
        }));
    }
    Case { name: format!("{curve}/{count}"), contenders }
}

/// Returns a list whose values have this length, as both headers can hold it.
fn list(value: usize) -> &'static str {
    let members: Vec<_> =
        (0..MEMBERS).map(|n| format!("m{n:02}={}", "0123456789".repeat(52).split_at(value).0)).collect();
    Box::leak(members.join(",").into_boxed_str())
}

/// Keeps an input for the rest of the process.
fn forever<T: ?Sized>(value: Box<T>) -> &'static T {
    Box::leak(value)
}

#[cfg(test)]
mod tests {
    /// Results are judged while a contender runs; a wrong one panics.
    #[test]
    fn ok_every_contender_of_every_case() {
        for mut case in super::cases() {
            for contender in &mut case.contenders {
                contender.run(10);
            }
        }
    }
}
