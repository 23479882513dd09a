//! A map of JSON values: the metadata of a job in a queue.
//!
//! A worker runs a job in a span of its own and enqueues another one. Metadata that is not about the trace is kept,
//! whatever its type.

#![allow(clippy::print_stdout, reason = "the example shows what it does")]

mod json;

use json::{ReadJson, WriteJson};
use serde_json::{Map, Value, json};
use traceprop_core::{Allow, IdGenerator, InjectOptions, Propagator, RandomIds, presets};

/// Returns the metadata of a job that follows from a job with this metadata.
fn next_job(metadata: &Map<String, Value>, propagator: &Propagator) -> Map<String, Value> {
    let received = ReadJson(metadata);
    let extraction = propagator.extract(&received);
    let running = extraction.new_span(&RandomIds);

    // A copy. Trace data and baggage that this call does not write are removed from it.
    let mut next = metadata.clone();
    let enqueuing = running.child(RandomIds.new_span_id());
    let options = InjectOptions::new().allow_baggage(Allow::Only(&["tenant"]));
    for omission in propagator.inject(&enqueuing, &options, &mut WriteJson(&mut next)).iter() {
        println!("{omission}");
    }
    next
}

fn received() -> Value {
    json!({
        "attempt": 2,
        "tags": ["mail"],
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "baggage": "tenant=acme,session=secret",
        "b3": null,
    })
}

fn main() {
    let job = received();
    println!("{job}");
    let next = next_job(job.as_object().expect("an object"), &presets::ALL_TO_W3C.propagator());
    println!("{}", Value::Object(next));
}

#[cfg(test)]
mod tests {
    use super::*;
    use traceprop_core::formats::jaeger::Jaeger;

    #[test]
    fn ok_the_next_job_is_in_the_trace_and_keeps_other_metadata() {
        let job = received();
        let mut next = next_job(job.as_object().unwrap(), &presets::ALL_TO_W3C.propagator());
        let Some(Value::String(traceparent)) = next.remove("traceparent") else { panic!("{next:?}") };
        assert!(traceparent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"), "{traceparent}");
        assert!(!traceparent.contains("00f067aa0ba902b7"), "{traceparent}");
        // The null of a format that is read is stale too.
        assert_eq!(Value::Object(next), json!({ "attempt": 2, "tags": ["mail"], "baggage": "tenant=acme" }));
    }

    #[test]
    fn err_a_value_that_is_not_a_string_is_absent() {
        let job = json!({ "traceparent": 7, "tracestate": ["rojo=1"], "baggage": { "tenant": "acme" } });
        let (job, propagator) = (job.as_object().unwrap(), presets::W3C.propagator());
        let explained = propagator.explain(&ReadJson(job)).to_string();
        assert_eq!(explained, "new trace; absent: tracecontext, baggage");
        let next = next_job(job, &propagator);
        assert!(next.keys().eq(["traceparent"]) && next["traceparent"].is_string(), "{next:?}");
    }

    #[test]
    fn ok_several_lines_become_one_value() {
        let propagator = Propagator::builder().with_format(Jaeger::new()).build().unwrap();
        let request = [("jaeger-baggage", "a=1"), ("jaeger-baggage", "b=2")];
        let mut metadata = Map::new();
        let extraction = propagator.extract(&request);
        propagator.inject(extraction.passthrough(), &InjectOptions::everything(), &mut WriteJson(&mut metadata));
        assert_eq!(Value::Object(metadata), json!({ "jaeger-baggage": "a=1,b=2" }));
    }
}
