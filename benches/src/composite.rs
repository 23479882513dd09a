//! Several formats at once: their cost together, and the cost of configured formats without a header.

use std::sync::LazyLock;

use ::opentelemetry::propagation::TextMapCompositePropagator;
use ::traceprop_core::formats::datadog::Datadog as OurDatadog;
use ::traceprop_core::{InjectOptions, Propagator};
use ::traceprop_http::HeaderCarrier;
use http::HeaderMap;

use crate::datadog_opentelemetry::{Datadog, Style};
use crate::w3c::{IDS, LUGGAGE, NOTHING, PACKED, SAMPLED, STATE};
use crate::{
    Baggage, CHILD, CORRELATION, Case, Contender, FLOOR, Fields, Found, Input, Tracestate, floor, opentelemetry,
    traceprop,
};

const B3: (&str, &str) = ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1");
const SESSION: (&str, &str) = ("baggage", "session.id=6f1c9a52-31f0-4c43-9c5d-3f7a0c8f9d11");

/// What Datadog's agent for browsers sends unless it is told otherwise: one trace, twice, and the session.
static RUM: Input = Input::new(
    "datadog-rum",
    &[
        ("x-datadog-trace-id", "11803532876627986230"),
        ("x-datadog-parent-id", "67667974448284343"),
        ("x-datadog-sampling-priority", "1"),
        ("x-datadog-origin", "rum"),
        ("traceparent", "00-0000000000000000a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("tracestate", "dd=s:1;o:rum"),
        SESSION,
    ],
    Found {
        trace_id: 0xa3ce_929d_0e0e_4736,
        tracestate: Tracestate::Members(1),
        baggage: Baggage { members: 1, bytes: SESSION.1.len() - 1 },
        ..IDS
    },
);
/// One trace in all of them.
static ALL: Input = Input::new(
    "every-format",
    &[
        SAMPLED,
        STATE,
        B3,
        ("x-datadog-trace-id", "11803532876627986230"),
        ("x-datadog-parent-id", "67667974448284343"),
        ("x-datadog-sampling-priority", "1"),
        ("x-datadog-tags", "_dd.p.dm=-0,_dd.p.tid=4bf92f3577b34da6"),
        ("uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:1"),
        (
            "sw8",
            "1-NGJmOTJmMzU3N2IzNGRhNmEzY2U5MjlkMGUwZTQ3MzY=-MDBmMDY3YWEwYmE5MDJiNzAwMDAwMDAwMDAwMDAwMDA=-0-c2hvcA==-\
             c2hvcC0x-L2Jhc2tldA==-Y2FydDo4MDgw",
        ),
        (CORRELATION, "4bf92f35-77b3-4da6-a3ce-929d0e0e4736"),
        LUGGAGE,
    ],
    Found { tracestate: Tracestate::Members(3), baggage: PACKED, ..IDS },
);
static NONE: Input = Input::new("no-format", &[], NOTHING);

static THREE: Input = Input::new(
    "traceparent+baggage+b3",
    &[SAMPLED, STATE, B3, LUGGAGE],
    Found { tracestate: Tracestate::Members(3), baggage: PACKED, ..IDS },
);

/// One trace in the three formats of a Datadog tracer.
static FORMATS: Input = Input::new(
    "datadog+traceparent+b3",
    &[
        ("x-datadog-trace-id", "11803532876627986230"),
        ("x-datadog-parent-id", "67667974448284343"),
        ("x-datadog-sampling-priority", "1"),
        ("x-datadog-origin", "rum"),
        ("x-datadog-tags", "_dd.p.dm=-0,_dd.p.tid=4bf92f3577b34da6"),
        SAMPLED,
        ("tracestate", "dd=s:1;o:rum;t.dm:-0"),
        B3,
    ],
    Found { fields: Fields { bytes: 7 }, ..IDS },
)
.written(written_in_formats);

/// Returns the written lines. The tracestate has the span too, and the tags always have the upper half of the trace id.
fn written_in_formats(input: &Input, span_id: u64) -> Vec<(&'static str, String)> {
    let line = |name| (name, input.line(name).expect("it is in the request").to_owned());
    vec![
        line("x-datadog-trace-id"),
        ("x-datadog-parent-id", span_id.to_string()),
        line("x-datadog-sampling-priority"),
        line("x-datadog-origin"),
        line("x-datadog-tags"),
        ("traceparent", format!("00-{:032x}-{span_id:016x}-01", input.found.trace_id)),
        ("tracestate", format!("dd=s:1;o:rum;p:{span_id:016x};t.dm:-0")),
        ("b3", format!("{:032x}-{span_id:016x}-1", input.found.trace_id)),
    ]
}

static OURS_ALL: LazyLock<&'static Propagator> = LazyLock::new(|| {
    let list = format!("all,correlation:{CORRELATION}");
    traceprop::forever(Propagator::from_names(&list, "none").expect("these names are known"))
});
/// A report has an entry for each format that is read.
static REPORTED: LazyLock<usize> =
    LazyLock::new(|| OURS_ALL.explain(&HeaderCarrier::new(&HeaderMap::new())).entries().count());
static OURS_THREE: LazyLock<&'static Propagator> = LazyLock::new(|| traceprop::named("tracecontext,b3,baggage"));
static OURS_FORMATS: LazyLock<&'static Propagator> = LazyLock::new(|| {
    // The peer's tracer reports the spans that it writes.
    let builder = Propagator::builder().with_format(OurDatadog::new().reports_spans());
    let builder = builder.names("tracecontext,b3", "tracecontext,b3").expect("these names are known");
    traceprop::forever(builder.build().expect("it can be built"))
});
static OTEL_THREE: &LazyLock<TextMapCompositePropagator> = &opentelemetry::THREE;
static DATADOG_ALL: LazyLock<Datadog> =
    LazyLock::new(|| Datadog::new(&[Style::Datadog, Style::TraceContext, Style::B3SingleHeader, Style::B3Multi]));
static DATADOG_FORMATS: LazyLock<Datadog> =
    LazyLock::new(|| Datadog::new(&[Style::Datadog, Style::TraceContext, Style::B3SingleHeader]));

pub fn cases() -> Vec<Case> {
    vec![
        extract_all(&RUM, 0),
        extract_all(&RUM, 16),
        extract_all(&RUM, 40),
        extract_all(&RUM, 100),
        extract_all(&ALL, 16),
        extract_all(&NONE, 0),
        extract_all(&NONE, 16),
        extract_all(&NONE, 40),
        extract_all(&NONE, 100),
        extract_three(&THREE, 16),
        extract_formats(&FORMATS, 16),
        inject_three(&THREE),
        inject_formats(&FORMATS),
        child_three(&THREE, 16),
        child_formats(&FORMATS, 16),
    ]
}

/// Extracts all formats: ours reads all it knows, the others all that they can be configured to.
fn extract_all(input: &'static Input, others: usize) -> Case {
    let lacks_baggage = input.found.baggage.members > 0;
    let mut contenders = vec![
        Contender::extract("traceprop", input, others, |headers| traceprop::extract_with(&OURS_ALL, headers)),
        Contender::extract("traceprop (with report)", input, others, explain),
        Contender::extract(FLOOR, input, others, floor::all::extract),
        Contender::extract("opentelemetry of three", input, others, |headers| {
            opentelemetry::extract_with(&**OTEL_THREE, headers)
        }),
    ];
    contenders.push(match lacks_baggage {
        true => Contender::extract("datadog-opentelemetry of four", input, others, |headers| {
            DATADOG_ALL.extract_without_baggage(headers)
        }),
        false => Contender::extract("datadog-opentelemetry of four", input, others, |headers| {
            DATADOG_ALL.extract_ids(headers)
        }),
    });
    case("extract", input, others, contenders)
}

/// Extracts with the outcome of each format.
fn explain(headers: &HeaderMap) -> Found {
    let carrier = HeaderCarrier::new(headers);
    let report = OURS_ALL.explain(&carrier);
    let entries = report.entries().count();
    assert!(entries == *REPORTED, "{entries} formats are in the report");
    traceprop::found(report.extraction())
}

fn extract_three(input: &'static Input, others: usize) -> Case {
    let contenders = vec![
        Contender::extract("traceprop", input, others, |headers| traceprop::extract_with(&OURS_THREE, headers)),
        Contender::extract("opentelemetry", input, others, |headers| {
            opentelemetry::extract_with(&**OTEL_THREE, headers)
        }),
        Contender::extract(FLOOR, input, others, floor::all::extract),
    ];
    case("extract", input, others, contenders)
}

fn extract_formats(input: &'static Input, others: usize) -> Case {
    let ours = |headers: &_| traceprop::extract_fields(&OURS_FORMATS, headers, traceprop::datadog_fields);
    let contenders = vec![
        Contender::extract("traceprop", input, others, ours),
        Contender::extract("datadog-opentelemetry", input, others, |headers| DATADOG_FORMATS.extract(headers)),
        Contender::extract(FLOOR, input, others, floor::all::extract_formats),
    ];
    case("extract", input, others, contenders)
}

fn inject_three(input: &'static Input) -> Case {
    let contenders = vec![
        Contender::inject(
            "traceprop",
            input,
            |headers| traceprop::context_with(&OURS_THREE, headers),
            |context, headers| traceprop::inject_with(&OURS_THREE, &InjectOptions::everything(), context, headers),
        ),
        Contender::inject(
            "opentelemetry",
            input,
            |headers| opentelemetry::context_with(&**OTEL_THREE, headers),
            |context, headers| opentelemetry::inject_with(&**OTEL_THREE, context, headers),
        ),
        Contender::inject(FLOOR, input, floor::all::context, floor::all::inject_three),
    ];
    case("inject", input, 16, contenders)
}

fn inject_formats(input: &'static Input) -> Case {
    let contenders = vec![
        Contender::inject(
            "traceprop",
            input,
            |headers| traceprop::context_with(&OURS_FORMATS, headers),
            |context, headers| traceprop::inject_with(&OURS_FORMATS, &InjectOptions::everything(), context, headers),
        ),
        Contender::inject(
            "datadog-opentelemetry",
            input,
            |headers| DATADOG_FORMATS.context(headers),
            |context, headers| DATADOG_FORMATS.inject(context, headers),
        ),
        Contender::inject(FLOOR, input, floor::all::context, floor::all::inject_formats),
    ];
    case("inject", input, 16, contenders)
}

fn child_three(input: &'static Input, others: usize) -> Case {
    let contenders = vec![
        Contender::child("traceprop", input, others, CHILD, |from, span_id, to| {
            traceprop::child_with(&OURS_THREE, &InjectOptions::everything(), from, span_id, to);
        }),
        Contender::child("opentelemetry", input, others, CHILD, |from, span_id, to| {
            opentelemetry::child_with(&**OTEL_THREE, from, span_id, to);
        }),
    ];
    case("forward/child", input, others, contenders)
}

fn child_formats(input: &'static Input, others: usize) -> Case {
    let contenders = vec![
        Contender::child("traceprop", input, others, CHILD, |from, span_id, to| {
            traceprop::child_with(&OURS_FORMATS, &InjectOptions::everything(), from, span_id, to);
        }),
        Contender::child("datadog-opentelemetry", input, others, CHILD, |from, span_id, to| {
            DATADOG_FORMATS.child(from, span_id, to);
        }),
    ];
    case("forward/child", input, others, contenders)
}

fn case(work: &str, input: &Input, others: usize, contenders: Vec<Contender>) -> Case {
    Case { name: format!("{work}/{}/{others}-other", input.name), contenders }
}

#[cfg(test)]
mod tests {
    /// Results are judged while a contender runs; a wrong one panics.
    #[test]
    fn ok_every_contender_of_every_case() {
        for mut case in super::cases() {
            for contender in &mut case.contenders {
                contender.run(100);
            }
        }
    }
}
