//! A `traceparent` value agrees with its grammar, is read as it was written, and is forwarded verbatim.
#![cfg_attr(fuzzing, no_main)]

use std::sync::LazyLock;

use traceprop_core::formats::tracecontext::W3cTraceContext;
use traceprop_core::{
    InjectOptions, InvalidReason, Propagator, Sampling, SpanId,
    formats::tracecontext::{TraceFlags, TraceParent},
};
use traceprop_fuzz::oracle::{Expected, w3c};
use traceprop_fuzz::{Headers, SPAN, extract, target, within, written_by_passthrough, written_by_span};

target!(run);

static STRICT: LazyLock<Propagator> = LazyLock::new(|| of(W3cTraceContext::new()));
static SAME_TRACE: LazyLock<Propagator> = LazyLock::new(|| of(W3cTraceContext::new().allow_multiple_traceparent()));

fn of(format: W3cTraceContext) -> Propagator {
    Propagator::builder().with_format(format).build().expect("one format")
}

fn run(data: &[u8]) {
    value(data);
    // These bytes as separate lines, as a second agent on a page makes them.
    lines(data.split(|&b| b == b'\n').map(|line| ("Traceparent".to_owned(), line.to_vec())).collect());
}

fn value(value: &[u8]) {
    let parsed = TraceParent::parse(value);
    let expected = w3c::traceparent(value);
    let fields = |parent: TraceParent| (parent.version, parent.trace_id, parent.parent_id, parent.flags.to_byte());
    assert_eq!(parsed.ok().map(fields), expected.map(|(v, t, p, flags)| (v, t, p, flags & 3)));
    match parsed {
        Ok(parent) => {
            let written = TraceParent::new(parent.trace_id, parent.parent_id, parent.flags);
            assert_eq!(TraceParent::parse(&written.to_bytes()), Ok(written));
            assert_eq!(written.to_string().into_bytes(), parent.to_bytes());
        }
        Err(reject) => {
            within(reject, value.len());
            assert_eq!(reject.reason() == InvalidReason::MultipleTraceparent, value.contains(&b','), "{reject}");
        }
    }
}

fn lines(headers: Headers) {
    let extraction = extract(&STRICT, &headers);
    assert_eq!(Expected::from(&extraction), w3c::expected(&headers).usable());

    // Several of one trace count where that was asked for: the last one.
    let joined: Vec<_> =
        headers.iter().flat_map(|(_, line)| line.split(|&b| b == b',')).map(w3c::traceparent).collect();
    let one_trace = joined.iter().all(|parent| parent.is_some_and(|parent| Some(parent.1) == joined[0].map(|p| p.1)));
    let last = joined.last().copied().flatten().filter(|_| one_trace && headers.len() <= 64);
    let same_trace = extract(&SAME_TRACE, &headers).context();
    let ids = same_trace.map(|context| (context.trace_id, context.parent_id));
    assert_eq!(ids, last.map(|(_, trace, parent, _)| (trace, Some(parent))));

    let passed = written_by_passthrough(&STRICT, &extraction.passthrough(), &InjectOptions::new()).0;
    let Some(received) = extraction.context() else {
        return assert!(passed.0.is_empty());
    };
    let is_text = headers.iter().flat_map(|(_, line)| line).all(|&b| b == b'\t' || (b' '..=b'~').contains(&b));
    let flags = TraceFlags::new(received.sampling.is_sampled(), received.random);
    let parent = TraceParent::new(received.trace_id, received.parent_id.expect("it has one"), flags);
    let canonical = parent.to_bytes();
    let lines = headers.iter().map(|(name, line)| (name.to_ascii_lowercase(), line.clone()));
    let expected = if is_text { lines.collect() } else { vec![("traceparent".to_owned(), canonical.to_vec())] };
    assert_eq!(passed.0, expected);

    let span = SpanId::new(SPAN).expect("not zero");
    let own_span = extraction.span_with_ids(received.trace_id, span);
    let injected = written_by_span(&STRICT, &own_span, &InjectOptions::new()).0;
    let written = TraceParent { parent_id: span, ..parent };
    assert_eq!(injected.value("traceparent"), Some(written.to_string().as_str()));
    assert_eq!(injected.0.len(), 1);
    assert_ne!(received.sampling, Sampling::Debug);
}
