//! The context that is sent, and trace headers that a request already has.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use traceprop_core::{IdBits, InContext, OwnedContext, Propagator};
use traceprop_reqwest::{Call, Client, Propagate, Rule, Rules, RulesExt, presets};

use crate::{SPAN, Server, TRACE, client, context, plain, span_id, values};

#[tokio::test]
async fn ok_the_current_context_is_taken_when_the_call_is_made() {
    let server = Server::start().await;
    let client = plain();
    let work = async {
        // The task has no current context, but the call had one.
        let call = tokio::spawn(client.get(server.url("/")).send());
        call.await.expect("no panic").expect("an answer");
        let request = client.get(server.url("/")).build().expect("a request");
        client.execute(request).await.expect("an answer");
    };
    work.in_context(context()).await;
    let [first, second] = server.seen().try_into().expect("two requests");
    assert_ne!(span_id(&first.headers), span_id(&second.headers));
}

#[tokio::test]
async fn ok_span_of_a_tracer_is_the_first_hop() {
    let server = Server::start().await;
    let request = plain().get(server.to(302, "/end")).context(context()).reuse_span();
    request.send().await.expect("an answer");
    let ids: Vec<_> = server.seen().iter().map(|seen| span_id(&seen.headers)).collect();
    assert_eq!((ids[0].as_str(), ids[1] != SPAN), (SPAN, true));
}

#[tokio::test]
async fn ok_passthrough_is_unchanged() {
    let server = Server::start().await;
    let received = format!("cc-{TRACE}-{SPAN}-01-later");
    let propagator = presets::W3C.propagator();
    let context = OwnedContext::from_passthrough(&propagator.extract(&[("traceparent", received.as_str())]));
    plain().get(server.to(302, "/end")).context(context).send().await.expect("an answer");
    let lines: Vec<_> = server.seen().iter().map(|seen| values(&seen.headers, "traceparent").concat()).collect();
    assert_eq!(lines, [received.as_str(), received.as_str()]);
}

#[tokio::test]
async fn ok_without_a_context_a_root_is_begun_on_request_only() {
    let server = Server::start().await;
    plain().get(server.to(302, "/end")).send().await.expect("an answer");
    assert!(server.seen().iter().all(|seen| !seen.headers.contains_key("traceparent")));

    let server = Server::start().await;
    let next = AtomicU64::new(0x10);
    let ids = move || IdBits::non_random(next.fetch_add(1, Relaxed));
    let client = Client::builder(presets::W3C).start_new_traces().id_generator(ids).build().expect("a client");
    client.get(server.to(302, "/end")).send().await.expect("an answer");
    let lines: Vec<_> = server.seen().iter().map(|seen| values(&seen.headers, "traceparent").concat()).collect();
    let trace = "00-00000000000000100000000000000011";
    assert_eq!(lines, [format!("{trace}-0000000000000012-01"), format!("{trace}-0000000000000013-01")]);
}

#[tokio::test]
async fn ok_each_rule_has_its_formats_and_the_call_its_endpoint() {
    let server = Server::start().await;
    let sw8 = traceprop_core::formats::sw8::Sw8::new("cart", "cart-1");
    let sw8 = Propagator::builder().define(sw8).names("none", "sw8").and_then(|builder| builder.build());
    let rules = Rules::builder(presets::W3C)
        .rule("localhost", Rule::trace_context().propagator(sw8.expect("an identity")))
        .build()
        .expect("good rules");
    let url = server.at("localhost", 302, server.url("/end"));
    let transport = reqwest::Client::builder().resolve("localhost", server.address);
    let client = Client::builder(rules).transport(transport).build().expect("a client");
    client.get(url).context(context()).endpoint("/basket").send().await.expect("an answer");
    let [first, second] = server.seen().try_into().expect("two requests");
    let [sw8] = values(&first.headers, "sw8").try_into().expect("an sw8 header");
    // Base64 of the endpoint and of the called authority.
    let peer = format!("localhost:{}", server.address.port());
    let fields: Vec<_> = sw8.split('-').collect();
    assert_eq!((fields[6], fields[7].len()), ("L2Jhc2tldA==", peer.len().div_ceil(3) * 4));
    assert!(!first.headers.contains_key("traceparent") && !second.headers.contains_key("sw8"));
    span_id(&second.headers);
}

#[tokio::test]
async fn ok_endpoint_of_the_request_that_is_served_is_told() {
    let server = Server::start().await;
    let sw8 = traceprop_core::formats::sw8::Sw8::new("cart", "cart-1");
    let sw8 = Propagator::builder().define(sw8).names("none", "sw8").and_then(|builder| builder.build());
    let sw8 = Arc::new(sw8.expect("an identity"));
    let served = context().with_endpoint("/basket");

    let client = Client::builder(Arc::clone(&sw8)).build().expect("a client");
    client.get(server.url("/")).context(served.clone()).send().await.expect("an answer");
    client.get(server.url("/")).context(served.clone()).endpoint("/other").send().await.expect("an answer");
    let plain = reqwest::Client::new();
    plain.get(server.url("/")).propagate_with(&Call::new(&sw8).context(&served)).send().await.expect("an answer");
    let mut request = plain.get(server.url("/")).build().expect("a request");
    Rules::from(sw8).inject(&served, &mut request);
    plain.execute(request).await.expect("an answer");

    let told =
        server.seen().into_iter().map(|seen| values(&seen.headers, "sw8").concat().split('-').nth(6).map(String::from));
    let told: Vec<_> = told.map(|field| field.expect("eight fields")).collect();
    // Base64 of "/basket" and of "/other".
    assert_eq!(told, ["L2Jhc2tldA==", "L290aGVy", "L2Jhc2tldA==", "L2Jhc2tldA=="]);
}

#[tokio::test]
async fn ok_omissions_are_told_for_each_hop() {
    let server = Server::start().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&told);
    let client = Client::builder(presets::W3C)
        .on_omitted(move |url, omissions| log.lock().expect("no panic").push(format!("{}: {omissions}", url.path())))
        .build()
        .expect("a client");
    client.get(server.to(302, "/end")).context(context()).send().await.expect("an answer");
    let expected = ["/go", "/end"].map(|path| format!("{path}: baggage: 2 members omitted (not-allowed)"));
    assert_eq!(*told.lock().expect("no panic"), expected);
}

/// Sends existing trace headers along two hops, with and without a context.
async fn own_headers(rule: Rule, context: Option<OwnedContext>) -> Vec<[String; 4]> {
    let server = Server::start().await;
    let propagator = Propagator::from_names("none", "tracecontext,baggage,correlation:x-request-id");
    let rules = Rules::builder(propagator.expect("known names")).rule("*", rule);
    let client = client(rules.build().expect("a good rule"));
    let names = ["traceparent", "b3", "baggage", "x-request-id"];
    let mut request =
        names.iter().fold(client.get(server.to(302, "/end")), |request, name| request.header(*name, "own"));
    if let Some(context) = context {
        request = request.context(context);
    }
    request.send().await.expect("an answer");
    server.seen().iter().map(|seen| names.map(|name| values(&seen.headers, name).concat())).collect()
}

#[tokio::test]
async fn ok_headers_of_the_user_stay_without_a_context_as_far_as_the_rule_allows() {
    let all = |line: [&str; 4]| vec![line.map(str::to_owned); 2];
    assert_eq!(own_headers(Rule::everything(), None).await, all(["own", "own", "own", "own"]));
    assert_eq!(own_headers(Rule::trace_context(), None).await, all(["own", "own", "", ""]));
    let some = Rule::trace_context().allow_baggage(["tenant"]).allow_correlation(["x-request-id"]);
    assert_eq!(own_headers(some, None).await, all(["own", "own", "", "own"]));
    assert_eq!(own_headers(Rule::nothing(), None).await, all(["", "", "", ""]));
}

#[tokio::test]
async fn ok_headers_of_the_user_are_replaced_by_what_is_written() {
    for (rule, b3, baggage) in [
        (Rule::everything(), "own", "tenant=acme,session=secret"),
        (Rule::trace_context().allow_baggage(["tenant"]), "own", "tenant=acme"),
        (Rule::trace_context(), "own", ""),
        (Rule::nothing(), "", ""),
    ] {
        for [traceparent, its_b3, its_baggage, _] in own_headers(rule.clone(), Some(context())).await {
            assert_eq!((its_b3.as_str(), its_baggage.as_str()), (b3, baggage));
            assert!(traceparent != "own" && traceparent.contains(TRACE) != b3.is_empty(), "{traceparent}");
        }
    }
}
