//! Extracting and injecting allocate nothing in the core, and an owned context takes one allocation.

use std::fmt::{self, Write};

use allocation_counter::measure;
use traceprop_core::formats::sw8::Sw8;
use traceprop_core::{
    Allow, CarrierMut, IdBits, InjectOptions, Propagator, SpanContext, SpanId, TraceId,
    carrier::{FieldName, FieldValue},
    tracestate::TraceStateEdit,
};

type Request = Vec<(&'static str, &'static str)>;

const PARENT: (&str, &str) = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");

/// Returns requests that take every way through the reader: few lines, many, long ones, broken ones, other formats.
fn requests() -> Vec<(&'static str, Request)> {
    let ordinary = [("host", "shop.example"), ("accept", "*/*"), ("user-agent", "Mozilla/5.0"), ("cookie", "a=b; c=d")];
    let long_state: &str = "k0=vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv,\
        k1=vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv,\
        k2=vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv,\
        k3=vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv,\
        k4=vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv,\
        k5=vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv";
    let with = |lines: &[(&'static str, &'static str)]| [&ordinary[..], lines].concat();
    vec![
        ("nothing", with(&[])),
        ("traceparent", with(&[PARENT])),
        (
            "tracestate and baggage",
            with(&[PARENT, ("tracestate", "rojo=1,congo=2"), ("baggage", "user=al%20ice;p,b=2")]),
        ),
        (
            "repeated lines",
            with(&[
                PARENT,
                ("tracestate", "a=1"),
                ("tracestate", " , a=2 "),
                ("TraceState", "b=3"),
                ("baggage", "a=1"),
                ("baggage", "b=2,,x"),
            ]),
        ),
        ("tracestate beyond a buffer", with(&[PARENT, ("tracestate", long_state), ("tracestate", "again=1")])),
        ("64 lines", with(&[&[PARENT][..], &[("tracestate", ""); 64], &[("baggage", "a=1"); 64]].concat())),
        ("65 lines", with(&[&[PARENT][..], &[("tracestate", "a=1"); 65], &[("baggage", "a=1"); 65]].concat())),
        ("two traceparents", with(&[PARENT, PARENT])),
        ("broken", with(&[("traceparent", "00-4BF9"), ("tracestate", "é=1"), ("baggage", "é")])),
        (
            "every format",
            with(&[
                PARENT,
                ("tracestate", "dd=s:1;o:rum;p:00f067aa0ba902b7,tp=1;0e0e4736;d"),
                ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1"),
                ("X-B3-TraceId", "4bf92f3577b34da6a3ce929d0e0e4736"),
                ("X-B3-SpanId", "00f067aa0ba902b7"),
                ("X-B3-Sampled", "1"),
                ("x-datadog-trace-id", "11803532876627986230"),
                ("x-datadog-parent-id", "67667974448284343"),
                ("x-datadog-sampling-priority", "1"),
                ("x-datadog-origin", "rum"),
                ("x-datadog-tags", "_dd.p.tid=4bf92f3577b34da6,_dd.p.dm=-0"),
                ("uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:f067aa0ba902b7:0:1"),
                ("uberctx-tenant", "acme"),
                ("uberctx-user", "alice"),
                ("sw8", "1-NGJmOTJmMzU=-ZjA2N2FhMGI=-0-c2hvcA==-aTE=-L2NhcnQ=-c2hvcDo4MA=="),
                ("sw8-correlation", "dXNlcg==:YWxpY2U="),
                ("elastic-apm-traceparent", PARENT.1),
                ("x-instana-t", "a3ce929d0e0e4736"),
                ("x-instana-s", "00f067aa0ba902b7"),
                ("x-instana-l", "0,correlationType=web;correlationId=1"),
                ("grpc-trace-bin", "AABL+S81d7NNpqPOkp0ODkc2AQDwZ6oLqQK3AgE"),
                ("ot-tracer-traceid", "a3ce929d0e0e4736"),
                ("ot-tracer-spanid", "00f067aa0ba902b7"),
                ("ot-tracer-sampled", "true"),
                ("ot-baggage-tenant", "acme"),
                ("ot-baggage-user", "alice"),
            ]),
        ),
    ]
}

/// Creates a propagator that reads and writes every format.
fn all() -> Propagator {
    static SW8: Sw8 = Sw8::new("cart", "cart-1");
    let builder = Propagator::builder()
        .names("all", "tracecontext,baggage,b3,b3multi,datadog,jaeger,elastic,ottrace,instana,grpc-trace-bin");
    builder.expect("built-in names").inject(&SW8).build().expect("a service is named")
}

const fn ids() -> IdBits {
    IdBits::random(0xb7ad_6b71_6920_3331)
}

/// A carrier that holds its text in place.
struct Buffer {
    text: Box<[u8; 32 * 1024]>,
    len: usize,
    lines: usize,
}

impl Buffer {
    fn new() -> Self {
        Self { text: Box::new([0; 32 * 1024]), len: 0, lines: 0 }
    }
}

impl Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.text.get_mut(self.len..self.len + text.len()).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len += text.len();
        Ok(())
    }
}

impl CarrierMut for Buffer {
    fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
        writeln!(self, "{name}: {value}").expect("room for all lines");
        self.lines += 1;
    }

    fn remove_if(&mut self, stale: &mut dyn FnMut(&str) -> bool) {
        // Asks as a carrier does that has been used before; what it holds here is not worth removing.
        let _ = stale("traceparent") | stale("accept");
    }
}

#[track_caller]
fn none(what: &str, run: impl FnOnce()) {
    let count = measure(run).count_total;
    assert_eq!(count, 0, "{what}: {count} allocations");
}

#[test]
fn ok_the_counter_counts() {
    assert_eq!(measure(|| drop(std::hint::black_box(vec![1]))).count_total, 1);
}

#[test]
fn ok_a_preset_is_built_without_an_allocation() {
    none("preset", || {
        std::hint::black_box(traceprop_core::presets::W3C.propagator());
    });
}

#[test]
fn ok_extract_and_start_a_span_without_an_allocation() {
    let propagator = all();
    for (name, request) in &requests() {
        let request = request.as_slice();
        none(name, || {
            let extraction = propagator.extract(&request);
            let span = extraction.new_span(&ids);
            let members = extraction.tracestate().iter().count() + extraction.baggage().iter().count();
            let links = extraction.links().count();
            std::hint::black_box((span, members, links, extraction.passthrough()));
        });
    }
}

#[test]
fn ok_explain_without_an_allocation() {
    let propagator = all();
    let mut buffer = Buffer::new();
    for (name, request) in &requests() {
        let request = request.as_slice();
        none(name, || {
            let report = propagator.explain(&request);
            write!(buffer, "{report}\n{}\n", report.table()).expect("room for all reports");
            std::hint::black_box((
                report.invalid_headers().count(),
                report.conflicting().count(),
                report.source_format(),
            ));
        });
    }
}

#[test]
fn ok_inject_and_passthrough_without_an_allocation() {
    let propagator = all();
    let edits = [TraceStateEdit::set("mine", "1").expect("legal"), TraceStateEdit::delete("congo")];
    let calls = [
        InjectOptions::new(),
        InjectOptions::everything(),
        InjectOptions::new().allow_baggage(Allow::Only(&["a", "user"])).edit_tracestate(&edits),
    ];
    for (name, request) in &requests() {
        let request = request.as_slice();
        let extraction = propagator.extract(&request);
        for outgoing in &calls {
            let mut buffer = Buffer::new();
            none(name, || {
                let omitted = propagator.inject(&extraction.new_span(&ids), outgoing, &mut buffer);
                let _ = std::hint::black_box(omitted);
            });
            assert!(buffer.lines > 0, "{name}: a span is always written");
            none(name, || {
                propagator.inject(extraction.passthrough(), outgoing, &mut buffer);
            });
        }
    }
}

#[test]
fn ok_a_root_is_injected_without_an_allocation() {
    let propagator = traceprop_core::presets::W3C.propagator();
    let mut buffer = Buffer::new();
    none("root", || {
        propagator.inject(&SpanContext::root(&ids), &InjectOptions::new(), &mut buffer);
    });
    assert_eq!(buffer.lines, 1);
}

#[test]
fn ok_ids_are_read_and_written_without_an_allocation() {
    let mut buffer = Buffer::new();
    none("ids", || {
        let trace = TraceId::from_hex(b"4bf92f3577b34da6a3ce929d0e0e4736").expect("an id");
        let span = SpanId::from_hex(b"00f067aa0ba902b7").expect("an id");
        write!(buffer, "{trace} {span} {trace:?} {span:?}").expect("room");
    });
}

#[cfg(feature = "alloc")]
mod owned {
    use super::*;
    use traceprop_core::OwnedContext;

    #[test]
    fn ok_an_owned_context_takes_one_allocation_and_its_clone_none() {
        let propagator = all();
        for (name, request) in &requests() {
            let request = request.as_slice();
            let extraction = propagator.extract(&request);
            let span = extraction.new_span(&ids);
            // One buffer for the lines of a trace that is continued, none if nothing was received.
            let expected = match extraction.context() {
                Some(_) => 1..=1,
                None if *name == "nothing" => 0..=0,
                None => 0..=1,
            };
            // A span writes a traceparent of its own, so the received one is not copied.
            let of_span =
                if name.ends_with("traceparent") || name.ends_with("traceparents") { 0..=0 } else { expected.clone() };
            let mut made = None;
            let count = measure(|| made = Some(OwnedContext::from_span(&extraction, &span))).count_total;
            assert!(of_span.contains(&count), "{name}: from_span takes {count}");
            let count = measure(|| made = Some(OwnedContext::from_passthrough(&extraction))).count_total;
            assert!(expected.contains(&count), "{name}: from_passthrough takes {count}");
            none(name, || drop(made.clone()));
        }
    }

    #[test]
    fn ok_a_span_made_here_takes_no_buffer() {
        none("new", || drop(OwnedContext::new(SpanContext::root(&ids))));
    }

    #[test]
    fn ok_an_owned_context_is_read_and_injected_without_an_allocation() {
        let propagator = all();
        for (name, request) in &requests() {
            let request = request.as_slice();
            let extraction = propagator.extract(&request);
            let owned = OwnedContext::from_span(&extraction, &extraction.new_span(&ids));
            let mut buffer = Buffer::new();
            none(name, || {
                let members = owned.tracestate().iter().count() + owned.baggage().iter().count();
                std::hint::black_box(members);
                let call = owned.span().expect("a span").child(SpanId::MIN);
                propagator.inject(&call, &InjectOptions::everything(), &mut buffer);
            });
            assert!(buffer.lines > 0, "{name}");
        }
    }
}

#[cfg(feature = "std")]
#[test]
fn ok_the_current_context_costs_no_allocation() {
    use std::pin::pin;
    use std::task::{Context, Waker};
    use traceprop_core::{InContext, OwnedContext};

    let owned = OwnedContext::new(SpanContext::root(&ids));
    // The first use of a thread's storage may register it.
    drop(owned.clone().enter());
    none("guard", || {
        let guard = owned.clone().enter();
        std::hint::black_box(OwnedContext::current());
        drop(guard);
    });
    none("future", || {
        let mut future = pin!(async { OwnedContext::current() }.in_context(owned.clone()));
        let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_ready());
    });
}
