//! JSON-RPC: the Model Context Protocol has a place for trace context in each message, `params._meta`.
//!
//! `traceparent`, `tracestate` and `baggage` are keys of `_meta` without a prefix (SEP-414 of MCP). A transport that is
//! not HTTP, such as the standard input of a tool, has no other place. A client calls a tool and a server continues the
//! trace.

#![allow(clippy::print_stdout, reason = "the example shows what it does")]

mod json;

use json::{ReadJson, WriteJson};
use serde_json::{Map, Value, json};
use traceprop_core::{Allow, IdGenerator, InjectOptions, OwnedContext, Propagator, RandomIds, SpanContext, presets};

/// Writes the context of a call into the `_meta` of its message. A message with positional parameters has no such place
/// and stays as it is.
fn trace_call(message: &mut Value, span: &SpanContext<'_>, propagator: &Propagator) {
    let Some(message) = message.as_object_mut() else { return };
    let params = message.entry("params").or_insert_with(|| json!({}));
    let Some(params) = params.as_object_mut() else { return };
    let meta = params.entry("_meta").or_insert_with(|| json!({}));
    if let Some(meta) = meta.as_object_mut() {
        // Tools are other parties' programs, so baggage goes to them key by key.
        let options = InjectOptions::new().allow_baggage(Allow::Only(&["tenant"]));
        for omission in propagator.inject(span, &options, &mut WriteJson(meta)).iter() {
            println!("{omission}");
        }
    }
}

/// Returns the context in which a server handles a message.
fn context_of(message: &Value, propagator: &Propagator) -> OwnedContext {
    let none = Map::new();
    let meta = ReadJson(message["params"]["_meta"].as_object().unwrap_or(&none));
    let extraction = propagator.extract(&meta);
    OwnedContext::from_span(&extraction, &extraction.new_span(&RandomIds))
}

fn call(id: u32) -> Value {
    json!({
        "jsonrpc": "2.0",
        "id": id,
        "method": "tools/call",
        "params": { "name": "weather", "arguments": { "city": "Riga" }, "_meta": { "progressToken": id } },
    })
}

fn main() {
    let propagator = presets::W3C.propagator();
    let agent = SpanContext::root(&RandomIds);
    let mut message = call(7);
    trace_call(&mut message, &agent.child(RandomIds.new_span_id()), &propagator);
    println!("-> {message}");
    let context = context_of(&message, &propagator);
    let (trace_id, parent_id) = (context.trace_id().expect("a trace"), context.parent_id().expect("a parent"));
    println!("the tool runs in trace {trace_id}, parent {parent_id}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span() -> SpanContext<'static> {
        let ids = ("4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap(), "00f067aa0ba902b7".parse().unwrap());
        SpanContext::new(ids.0, ids.1)
    }

    const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

    #[test]
    fn ok_the_server_continues_the_trace_of_the_call() {
        let (mut message, propagator) = (call(7), presets::W3C.propagator());
        trace_call(&mut message, &span(), &propagator);
        assert_eq!(message["params"]["_meta"], json!({ "progressToken": 7, "traceparent": TRACEPARENT }));
        let received = serde_json::from_str(&message.to_string()).unwrap();
        let context = context_of(&received, &propagator);
        assert_eq!(context.trace_id(), Some(span().trace_id()));
        assert_eq!(context.parent_id(), Some(span().span_id()));
    }

    #[test]
    fn ok_a_message_without_parameters_gets_them() {
        let mut message = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        trace_call(&mut message, &span(), &presets::W3C.propagator());
        assert_eq!(message["params"], json!({ "_meta": { "traceparent": TRACEPARENT } }));
    }

    #[test]
    fn err_a_message_without_a_place_is_not_changed() {
        let propagator = presets::W3C.propagator();
        for message in [json!({ "params": [1] }), json!({ "params": { "_meta": null } }), json!([1]), Value::Null] {
            let mut traced = message.clone();
            trace_call(&mut traced, &span(), &propagator);
            assert_eq!(traced, message);
            assert_eq!(context_of(&message, &propagator).parent_id(), None);
        }
    }

    #[test]
    fn ok_a_forwarded_message_has_the_context_of_its_last_sender() {
        let propagator = presets::W3C.propagator();
        let mut message = call(7);
        message["params"]["_meta"] = json!({ "traceparent": "00-1-2-01", "baggage": "session=secret", "own": true });
        trace_call(&mut message, &span(), &propagator);
        assert_eq!(message["params"]["_meta"], json!({ "own": true, "traceparent": TRACEPARENT }));
    }
}
