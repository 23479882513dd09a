//! Allocations of writing the headers of one call.

use allocation_counter::measure;
use reqwest::{Method, Request};
use traceprop_core::{OwnedBaggage, OwnedContext, SpanContext, baggage::BaggageEntry, presets};
use traceprop_reqwest::{Call, Rule, Rules, RulesExt};

fn context() -> OwnedContext {
    let trace_id = "4bf92f3577b34da6a3ce929d0e0e4736".parse().expect("an id");
    let span = SpanContext::new(trace_id, "00f067aa0ba902b7".parse().expect("an id"));
    let mut baggage = OwnedBaggage::new();
    for key in ["tenant", "session"] {
        baggage.push(BaggageEntry { key: key.into(), value: "x".into(), properties: String::new() });
    }
    OwnedContext::new(span).with_tracestate([("rojo", "1"), ("congo", "2")]).expect("members").with_baggage(&baggage)
}

#[test]
fn ok_inject_takes_one_allocation_a_line() {
    let context = context();
    let propagator = presets::W3C.propagator();
    let mut request = Request::new(Method::GET, "http://stock.internal:8080/items".parse().unwrap());
    // Room for the headers and the thread's random generator exist before the count starts.
    request.headers_mut().reserve(4);
    let call = Call::new(&propagator).context(&context);
    call.inject(&mut Request::new(Method::GET, "http://stock.internal/".parse().unwrap()));

    let count = measure(|| {
        call.inject(&mut request);
    });
    assert_eq!(request.headers().len(), 2);
    assert_eq!(count.count_total, 2);
}

/// Allocations of the rules, a child span and its headers, as a `Client` writes them before a hop.
#[test]
fn ok_rules_take_no_allocation_of_their_own() {
    let rules = Rules::builder(presets::W3C)
        .rule("10.0.0.0/8", Rule::everything())
        .rule("legacy.internal:8080", Rule::trace_context())
        .rule("https://*.internal", Rule::everything())
        .rule(
            "*.internal",
            Rule::trace_context().allow_baggage(["tenant", "region"]).allow_correlation(["x-request-id"]),
        )
        .rule("*", Rule::nothing())
        .build()
        .expect("good rules");
    let context = context();
    for (url, lines) in
        [("http://stock.internal:8080/items", 3), ("http://10.1.2.3/", 3), ("http://stranger.example/items", 0)]
    {
        let request = || Request::new(Method::GET, url.parse().expect("a URL"));
        let mut request = (request(), request());
        rules.inject(&context, &mut request.0);
        request.1.headers_mut().reserve(4);
        let count = measure(|| {
            rules.inject(&context, &mut request.1);
        });
        assert_eq!((request.1.headers().len(), count.count_total), (lines, lines as u64), "{url}");
    }
}
