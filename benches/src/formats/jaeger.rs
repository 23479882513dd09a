//! `uber-trace-id` and its baggage.

use std::sync::LazyLock;

use traceprop_core::{InjectOptions, Propagator};
use traceprop_http::HeaderCarrier;

use super::{CHILD, IDS, NARROW, NOTHING, case, sizes};
use crate::opentelemetry_jaeger::Jaeger;
use crate::{Baggage, Case, Contender, FLOOR, Found, Input, floor, traceprop};

const SAMPLED: (&str, &str) = ("uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:1");

static FULL: Input = Input::new("jaeger", &[SAMPLED], IDS);
static NARROW_ID: Input =
    Input::new("jaeger-64-bit", &[("uber-trace-id", "a3ce929d0e0e4736:00f067aa0ba902b7:0:1")], NARROW);
static UNSAMPLED: Input = Input::new(
    "jaeger-not-sampled",
    &[("uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:0")],
    Found { sampled: false, ..IDS },
);
/// The last digit of the span is not a digit.
static BROKEN: Input = Input::new(
    "jaeger-malformed",
    &[("uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902bz:0:1")],
    NOTHING,
);
static ABSENT: Input = Input::new("jaeger-absent", &[], NOTHING);
static WITH_BAGGAGE: Input = Input::new(
    "jaeger+uberctx",
    &[SAMPLED, ("uberctx-tenant", "acme")],
    Found { baggage: Baggage { members: 1, bytes: "tenantacme".len() }, ..IDS },
);

static OURS: LazyLock<&'static Propagator> = LazyLock::new(|| traceprop::named("jaeger"));
static THEIRS: LazyLock<Jaeger> = LazyLock::new(Jaeger::new);

pub(super) fn cases() -> Vec<Case> {
    let extracts = sizes(&FULL, &ABSENT, &[&NARROW_ID, &UNSAMPLED, &BROKEN, &WITH_BAGGAGE]);
    let extracts = extracts.into_iter().map(|(input, others)| extract(input, others));
    // Theirs reads baggage and does not write it.
    extracts.chain([inject(&FULL), child(&FULL, 16)]).collect()
}

fn extract(input: &'static Input, others: usize) -> Case {
    let contenders = vec![
        Contender::extract("traceprop", input, others, read),
        Contender::extract("opentelemetry-jaeger", input, others, |headers| THEIRS.extract(headers)),
        match input.found.baggage.members {
            0 => Contender::extract(FLOOR, input, others, floor::jaeger::extract),
            _ => Contender::extract(FLOOR, input, others, floor::jaeger::extract_with_baggage),
        },
    ];
    case("extract", input, others, contenders)
}

/// Extracts ids, decision and baggage.
fn read(headers: &http::HeaderMap) -> Found {
    let carrier = HeaderCarrier::new(headers);
    let extraction = OURS.extract(&carrier);
    let mut baggage = Baggage::default();
    for item in extraction.jaeger().baggage().iter() {
        baggage.members += 1;
        baggage.bytes += item.raw_key().len() + item.raw_value().len();
    }
    Found { baggage, ..traceprop::ids(&extraction) }
}

fn inject(input: &'static Input) -> Case {
    let contenders = vec![
        Contender::inject(
            "traceprop",
            input,
            |headers| traceprop::context_with(&OURS, headers),
            |context, headers| traceprop::inject_with(&OURS, &InjectOptions::everything(), context, headers),
        ),
        Contender::inject(
            "opentelemetry-jaeger",
            input,
            |headers| THEIRS.context(headers),
            |context, headers| THEIRS.inject(context, headers),
        ),
        Contender::inject(FLOOR, input, |_| (IDS.trace_id, CHILD), floor::jaeger::inject),
    ];
    case("inject", input, 16, contenders)
}

fn child(input: &'static Input, others: usize) -> Case {
    let contenders = vec![
        Contender::child("traceprop", input, others, CHILD, |from, span_id, to| {
            traceprop::child_with(&OURS, &InjectOptions::everything(), from, span_id, to);
        }),
        Contender::child("opentelemetry-jaeger", input, others, CHILD, |from, span_id, to| {
            THEIRS.child(from, span_id, to);
        }),
        Contender::child(FLOOR, input, others, CHILD, |from, span_id, to| {
            floor::jaeger::inject(&(floor::jaeger::extract(from).trace_id, span_id), to);
        }),
    ];
    case("forward/child", input, others, contenders)
}
