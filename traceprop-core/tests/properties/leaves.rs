//! What leaves a service, for any request, over any older headers.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use traceprop_core::Field;

use crate::cases;
use crate::rule::{Gateway, Lines, NAMES};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const OTHER: &str = "00000000000000000af7651916cd43dd";

/// Generates a line of a request: valid ones of one trace or another, text, and values that mean nothing.
fn line() -> impl Strategy<Value = (String, String)> {
    let ids = (select(vec![TRACE, OTHER]), select(vec!["00f067aa0ba902b7", "00000000000000aa"]), any::<bool>());
    let trace = (0..8u8, ids).prop_map(|(kind, (trace, span, sampled))| {
        let bit = u8::from(sampled);
        let low = u64::from_str_radix(&trace[16..], 16).expect("hex");
        let (name, value) = match kind {
            0 => ("traceparent", format!("00-{trace}-{span}-0{bit}")),
            1 => ("b3", format!("{trace}-{span}-{bit}")),
            2 => ("X-B3-TraceId", trace.to_owned()),
            3 => ("X-B3-SpanId", span.to_owned()),
            4 => ("x-datadog-trace-id", low.to_string()),
            5 => ("uber-trace-id", format!("{trace}:{span}:0:{bit}")),
            6 => ("b3", bit.to_string()),
            _ => ("x-b3-sampled", bit.to_string()),
        };
        (name.to_owned(), value)
    });
    let text = select(vec![
        ("baggage", "tenant=acme,user=SECRET"),
        ("Baggage", "user=SECRET"),
        ("uberctx-tenant", "acme"),
        ("Uberctx-User", "SECRET"),
        ("jaeger-baggage", "tenant=acme,user=SECRET"),
        ("sw8-correlation", "dXNlcg==:U0VDUkVU,dGVuYW50:YWNtZQ=="),
        ("x-request-id", "order-acme"),
        ("x_order", "order-SECRET"),
        ("tracestate", "rojo=1,dd=s:2;o:rum"),
        ("tracestate", "tp=1;0e0e4736;ceca8:SECRET"),
        (
            "sw8",
            "1-NGJmOTJmMzU3N2IzNGRhNmEzY2U5MjlkMGUwZTQ3MzY=-MDBmMDY3YWEwYmE5MDJiNzAwMDAwMDAwMDAwMDAwMDA=-0-Yw==-aQ==-Lw==-cA==",
        ),
        ("accept", "*/*"),
        ("x-dynatrace", "FW4"),
    ]);
    let text = text.prop_map(|(name, value)| (name.to_owned(), value.to_owned()));
    let nothing = (header_name(), Just(String::from("?"))).prop_map(|(name, value)| (name, value));
    prop_oneof![4 => trace, 4 => text, 1 => nothing]
}

/// Generates any name of the table in any spelling.
fn header_name() -> impl Strategy<Value = String> {
    let names: Vec<&'static str> = Field::ALL.iter().filter_map(|field| field.name()).collect();
    let names = prop_oneof![8 => select(names), 1 => select(vec!["accept", "x-request-id", "x_order", "x-order", "trace-parent"])];
    (names, any::<bool>(), 0..3u8).prop_map(|(name, upper, spelling)| {
        let name = if name.ends_with('-') { format!("{name}key") } else { name.to_owned() };
        let name = if upper { name.to_uppercase() } else { name };
        match spelling {
            0 => name.replace('-', "_"),
            1 => name.replacen('-', "_", 1),
            _ => name,
        }
    })
}

fn stale() -> impl Strategy<Value = Lines> {
    vec((header_name(), Just(String::from("old SECRET"))), 0..12)
}

fn gateway() -> impl Strategy<Value = Gateway> {
    let list = 0..1u16 << NAMES.len();
    let keep = (prop_oneof![Just(0), any::<u16>()], prop_oneof![Just(0), any::<u8>()]);
    (list.clone(), list, any::<u16>(), keep)
        .prop_map(|(read, written, bits, keep)| Gateway::from_bits(read, written, bits, keep))
}

proptest! {
    #![proptest_config(cases(768))]

    #[test]
    fn ok_only_what_the_rule_allows_leaves_and_all_of_it(gateway in gateway(), request in vec(line(), 0..10), stale in stale()) {
        // Over older headers, and over a copy of the request among them.
        for carrier in [stale.clone(), [request.clone(), stale].concat()] {
            let checked = gateway.check(&request, &carrier).and_then(|fresh| gateway.check_written(&request, &fresh));
            if let Err(error) = checked {
                return Err(TestCaseError::fail(error));
            }
        }
    }
}

/// The attack that the rule is for, and the exceptions from it.
#[test]
fn err_forward_what_a_listener_refused() {
    let request: Lines = [("b3", "0"), ("x_datadog_trace_id", "1"), ("baggage", "user=SECRET"), ("accept", "*/*")]
        .map(|(name, value)| (name.into(), value.into()))
        .into();
    let place = |name: &str| 1 << NAMES.iter().position(|known| *known == name).expect("a name");
    for trust in 0..4 {
        for split in [0, 4] {
            let gateway = Gateway::from_bits(place("b3"), place("tracecontext"), trust | split | 8 | 16, (0, 0));
            let fresh = gateway.check(&request, &request).expect("nothing that was refused");
            assert_eq!((fresh.len(), fresh[0].0.as_str()), (1, "traceparent"), "{:?}", gateway.trust);
        }
    }
}
