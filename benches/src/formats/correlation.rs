//! A correlation id: a UUID in a header of one's own. No peer reads one as a trace.

use std::sync::LazyLock;

use traceprop_core::{InjectOptions, Propagator};

use super::{CHILD, IDS, NOTHING, case, sizes};
use crate::{CORRELATION, Case, Contender, FLOOR, Found, Input, floor, traceprop};

static FULL: Input = Input::new(
    "correlation",
    &[(CORRELATION, "4bf92f35-77b3-4da6-a3ce-929d0e0e4736")],
    Found { span_id: 0, sampled: false, ..IDS },
);
/// The last digit is not a digit.
static BROKEN: Input =
    Input::new("correlation-malformed", &[(CORRELATION, "4bf92f35-77b3-4da6-a3ce-929d0e0e473x")], NOTHING);
static ABSENT: Input = Input::new("correlation-absent", &[], NOTHING);

static OURS: LazyLock<&'static Propagator> = LazyLock::new(|| traceprop::named(&format!("correlation:{CORRELATION}")));

pub(super) fn cases() -> Vec<Case> {
    let extracts = sizes(&FULL, &ABSENT, &[&BROKEN]).into_iter().map(|(input, others)| {
        let ours = |headers: &_| traceprop::extract_ids(&OURS, headers);
        let contenders = vec![
            Contender::extract("traceprop", input, others, ours),
            Contender::extract(FLOOR, input, others, floor::correlation::extract),
        ];
        case("extract", input, others, contenders)
    });
    let inject = Contender::inject(
        "traceprop",
        &FULL,
        |headers| traceprop::context_with(&OURS, headers),
        |context, headers| traceprop::inject_with(&OURS, &InjectOptions::everything(), context, headers),
    );
    let child = Contender::child("traceprop", &FULL, 16, CHILD, |from, span_id, to| {
        traceprop::child_with(&OURS, &InjectOptions::everything(), from, span_id, to);
    });
    let inject = vec![inject, Contender::inject(FLOOR, &FULL, |_| IDS.trace_id, floor::correlation::inject)];
    let child_floor = Contender::child(FLOOR, &FULL, 16, CHILD, |from, _, to| {
        floor::correlation::inject(&floor::correlation::extract(from).trace_id, to);
    });
    let writes = [case("inject", &FULL, 16, inject), case("forward/child", &FULL, 16, vec![child, child_floor])];
    extracts.chain(writes).collect()
}
