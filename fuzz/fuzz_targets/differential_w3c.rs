//! `traceparent` and `tracestate` compared with OpenTelemetry: what both read is equal, what only one reads is a
//! difference with a name, and what one writes the other reads as intended.
#![cfg_attr(fuzzing, no_main)]

use std::sync::LazyLock;

use http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceState as TheirState};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use traceprop_core::formats::tracecontext::W3cTraceContext;
use traceprop_core::{InjectOptions, Propagator, RemoteContext, SpanId, TraceState};
use traceprop_fuzz::oracle::{split_once, trim};
use traceprop_fuzz::peer::{self, Difference, agree, lines};
use traceprop_fuzz::{Input, SPAN, extract, target};
use traceprop_http::{HeaderCarrier, HeaderCarrierMut};

target!(run);

static OURS: LazyLock<Propagator> =
    LazyLock::new(|| Propagator::builder().with_format(W3cTraceContext::new()).build().expect("one format"));
static THEIRS: LazyLock<TraceContextPropagator> = LazyLock::new(TraceContextPropagator::new);

/// Where a traceparent is read by one and not by the other. The terms are those of Trace Context level 2.
const PARENT: &[Difference] = &[
    Difference {
        name: "they read the first of several",
        by: "RFC 9110 5.3: a field that is not a list has one line; equal lines are one",
        applies: |lines| lines.len() > 1,
    },
    Difference {
        name: "they read one of several that were joined, if it is of a later version",
        by: "RFC 9110 5.3: lines may be joined by a comma, so one with a comma is several",
        applies: |lines| lines.iter().any(|line| line.contains(&b',')),
    },
    Difference {
        name: "they read numbers of any length, with a sign, and a version in capitals",
        by: "version, version-format: 2HEXDIGLC, 32HEXDIGLC, 16HEXDIGLC, 2HEXDIGLC",
        applies: |lines| {
            let fields: Vec<_> = trim(lines[0]).split(|&b| b == b'-').collect();
            let is_other = |(field, len): (&&[u8], usize)| {
                field.len() != len || field[0] == b'+' || field.iter().any(u8::is_ascii_uppercase)
            };
            fields.iter().zip([2, 32, 16, 2]).any(is_other)
        },
    },
    Difference {
        name: "they read a dash after version 00",
        by: "version-format: nothing follows the flags",
        applies: |lines| trim(lines[0]).starts_with(b"00-") && trim(lines[0]).ends_with(b"-"),
    },
    Difference {
        name: "they read no later version with bytes that are not ASCII",
        by: "Versioning of traceparent: what a later version appends is not looked at",
        applies: |lines| !lines[0].starts_with(b"00") && !lines[0].is_ascii(),
    },
];

/// Where the members of a tracestate are others, its lines joined and of those with one key the first kept.
const STATE: &[Difference] = &[
    Difference {
        name: "they read a value of nothing, and take equals signs off its front",
        by: "Value: 0*255(chr) nblkchr, without equals signs",
        applies: |lines| any(lines, |_, value| value.is_empty() || value[0] == b'='),
    },
    Difference {
        name: "they read tabs in a value",
        by: "Value: chr begins with the space",
        applies: |lines| any(lines, |_, value| value.contains(&b'\t')),
    },
    Difference {
        name: "they read a member without a key",
        by: "Key: it begins with a letter or a digit",
        applies: |lines| any(lines, |key, _| key.is_empty()),
    },
    Difference {
        name: "some at signs are invalid for them, as in level 1",
        by: "Key: keychar has the at sign, anywhere but in front",
        applies: |lines| any(lines, |key, _| key.contains(&b'@')),
    },
    Difference {
        name: "they read the first 32 of more, and count those that are empty",
        by: "list: at most 32 members; empty ones are allowed, and are not members",
        applies: |lines| members(lines).count() > 32,
    },
];

fn members<'h>(lines: &'h [&'h [u8]]) -> impl Iterator<Item = &'h [u8]> {
    lines.iter().flat_map(|line| line.split(|&b| b == b',')).map(trim)
}

fn any(lines: &[&[u8]], is_other: fn(&[u8], &[u8]) -> bool) -> bool {
    members(lines).filter_map(|member| split_once(member, b'=')).any(|(key, value)| is_other(key, value))
}

/// What a reader makes of a request: trace, span, whether it is sampled; and the members.
type Ids = ([u8; 16], [u8; 8], bool);
type Members = Vec<(String, String)>;

fn run(data: &[u8]) {
    let headers = peer::map(&Input::new(data).headers());
    let carrier = HeaderCarrier::new(&headers);
    let extraction = extract(&OURS, &carrier);
    let theirs = peer::span(&*THEIRS, &peer::joined(&headers, "tracestate"));
    let ours = extraction.context();
    agree(ours.map(ids), theirs.as_ref().map(their_ids), PARENT, &lines(&headers, "traceparent"));
    if let (Some(ours), Some(theirs)) = (ours, &theirs) {
        assert_eq!(ids(ours), their_ids(theirs), "what both read is the same");
        let state = extraction.tracestate();
        agree(our_members(state), their_members(theirs.trace_state()), STATE, &lines(&headers, "tracestate"));
        they_write(theirs);
    }
    if let Some(received) = ours {
        let span = extraction.span_with_ids(received.trace_id, SpanId::new(SPAN).expect("not zero"));
        let mut sent = HeaderMap::new();
        OURS.inject(&span, &InjectOptions::everything(), &mut HeaderCarrierMut::new(&mut sent));
        let theirs = peer::span(&*THEIRS, &sent).expect("they read what we write");
        let expected = RemoteContext { parent_id: Some(span.span_id()), sampling: span.sampling(), ..received };
        assert_eq!(their_ids(&theirs), ids(expected));
        let line = lines(&sent, "tracestate");
        let state = TraceState::parse(line.first().copied().unwrap_or_default()).expect("we read what we write");
        agree(our_members(state), their_members(theirs.trace_state()), STATE, &line);
    }
}

/// Checks that we read what they write.
fn they_write(span: &SpanContext) {
    let sent = peer::written(&*THEIRS, &Context::new().with_remote_span_context(span.clone()));
    let carrier = HeaderCarrier::new(&sent);
    let extraction = extract(&OURS, &carrier);
    assert_eq!(extraction.context().map(ids), Some(their_ids(span)));
    agree(our_members(extraction.tracestate()), their_members(span.trace_state()), STATE, &lines(&sent, "tracestate"));
}

fn ids(context: RemoteContext) -> Ids {
    let parent = context.parent_id.expect("every traceparent has one");
    (context.trace_id.to_bytes(), parent.to_bytes(), context.sampling.is_sampled())
}

fn their_ids(span: &SpanContext) -> Ids {
    (span.trace_id().to_bytes(), span.span_id().to_bytes(), span.is_sampled())
}

fn our_members(state: TraceState<'_>) -> Members {
    state.iter().map(|member| (member.key.to_owned(), member.value.to_owned())).collect()
}

/// Returns the first member of each key: they keep them all.
fn their_members(state: &TheirState) -> Members {
    let mut members = Members::new();
    for (key, value) in state {
        if members.iter().all(|(known, _)| known != key) {
            members.push((key.to_owned(), value.to_owned()));
        }
    }
    members
}
