//! The headers of a received request, copied into a call: what leaves by each way of calling.

#![cfg(feature = "middleware")]

mod common;

use common::{Server, values};
use http::{HeaderMap, HeaderValue};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use traceprop_core::formats::sw8::Sw8;
use traceprop_core::{Allow, InContext, InjectOptions, OwnedContext, RandomIds, Trust};
use traceprop_http::HeaderCarrier;
use traceprop_reqwest::{
    Call, Client, DisablePropagation, Propagate, PropagationMiddleware, Propagator, Rule, Rules, RulesExt,
    WithoutContext, presets,
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A request as a stranger sends it: formats that are read, that are not, and text.
const RECEIVED: [(&str, &str); 9] = [
    ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1"),
    ("baggage", "tenant=acme,user=alice"),
    ("newrelic", "theirs"),
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ("tracestate", "theirs=1"),
    ("uberctx-user", "alice"),
    ("x-datadog-origin", "theirs"),
    ("x-request-id", "theirs"),
    ("x_b3_traceid", "1"),
];

fn received() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in RECEIVED {
        headers.append(name, HeaderValue::from_static(value));
    }
    headers
}

/// The context of the received request, for a service with a span of its own.
fn context(trust: Trust) -> OwnedContext {
    let (headers, propagator) = (received(), presets::W3C.propagator());
    let carrier = HeaderCarrier::new(&headers);
    let extraction = propagator.extract_with_trust(&carrier, trust);
    OwnedContext::from_span(&extraction, &extraction.new_span(&RandomIds))
}

const TRUSTS: [Trust; 4] = [Trust::Continue, Trust::Resample, Trust::Restart, Trust::Ignore];

/// The names of what was sent, and a `!` before those of which a value is not the received one.
fn names(headers: &HeaderMap) -> String {
    let is_copy =
        |name: &str| RECEIVED.iter().any(|(known, value)| *known == name && values(headers, name) == [*value]);
    let names = headers.keys().map(|name| name.as_str()).filter(|name| !["host", "accept", "referer"].contains(name));
    let mut names: Vec<_> = names.map(|name| format!("{}{name}", if is_copy(name) { "" } else { "!" })).collect();
    names.sort_unstable();
    names.join(" ")
}

fn middleware() -> ClientWithMiddleware {
    ClientBuilder::new(reqwest::Client::new()).with(PropagationMiddleware::new(presets::W3C)).build()
}

/// Sends the copied headers by each way of calling, in a context, and returns what arrived.
async fn by_each_way(context: &OwnedContext) -> Vec<String> {
    let server = Server::start().await;
    let redirecting = Server::redirecting_to(server.url()).await;
    let propagator = presets::W3C.propagator();
    let plain = reqwest::Client::new();
    let ours = Client::builder(presets::W3C).build().expect("a client");
    let url = || server.url();
    let work = async {
        plain.get(url()).headers(received()).propagate(&propagator).send().await.expect("a response");
        let call = Call::new(&propagator);
        plain.get(url()).headers(received()).propagate_with(&call).send().await.expect("a response");
        ours.get(url()).headers(received()).send().await.expect("a response");
        ours.get(redirecting.url()).headers(received()).send().await.expect("a response");
        plain.get(redirecting.url()).headers(received()).propagate(&propagator).send().await.expect("a response");
        middleware().get(url()).headers(received()).send().await.expect("a response");
        let mut request = plain.get(url()).headers(received()).build().expect("a request");
        Rules::from(presets::W3C).inject(&OwnedContext::current().expect("a context"), &mut request);
        plain.execute(request).await.expect("a response");
    };
    work.in_context(context.clone()).await;
    server.requests().iter().map(names).collect()
}

#[tokio::test]
async fn ok_no_way_of_calling_sends_what_was_refused() {
    // No rule of the plain client and the middleware is about headers of formats that nobody here reads or writes.
    let continued = "!traceparent b3 newrelic tracestate uberctx-user x-datadog-origin x-request-id x_b3_traceid";
    for trust in TRUSTS {
        for (way, sent) in by_each_way(&context(trust)).await.iter().enumerate() {
            let is_judged = [2, 3, 6].contains(&way);
            let expected = match trust {
                Trust::Continue if is_judged => continued.replace(" uberctx-user", ""),
                Trust::Continue => continued.to_owned(),
                // A server may read it as a header of B3.
                Trust::Resample if is_judged => continued.replace(" uberctx-user", "").replace(" x_b3_traceid", ""),
                Trust::Resample => continued.replace(" x_b3_traceid", ""),
                // Nobody knows that x-request-id is one of the trace.
                Trust::Restart | Trust::Ignore => "!traceparent x-request-id".to_owned(),
            };
            assert_eq!(*sent, expected, "{trust:?}, way {way}");
        }
    }
}

#[tokio::test]
async fn ok_baggage_leaves_only_where_it_is_allowed() {
    let server = Server::start().await;
    let propagator = presets::W3C.propagator();
    let tenant = InjectOptions::new().allow_baggage(Allow::Only(&["tenant"]));
    for trust in TRUSTS {
        let work = async {
            let plain = reqwest::Client::new();
            let call = Call::new(&propagator).inject_options(tenant);
            plain.get(server.url()).headers(received()).propagate_with(&call).send().await.expect("a response");
            let request = middleware().get(server.url()).headers(received()).with_extension(tenant);
            request.send().await.expect("a response");
            let rules = Rules::builder(presets::W3C).rule("*", Rule::trace_context().allow_baggage(["tenant"]));
            let ours = Client::builder(rules.build().expect("rules")).build().expect("a client");
            ours.get(server.url()).headers(received()).send().await.expect("a response");
        };
        work.in_context(context(trust)).await;
        let expected = if trust == Trust::Ignore { "" } else { "tenant=acme" };
        for request in server.requests().iter().rev().take(3) {
            assert_eq!(values(request, "baggage").concat(), expected, "{trust:?}");
        }
    }
}

#[tokio::test]
async fn ok_a_call_without_a_context_leaves_or_strips() {
    let server = Server::start().await;
    let correlation = Propagator::from_names("tracecontext", "tracecontext,correlation:x-request-id").expect("names");
    let leave = || Client::builder(Rules::builder(presets::W3C).rule("*", Rule::everything()).build().expect("rules"));
    let strip = Client::builder(correlation.clone()).without_context(WithoutContext::Strip);
    for client in [leave(), strip] {
        let client = client.build().expect("a client");
        client.get(server.url()).headers(received()).send().await.expect("a response");
    }
    let strip = PropagationMiddleware::new(correlation).without_context(WithoutContext::Strip);
    let strip = ClientBuilder::new(reqwest::Client::new()).with(strip).build();
    for client in [middleware(), strip] {
        client.get(server.url()).headers(received()).send().await.expect("a response");
    }
    let sent: Vec<_> = server.requests().iter().map(names).collect();
    let all = RECEIVED.map(|(name, _)| name).join(" ");
    assert_eq!(sent, [&all, "", &all, ""]);
}

#[tokio::test]
async fn ok_headers_and_formats_are_kept_where_asked() {
    const HEADERS: &[&str] = &["Baggage"];
    const FORMATS: &[&str] = &["b3"];
    let server = Server::start().await;
    let all = || Rules::builder(presets::ALL_TO_W3C).rule("127.0.0.1", Rule::everything()).build().expect("rules");
    let client = Client::builder(all()).keep_headers(HEADERS).keep_formats(FORMATS).build().expect("a client");
    let bare = Client::builder(all()).build().expect("a client");
    let middle = PropagationMiddleware::new(presets::ALL_TO_W3C).keep_headers(HEADERS).keep_formats(FORMATS);
    let middle = ClientBuilder::new(reqwest::Client::new()).with(middle).build();
    for trust in [Trust::Continue, Trust::Ignore] {
        let work = async {
            client.get(server.url()).headers(received()).send().await.expect("a response");
            let call = bare.get(server.url()).headers(received()).keep_headers(HEADERS).keep_formats(FORMATS);
            call.send().await.expect("a response");
            middle.get(server.url()).headers(received()).send().await.expect("a response");
            // The settings of a call replace those of its client.
            client
                .get(server.url())
                .headers(received())
                .keep_headers(&[])
                .keep_formats(&[])
                .send()
                .await
                .expect("a response");
        };
        work.in_context(context(trust)).await;
    }
    let sent: Vec<_> = server.requests().iter().map(names).collect();
    // The format newrelic is read, so its header is removed too.
    let kept = "!traceparent b3 baggage tracestate x-request-id x_b3_traceid";
    let bare = "!traceparent baggage tracestate x-request-id x_b3_traceid";
    assert_eq!(sent[..4], [kept, kept, kept, bare]);
    // A copy of a refused request is kept by name alone.
    let kept = "!traceparent baggage x-request-id";
    assert_eq!(sent[4..], [kept, kept, kept, "!traceparent x-request-id"]);
}

#[tokio::test]
async fn ok_disabled_propagation_removes_only_what_was_refused() {
    let server = Server::start().await;
    let all = RECEIVED.map(|(name, _)| name).join(" ");
    let call = || middleware().get(server.url()).headers(received()).with_extension(DisablePropagation);
    call().send().await.expect("a response");
    for trust in TRUSTS {
        call().with_extension(context(trust)).send().await.expect("a response");
        call().send().in_context(context(trust)).await.expect("a response");
    }
    let sent: Vec<_> = server.requests().iter().map(names).collect();
    assert_eq!(sent[..3], [&*all, &all, &all], "no context, and continue");
    assert_eq!(sent[3], all.replace(" x_b3_traceid", ""), "resample");
    assert_eq!(sent[5], "baggage uberctx-user x-request-id", "restart");
    assert_eq!(sent[7], "x-request-id", "ignore");
    assert!((1..9).step_by(2).all(|place| sent[place] == sent[place + 1]));
    assert!(!sent.iter().any(|names| names.contains('!')), "nothing is written");
    assert_eq!(context(Trust::Continue).trace_id().map(|id| id.to_string()).as_deref(), Some(TRACE));
}

#[tokio::test]
async fn ok_disabled_propagation_removes_custom_headers_that_only_the_listener_knows() {
    let server = Server::start().await;
    let sw8 = Sw8::new("shop", "shop-1").with_namespace("eu").expect("a namespace");
    let listener = Propagator::builder().extract(sw8).names("tracecontext,baggage,correlation:x-request-id", "none");
    let listener = listener.expect("known names").build().expect("good settings");
    let held = ["accept", "eu-sw8", "eu-sw8-correlation", "eu_sw8", "x-request-id", "x_request_id"];
    let mut headers = HeaderMap::new();
    for name in held {
        headers.append(name, HeaderValue::from_static("theirs"));
    }
    for (trust, expected) in [
        (Trust::Continue, &held[..]),
        (Trust::Resample, &["accept", "eu-sw8", "eu-sw8-correlation", "x-request-id"]),
        (Trust::Restart, &["accept", "eu-sw8-correlation", "x-request-id"]),
        (Trust::Ignore, &["accept"]),
    ] {
        let carrier = HeaderCarrier::new(&headers);
        let extraction = listener.extract_with_trust(&carrier, trust);
        let span = OwnedContext::from_span(&extraction, &extraction.new_span(&RandomIds));
        for context in [span, OwnedContext::from_passthrough(&extraction)] {
            let call = middleware().get(server.url()).headers(headers.clone());
            call.with_extension(DisablePropagation).with_extension(context).send().await.expect("a response");
            let sent = server.requests().pop().expect("a request");
            let mut sent: Vec<_> = sent.keys().map(|name| name.as_str()).filter(|name| *name != "host").collect();
            sent.sort_unstable();
            assert_eq!(sent, expected, "{trust:?}");
        }
    }
}
