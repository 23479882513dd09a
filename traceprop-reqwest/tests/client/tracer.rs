//! Spans of a tracer: that of the context, and one for each hop.

use std::sync::{Arc, Mutex};

use traceprop_core::active::{CallInfo, CallSpan, CallSpans};
use traceprop_core::{InContext, OwnedContext, SpanId};
use traceprop_reqwest::{Client, Propagate, Rule, Rules, presets};

use crate::{SPAN, Server, context, plain, span_id, values};

#[tokio::test]
async fn ok_a_reported_span_is_the_parent_of_every_call_and_hop() {
    let server = Server::start().await;
    let work = async {
        plain().get(server.to(302, "/end")).send().await.expect("an answer");
        let propagator = presets::W3C.propagator();
        reqwest::Client::new().get(server.url("/plain")).propagate(&propagator).send().await.expect("an answer");
    };
    work.in_context(context().reported()).await;
    let ids: Vec<_> = server.seen().iter().map(|seen| span_id(&seen.headers)).collect();
    assert_eq!(ids, [SPAN; 3]);
}

/// What the tracer was told, a line each.
type Log = Arc<Mutex<Vec<String>>>;

#[derive(Clone, Default)]
struct Spans(Log);

struct Open {
    context: Option<OwnedContext>,
    log: Log,
}

fn write(log: &Log, line: String) {
    log.lock().expect("no test panics with it").push(line);
}

impl CallSpans for Spans {
    fn begin(&self, parent: Option<&OwnedContext>, call: &CallInfo<'_>) -> Option<Box<dyn CallSpan>> {
        let parent_id = parent.and_then(OwnedContext::span_id).map_or("none".to_owned(), |id| id.to_string());
        write(&self.0, format!("{} {} {} below {parent_id}", call.attempt, call.method, call.authority));
        if call.method == "HEAD" {
            return None;
        }
        let id = SpanId::new(0xa0 + call.attempt as u64)?;
        let context = parent.and_then(|parent| parent.child(id)).map(OwnedContext::reported);
        Some(Box::new(Open { context, log: Arc::clone(&self.0) }))
    }
}

impl CallSpan for Open {
    fn context(&self) -> Option<OwnedContext> {
        self.context.clone()
    }

    fn end(self: Box<Self>, status: Option<u16>) {
        let id = self.context.as_ref().and_then(OwnedContext::span_id);
        write(&self.log, format!("{} ends with {status:?}", id.map_or("none".to_owned(), |id| id.to_string())));
    }
}

fn client(spans: &Spans) -> Client {
    let rules = Rules::builder(presets::W3C).rule("127.0.0.1", Rule::trace_context().allow_baggage(["tenant"]));
    Client::builder(rules.build().expect("rules")).spans(spans.clone()).start_new_traces().build().expect("a client")
}

fn log(spans: &Spans) -> Vec<String> {
    spans.0.lock().expect("no test panics with it").clone()
}

#[tokio::test]
async fn ok_each_hop_sends_a_span_of_its_own() {
    let (server, spans) = (Server::start().await, Spans::default());
    let call = client(&spans).post(server.to(302, "/end")).context(context().reported());
    call.send().await.expect("an answer");
    let seen = server.seen();
    let ids: Vec<_> = seen.iter().map(|seen| span_id(&seen.headers)).collect();
    assert_eq!(ids, ["00000000000000a1", "00000000000000a2"]);
    assert!(seen.iter().all(|seen| values(&seen.headers, "baggage") == ["tenant=acme"]));
    let address = server.address;
    assert_eq!(
        log(&spans),
        [
            format!("1 POST {address} below {SPAN}"),
            "00000000000000a1 ends with Some(302)".to_owned(),
            format!("2 GET {address} below {SPAN}"),
            "00000000000000a2 ends with Some(200)".to_owned(),
        ]
    );
}

#[tokio::test]
async fn ok_a_hop_without_a_span_is_a_child_as_before() {
    let (server, spans) = (Server::start().await, Spans::default());
    let call = client(&spans).head(server.url("/")).context(context());
    call.send().await.expect("an answer");
    assert_ne!(span_id(&server.seen()[0].headers), SPAN);
    assert_eq!(log(&spans).len(), 1);
}

#[tokio::test]
async fn ok_without_a_context_the_tracer_begins_the_trace_or_none() {
    let (server, spans) = (Server::start().await, Spans::default());
    client(&spans).get(server.url("/")).send().await.expect("an answer");
    assert!(values(&server.seen()[0].headers, "traceparent").is_empty());
    assert_eq!(log(&spans), [format!("1 GET {} below none", server.address), "none ends with Some(200)".to_owned()]);
}

#[tokio::test]
async fn err_send_ends_the_span_without_a_status() {
    let spans = Spans::default();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let address = listener.local_addr().expect("it was bound");
    drop(listener);
    let call = client(&spans).get(format!("http://user:secret@{address}/")).context(context());
    call.send().await.expect_err("nobody listens");
    assert_eq!(log(&spans), [format!("1 GET {address} below {SPAN}"), "00000000000000a1 ends with None".to_owned()]);
}
