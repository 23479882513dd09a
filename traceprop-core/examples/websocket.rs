//! A websocket: a browser cannot set headers on it, so the first message holds the context.
//!
//! Every websocket library passes text; here two channels are the socket. The server keeps the context of the connection
//! and makes it the current one while it handles a message.

#![allow(clippy::print_stdout, reason = "the example shows what it does")]

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use serde_json::{Value, json};
use traceprop_core::{IdGenerator, InjectOptions, OwnedContext, Pairs, Propagator, RandomIds, SpanContext, presets};

/// Headers as text, as the handshake would have them. The map is a carrier.
type Headers = BTreeMap<String, String>;

/// The first message. Its sender writes the context of its span into it.
fn hello(room: &str, span: &SpanContext<'_>, propagator: &Propagator) -> Value {
    let mut trace = Headers::new();
    let report = propagator.inject(span, &InjectOptions::new(), &mut trace);
    assert!(report.is_complete(), "the span has no baggage to omit");
    json!({ "type": "hello", "room": room, "trace": trace })
}

/// A later message.
fn say(text: &str) -> Value {
    json!({ "type": "say", "text": text })
}

/// Serves one connection until the client closes it.
fn serve(frames: &Receiver<String>, answers: &Sender<String>, propagator: &Propagator) {
    // Without a hello each message begins a trace.
    let mut connection: Option<OwnedContext> = None;
    for frame in frames {
        let message = serde_json::from_str(&frame).unwrap_or(Value::Null);
        let answer = match (message["type"].as_str(), message["room"].as_str(), message["text"].as_str()) {
            (Some("hello"), Some(room), _) => {
                let trace: Headers = serde_json::from_value(message["trace"].clone()).unwrap_or_default();
                let extraction = propagator.extract(&trace);
                let span = extraction.new_span(&RandomIds);
                connection = Some(OwnedContext::from_span(&extraction, &span));
                format!("joined {room}: {}", propagator.explain(&trace))
            }
            (Some("say"), _, Some(text)) => {
                // A clone costs a reference count.
                let context = connection.clone();
                let context = context.unwrap_or_else(|| OwnedContext::new(SpanContext::root(&RandomIds)));
                context.scope(|| store(text, propagator))
            }
            _ => "unknown message".to_owned(),
        };
        if answers.send(answer).is_err() {
            return;
        }
    }
}

/// Calls another service, with a span id for the call. The caller passes no context: the current one is used.
fn store(text: &str, propagator: &Propagator) -> String {
    let mut headers = Pairs::new();
    if let Some(span) = OwnedContext::current().as_ref().and_then(OwnedContext::span) {
        let call = span.child(RandomIds.new_span_id());
        // Baggage of the first message leaves only if a call allows it.
        for omission in propagator.inject(&call, &InjectOptions::new(), &mut headers).iter() {
            println!("{omission}");
        }
    }
    format!("stored {text:?} with traceparent {}", headers.get("traceparent").unwrap_or("none"))
}

/// Sends these messages over one connection. Returns the answers.
fn talk(messages: &[Value]) -> Vec<String> {
    let (to_server, frames) = channel();
    let (answers, from_server) = channel();
    let server = thread::spawn(move || serve(&frames, &answers, &presets::W3C.propagator()));
    for message in messages {
        println!("-> {message}");
        to_server.send(message.to_string()).expect("the server listens");
    }
    drop(to_server);
    let answers = from_server.iter().inspect(|answer| println!("<- {answer}")).collect();
    server.join().expect("the server does not panic");
    answers
}

fn main() {
    let click = SpanContext::root(&RandomIds);
    println!("the browser's span: trace {}, span {}", click.trace_id(), click.span_id());
    talk(&[hello("tea", &click, &presets::W3C.propagator()), say("good morning"), say("with milk")]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_every_message_is_in_the_trace_of_the_first() {
        let click = SpanContext::root(&RandomIds);
        let answers = talk(&[hello("tea", &click, &presets::W3C.propagator()), say("a"), say("a")]);
        let continued = format!("continued trace {}, parent {}, sampled", click.trace_id(), click.span_id());
        assert!(answers[0].contains(&continued), "{answers:?}");
        let stored = format!("stored \"a\" with traceparent 00-{}-", click.trace_id());
        assert!(answers[1].starts_with(&stored) && answers[2].starts_with(&stored), "{answers:?}");
        assert_ne!(answers[1], answers[2]);
        assert_eq!(answers.len(), 3);
    }

    #[test]
    fn ok_without_a_first_message_each_begins_a_trace() {
        let answers = talk(&[say("a"), say("a")]);
        assert!(answers.iter().all(|answer| answer.starts_with("stored \"a\" with traceparent 00-")), "{answers:?}");
        assert_ne!(answers[0][..60], answers[1][..60]);
    }

    #[test]
    fn err_a_hello_with_an_invalid_trace_says_why() {
        let hello = json!({ "type": "hello", "room": "tea", "trace": { "traceparent": "00-1-2-01" } });
        let answers = talk(&[hello]);
        assert!(
            answers[0].starts_with("joined tea: new trace; tracecontext: invalid traceparent (bad-length"),
            "{answers:?}"
        );
    }

    #[test]
    fn err_an_unknown_message_is_answered() {
        assert_eq!(talk(&[json!({ "type": "shout" }), Value::Null]), ["unknown message"; 2]);
    }
}
