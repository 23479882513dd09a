//! B3 in one header and in several.
//!
//! Ours and OpenTelemetry's read both encodings whichever is configured; Datadog's reads the one that it was given.

use std::sync::LazyLock;

use http::HeaderMap;
use opentelemetry_propagator_b3::Propagator as OtelB3;
use traceprop_core::{InjectOptions, Propagator};

use super::{CHILD, IDS, NARROW, NOTHING, case, sizes};
use crate::datadog_opentelemetry::{Datadog, Style};
use crate::{Case, Contender, FLOOR, Found, Input, floor, opentelemetry, traceprop};

const SPAN: (&str, &str) = ("x-b3-spanid", "00f067aa0ba902b7");
const YES: (&str, &str) = ("x-b3-sampled", "1");
const TRACE: (&str, &str) = ("x-b3-traceid", "4bf92f3577b34da6a3ce929d0e0e4736");

static SINGLE: Input = Input::new("b3", &[("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1")], IDS);
static SINGLE_64: Input = Input::new("b3-64-bit", &[("b3", "a3ce929d0e0e4736-00f067aa0ba902b7-1")], NARROW);
static SINGLE_UNSAMPLED: Input = Input::new(
    "b3-not-sampled",
    &[("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0")],
    Found { sampled: false, ..IDS },
);
/// The last digit of the span is not a digit.
static SINGLE_BROKEN: Input =
    Input::new("b3-malformed", &[("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902bz-1")], NOTHING);
static SINGLE_ABSENT: Input = Input::new("b3-absent", &[], NOTHING);

static MULTI: Input = Input::new("b3multi", &[TRACE, SPAN, YES], IDS);
static MULTI_64: Input = Input::new("b3multi-64-bit", &[("x-b3-traceid", "a3ce929d0e0e4736"), SPAN, YES], NARROW);
static MULTI_UNSAMPLED: Input =
    Input::new("b3multi-not-sampled", &[TRACE, SPAN, ("x-b3-sampled", "0")], Found { sampled: false, ..IDS });
static MULTI_BROKEN: Input =
    Input::new("b3multi-malformed", &[TRACE, ("x-b3-spanid", "00f067aa0ba902bz"), YES], NOTHING);
static MULTI_ABSENT: Input = Input::new("b3multi-absent", &[], NOTHING);

/// One encoding, by every contender.
struct Peers {
    extract_floor: fn(&HeaderMap) -> Found,
    inject_floor: fn(&(u128, u64), &mut HeaderMap),
    ours: LazyLock<&'static Propagator>,
    otel: LazyLock<OtelB3>,
    datadog: LazyLock<Datadog>,
}

static ONE_HEADER: Peers = Peers {
    extract_floor: floor::b3::extract,
    inject_floor: floor::b3::inject,
    ours: LazyLock::new(|| traceprop::named("b3")),
    otel: LazyLock::new(opentelemetry::b3_single),
    datadog: LazyLock::new(|| Datadog::new(&[Style::B3SingleHeader])),
};
static SEVERAL: Peers = Peers {
    extract_floor: floor::b3::extract_multi,
    inject_floor: floor::b3::inject_multi,
    ours: LazyLock::new(|| traceprop::named("b3multi")),
    otel: LazyLock::new(opentelemetry::b3_multi),
    datadog: LazyLock::new(|| Datadog::new(&[Style::B3Multi])),
};

pub(super) fn cases() -> Vec<Case> {
    let single = sizes(&SINGLE, &SINGLE_ABSENT, &[&SINGLE_64, &SINGLE_UNSAMPLED, &SINGLE_BROKEN]);
    let multi = sizes(&MULTI, &MULTI_ABSENT, &[&MULTI_64, &MULTI_UNSAMPLED, &MULTI_BROKEN]);
    let single = single.into_iter().map(|(input, others)| extract(&ONE_HEADER, input, others));
    let multi = multi.into_iter().map(|(input, others)| extract(&SEVERAL, input, others));
    let writes = [
        inject(&ONE_HEADER, &SINGLE),
        child(&ONE_HEADER, &SINGLE, 16),
        inject(&SEVERAL, &MULTI),
        child(&SEVERAL, &MULTI, 16),
    ];
    single.chain(multi).chain(writes).collect()
}

fn extract(peers: &'static Peers, input: &'static Input, others: usize) -> Case {
    let Peers { ours, otel, datadog, .. } = peers;
    let contenders = vec![
        Contender::extract("traceprop", input, others, |headers| traceprop::extract_ids(ours, headers)),
        Contender::extract("opentelemetry", input, others, |headers| opentelemetry::extract_ids(&**otel, headers)),
        Contender::extract("datadog-opentelemetry", input, others, |headers| datadog.extract_ids(headers)),
        Contender::extract(FLOOR, input, others, peers.extract_floor),
    ];
    case("extract", input, others, contenders)
}

fn inject(peers: &'static Peers, input: &'static Input) -> Case {
    let Peers { ours, otel, datadog, .. } = peers;
    let contenders = vec![
        Contender::inject(
            "traceprop",
            input,
            |headers| traceprop::context_with(ours, headers),
            |context, headers| traceprop::inject_with(ours, &InjectOptions::everything(), context, headers),
        ),
        Contender::inject(
            "opentelemetry",
            input,
            |headers| opentelemetry::context_with(&**otel, headers),
            |context, headers| opentelemetry::inject_with(&**otel, context, headers),
        ),
        Contender::inject(
            "datadog-opentelemetry",
            input,
            |headers| datadog.context(headers),
            |context, headers| datadog.inject(context, headers),
        ),
        Contender::inject(FLOOR, input, |_| (IDS.trace_id, CHILD), peers.inject_floor),
    ];
    case("inject", input, 16, contenders)
}

fn child(peers: &'static Peers, input: &'static Input, others: usize) -> Case {
    let Peers { ours, otel, datadog, .. } = peers;
    let contenders = vec![
        Contender::child("traceprop", input, others, CHILD, |from, span_id, to| {
            traceprop::child_with(ours, &InjectOptions::everything(), from, span_id, to);
        }),
        Contender::child("opentelemetry", input, others, CHILD, |from, span_id, to| {
            opentelemetry::child_with(&**otel, from, span_id, to);
        }),
        Contender::child("datadog-opentelemetry", input, others, CHILD, |from, span_id, to| {
            datadog.child(from, span_id, to);
        }),
        Contender::child(FLOOR, input, others, CHILD, |from, span_id, to| {
            (peers.inject_floor)(&((peers.extract_floor)(from).trace_id, span_id), to);
        }),
    ];
    case("forward/child", input, others, contenders)
}
