//! `Client` and servers on loopback: the headers that arrive.

mod follow;
mod leaks;
mod server;
mod settings;
mod trace;
mod tracer;

use axum::http::HeaderMap;
use reqwest::{Response, Url};
use server::Server;
use traceprop_core::{OwnedBaggage, OwnedContext, SpanContext, baggage::BaggageEntry};
use traceprop_reqwest::{Client, Error, Rules, presets};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// Returns a context with two members of baggage.
fn context() -> OwnedContext {
    let mut baggage = OwnedBaggage::new();
    for (key, value) in [("tenant", "acme"), ("session", "secret")] {
        baggage.push(BaggageEntry { key: key.into(), value: value.into(), properties: String::new() });
    }
    let span = SpanContext::new(TRACE.parse().expect("an id"), SPAN.parse().expect("an id"));
    OwnedContext::new(span).with_baggage(&baggage)
}

/// Returns a client that sends trace context to every host.
fn plain() -> Client {
    client(presets::W3C)
}

fn client(rules: impl Into<Rules>) -> Client {
    Client::builder(rules).build().expect("a client")
}

async fn get(client: &Client, url: Url) -> Result<Response, Error> {
    client.get(url).context(context()).send().await
}

/// Returns the status.
async fn status(client: &Client, url: Url) -> u16 {
    get(client, url).await.expect("the server answers").status().as_u16()
}

/// Returns all values of a header, in order.
fn values<'h>(headers: &'h HeaderMap, name: &str) -> Vec<&'h str> {
    headers.get_all(name).iter().map(|value| value.to_str().expect("visible ASCII")).collect()
}

/// Returns the span id of the only traceparent, which is of our trace.
#[track_caller]
fn span_id(headers: &HeaderMap) -> String {
    let [value] = values(headers, "traceparent").try_into().expect("just one traceparent");
    assert_eq!(&value[..36], format!("00-{TRACE}-"));
    value[36..52].to_owned()
}
