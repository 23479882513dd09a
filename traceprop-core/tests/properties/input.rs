//! Where the inputs come from: values that are valid, values that nearly are, and requests full of either.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use traceprop_core::{Sampling, SpanId, TraceId};

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

/// A value that is damaged in one place, or not at all.
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

/// One line of a list, with blanks and empty members between the members.
pub(crate) fn list(member: impl Strategy<Value = String>, most: usize) -> impl Strategy<Value = String> {
    let gap = || select(vec!["", "", "", "", " ", "\t ", " ,", ", \t,"]);
    vec((gap(), member, gap()), 0..=most).prop_map(|members| {
        let members = members.into_iter().map(|(before, member, behind)| format!("{before}{member}{behind}"));
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

/// Names that some dialect knows, in odd letter cases, and names that none does.
fn name() -> impl Strategy<Value = String> {
    let known = traceprop_core::Field::BUILT_IN.iter().filter_map(|field| field.name());
    let mut names: Vec<String> = known.map(str::to_owned).collect();
    names.extend(["uberctx-tenant", "x-request-id", "trace-parent", "host", "", "\u{e9}"].map(str::to_owned));
    (select(names), 0..3u8).prop_map(|(name, case)| match case {
        0 => name.to_uppercase(),
        _ => name,
    })
}

/// A value that somebody's header might have, damaged or not, or noise.
fn value() -> impl Strategy<Value = Bytes> {
    let dialects = select(vec![
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
        "4bf92f35-77b3-4da6-a3ce-929d0e0e4736",
        "",
        " ",
    ]);
    let value = prop_oneof![
        3 => nearly(traceparent()),
        3 => nearly(list(state_member(), 4)),
        3 => nearly(list(baggage_member(), 4)),
        4 => nearly(dialects.prop_map(str::to_owned)),
        1 => vec(any::<u8>(), 0..80),
        1 => "[ -~]{0,40}".prop_map(String::into_bytes),
    ];
    value.prop_map(Bytes)
}

/// Any request at all.
pub(crate) fn any_lines() -> impl Strategy<Value = Lines> {
    let lines = || vec((name(), value()), 0..12);
    prop_oneof![
        8 => lines(),
        1 => (lines(), name(), value(), 60..70usize).prop_map(|(mut lines, name, value, times)| {
            lines.extend(std::iter::repeat_n((name, value), times));
            lines
        }),
    ]
}

/// A request with a valid W3C context: one traceparent, some lines of tracestate and of baggage.
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
