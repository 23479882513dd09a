//! A plain client with `RulesExt::redirect_policy`, on loopback.

mod common;

use common::{Server, values};
use reqwest::{Client, redirect};
use traceprop_core::{OwnedBaggage, OwnedContext, RandomIds, SpanContext, baggage::BaggageEntry};
use traceprop_reqwest::{Call, InjectOptions, Propagate, Propagator, Rule, Rules, RulesExt, presets};

fn client(rules: &Rules) -> Client {
    let policy = rules.redirect_policy(redirect::Policy::limited(3));
    Client::builder().redirect(policy).build().expect("a client")
}

/// Calls `url` with baggage, and returns the status.
async fn call(client: &Client, url: String) -> u16 {
    let mut baggage = OwnedBaggage::new();
    baggage.push(BaggageEntry { key: "tenant".into(), value: "acme".into(), properties: String::new() });
    let context = OwnedContext::new(SpanContext::root(&RandomIds)).with_baggage(&baggage);
    let propagator = presets::W3C.propagator();
    let call = Call::new(&propagator).context(&context).inject_options(InjectOptions::everything());
    client.get(url).propagate_with(&call).send().await.expect("the server answers").status().as_u16()
}

/// Returns the first server, and the one that it redirects to.
async fn servers() -> (Server, Server) {
    let second = Server::start().await;
    (Server::redirecting_to(second.url()).await, second)
}

#[tokio::test]
async fn ok_stops_before_a_host_that_gets_nothing() {
    let (first, second) = servers().await;
    let rules = Rules::builder(presets::W3C).rule(&second.address.to_string(), Rule::nothing());
    assert_eq!(call(&client(&rules.build().expect("good rules")), first.url()).await, 307);
    assert_eq!((first.requests().len(), second.requests().len()), (1, 0));
}

#[tokio::test]
async fn ok_stops_before_a_host_that_may_have_less_baggage() {
    let (first, second) = servers().await;
    let rules = Rules::builder(presets::W3C).rule(&first.address.to_string(), Rule::everything());
    assert_eq!(call(&client(&rules.clone().build().expect("good rules")), first.url()).await, 307);
    let rules = rules.rule(&second.address.to_string(), Rule::everything());
    assert_eq!(call(&client(&rules.build().expect("good rules")), first.url()).await, 200);
    assert_eq!(values(&second.request(), "baggage"), ["tenant=acme"]);
}

#[tokio::test]
async fn ok_stops_before_a_host_that_gets_other_formats() {
    let (first, second) = servers().await;
    let formats = |names: &str| Rule::trace_context().propagator(Propagator::from_names("none", names).expect("names"));
    let [first_host, second_host] = [&first, &second].map(|server| server.address.to_string());
    for (formats_of_second, status, received) in [("b3", 307, 0), ("b3,datadog", 200, 1)] {
        let rules = Rules::builder(presets::W3C)
            .rule(&first_host, formats("datadog"))
            .rule(&second_host, formats(formats_of_second))
            .build()
            .expect("good rules");
        assert_eq!(call(&client(&rules), first.url()).await, status, "{formats_of_second}");
        assert_eq!(second.requests().len(), received, "{formats_of_second}");
    }
}

#[tokio::test]
async fn ok_the_host_that_was_called_first_counts() {
    let third = Server::start().await;
    let second = Server::redirecting_to(third.url()).await;
    let first = Server::redirecting_to(second.url()).await;
    // The second server may receive more, but does not.
    let rules = Rules::builder(presets::W3C).rule(&second.address.to_string(), Rule::everything());
    assert_eq!(call(&client(&rules.build().expect("good rules")), first.url()).await, 200);
}

#[tokio::test]
async fn ok_otherwise_another_policy_decides() {
    let (first, second) = servers().await;
    let rules = Rules::from(presets::W3C);
    assert_eq!(call(&client(&rules), first.url()).await, 200);
    let none = rules.redirect_policy(redirect::Policy::none());
    let client = Client::builder().redirect(none).build().expect("a client");
    assert_eq!((call(&client, first.url()).await, second.requests().len()), (307, 1));
}
