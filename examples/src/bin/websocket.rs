//! A websocket: a browser cannot set headers on it, so the context stands in the first message.
//!
//! Any websocket library hands over text; here two channels stand for the socket. The server keeps the context of the
//! connection, and it is the current one while a message is handled.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use serde::{Deserialize, Serialize};
use traceprop_core::{IdGenerator, InjectOptions, OwnedContext, Pairs, Propagator, RandomIds, SpanContext, presets};

/// What a client says.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Message {
    Hello {
        room: String,
        /// Headers, as they would have been on the handshake. A map of text is a carrier as it is.
        #[serde(default)]
        trace: BTreeMap<String, String>,
    },
    Say {
        text: String,
    },
}

/// Who opens the connection writes the context of its span into the first message.
fn hello(room: &str, span: &SpanContext<'_>, propagator: &Propagator) -> Message {
    let mut trace = BTreeMap::new();
    let omitted = propagator.inject(span, &InjectOptions::new(), &mut trace);
    assert!(omitted.is_complete(), "there is no baggage here that could be omitted");
    Message::Hello { room: room.to_owned(), trace }
}

/// One connection on the server, until the client closes it.
fn serve(frames: &Receiver<String>, answers: &Sender<String>, propagator: &Propagator) {
    // Whoever does not say hello has no trace: each of its messages begins one.
    let mut connection: Option<OwnedContext> = None;
    for frame in frames {
        let answer = match serde_json::from_str(&frame) {
            Ok(Message::Hello { room, trace }) => {
                let extraction = propagator.extract(&trace);
                let span = extraction.new_span(&RandomIds);
                connection = Some(OwnedContext::from_span(&extraction, &span));
                format!("joined {room}: {}", propagator.explain(&trace))
            }
            Ok(Message::Say { text }) => {
                // A clone costs a reference count.
                let context = connection.clone();
                let context = context.unwrap_or_else(|| OwnedContext::new(SpanContext::root(&RandomIds)));
                context.scope(|| store(&text, propagator))
            }
            Err(error) => format!("no message: {error}"),
        };
        if answers.send(answer).is_err() {
            return;
        }
    }
}

/// Somewhere below: a call to another service, with a span id of its own.
fn store(text: &str, propagator: &Propagator) -> String {
    let mut headers = Pairs::new();
    if let Some(span) = OwnedContext::current().as_ref().and_then(OwnedContext::span) {
        let call = span.child(RandomIds.new_span_id());
        // Baggage that a client put into its first message goes nowhere unless a call allows it.
        for omission in propagator.inject(&call, &InjectOptions::new(), &mut headers).iter() {
            println!("{omission}");
        }
    }
    format!("stored {text:?} with traceparent {}", headers.get("traceparent").unwrap_or("none"))
}

/// Sends these messages over a connection of their own, and gives the answers.
fn talk(messages: &[Message]) -> Vec<String> {
    let (to_server, frames) = channel();
    let (answers, from_server) = channel();
    let server = thread::spawn(move || serve(&frames, &answers, &presets::W3C.propagator()));
    for message in messages {
        let frame = serde_json::to_string(message).expect("a message is JSON");
        println!("-> {frame}");
        to_server.send(frame).expect("the server listens");
    }
    drop(to_server);
    let answers = from_server.iter().inspect(|answer| println!("<- {answer}")).collect();
    server.join().expect("the server does not panic");
    answers
}

fn main() {
    let click = SpanContext::root(&RandomIds);
    println!("the browser's span: trace {}, span {}", click.trace_id(), click.span_id());
    let say = |text: &str| Message::Say { text: text.to_owned() };
    talk(&[hello("tea", &click, &presets::W3C.propagator()), say("good morning"), say("with milk")]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_every_message_is_in_the_trace_of_the_first() {
        let click = SpanContext::root(&RandomIds);
        let say = || Message::Say { text: "a".to_owned() };
        let answers = talk(&[hello("tea", &click, &presets::W3C.propagator()), say(), say()]);
        let continued = format!("continued trace {}, parent {}, sampled", click.trace_id(), click.span_id());
        assert!(answers[0].contains(&continued), "{answers:?}");
        let stored = format!("stored \"a\" with traceparent 00-{}-", click.trace_id());
        assert!(answers[1].starts_with(&stored) && answers[2].starts_with(&stored), "{answers:?}");
        assert_ne!(answers[1], answers[2]);
    }

    #[test]
    fn ok_without_a_first_message_each_begins_a_trace() {
        let say = || Message::Say { text: "a".to_owned() };
        let answers = talk(&[say(), say()]);
        assert!(answers.iter().all(|answer| answer.starts_with("stored \"a\" with traceparent 00-")), "{answers:?}");
        assert_ne!(answers[0][..60], answers[1][..60]);
    }

    #[test]
    fn err_a_hello_whose_trace_cannot_be_read_says_why() {
        let trace = BTreeMap::from([("traceparent".to_owned(), "00-1-2-01".to_owned())]);
        let answers = talk(&[Message::Hello { room: "tea".to_owned(), trace }]);
        assert!(
            answers[0].starts_with("joined tea: new trace; tracecontext: invalid traceparent (bad-length"),
            "{answers:?}"
        );
    }
}
