//! traceprop-opentelemetry next to the propagators of OpenTelemetry, as propagators of OpenTelemetry. See the README.
//!
//! ```text
//! adapter            prints instructions (by callgrind), nanoseconds and allocations of each case
//! adapter NAME N     makes N calls of one case, for a profiler
//! ```

use std::env;
use std::error::Error;
use std::hint::black_box;
use std::process::{Command, Stdio};
use std::time::Instant;

use http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use traceprop_benches::{CHILD, OTHERS, allocations, opentelemetry as theirs};
use traceprop_core::{Allow, Propagator, presets};
use traceprop_opentelemetry::OtelPropagator;

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

const TRACEPARENT: (&str, &str) = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
const TRACESTATE: (&str, &str) = ("tracestate", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE,es=s:0.25");
const BAGGAGE: (&str, &str) = ("baggage", "userId=alice,serverNode=DF%2028,isProduction=false");
const B3: (&str, &str) = ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1");

type Lines = &'static [(&'static str, &'static str)];

struct Case {
    name: &'static str,
    lines: Lines,
    writes: bool,
    ours: OtelPropagator,
    theirs: Box<dyn TextMapPropagator>,
    /// The most instructions that we want, as a multiple of theirs.
    target: f64,
}

fn named(extract: &str, inject: &str) -> OtelPropagator {
    OtelPropagator::new(Propagator::from_names(extract, inject).expect("known names")).allow_baggage(Allow::All)
}

fn cases() -> Vec<Case> {
    let w3c = || OtelPropagator::new(presets::W3C).allow_baggage(Allow::All);
    let all = || OtelPropagator::new(presets::ALL_TO_W3C).allow_baggage(Allow::All);
    let three = || named("tracecontext,b3,baggage", "tracecontext,b3,baggage");
    let alone = || -> Box<dyn TextMapPropagator> { Box::new(TraceContextPropagator::new()) };
    let composite = || -> Box<dyn TextMapPropagator> { Box::new(Composite) };
    let case = |name, lines, writes, ours, theirs, target| Case { name, lines, writes, ours, theirs, target };
    vec![
        case("extract-w3c", &[TRACEPARENT, TRACESTATE], false, w3c(), alone(), 1.2),
        case("extract-w3c-baggage-of-three", &[TRACEPARENT, TRACESTATE, BAGGAGE], false, three(), composite(), 1.0),
        case("extract-w3c-baggage-of-all", &[TRACEPARENT, TRACESTATE, BAGGAGE], false, all(), composite(), 1.0),
        case("extract-b3-of-three", &[B3], false, three(), composite(), 1.0),
        case("nothing-w3c", &[], false, w3c(), alone(), 1.7),
        case("nothing-of-all", &[], false, all(), composite(), 1.0),
        case("inject-w3c", &[TRACEPARENT, TRACESTATE], true, w3c(), alone(), 1.0),
        case("inject-w3c-b3-baggage", &[TRACEPARENT, TRACESTATE, BAGGAGE], true, three(), composite(), 1.0),
    ]
}

/// Theirs: B3, trace context and baggage.
#[derive(Debug)]
struct Composite;

impl TextMapPropagator for Composite {
    fn inject_context(&self, cx: &Context, injector: &mut dyn opentelemetry::propagation::Injector) {
        theirs::THREE.inject_context(cx, injector);
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        theirs::THREE.extract_with_context(cx, extractor)
    }

    fn fields(&self) -> opentelemetry::propagation::text_map_propagator::FieldIter<'_> {
        theirs::THREE.fields()
    }
}

impl Case {
    fn headers(&self, lines: Lines) -> HeaderMap {
        OTHERS
            .iter()
            .chain(lines)
            .map(|&(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")))
            .collect()
    }

    /// Makes calls of one side.
    fn run(&self, propagator: &dyn TextMapPropagator, calls: u64) {
        let request = self.headers(self.lines);
        let cx = Context::new();
        if !self.writes {
            return counted_extractions(propagator, &cx, &request, calls);
        }
        let parent = propagator.extract_with_context(&cx, &HeaderExtractor(&request));
        let span = parent.span().span_context().clone();
        let span = SpanContext::new(
            span.trace_id(),
            SpanId::from(CHILD),
            span.trace_flags(),
            false,
            span.trace_state().clone(),
        );
        let cx = parent.with_remote_span_context(span);
        let mut headers = self.headers(&[]);
        headers.reserve(8);
        counted_injections(propagator, &cx, &mut headers, calls);
    }

    fn side(&self, is_ours: bool) -> &dyn TextMapPropagator {
        if is_ours { &self.ours } else { &*self.theirs }
    }

    fn instructions(&self, is_ours: bool) -> Result<u64, Box<dyn Error>> {
        const CALLS: u64 = 200;
        let few = collected(self.name, is_ours, CALLS)?;
        let many = collected(self.name, is_ours, 2 * CALLS)?;
        Ok(many.saturating_sub(few) / CALLS)
    }

    fn nanoseconds(&self, is_ours: bool) -> u64 {
        const CALLS: u64 = 20_000;
        let time = || {
            let start = Instant::now();
            self.run(self.side(is_ours), CALLS);
            u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX) / CALLS
        };
        (0..15).map(|_| time()).min().unwrap_or_default()
    }

    fn allocations(&self, is_ours: bool) -> u64 {
        let count = |calls| {
            let before = allocations::so_far();
            allocations::counted(|| self.run(self.side(is_ours), calls));
            allocations::so_far() - before
        };
        count(1);
        count(2) - count(1)
    }
}

/// Valgrind counts in functions of this name, and what they call.
#[inline(never)]
fn counted_extractions(propagator: &dyn TextMapPropagator, cx: &Context, request: &HeaderMap, calls: u64) {
    for _ in 0..calls {
        black_box(propagator.extract_with_context(black_box(cx), &HeaderExtractor(black_box(request))));
    }
}

#[inline(never)]
fn counted_injections(propagator: &dyn TextMapPropagator, cx: &Context, headers: &mut HeaderMap, calls: u64) {
    for _ in 0..calls {
        propagator.inject_context(black_box(cx), &mut HeaderInjector(black_box(&mut *headers)));
    }
}

/// Runs one side in a process of its own, and returns its instructions.
fn collected(name: &str, is_ours: bool, calls: u64) -> Result<u64, Box<dyn Error>> {
    let side = if is_ours { "ours" } else { "theirs" };
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*counted_*"])
        .arg(env::current_exe()?)
        .args([name, side, &calls.to_string()])
        .stdin(Stdio::null())
        .output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    let total = told.lines().find_map(|line| line.split_once("Collected : "));
    Ok(total.ok_or_else(|| told.to_string())?.1.trim().parse()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let cases = cases();
    if let [name, side, calls] = &arguments[..] {
        let case = cases.iter().find(|case| case.name == name).ok_or("no such case")?;
        case.run(case.side(side == "ours"), calls.parse()?);
        return Ok(());
    }
    println!("| case | instructions | of theirs | target | ns | allocations |\n|---|---|---|---|---|---|");
    for case in &cases {
        let [ours, theirs] = [case.instructions(true)?, case.instructions(false)?];
        let ns = [true, false].map(|side| case.nanoseconds(side));
        let allocations = [true, false].map(|side| case.allocations(side));
        println!(
            "| {} | {ours} / {theirs} | {:.2} | {:.1} | {} / {} | {} / {} |",
            case.name,
            ours as f64 / theirs as f64,
            case.target,
            ns[0],
            ns[1],
            allocations[0],
            allocations[1]
        );
    }
    Ok(())
}
