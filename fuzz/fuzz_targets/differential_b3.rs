//! B3 compared with OpenTelemetry: what both read is equal, what only one reads is a difference with a name, and what
//! one writes the other reads as intended.
#![cfg_attr(fuzzing, no_main)]

use std::sync::LazyLock;

use http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry_propagator_b3::{B3Encoding, Propagator as TheirPropagator};
use traceprop_core::formats::b3::B3;
use traceprop_core::{InjectOptions, Propagator, RemoteContext, Sampling, SpanId};
use traceprop_fuzz::peer::{self, Difference, agree};
use traceprop_fuzz::{Input, SPAN, extract, target};
use traceprop_http::{HeaderCarrier, HeaderCarrierMut};

target!(run);

static OURS: LazyLock<[Propagator; 2]> = LazyLock::new(|| {
    let of = |format| Propagator::builder().extract(B3::both()).inject(format).build().expect("one format");
    [of(B3::single()), of(B3::multi())]
});
static THEIRS: LazyLock<[TheirPropagator; 3]> = LazyLock::new(|| {
    let encodings = [B3Encoding::SingleAndMultiHeader, B3Encoding::SingleHeader, B3Encoding::MultipleHeader];
    encodings.map(TheirPropagator::with_encoding)
});

/// Bits of their flags that only their B3 knows.
const DEFERRED: u8 = 2;
const DEBUG: u8 = 4;

const TRACE: &str = "x-b3-traceid";
const SPAN_ID: &str = "x-b3-spanid";
const SAMPLED: &str = "x-b3-sampled";
const FLAGS: &str = "x-b3-flags";

/// Where the headers are read differently. What we go by is openzipkin/b3-propagation, or what real senders write.
const KNOWN: &[Difference] = &[
    Difference {
        name: "they read no value of several that were joined",
        by: "RFC 9110 5.3: lines may be joined by a comma; the first counts, as it does for them of several lines",
        applies: |lines| lines.iter().any(|line| line.contains(&b',')),
    },
    Difference {
        name: "they read a dash at the end",
        by: "b3={TraceId}-{SpanId}-{SamplingState}-{ParentSpanId}: nothing follows the last",
        applies: |lines| single(lines).ends_with(b"-"),
    },
    Difference {
        name: "they read `false` in the single header",
        by: "SamplingState: 0, 1 or d",
        applies: |lines| fields(lines).nth(2) == Some(b"false"),
    },
    Difference {
        name: "they read no parent in the place of the decision",
        by: "openzipkin/brave#816: clients that write one",
        applies: |lines| fields(lines).nth(2).is_some_and(|field| field.len() == 16) && fields(lines).count() == 3,
    },
    Difference {
        name: "they read the several headers where the single one is a decision alone",
        by: "the single header counts, if it can be read",
        applies: |lines| [b"0", b"1", b"d"].iter().any(|word| single(lines) == *word),
    },
    Difference {
        name: "they read a number with a sign",
        by: "TraceId, SpanId: 16 or 32 lower-hex characters",
        applies: |lines| {
            let several = [TRACE, SPAN_ID].map(|name| value(lines, name));
            fields(lines).chain(several).any(|field| field.starts_with(b"+"))
        },
    },
    Difference {
        name: "they read no ids with other than 16 or 32 digits",
        by: "senders that leave out zeros in front, in the several headers",
        applies: |lines| {
            let [trace, span] = [TRACE, SPAN_ID].map(|name| value(lines, name).len());
            trace > 0 && span > 0 && (!(trace == 16 || trace == 32) || span != 16)
        },
    },
    Difference {
        name: "they read no ids with a decision that is invalid, is spelled out, or is a `d`",
        by: "X-B3-Sampled: 1 or 0, and true or false of old; another one costs itself",
        applies: |lines| has(lines, SAMPLED) && ![&b"0"[..], b"1", b"false"].contains(&value(lines, SAMPLED)),
    },
    Difference {
        name: "they take X-B3-Flags: 0 for a decision",
        by: "X-B3-Flags: 1 is debug, and nothing else is defined",
        applies: |lines| value(lines, FLAGS) == b"0",
    },
];

/// Returns the first line of each name, as `name: value`.
fn lines(headers: &HeaderMap) -> Vec<Vec<u8>> {
    let names = ["b3", TRACE, SPAN_ID, SAMPLED, FLAGS];
    let lines = names
        .iter()
        .filter_map(|name| headers.get(*name).map(|value| [name.as_bytes(), b": ", value.as_bytes()].concat()));
    lines.collect()
}

fn find<'l>(lines: &[&'l [u8]], name: &str) -> Option<&'l [u8]> {
    lines.iter().find_map(|line| line.strip_prefix(name.as_bytes())?.strip_prefix(b": "))
}

fn has(lines: &[&[u8]], name: &str) -> bool {
    find(lines, name).is_some()
}

fn value<'l>(lines: &[&'l [u8]], name: &str) -> &'l [u8] {
    find(lines, name).unwrap_or_default()
}

fn single<'l>(lines: &[&'l [u8]]) -> &'l [u8] {
    value(lines, "b3")
}

fn fields<'l>(lines: &[&'l [u8]]) -> impl Iterator<Item = &'l [u8]> {
    single(lines).split(|&b| b == b'-')
}

/// What a reader makes of a request.
type Read = Option<([u8; 16], [u8; 8], Sampling)>;

fn run(data: &[u8]) {
    let headers = peer::map(&Input::new(data).headers());
    let lines = lines(&headers);
    let lines: Vec<_> = lines.iter().map(Vec::as_slice).collect();
    let carrier = HeaderCarrier::new(&headers);
    let extraction = extract(&OURS[0], &carrier);
    let theirs = peer::span(&THEIRS[0], &headers);
    agree(of_ours(extraction.context()), of_theirs(theirs.as_ref()), KNOWN, &lines);

    if let Some(received) = extraction.context() {
        let span = extraction.span_with_ids(received.trace_id, SpanId::new(SPAN).expect("not zero"));
        for propagator in &*OURS {
            let mut sent = HeaderMap::new();
            propagator.inject(&span, &InjectOptions::everything(), &mut HeaderCarrierMut::new(&mut sent));
            let theirs = peer::span(&THEIRS[0], &sent);
            let expected = RemoteContext { parent_id: Some(span.span_id()), sampling: span.sampling(), ..received };
            assert_eq!(of_theirs(theirs.as_ref()), of_ours(Some(expected)), "they read what we write");
        }
    }
    if let Some(span) = theirs {
        for propagator in &*THEIRS {
            let sent = peer::written(propagator, &Context::new().with_remote_span_context(span.clone()));
            let read = extract(&OURS[0], &HeaderCarrier::new(&sent)).context();
            assert_eq!(of_ours(read), of_theirs(Some(&span)), "we read what they write");
        }
    }
}

fn of_ours(context: Option<RemoteContext>) -> Read {
    let context = context?;
    Some((context.trace_id.to_bytes(), context.parent_id?.to_bytes(), context.sampling))
}

fn of_theirs(span: Option<&SpanContext>) -> Read {
    let span = span?;
    let flags = span.trace_flags().to_u8();
    let sampling = match (flags & DEBUG > 0, flags & DEFERRED > 0, span.is_sampled()) {
        (true, ..) => Sampling::Debug,
        (_, true, _) => Sampling::Deferred,
        (.., true) => Sampling::Sampled,
        _ => Sampling::NotSampled,
    };
    Some((span.trace_id().to_bytes(), span.span_id().to_bytes(), sampling))
}
