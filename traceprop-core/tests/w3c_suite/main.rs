//! What the W3C suite asks of a service (w3c/trace-context, `test/test.py`), asked of the propagator.
//!
//! A request is received, a span is started, and three calls are sent. In addition: what the suite does not ask, or
//! asks so that it cannot fail.
//!
//! The tests have the names of the suite's.
#![cfg(feature = "std")]

mod baggage;
mod traceparent;
mod tracestate;
mod untested;

use std::cell::Cell;
use std::collections::BTreeSet;

use traceprop_core::{
    IdBits, InjectOptions, Pairs, Propagator,
    formats::tracecontext::{TraceFlags, TraceParent},
    presets,
};

const TRACE: &str = "0123456789abcdef0123456789abcdef";
const PARENT: &str = "1234567890123456";
/// Another trace.
const OTHER: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A valid value.
const VALID: &str = "00-0123456789abcdef0123456789abcdef-1234567890123456-01";

/// The three calls of one request, checked for what any receiver relies on.
struct Calls {
    /// The trace of all three calls.
    trace_id: String,
    flags: TraceFlags,
    parent_ids: BTreeSet<String>,
    /// Equal in all three calls.
    tracestate: Option<String>,
}

impl Calls {
    /// Returns the keys of the written tracestate.
    fn keys(&self) -> Vec<&str> {
        let members = self.tracestate.iter().flat_map(|line| line.split(','));
        members.map(|member| member.split_once('=').expect("a member").0).collect()
    }

    #[track_caller]
    fn kept(&self) -> &Self {
        assert_eq!(self.trace_id, TRACE, "the trace continues");
        self
    }

    #[track_caller]
    fn restarted(&self) -> &Self {
        assert!(![TRACE, OTHER].contains(&self.trace_id.as_str()), "a new trace");
        assert_eq!(self.tracestate, None, "a new trace has no tracestate");
        self
    }

    #[track_caller]
    fn sends(&self, tracestate: &str) {
        assert_eq!(self.kept().tracestate.as_deref(), Some(tracestate));
    }

    #[track_caller]
    fn sends_no_tracestate(&self) {
        assert_eq!(self.kept().tracestate, None);
    }
}

#[track_caller]
fn request(lines: &[(&str, &str)]) -> Calls {
    request_to(&presets::W3C.propagator(), lines)
}

/// Sends a request with a valid traceparent and these tracestate lines.
#[track_caller]
fn states(lines: &[&str]) -> Calls {
    let mut all = vec![("traceparent", VALID)];
    all.extend(lines.iter().map(|line| ("tracestate", *line)));
    request(&all)
}

#[track_caller]
fn request_to(propagator: &Propagator, lines: &[(&str, &str)]) -> Calls {
    let last = Cell::new(0x0b7a_d6b7_1692_0333_u64);
    let ids = || {
        last.set(last.get().wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407));
        IdBits::non_random(last.get())
    };
    let extraction = propagator.extract(&lines);
    let span = extraction.new_span(&ids);
    let sent: Vec<_> = (0..3)
        .map(|_| {
            let call = span.child(traceprop_core::IdGenerator::new_span_id(&ids));
            let mut headers = Pairs::new();
            propagator.inject(&call, &InjectOptions::new(), &mut headers);
            headers
        })
        .collect();
    let parents: Vec<_> = sent.iter().map(sent_traceparent).collect();
    let states: Vec<_> = sent.iter().map(sent_tracestate).collect();
    let parent_ids: BTreeSet<_> = parents.iter().map(|parent| parent.parent_id.to_string()).collect();
    assert_eq!(parent_ids.len(), 3, "every call has a parent id of its own");
    assert!(!parent_ids.contains(PARENT), "no call has the received parent id");
    assert!(parents.iter().all(|parent| (parent.trace_id, parent.flags) == (parents[0].trace_id, parents[0].flags)));
    assert!(states.iter().all(|state| *state == states[0]));
    Calls {
        trace_id: parents[0].trace_id.to_string(),
        flags: parents[0].flags,
        parent_ids,
        tracestate: states.into_iter().next().flatten(),
    }
}

#[track_caller]
fn sent_traceparent(headers: &Pairs) -> TraceParent {
    let values: Vec<_> = headers.iter().filter(|(name, _)| *name == "traceparent").collect();
    assert_eq!(values.len(), 1, "one traceparent in {headers:?}");
    let value = values[0].1;
    assert!(value.len() == 55 && value.starts_with("00-"), "version 00 in {value}");
    TraceParent::parse(value.as_bytes()).expect("a valid value")
}

#[track_caller]
fn sent_tracestate(headers: &Pairs) -> Option<String> {
    let values: Vec<_> = headers.iter().filter(|(name, _)| *name == "tracestate").collect();
    assert!(values.len() <= 1, "one tracestate in {headers:?}");
    let value = values.first()?.1;
    assert!(!value.is_empty(), "no empty tracestate");
    Some(value.to_owned())
}
