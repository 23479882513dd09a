//! Where the inputs come from: values that are valid, values that nearly are, and requests full of either.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use traceprop_core::{Field, Sampling, SpanId, TraceId};

/// Lines of a request.
pub(crate) type Lines = Vec<(String, Bytes)>;

/// A value, which shows as text where a test fails.
#[derive(Clone)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

pub(crate) fn trace_id() -> impl Strategy<Value = TraceId> {
    any::<u128>().prop_filter_map("zero", TraceId::new)
}

pub(crate) fn span_id() -> impl Strategy<Value = SpanId> {
    any::<u64>().prop_filter_map("zero", SpanId::new)
}

pub(crate) fn sampling() -> impl Strategy<Value = Sampling> {
    select(vec![Sampling::Deferred, Sampling::NotSampled, Sampling::Sampled, Sampling::Debug])
}

pub(crate) fn traceparent() -> impl Strategy<Value = String> {
    let versions = prop_oneof![4 => Just("00"), 1 => select(vec!["01", "0f", "cc", "fe"])];
    let parts = (versions, trace_id(), span_id(), any::<u8>());
    parts.prop_map(|(version, trace, span, flags)| format!("{version}-{trace}-{span}-{flags:02x}"))
}

/// Generates a value that is damaged in one place, or not at all.
pub(crate) fn nearly(valid: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<u8>> {
    let damage = prop_oneof![Just(None), (any::<prop::sample::Index>(), any::<u8>(), 0..3u8).prop_map(Some)];
    (valid, damage).prop_map(|(valid, damage)| {
        let mut value = valid.into_bytes();
        if let Some((place, byte, how)) = damage {
            let at = place.index(value.len() + 1);
            match how {
                0 if at < value.len() => value[at] = byte,
                1 if at < value.len() => drop(value.remove(at)),
                _ => value.insert(at, byte),
            }
        }
        value
    })
}

pub(crate) fn state_key() -> impl Strategy<Value = String> {
    // Few letters, so that keys repeat.
    prop_oneof![4 => "[a-c0]", 1 => "[a-z0-9][a-z0-9_*/@-]{0,20}"]
}

pub(crate) fn state_value() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[ -+.-<>-~]{0,12}[!-+.-<>-~]", 1 => "v{120,256}"]
}

pub(crate) fn state_members(most: usize) -> impl Strategy<Value = Vec<(String, String)>> {
    vec((state_key(), state_value()), 0..=most)
}

/// Generates one line of a list, with blanks and empty members between the members.
pub(crate) fn list(member: impl Strategy<Value = String>, most: usize) -> impl Strategy<Value = String> {
    let gap = || select(vec!["", "", "", "", " ", "\t ", " ,", ", \t,"]);
    vec((gap(), member, gap()), 0..=most).prop_map(|members| {
        let members = members.into_iter().map(|(before, member, after)| format!("{before}{member}{after}"));
        members.collect::<Vec<_>>().join(",")
    })
}

pub(crate) fn state_member() -> impl Strategy<Value = String> {
    (state_key(), state_value()).prop_map(|(key, value)| format!("{key}={value}"))
}

pub(crate) fn baggage_key() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[a-c]", 1 => "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}"]
}

pub(crate) fn baggage_member() -> impl Strategy<Value = String> {
    let octets = "([!#-+.-:<-\\[\\]-~-]|%[0-9a-fA-F]{2}){0,10}";
    let properties =
        vec(prop_oneof![baggage_key(), (baggage_key(), octets).prop_map(|(k, v)| format!("{k} = {v}"))], 0..3);
    (baggage_key(), octets, properties).prop_map(|(key, value, properties)| {
        let properties: String = properties.iter().map(|property| format!(" ; {property}")).collect();
        format!("{key} = {value}{properties}")
    })
}

/// Generates names that a format knows, in odd letter cases, and unknown names.
fn name() -> impl Strategy<Value = String> {
    let known = Field::BUILT_IN.iter().filter_map(|field| field.name());
    let mut names: Vec<String> = known.map(str::to_owned).collect();
    names.extend(["uberctx-tenant", "x-request-id", "trace-parent", "host", "", "\u{e9}"].map(str::to_owned));
    (select(names), 0..3u8).prop_map(|(name, case)| match case {
        0 => name.to_uppercase(),
        _ => name,
    })
}

/// Generates a plausible header value, damaged or not, or noise.
fn value() -> impl Strategy<Value = Bytes> {
    let formats = select(vec![
        "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1-05e3ac9a4f6e3b90",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "00f067aa0ba902b7",
        "d",
        "1",
        "11803532876627986230",
        "_dd.p.tid=4bf92f3577b34da6,_dd.p.dm=-0",
        "dd=s:2;o:rum;p:00f067aa0ba902b7;t.dm:-4,tp=1;0e0e4736;d",
        "4bf92f3577b34da6a3ce929d0e0e4736:f067aa0ba902b7:0:3",
        "1-NGJmOTJmMzU=-ZjA2N2FhMGI=-0-c2hvcA==-aTE=-L2NhcnQ=-c2hvcDo4MA==",
        "dXNlcg==:YWxpY2U=",
        "key1=value%201, key2=value2",
        r#"{"v":[0,1],"d":{"ty":"App","ac":"3","ap":"2","id":"00f067aa0ba902b7","tr":"4bf92f3577b34da6","ti":1}}"#,
        "4bf92f35-77b3-4da6-a3ce-929d0e0e4736",
        "",
        " ",
    ]);
    let value = prop_oneof![
        3 => nearly(traceparent()),
        3 => nearly(list(state_member(), 4)),
        3 => nearly(list(baggage_member(), 4)),
        4 => nearly(formats.prop_map(str::to_owned)),
        1 => vec(any::<u8>(), 0..80),
        1 => "[ -~]{0,40}".prop_map(String::into_bytes),
    ];
    value.prop_map(Bytes)
}

/// Lines as each format writes them, most of them of one trace, so that they meet in one context.
const FLEET: &[(&str, &[&str])] = &[
    (
        "traceparent",
        &[
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00000000000000aa-00",
            "00-0000000000000000a3ce929d0e0e4736-00f067aa0ba902b7-03",
            "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01",
        ],
    ),
    (
        "tracestate",
        &[
            "rojo=1",
            "dd=s:2;o:rum;p:00f067aa0ba902b7;t.dm:-4;t.usr:x",
            "dd=s:-1;x:1,rojo=1",
            "tp=1;0e0e4736;d;s87.17422198108383774",
            "rojo=1,tp=1;0e0e4736;f",
            "tp=1;ffffffff;d",
            "",
        ],
    ),
    (
        "b3",
        &[
            "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-d-05e3ac9a4f6e3b90",
            "a3ce929d0e0e4736-00f067aa0ba902b7",
            "0",
            "d",
        ],
    ),
    ("X-B3-TraceId", &["4bf92f3577b34da6a3ce929d0e0e4736", "a3ce929d0e0e4736"]),
    ("X-B3-SpanId", &["00f067aa0ba902b7"]),
    ("X-B3-ParentSpanId", &["05e3ac9a4f6e3b90"]),
    ("X-B3-Sampled", &["0", "1", "true", "d"]),
    ("X-B3-Flags", &["1", "0"]),
    ("x-datadog-trace-id", &["11803532876627986230", "1"]),
    ("x-datadog-parent-id", &["67667974448284343", "0"]),
    ("x-datadog-sampling-priority", &["2", "1", "0", "-1", "7"]),
    ("x-datadog-origin", &["rum", "a,b;c=d~"]),
    ("x-datadog-tags", &["_dd.p.tid=4bf92f3577b34da6,_dd.p.dm=-4", "_dd.p.usr=a=b", "_dd.p.tid=0,x"]),
    (
        "uber-trace-id",
        &[
            "4bf92f3577b34da6a3ce929d0e0e4736:f067aa0ba902b7:0:1",
            "4bf92f3577b34da6a3ce929d0e0e4736:f067aa0ba902b7:1:b",
            "a3ce929d0e0e4736:1:0:0",
        ],
    ),
    ("uberctx-tenant", &["acme", "a%20b"]),
    ("UberCtx-User", &["alice"]),
    ("jaeger-baggage", &["tenant=acme, user=bob"]),
    ("jaeger-debug-id", &["find-me"]),
    (
        "sw8",
        &[
            "1-NGJmOTJmMzU3N2IzNGRhNmEzY2U5MjlkMGUwZTQ3MzY=-MDBmMDY3YWEwYmE5MDJiNw==-0-c2hvcA==-aTE=-L2NhcnQ=-c2hvcDo4MA==",
            "0-NGJmOTJmMzU=-ZjA2N2FhMGI=-3-c2hvcA==-aTE=-L2NhcnQ=-c2hvcDo4MA==",
            "1-------",
        ],
    ),
    ("sw8-correlation", &["dXNlcg==:YWxpY2U="]),
    ("sw8-x", &["0- ", "1-1700000000000"]),
    ("ot-tracer-traceid", &["a3ce929d0e0e4736", "4bf92f3577b34da6a3ce929d0e0e4736"]),
    ("ot-tracer-spanid", &["f067aa0ba902b7", "00f067aa0ba902b7"]),
    ("ot-tracer-sampled", &["true", "false", "1", "no"]),
    ("Ot-Baggage-Tenant", &["acme", "a%20b"]),
    ("x-instana-t", &["a3ce929d0e0e4736", "4bf92f3577b34da6a3ce929d0e0e4736"]),
    ("x-instana-s", &["f067aa0ba902b7", "00f067aa0ba902b7"]),
    ("x-instana-l", &["0", "1", "1,correlationType=web;correlationId=1", "no"]),
    ("x-instana-synthetic", &["1", "0"]),
    ("grpc-trace-bin", &["AABL+S81d7NNpqPOkp0ODkc2AQDwZ6oLqQK3AgE", "AABL+S81d7NNpqPOkp0ODkc2AgA="]),
    (
        "X-Cloud-Trace-Context",
        &[
            "4bf92f3577b34da6a3ce929d0e0e4736/67667974448284343;o=1",
            "4bf92f3577b34da6a3ce929d0e0e4736;o=0",
            "0af7651916cd43dd8448eb211c80319c/1",
        ],
    ),
    (
        "Sentry-Trace",
        &[
            "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-0,x",
            "0",
        ],
    ),
    ("Baggage", &["sentry-trace_id=4bf92f3577b34da6a3ce929d0e0e4736,sentry-release=a%401,tenant=acme"]),
    (
        "elastic-apm-traceparent",
        &[
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-b7ad6b7169203331-00",
        ],
    ),
    (
        "NewRelic",
        &[
            r#"{"v":[0,1],"d":{"ty":"App","ac":"3","ap":"2","id":"00f067aa0ba902b7","tr":"4bf92f3577b34da6a3ce929d0e0e4736","ti":1}}"#,
            "eyJ2IjpbMCwxXSwiZCI6eyJ0eSI6IkFwcCIsImFjIjoiMzMiLCJhcCI6IjIiLCJ0eCI6IjZiIiwidHIiOiI1YSIsInRpIjoxfX0=",
        ],
    ),
    (
        "X-Amzn-Trace-Id",
        &[
            "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1;Lineage=1:f4ae5ad5:0",
            "Self=1-67891204-12456789abcdef012345678;Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;CalledFrom=app",
            "Root=1-67891204-edfd17dba1f976ec9b1bf481;Sampled=?,Root=1-x",
            "Sampled=0",
        ],
    ),
    ("baggage", &["tenant=shoes;p,user=al%20ice", "a=1 , ,b", "tenant=hats"]),
];

/// Generates a request that crossed several formats.
pub(crate) fn fleet_lines() -> impl Strategy<Value = Lines> {
    let line = select(FLEET).prop_flat_map(|(name, values)| (Just(name.to_owned()), select(values)));
    let whole = line.prop_map(|(name, value)| (name, Bytes(value.as_bytes().to_vec())));
    let damaged = select(FLEET).prop_flat_map(|(name, values)| {
        (Just(name.to_owned()), nearly(select(values).prop_map(str::to_owned)).prop_map(Bytes))
    });
    vec(prop_oneof![9 => whole, 1 => damaged], 0..10)
}

/// Generates any request.
pub(crate) fn any_lines() -> impl Strategy<Value = Lines> {
    let lines = || vec((name(), value()), 0..12);
    prop_oneof![
        8 => fleet_lines(),
        4 => lines(),
        1 => (lines(), name(), value(), 60..70usize).prop_map(|(mut lines, name, value, times)| {
            lines.extend(std::iter::repeat_n((name, value), times));
            lines
        }),
    ]
}

/// Generates a request with a valid W3C context: one traceparent, some lines of tracestate and of baggage.
pub(crate) fn w3c_lines() -> impl Strategy<Value = Lines> {
    let named = |name: &'static str| move |value: String| (name.to_owned(), Bytes(value.into_bytes()));
    let parent = traceparent().prop_map(named("traceparent"));
    let states = vec(list(state_member(), 6).prop_map(named("tracestate")), 0..4);
    let baggage = vec(list(baggage_member(), 6).prop_map(named("baggage")), 0..4);
    (parent, states, baggage).prop_map(|(parent, states, baggage)| {
        let other = ("accept".to_owned(), Bytes(b"*/*".to_vec()));
        [vec![parent, other], states, baggage].concat()
    })
}

#[test]
fn ok_each_field_of_the_table_has_samples() {
    for field in Field::BUILT_IN {
        let is_field = |(name, _): &(&str, &[&str])| Field::from_name(name) == Some(*field);
        assert!(FLEET.iter().any(is_field), "no sample of {field}");
    }
}
