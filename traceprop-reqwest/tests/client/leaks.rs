//! Headers that must not arrive, counted at the servers.

use axum::http::{HeaderMap, HeaderValue};
use reqwest::Url;
use traceprop_core::formats::sw8::Sw8;
use traceprop_core::{Field, OwnedContext, Propagator, RandomIds};
use traceprop_reqwest::{Client, Rule, Rules, RulesBuilder, presets};

use crate::server::Seen;
use crate::{Server, client, context, span_id, status, values};

const CREDENTIALS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// Three servers with names: `a.internal` and `b.internal` of the fleet, and a stranger.
struct Fleet {
    a: Server,
    b: Server,
    stranger: Server,
}

impl Fleet {
    async fn start() -> Self {
        Self { a: Server::start().await, b: Server::start().await, stranger: Server::start().await }
    }

    fn transport(&self) -> reqwest::ClientBuilder {
        let names = [("a.internal", &self.a), ("b.internal", &self.b), ("stranger.example", &self.stranger)];
        names.iter().fold(reqwest::Client::builder(), |client, (name, server)| client.resolve(name, server.address))
    }

    fn client(&self, rules: RulesBuilder) -> Client {
        let rules = rules.build().expect("good rules");
        Client::builder(rules).transport(self.transport()).build().expect("a client")
    }

    fn a(&self, next: impl AsRef<str>) -> Url {
        self.a.at("a.internal", 307, next)
    }

    fn b(&self, next: impl AsRef<str>) -> Url {
        self.b.at("b.internal", 307, next)
    }

    fn stranger(&self, next: impl AsRef<str>) -> Url {
        self.stranger.at("stranger.example", 307, next)
    }

    fn end(&self) -> Url {
        let mut url = self.a.url("/end");
        url.set_host(Some("a.internal")).expect("a host");
        url
    }
}

fn rules() -> RulesBuilder {
    Rules::builder(presets::W3C)
}

/// Returns how many requests had a header of this name.
fn count(seen: &[Seen], name: &str) -> usize {
    seen.iter().filter(|seen| seen.headers.contains_key(name)).count()
}

/// Returns how many headers of any trace format arrived.
fn trace_headers(seen: &[Seen]) -> usize {
    seen.iter().flat_map(|seen| seen.headers.keys()).filter(|name| Field::from_name(name.as_str()).is_some()).count()
}

#[tokio::test]
async fn ok_chain_over_another_host_gets_each_what_its_rule_says() {
    let fleet = Fleet::start().await;
    let client = fleet.client(rules().rule("a.internal", Rule::everything()).rule("b.internal", Rule::trace_context()));
    assert_eq!(status(&client, fleet.a(fleet.b(fleet.end()))).await, 200);
    let (a, b) = (fleet.a.seen(), fleet.b.seen());
    // Baggage is sent again to a host that may receive it.
    let baggage: Vec<_> = a.iter().map(|seen| values(&seen.headers, "baggage")).collect();
    assert_eq!(baggage, [["tenant=acme,session=secret"]; 2]);
    assert_eq!((b.len(), count(&b, "traceparent"), count(&b, "baggage")), (1, 1, 0));
    // Each hop has its own span id, below the span of the caller.
    let mut ids: Vec<_> = a.iter().chain(&b).map(|seen| span_id(&seen.headers)).collect();
    ids.push(crate::SPAN.to_owned());
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[tokio::test]
async fn ok_nothing_of_a_trace_reaches_a_stranger() {
    let fleet = Fleet::start().await;
    let client = fleet.client(rules().rule("*.internal", Rule::everything()).rule("*", Rule::nothing()));
    assert_eq!(status(&client, fleet.a(fleet.stranger(fleet.stranger(fleet.end())))).await, 200);
    assert_eq!(status(&client, fleet.stranger(fleet.end())).await, 200);
    let (a, stranger) = (fleet.a.seen(), fleet.stranger.seen());
    assert_eq!((stranger.len(), trace_headers(&stranger)), (3, 0));
    assert_eq!((a.len(), count(&a, "traceparent"), count(&a, "baggage")), (3, 3, 3));
}

/// Returns the context of a service that received baggage in every format.
fn called_with_text(propagator: &Propagator) -> OwnedContext {
    let uber = format!("{}:{}:0:1", crate::TRACE, crate::SPAN);
    let request = [
        ("uber-trace-id", uber.as_str()),
        ("uberctx-tenant", "acme"),
        ("uberctx-session", "secret"),
        ("baggage", "tenant=acme,session=secret"),
        ("x-request-id", "7f9c1a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5b"),
    ];
    let extraction = propagator.extract(&request);
    let context = OwnedContext::from_span(&extraction, &extraction.new_span(&RandomIds));
    context.with_sw8_correlation([("tenant", "acme"), ("session", "secret")])
}

#[tokio::test]
async fn ok_text_of_every_format_is_sent_only_where_it_is_allowed() {
    const TEXT: [&str; 5] = ["baggage", "uberctx-tenant", "uberctx-session", "sw8-correlation", "x-request-id"];
    let fleet = Fleet::start().await;
    let names = "tracecontext,jaeger,sw8,baggage,correlation:x-request-id";
    let builder = Propagator::builder().define(Sw8::new("cart", "cart-1"));
    let propagator = builder.names(names, names).and_then(|builder| builder.build()).expect("known names");
    let context = called_with_text(&propagator);
    let some = Rule::trace_context().allow_baggage(["tenant"]);
    let rules = Rules::builder(propagator)
        .rule("a.internal", Rule::everything())
        .rule("b.internal", some.allow_correlation(["x-other-id"]));
    let url = fleet.a(fleet.b(fleet.stranger(fleet.end())));
    let response = fleet.client(rules).get(url).context(context).send().await.expect("an answer");
    assert_eq!(response.status(), 200);

    let of = |seen: &Seen| TEXT.map(|name| values(&seen.headers, name).concat());
    let sw8 = "dGVuYW50:YWNtZQ==,c2Vzc2lvbg==:c2VjcmV0";
    let id = "7f9c1a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5b";
    for seen in fleet.a.seen() {
        assert_eq!(of(&seen), ["tenant=acme,session=secret", "acme", "secret", sw8, id]);
    }
    assert_eq!(of(&fleet.b.only()), ["tenant=acme", "acme", "", "dGVuYW50:YWNtZQ==", ""]);
    let stranger = fleet.stranger.only();
    assert_eq!(of(&stranger), [""; 5]);
    assert!(["traceparent", "uber-trace-id", "sw8"].iter().all(|name| stranger.headers.contains_key(*name)));
    // Under no other name either.
    let all = format!("{:?}", stranger.headers);
    assert!(!all.contains("acme") && !all.contains("secret") && !all.contains(id), "{all}");
}

/// Sends a request with credentials along A, B, B again, A. Returns how many of them arrived at each hop.
async fn credentials(defaults: bool) -> [Vec<usize>; 2] {
    let fleet = Fleet::start().await;
    let secrets: HeaderMap =
        CREDENTIALS.iter().map(|name| (name.parse().expect("a name"), HeaderValue::from_static("secret"))).collect();
    let mut builder = Client::builder(presets::W3C).transport(fleet.transport());
    if defaults {
        builder = builder.default_headers(secrets.clone());
    }
    let client = builder.build().expect("a client");
    let url = fleet.a(fleet.a(fleet.b(fleet.b(fleet.end()))));
    let mut request = client.get(url).context(context());
    if !defaults {
        request = request.headers(secrets);
    }
    assert_eq!(request.send().await.expect("an answer").status(), 200);
    [fleet.a.seen(), fleet.b.seen()].map(|seen| {
        let count = |seen: &Seen| CREDENTIALS.iter().filter(|name| seen.headers.contains_key(**name)).count();
        seen.iter().map(count).collect()
    })
}

#[tokio::test]
async fn ok_no_credential_on_a_foreign_hop_or_after_one() {
    for defaults in [false, true] {
        let [a, b] = credentials(defaults).await;
        assert_eq!((a, b), (vec![3, 3, 0], vec![0, 0]), "defaults: {defaults}");
    }
}

#[tokio::test]
async fn ok_password_of_the_url_stays_with_its_host() {
    let fleet = Fleet::start().await;
    let mut url = fleet.a(fleet.b(fleet.end()));
    url.set_username("user").and_then(|()| url.set_password(Some("password"))).expect("a host has a user");
    assert_eq!(status(&fleet.client(rules()), url).await, 200);
    let (a, b) = (fleet.a.seen(), fleet.b.seen());
    assert_eq!((count(&a[..1], "authorization"), count(&a, "authorization"), count(&b, "authorization")), (1, 1, 0));
    let referer = values(&b[0].headers, "referer").concat();
    assert!(referer.starts_with("http://a.internal:") && !referer.contains("password"), "{referer}");
}

#[tokio::test]
async fn ok_a_port_is_a_destination_of_its_own() {
    let (first, second) = (Server::start().await, Server::start().await);
    let rules = rules().rule(&first.address.to_string(), Rule::everything()).rule("127.0.0.0/8", Rule::nothing());
    let client = client(rules.build().expect("good rules"));
    assert_eq!(status(&client, first.to(307, second.to(307, first.url("/end")))).await, 200);
    assert_eq!((count(&first.seen(), "baggage"), trace_headers(&second.seen())), (2, 0));
}
