//! `x-datadog-*`.

use std::sync::LazyLock;

use traceprop_core::{InjectOptions, Propagator};

use super::{CHILD, IDS, NARROW, NOTHING, case, sizes};
use crate::datadog_opentelemetry::{Datadog, Style};
use crate::{Case, Contender, FLOOR, Fields, Found, Input, floor, traceprop};

const TRACE: (&str, &str) = ("x-datadog-trace-id", "11803532876627986230");
const PARENT: (&str, &str) = ("x-datadog-parent-id", "67667974448284343");
const KEEP: (&str, &str) = ("x-datadog-sampling-priority", "1");
const ORIGIN: (&str, &str) = ("x-datadog-origin", "rum");
const TAGS: (&str, &str) = ("x-datadog-tags", "_dd.p.dm=-0,_dd.p.tid=4bf92f3577b34da6");

/// The bytes of `rum`, `dm` and `-0`.
static FULL: Input =
    Input::new("datadog", &[TRACE, PARENT, KEEP, ORIGIN, TAGS], Found { fields: Fields { bytes: 7 }, ..IDS });
/// As a browser sends it.
static NO_TAGS: Input =
    Input::new("datadog-64-bit", &[TRACE, PARENT, KEEP, ORIGIN], Found { fields: Fields { bytes: 3 }, ..NARROW });
static UNSAMPLED: Input = Input::new(
    "datadog-not-sampled",
    &[TRACE, PARENT, ("x-datadog-sampling-priority", "0"), ("x-datadog-tags", "_dd.p.tid=4bf92f3577b34da6")],
    Found { sampled: false, ..IDS },
);
/// The last digit of the trace id is not a digit.
static BROKEN: Input =
    Input::new("datadog-malformed", &[("x-datadog-trace-id", "1180353287662798623x"), PARENT, KEEP], NOTHING);
static ABSENT: Input = Input::new("datadog-absent", &[], NOTHING);

static OURS: LazyLock<&'static Propagator> = LazyLock::new(|| traceprop::named("datadog"));
static THEIRS: LazyLock<Datadog> = LazyLock::new(|| Datadog::new(&[Style::Datadog]));

pub(super) fn cases() -> Vec<Case> {
    let extracts = sizes(&FULL, &ABSENT, &[&NO_TAGS, &UNSAMPLED, &BROKEN]);
    let extracts = extracts.into_iter().map(|(input, others)| extract(input, others));
    extracts.chain([inject(&FULL), child(&FULL, 16)]).collect()
}

fn extract(input: &'static Input, others: usize) -> Case {
    let ours = |headers: &_| traceprop::extract_fields(&OURS, headers, traceprop::datadog_fields);
    let mut contenders = vec![
        Contender::extract("traceprop", input, others, ours),
        Contender::extract("datadog-opentelemetry", input, others, |headers| THEIRS.extract(headers)),
        Contender::extract(FLOOR, input, others, floor::datadog::extract),
    ];
    if input.found.fields.bytes > 0 {
        let ids = |headers: &_| Found { fields: Fields::UNREAD, ..traceprop::extract_ids(&OURS, headers) };
        contenders.insert(1, Contender::extract("traceprop (ids alone)", input, others, ids));
    }
    case("extract", input, others, contenders)
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
            "datadog-opentelemetry",
            input,
            |headers| THEIRS.context(headers),
            |context, headers| THEIRS.inject(context, headers),
        ),
        Contender::inject(FLOOR, input, |_| (IDS.trace_id, CHILD), floor::datadog::inject),
    ];
    case("inject", input, 16, contenders)
}

fn child(input: &'static Input, others: usize) -> Case {
    let contenders = vec![
        Contender::child("traceprop", input, others, CHILD, |from, span_id, to| {
            traceprop::child_with(&OURS, &InjectOptions::everything(), from, span_id, to);
        }),
        Contender::child("datadog-opentelemetry", input, others, CHILD, |from, span_id, to| {
            THEIRS.child(from, span_id, to);
        }),
        Contender::child(FLOOR, input, others, CHILD, |from, span_id, to| {
            floor::datadog::inject(&(floor::datadog::extract(from).trace_id, span_id), to);
        }),
    ];
    case("forward/child", input, others, contenders)
}
