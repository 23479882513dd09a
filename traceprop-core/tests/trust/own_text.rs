//! Text that a service sets itself is its own, so it is sent under every trust, where a call allows it.

use traceprop_core::formats::correlation::Correlation;
use traceprop_core::{Allow, Baggage, InjectOptions, OwnedBaggage, OwnedContext, Pairs, Trust};

use crate::edge::{ALL, ids, propagator, traceparent};

const CORRELATION: Correlation = Correlation::from_static("x-request-id");
const OWN_ID: &str = "A19931BB-F235-4DCB-8E2F-B9D31225D62E";

/// A context of a request with text of the caller in every format, with text of the service in its place.
fn own(trust: Trust, is_passthrough: bool) -> OwnedContext {
    let edge = propagator(trust, ALL);
    let parent = traceparent("01");
    let request = [
        ("traceparent", &*parent),
        ("baggage", "tenant=strange,sentry-sampled=true"),
        ("uberctx-tenant", "strange"),
        ("sw8-correlation", "dGVuYW50:c3RyYW5nZQ=="),
        ("x-request-id", "D19931BB-F235-4DCB-8E2F-B9D31225D62E"),
    ];
    let extraction = edge.extract(&request);
    let context = match is_passthrough {
        true => OwnedContext::from_passthrough(&extraction),
        false => OwnedContext::from_span(&extraction, &extraction.new_span(&ids)),
    };
    // A member of Sentry that the service sets is not the caller's.
    let baggage = OwnedBaggage::from(Baggage::parse(b"tenant=acme,sentry-release=2").expect("baggage"));
    let context = context.with_baggage(&baggage).with_sw8_correlation([("tenant", "acme")]);
    let context = context.with_jaeger_baggage([("tenant", "acme")]).expect("a key");
    context.with_correlation(&CORRELATION, OWN_ID).expect("an id")
}

fn sent(trust: Trust, is_passthrough: bool, options: &InjectOptions<'_>) -> Pairs {
    let mut headers = Pairs::new();
    propagator(trust, ALL).inject(&own(trust, is_passthrough), options, &mut headers);
    headers
}

const TRUSTS: [Trust; 4] = [Trust::Continue, Trust::Resample, Trust::Restart, Trust::Ignore];

#[test]
fn ok_own_text_is_sent_where_it_is_allowed_under_every_trust() {
    for trust in TRUSTS {
        for is_passthrough in [false, true] {
            let sent = sent(trust, is_passthrough, &InjectOptions::everything());
            assert_eq!(sent.get("baggage"), Some("tenant=acme,sentry-release=2"), "{trust:?}");
            assert_eq!(sent.get("uberctx-tenant"), Some("acme"), "{trust:?}");
            assert_eq!(sent.get("x-request-id"), Some(OWN_ID), "{trust:?}");
            if !is_passthrough {
                assert_eq!(sent.get("sw8-correlation"), Some("dGVuYW50:YWNtZQ=="), "{trust:?}");
            }
        }
        assert_eq!(own(trust, false).baggage().len(), 2, "{trust:?}");
    }
}

#[test]
fn err_own_text_is_not_sent_where_it_is_not_allowed() {
    for trust in TRUSTS {
        for is_passthrough in [false, true] {
            let none = sent(trust, is_passthrough, &InjectOptions::new());
            for name in ["baggage", "uberctx-tenant", "sw8-correlation", "x-request-id"] {
                assert_eq!(none.get(name), None, "{trust:?}");
            }
            let some = InjectOptions::new().allow_baggage(Allow::Only(&["sentry-release"]));
            assert_eq!(sent(trust, is_passthrough, &some).get("baggage"), Some("sentry-release=2"), "{trust:?}");
        }
    }
}
