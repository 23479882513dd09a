//! Work grows no faster than the input: memory and header lookups by count, time by ratio.

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use traceprop_core::{Carrier, IdBits, InjectOptions, OwnedContext, Pairs, Propagator, format::MAX_HEADER_LINES};

use crate::chain::{Chain, Memory};
use crate::{PARENT, everything, line, names};

/// A header and the repeated part of its value, the most expensive one for some format.
const SHAPES: [(&str, &str); 14] = [
    ("traceparent", "0"),
    ("tracestate", "a=1,"),
    ("tracestate", ", "),
    ("baggage", "a=1,"),
    ("baggage", "a=%25;b=%2,"),
    ("baggage", "a=1;b"),
    ("b3", "0,"),
    ("x-datadog-origin", "rum,"),
    ("x-datadog-tags", "_dd.p.a=1,"),
    ("jaeger-baggage", "a=%25,"),
    ("uberctx-tenant", "%25"),
    ("sw8", "1-------,"),
    ("sw8-correlation", "YQ==:YQ==,"),
    ("x-request-id", "4b-"),
];

const KIB: usize = 1024;

fn value(part: &str, len: usize) -> String {
    part.repeat(len / part.len())
}

/// Reading copies the lines of known headers once, up to the size of an owned context. The rest is small: extensions,
/// the handler's future, the report that the layer keeps, and what this test records of it.
#[tokio::test]
async fn ok_memory_is_bounded_by_the_received_size() {
    const REST: u64 = 2 * KIB as u64;
    const ONE_CALL: Memory = Memory { count: 32, bytes: 20 * KIB as u64 };

    let chain = Chain::start().await;
    for (name, part) in SHAPES {
        for len in [4, 8, 16, 32, 64, 128, 256].map(|kib| kib * KIB) {
            let value = value(part, len);
            let seen = chain.send(&[line("traceparent", PARENT), line(name, &value)].concat()).await;
            assert_eq!(seen.status, Some(200));
            let copy = if value.len() < OwnedContext::MAX_BYTES { value.len() as u64 } else { 0 };
            let (reading, writing) = (seen.reading, seen.writing);
            assert!(reading.bytes <= copy + REST && reading.count <= 12, "{name} {part:?} {len}: {reading:?}");
            // Half of a call is the client's own memory, which does not grow.
            let within = writing.bytes <= ONE_CALL.bytes && writing.count <= ONE_CALL.count;
            assert!(within, "{name} {part:?} {len}: {writing:?}");
        }
    }
}

/// Carrier that counts how often its headers are visited.
struct Looks {
    lines: Vec<(String, String)>,
    taken: AtomicUsize,
}

impl Carrier for Looks {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.lines.iter().map(|(name, value)| {
            self.taken.fetch_add(1, Ordering::Relaxed);
            (name.as_str(), value.as_bytes())
        })
    }
}

/// Does everything with a request: reads, explains and copies it, and injects a child and a passthrough.
fn work(propagator: &Propagator, carrier: &impl Carrier) {
    let report = propagator.explain(carrier);
    let extraction = report.extraction();
    black_box((report.to_string(), OwnedContext::from_passthrough(extraction)));
    let span = extraction.new_span(&|| IdBits::random(7));
    black_box(OwnedContext::from_span(extraction, &span));
    let mut headers = Pairs::new();
    propagator.inject(&span, &InjectOptions::everything(), &mut headers);
    propagator.inject(extraction.passthrough(), &InjectOptions::everything(), &mut headers);
    black_box(headers);
}

/// Counts the visits to headers if one of them has this many lines.
fn looks(propagator: &Propagator, name: &str, part: &str, count: usize) -> usize {
    let mut lines = vec![("traceparent".to_owned(), PARENT.to_owned())];
    lines.extend(vec![(name.to_owned(), part.to_owned()); count]);
    let carrier = Looks { lines, taken: AtomicUsize::new(0) };
    work(propagator, &carrier);
    carrier.taken.into_inner()
}

/// Each line of a field is found by a walk over all headers, so each reader of lines visits a header as often as it
/// reads lines. Above the limit lines are not read.
#[test]
fn ok_lookups_grow_with_the_number_of_lines() {
    const READERS: usize = 8;

    let propagator = everything();
    for name in names() {
        for part in ["a=1", "YQ==:YQ==", "0", PARENT] {
            let counts = [1, 8, 16, 32, 64, 65, 128, 256, 512, 1024, 2048];
            let looks = counts.map(|count| looks(&propagator, name, part, count));
            for (count, looks) in counts.into_iter().zip(looks) {
                assert!(looks <= MAX_HEADER_LINES * READERS * (count + 1), "{count} lines {name}: {part}: {looks}");
            }
            let beyond: Vec<_> = looks[5..].windows(2).zip(counts[5..].windows(2)).collect();
            // Visits grow with the lines, for the few readers that walk over all of them.
            let steady =
                |(looks, counts): &(&[usize], &[usize])| looks[1] <= looks[0] + READERS * (counts[1] - counts[0]);
            assert!(beyond.iter().all(steady), "{name}: {part}: {looks:?}");
        }
    }
}

/// Measures the shortest time of several tries, since disturbances only make it longer.
fn time(propagator: &Propagator, name: &str, value: &str) -> Duration {
    let request = [("traceparent", PARENT), (name, value)];
    let tries = (0..7).map(|_| {
        let begin = Instant::now();
        work(propagator, &request);
        begin.elapsed()
    });
    tries.min().unwrap_or_default()
}

/// A value of sixteen times the size takes at most sixteen times as long. The limit leaves room for a busy machine;
/// work that grows with the square takes 256 times as long.
#[test]
fn ok_time_grows_at_most_with_the_value() {
    let propagator = everything();
    for (name, part) in SHAPES {
        let [short, long] = [16, 256].map(|kib| time(&propagator, name, &value(part, kib * KIB)));
        assert!(long < short * 64, "{name} {part:?}: {short:?}, {long:?}");
    }
}
