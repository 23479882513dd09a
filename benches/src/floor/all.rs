//! Several formats at once, by one walk over the headers.

use http::HeaderMap;

use super::{b3, correlation, datadog, found, jaeger, sw8, w3c};
use crate::{CHILD, CORRELATION, Fields, Found, Tracestate};

/// The headers that are looked for.
const NAMES: [&str; 21] = [
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
    CORRELATION,
];

/// For each length the third letters that a name of it can have, a bit each.
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
    let letter = if name.len() > 2 { name[2] } else { 0 };
    1 << (letter & 31)
}

#[inline(always)]
fn may_be_one(name: &[u8]) -> bool {
    LETTERS[name.len() & 31] & bit(name) != 0
}

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
    correlation: Option<&'h [u8]>,
}

/// Extracts all formats. The ids are those of the first valid one: W3C, Datadog, B3, Jaeger, sw8, the correlation id.
pub fn extract(headers: &HeaderMap) -> Found {
    let lines = walk(headers);
    let traceparent = found(lines.traceparent.and_then(w3c::traceparent));
    let datadog = datadog::read(lines.datadog);
    let others = [
        found(lines.b3.and_then(b3::single)),
        found(lines.jaeger.and_then(jaeger::value)),
        lines.sw8.and_then(sw8::value).unwrap_or_default(),
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
    let may_be_there = headers.keys().fold(false, |found, name| found | may_be_one(name.as_str().as_bytes()));
    if !may_be_there {
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
