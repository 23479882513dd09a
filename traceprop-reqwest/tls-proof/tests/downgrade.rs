//! No baggage, correlation id or credential goes from https to http. The receiving server counts them.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Url, redirect};
use tls_proof::{Authority, Server};
use traceprop_core::{OwnedBaggage, OwnedContext, Propagator, RandomIds, SpanContext, baggage::BaggageEntry};
use traceprop_reqwest::{Call, Client, ClientBuilder, Error, InjectOptions, Propagate, Rule, Rules, RulesExt, presets};

/// What must not leave TLS.
const SECRETS: [&str; 4] = ["baggage", "authorization", "cookie", "proxy-authorization"];

const A: &str = "a.internal";
const B: &str = "b.internal";

/// The servers, two with TLS and one without. Both names resolve to them.
struct Fleet {
    authority: Authority,
    a: Server,
    b: Server,
    plain: Server,
}

impl Fleet {
    async fn start() -> Self {
        let authority = Authority::new(&[A, B]);
        let (a, b) = (Server::tls(&authority).await, Server::tls(&authority).await);
        Self { authority, a, b, plain: Server::plain().await }
    }

    fn transport(&self) -> reqwest::ClientBuilder {
        let loopback = "127.0.0.1:0".parse().expect("an address");
        self.authority.client().resolve(A, loopback).resolve(B, loopback)
    }

    /// Returns a client whose rules allow everything to every host, so only missing TLS withholds a header.
    fn client(&self) -> ClientBuilder {
        Client::builder(trusting()).transport(self.transport())
    }
}

fn trusting() -> Rules {
    Rules::builder(presets::W3C).rule("*", Rule::everything()).build().expect("a good rule")
}

fn context() -> OwnedContext {
    let mut baggage = OwnedBaggage::new();
    baggage.push(BaggageEntry { key: "tenant".into(), value: "acme".into(), properties: String::new() });
    OwnedContext::new(SpanContext::root(&RandomIds)).with_baggage(&baggage)
}

fn credentials() -> HeaderMap {
    let names = SECRETS.iter().filter(|name| **name != "baggage");
    names.map(|name| (HeaderName::from_static(name), HeaderValue::from_static("secret=1"))).collect()
}

async fn get(client: &Client, url: Url) -> u16 {
    let request = client.get(url).headers(credentials()).context(context());
    request.send().await.expect("an answer").status().as_u16()
}

/// Returns the number of received requests with each of the secrets.
fn secrets(server: &Server) -> [usize; 4] {
    SECRETS.map(|name| server.count(name))
}

#[tokio::test]
async fn ok_tls_is_real_and_what_is_kept_back_below_is_there() {
    let fleet = Fleet::start().await;
    let client = fleet.client().build().expect("a client");
    assert_eq!(get(&client, fleet.a.url(A)).await, 200);
    assert_eq!((secrets(&fleet.a), fleet.a.count("traceparent")), ([1; 4], 1));
    // A client that does not trust the certificate gets no answer, so the answers above were sent over TLS.
    let stranger = Authority::new(&[A]);
    let transport = stranger.client().resolve(A, "127.0.0.1:0".parse().expect("an address"));
    let client = Client::builder(trusting()).transport(transport).build().expect("a client");
    let error = client.get(fleet.a.url(A)).send().await.expect_err("an unknown certificate");
    assert!(error.is_connect(), "{error:?}");
    assert_eq!(fleet.a.seen().len(), 1);
}

#[tokio::test]
async fn ok_nothing_leaves_tls_for_the_same_host_or_for_another() {
    for host in [A, B] {
        let fleet = Fleet::start().await;
        let client = fleet.client().build().expect("a client");
        assert_eq!(get(&client, fleet.a.to(A, &fleet.plain.url(host))).await, 200);
        assert_eq!((secrets(&fleet.a), secrets(&fleet.plain)), ([1; 4], [0; 4]), "{host}");
        assert_eq!((fleet.a.count("traceparent"), fleet.plain.count("traceparent")), (1, 1));
        // The plain host gets no referer either.
        assert_eq!(fleet.plain.count("referer"), 0);
    }
}

#[tokio::test]
async fn ok_default_headers_do_not_leave_tls() {
    let fleet = Fleet::start().await;
    let client = fleet.client().default_headers(credentials()).build().expect("a client");
    let own = HeaderMap::from_iter([(HeaderName::from_static("baggage"), HeaderValue::from_static("mine=1"))]);
    let url = fleet.a.to(A, &fleet.plain.url(A));
    assert_eq!(client.get(url.clone()).context(context()).send().await.expect("an answer").status(), 200);
    // Without a context: baggage that is set by hand.
    assert_eq!(client.get(url).headers(own).send().await.expect("an answer").status(), 200);
    assert_eq!((secrets(&fleet.a), secrets(&fleet.plain)), ([2; 4], [0; 4]));
    assert_eq!(fleet.plain.seen().len(), 2);
}

#[tokio::test]
async fn ok_chain_that_leaves_tls_stays_without_until_it_is_back() {
    let fleet = Fleet::start().await;
    let client = fleet.client().build().expect("a client");
    let back = fleet.b.url(B);
    let plain_again = fleet.plain.to(B, &back);
    let plain = fleet.plain.to(A, &plain_again);
    assert_eq!(get(&client, fleet.a.to(A, &plain)).await, 200);
    assert_eq!((secrets(&fleet.a), secrets(&fleet.plain)), ([1; 4], [0; 4]));
    // The rule of each hop decides on baggage. Stripped credentials stay stripped.
    assert_eq!(secrets(&fleet.b), [1, 0, 0, 0]);
    assert_eq!((fleet.plain.seen().len(), fleet.plain.count("traceparent")), (2, 2));
}

#[tokio::test]
async fn ok_chain_that_came_to_tls_on_its_way_leaves_it_without() {
    let fleet = Fleet::start().await;
    let client = fleet.client().build().expect("a client");
    let end = fleet.plain.url(B);
    let url = fleet.plain.to(A, &fleet.a.to(A, &end));
    assert_eq!(get(&client, url).await, 200);
    // The first hop was sent without TLS on purpose. The last one was not.
    let baggage: Vec<_> = fleet.plain.seen().iter().map(|headers| headers.contains_key("baggage")).collect();
    assert_eq!((baggage, fleet.a.count("baggage")), (vec![true, false], 1));
}

#[tokio::test]
async fn ok_text_of_other_formats_does_not_leave_tls() {
    let fleet = Fleet::start().await;
    let names = "tracecontext,jaeger,baggage,correlation:x-request-id";
    let propagator = Propagator::from_names(names, names).expect("known names");
    let request = [
        ("uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:1"),
        ("uberctx-tenant", "acme"),
        ("baggage", "tenant=acme"),
        ("x-request-id", "7f9c1a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5b"),
    ];
    let extraction = propagator.extract(&request);
    let context = OwnedContext::from_span(&extraction, &extraction.new_span(&RandomIds));
    let destinations = Rules::builder(propagator.clone()).rule("*", Rule::everything()).build().expect("a good rule");
    let client = Client::builder(destinations).transport(fleet.transport()).build().expect("a client");
    let url = fleet.a.to(A, &fleet.plain.url(A));
    assert_eq!(client.get(url).context(context).send().await.expect("an answer").status(), 200);
    for name in ["uberctx-tenant", "baggage", "x-request-id"] {
        assert_eq!((fleet.a.count(name), fleet.plain.count(name)), (1, 0), "{name}");
    }
    assert_eq!((fleet.a.count("uber-trace-id"), fleet.plain.count("uber-trace-id")), (1, 1));
}

#[tokio::test]
async fn ok_stored_cookies_that_are_for_tls_stay_there() {
    let fleet = Fleet::start().await;
    let client = Client::builder(trusting()).transport(fleet.transport().cookie_store(true)).build().expect("a client");
    let mut url = fleet.a.to(A, &fleet.plain.url(A));
    url.query_pairs_mut().append_pair("cookie", "id=secret; Secure");
    let end = fleet.a.url(A);
    for url in [url, end] {
        assert_eq!(client.get(url).send().await.expect("an answer").status(), 200);
    }
    // The second request to the host that set the cookie shows that it was stored.
    assert_eq!((fleet.a.count("cookie"), fleet.plain.count("cookie")), (1, 0));
}

#[tokio::test]
async fn err_https_only_stops_at_the_end_of_tls() {
    let fleet = Fleet::start().await;
    let client = fleet.client().https_only(true).build().expect("a client");
    let error = client.get(fleet.a.to(A, &fleet.plain.url(A))).send().await.expect_err("it leaves TLS");
    assert!(matches!(error, Error::NotHttps { .. }), "{error:?}");
    assert_eq!((fleet.a.seen().len(), fleet.plain.seen().len()), (1, 0));
}

/// A plain client leaks, as the docs say, which shows that the counts above would show it; our policy stops it.
#[tokio::test]
async fn ok_plain_client_stops_with_our_policy_and_leaks_without() {
    let fleet = Fleet::start().await;
    let propagator = presets::W3C.propagator();
    let (context, url) = (context(), fleet.a.to(A, &fleet.plain.url(A)));
    let call = Call::new(&propagator).context(&context).inject_options(InjectOptions::everything());
    let ours = trusting().redirect_policy(redirect::Policy::default());
    for (policy, status, leaked) in [(ours, 307, 0), (redirect::Policy::default(), 200, 1)] {
        let client = fleet.transport().redirect(policy).build().expect("a client");
        let answer = client.get(url.clone()).propagate_with(&call).send().await.expect("an answer");
        assert_eq!((answer.status().as_u16(), fleet.plain.count("baggage")), (status, leaked));
    }
}
