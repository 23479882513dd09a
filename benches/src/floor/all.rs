//! Several formats at once, by one walk over the headers.

use http::HeaderMap;

use super::{
    b3, cloudtrace, correlation, datadog, found, grpc_trace_bin, instana, jaeger, newrelic, ottrace, sentry, sw8, w3c,
    xray,
};
use crate::{CHILD, CORRELATION, Fields, Found, Tracestate};

/// The headers that are looked for.
const NAMES: [&str; 34] = [
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-flags",
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "x-datadog-origin",
    "x-datadog-tags",
    "uber-trace-id",
    "jaeger-baggage",
    "jaeger-debug-id",
    "sw8",
    "sw8-correlation",
    "sw8-x",
    "sentry-trace",
    "x-instana-t",
    "x-instana-s",
    "x-instana-l",
    "x-instana-synthetic",
    "newrelic",
    "elastic-apm-traceparent",
    "grpc-trace-bin",
    "ot-tracer-traceid",
    "ot-tracer-spanid",
    "ot-tracer-sampled",
    "x-amzn-trace-id",
    "x-cloud-trace-context",
    CORRELATION,
];

/// For each length the first and third letters that a name of it can have, a bit each pair. No ordinary header has one.
static LETTERS: [u32; 32] = {
    let mut letters = [0; 32];
    let mut n = 0;
    while n < NAMES.len() {
        let name = NAMES[n].as_bytes();
        letters[name.len()] |= bit(name);
        n += 1;
    }
    letters
};

const fn bit(name: &[u8]) -> u32 {
    let letters = match name {
        &[first, _, third, ..] => first ^ third,
        _ => 0,
    };
    1 << (letters & 31)
}

#[inline(always)]
fn may_be_one(name: &[u8]) -> bool {
    LETTERS[name.len() & 31] & bit(name) != 0
}

/// Compares a name that may be one of them.
#[inline(never)]
fn is_one(name: &[u8]) -> bool {
    OF_LENGTH[name.len() & 31].iter().any(|known| known.as_bytes() == name)
}

/// The names of each length.
static OF_LENGTH: [[&str; 5]; 32] = {
    let mut names = [[""; 5]; 32];
    let mut n = 0;
    while n < NAMES.len() {
        let same = &mut names[NAMES[n].len()];
        let mut at = 0;
        while !same[at].is_empty() {
            at += 1;
        }
        same[at] = NAMES[n];
        n += 1;
    }
    names
};

/// The first line of each header that was found.
#[derive(Default)]
struct Lines<'h> {
    traceparent: Option<&'h [u8]>,
    tracestate: Option<&'h [u8]>,
    baggage: Option<&'h [u8]>,
    b3: Option<&'h [u8]>,
    datadog: [Option<&'h [u8]>; 5],
    jaeger: Option<&'h [u8]>,
    sw8: Option<&'h [u8]>,
    sentry: Option<&'h [u8]>,
    instana: [Option<&'h [u8]>; 3],
    newrelic: Option<&'h [u8]>,
    elastic: Option<&'h [u8]>,
    grpc_trace_bin: Option<&'h [u8]>,
    ottrace: [Option<&'h [u8]>; 3],
    xray: Option<&'h [u8]>,
    cloudtrace: Option<&'h [u8]>,
    correlation: Option<&'h [u8]>,
}

/// Extracts all formats. The ids are those of the first valid one, in the order of the code.
pub fn extract(headers: &HeaderMap) -> Found {
    let lines = walk(headers);
    let traceparent = found(lines.traceparent.and_then(w3c::traceparent));
    let datadog = datadog::read(lines.datadog);
    let others = [
        found(lines.b3.and_then(b3::single)),
        found(lines.jaeger.and_then(jaeger::value)),
        lines.sw8.and_then(sw8::value).unwrap_or_default(),
        found(lines.sentry.and_then(sentry::value)),
        found(instana::ids(lines.instana)),
        found(lines.newrelic.and_then(newrelic::value)),
        found(lines.elastic.and_then(w3c::traceparent)),
        found(lines.grpc_trace_bin.and_then(grpc_trace_bin::value)),
        found(ottrace::ids(lines.ottrace)),
        found(lines.xray.and_then(xray::value)),
        found(lines.cloudtrace.and_then(cloudtrace::value)),
        Found { trace_id: lines.correlation.and_then(correlation::uuid).unwrap_or(0), ..Found::default() },
    ];
    let all = [traceparent, datadog].into_iter().chain(others);
    let first = all.into_iter().find(|found| found.trace_id != 0).unwrap_or_default();
    let members = lines.tracestate.filter(|_| traceparent.trace_id != 0).and_then(w3c::members);
    Found {
        tracestate: members.map_or(Tracestate::Absent, Tracestate::Members),
        baggage: lines.baggage.map(w3c::baggage).unwrap_or_default(),
        fields: Fields::default(),
        ..first
    }
}

/// Extracts W3C, B3 and Datadog, with the sizes of Datadog's origin and tags.
pub fn extract_formats(headers: &HeaderMap) -> Found {
    let lines = walk(headers);
    let traceparent = found(lines.traceparent.and_then(w3c::traceparent));
    let b3 = found(lines.b3.and_then(b3::single));
    std::hint::black_box((traceparent, b3, lines.tracestate.and_then(w3c::members)));
    datadog::read(lines.datadog)
}

/// Walks over the names alone first: most requests have none of them.
#[inline(always)]
fn walk(headers: &HeaderMap) -> Lines<'_> {
    let mut lines = Lines::default();
    let is_there = headers.keys().map(|name| name.as_str().as_bytes()).any(|name| may_be_one(name) && is_one(name));
    if !is_there {
        return lines;
    }
    for (name, value) in headers {
        let name = name.as_str().as_bytes();
        if !may_be_one(name) {
            continue;
        }
        let place = match name {
            b"traceparent" => &mut lines.traceparent,
            b"tracestate" => &mut lines.tracestate,
            b"baggage" => &mut lines.baggage,
            b"b3" => &mut lines.b3,
            b"x-datadog-trace-id" => &mut lines.datadog[0],
            b"x-datadog-parent-id" => &mut lines.datadog[1],
            b"x-datadog-sampling-priority" => &mut lines.datadog[2],
            b"x-datadog-origin" => &mut lines.datadog[3],
            b"x-datadog-tags" => &mut lines.datadog[4],
            b"uber-trace-id" => &mut lines.jaeger,
            b"sw8" => &mut lines.sw8,
            b"sentry-trace" => &mut lines.sentry,
            b"x-instana-t" => &mut lines.instana[0],
            b"x-instana-s" => &mut lines.instana[1],
            b"x-instana-l" => &mut lines.instana[2],
            b"newrelic" => &mut lines.newrelic,
            b"elastic-apm-traceparent" => &mut lines.elastic,
            b"grpc-trace-bin" => &mut lines.grpc_trace_bin,
            b"ot-tracer-traceid" => &mut lines.ottrace[0],
            b"ot-tracer-spanid" => &mut lines.ottrace[1],
            b"ot-tracer-sampled" => &mut lines.ottrace[2],
            b"x-amzn-trace-id" => &mut lines.xray,
            b"x-cloud-trace-context" => &mut lines.cloudtrace,
            name if name == CORRELATION.as_bytes() => &mut lines.correlation,
            _ => continue,
        };
        place.get_or_insert(value.as_bytes());
    }
    lines
}

/// What [`inject_three`] and [`inject_formats`] write.
#[derive(Debug)]
pub struct Context {
    ids: (u128, u64),
    tracestate: Box<[u8]>,
    baggage: Box<[u8]>,
}

/// Returns a child of the received span.
pub fn context(headers: &HeaderMap) -> Context {
    let lines = walk(headers);
    Context {
        ids: (extract(headers).trace_id, CHILD),
        tracestate: lines.tracestate.unwrap_or_default().into(),
        baggage: lines.baggage.unwrap_or_default().into(),
    }
}

/// Injects traceparent, tracestate, b3 and baggage.
pub fn inject_three(context: &Context, headers: &mut HeaderMap) {
    let (trace_id, span_id) = context.ids;
    w3c::inject_traceparent(trace_id, span_id, headers);
    w3c::inject_tracestate(&context.tracestate, headers);
    b3::inject(&context.ids, headers);
    w3c::inject_baggage(&context.baggage, headers);
}

/// Injects Datadog's headers, traceparent, a tracestate with Datadog's member, and b3.
pub fn inject_formats(context: &Context, headers: &mut HeaderMap) {
    let (trace_id, span_id) = context.ids;
    datadog::inject(&context.ids, headers);
    w3c::inject_traceparent(trace_id, span_id, headers);
    let mut tracestate = *b"dd=s:1;o:rum;p:0000000000000000;t.dm:-0";
    super::put_hex(span_id, &mut tracestate[15..31]);
    w3c::inject_tracestate(&tracestate, headers);
    b3::inject(&context.ids, headers);
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;
    use crate::w3c::IDS;

    #[test]
    fn ok_each_format_is_found_alone() {
        let requests: [&[(&'static str, &'static str)]; 8] = [
            &[("sentry-trace", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1")],
            &[
                ("x-instana-t", "4bf92f3577b34da6a3ce929d0e0e4736"),
                ("x-instana-s", "00f067aa0ba902b7"),
                ("x-instana-l", "1"),
            ],
            &[("elastic-apm-traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")],
            &[("grpc-trace-bin", "AABL+S81d7NNpqPOkp0ODkc2AQDwZ6oLqQK3AgE")],
            &[("x-amzn-trace-id", "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1")],
            &[("x-cloud-trace-context", "4bf92f3577b34da6a3ce929d0e0e4736/67667974448284343;o=1")],
            &[("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1")],
            &[("uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:1")],
        ];
        for lines in requests {
            let lines =
                lines.iter().map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            assert_eq!(extract(&lines.collect()), IDS);
        }
    }
}
