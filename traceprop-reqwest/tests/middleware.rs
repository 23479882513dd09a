//! The middleware on loopback, alone and with a retry before or after it.

#![cfg(feature = "middleware")]

mod common;

use common::{Server, values};
use http::Extensions;
use reqwest::{Client, Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next, RequestBuilder, Result};
use traceprop_core::{
    Allow, InContext, InjectOptions, OwnedBaggage, OwnedContext, RandomIds, SpanContext, baggage::BaggageEntry,
};
use traceprop_reqwest::{DisablePropagation, PropagationMiddleware, Rule, Rules, RulesExt, presets};

fn context() -> OwnedContext {
    let mut baggage = OwnedBaggage::new();
    for key in ["tenant", "session"] {
        baggage.push(BaggageEntry { key: key.into(), value: "x".into(), properties: String::new() });
    }
    OwnedContext::new(SpanContext::root(&RandomIds)).with_baggage(&baggage)
}

fn client() -> ClientWithMiddleware {
    ClientBuilder::new(Client::new()).with(PropagationMiddleware::new(presets::W3C)).build()
}

async fn send(request: RequestBuilder) {
    assert_eq!(request.send().await.expect("the server answers").status(), 200);
}

#[tokio::test]
async fn ok_current_context_is_sent_without_baggage() {
    let server = Server::start().await;
    let context = context();
    let trace_id = context.trace_id().expect("a trace").to_string();
    send(client().get(server.url())).in_context(context).await;
    let request = server.request();
    let [traceparent] = values(&request, "traceparent").try_into().expect("just one traceparent");
    assert_eq!(&traceparent[3..35], trace_id);
    assert_eq!(values(&request, "baggage"), [""; 0]);

    send(client().get(server.url())).await;
    assert_eq!(values(&server.requests()[1], "traceparent"), [""; 0]);
}

#[tokio::test]
async fn ok_a_call_says_more_or_nothing() {
    let server = Server::start().await;
    let url = server.url();
    let work = async {
        let tenant = InjectOptions::new().allow_baggage(Allow::Only(&["tenant"]));
        send(client().get(&url).with_extension(tenant)).await;
        send(client().get(&url).with_extension(DisablePropagation)).await;
    };
    work.in_context(context()).await;
    send(client().get(&url).with_extension(context()).with_extension(InjectOptions::everything())).await;
    let lines: Vec<_> = server
        .requests()
        .iter()
        .map(|request| (values(request, "traceparent").len(), values(request, "baggage").concat()))
        .collect();
    assert_eq!(lines, [(1, "tenant=x".to_owned()), (0, String::new()), (1, "tenant=x,session=x".to_owned())]);
}

/// The leak that the documentation describes, and its fix.
#[tokio::test]
async fn ok_redirects_take_everything_along_unless_our_policy_stops_them() {
    let elsewhere = Server::start().await;
    let server = Server::redirecting_to(elsewhere.url()).await;
    let all = || client().get(server.url()).with_extension(context()).with_extension(InjectOptions::everything());
    send(all()).await;
    assert_eq!(values(&elsewhere.request(), "baggage"), ["tenant=x,session=x"]);

    let rules = Rules::builder(presets::W3C).rule(&server.address.to_string(), Rule::everything());
    let policy = rules.build().expect("good rules").redirect_policy(reqwest::redirect::Policy::default());
    let careful = Client::builder().redirect(policy).build().expect("a client");
    let careful = ClientBuilder::new(careful).with(PropagationMiddleware::new(presets::W3C)).build();
    let request = careful.get(server.url()).with_extension(context()).with_extension(InjectOptions::everything());
    let response = request.send().await.expect("the server answers");
    assert_eq!((response.status().as_u16(), elsewhere.requests().len()), (307, 1));
}

/// Sends each request twice, as a middleware that retries does.
struct Twice;

#[async_trait::async_trait]
impl Middleware for Twice {
    async fn handle(&self, request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response> {
        let again = request.try_clone().expect("no stream");
        next.clone().run(request, extensions).await?;
        next.run(again, extensions).await
    }
}

#[tokio::test]
async fn ok_each_attempt_has_its_own_span_after_a_retry_and_not_before() {
    let trace = || PropagationMiddleware::new(presets::W3C);
    let after_retry = ClientBuilder::new(Client::new()).with(Twice).with(trace()).build();
    let before_retry = ClientBuilder::new(Client::new()).with(trace()).with(Twice).build();
    for (client, own) in [(after_retry, true), (before_retry, false)] {
        let server = Server::start().await;
        send(client.get(server.url()).with_extension(context())).await;
        let [first, second] = server.requests().try_into().expect("two attempts");
        let line = |headers| values(headers, "traceparent").concat();
        assert_eq!((line(&first) != line(&second), line(&first)[..36] == line(&second)[..36]), (own, true));
    }
}
