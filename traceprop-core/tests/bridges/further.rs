//! The formats that the table of pairs does not write out: what each can say, how it says it, and the rules by which the
//! cells of its row and of its column follow.

use crate::edge::Lines;
use crate::format::{Attribute, Format};
use crate::said::{Decision, Said};
use crate::seen::{Seen, get, hex64, hex128};
use crate::table::{ANEW, B, Cell, DEBUG_TO_DATADOG, Fate, K, L, NO, NUMBER, Word, YES, then};
use Attribute as A;
use Fate::{As, Kept};
use Word::NotSampled;

/// Returns what a further format can say.
pub(crate) const fn attributes(from: Format) -> &'static [Attribute] {
    match from {
        Format::Elastic => &[A::TraceId, A::SpanId, A::Decision, A::Random],
        Format::XRay => &[A::TraceId, A::SpanId, A::Decision, A::Deferred, A::Lineage, A::Baggage],
        _ => &[],
    }
}

/// Returns what becomes of an attribute where one of both is a further format.
pub(crate) fn cell(from: Format, attribute: Attribute, to: Format) -> Cell {
    if from == to {
        return K;
    }
    let has_no_span = to == Format::Correlation;
    match attribute {
        A::TraceId => K,
        A::SpanId | A::Decision if !has_no_span => K,
        A::Decision => ANEW,
        A::Debug => debug(to),
        A::Deferred if from == Format::XRay && to == Format::W3c => then(As(NotSampled), Kept),
        A::Deferred => deferred(to),
        A::Random if matches!(to, Format::W3c | Format::Elastic) => K,
        A::Width if from == Format::Datadog => B,
        A::Priority if from == Format::Datadog => NUMBER,
        // Fields of the format itself.
        _ => L,
    }
}

/// Returns what becomes of a debug decision.
fn debug(to: Format) -> Cell {
    match to {
        Format::B3 | Format::Jaeger => K,
        Format::Datadog => DEBUG_TO_DATADOG,
        Format::Correlation => ANEW,
        _ => YES,
    }
}

/// Returns what becomes of an open decision.
fn deferred(to: Format) -> Cell {
    match to {
        Format::B3 | Format::Datadog | Format::XRay => K,
        Format::Sw8 => YES,
        Format::Correlation => ANEW,
        _ => NO,
    }
}

/// Returns what a format writes if sampling is undecided.
pub(crate) fn undecided(format: Format) -> &'static str {
    match format {
        Format::Elastic => "not sampled",
        _ => "deferred",
    }
}

/// Returns the decisions that a sender can make.
pub(crate) const fn decisions(format: Format) -> &'static [Decision] {
    match format {
        Format::Elastic => &[Decision::No, Decision::Yes],
        _ => &[Decision::Deferred, Decision::No, Decision::Yes],
    }
}

/// Returns the request of a sender.
pub(crate) fn request(said: &Said) -> Lines {
    let (trace, span) = (format!("{:032x}", said.trace_id), format!("{:016x}", said.span_id));
    let is_sampled = said.decision == Decision::Yes;
    match said.format {
        Format::Elastic => {
            let flags = u8::from(is_sampled) | u8::from(said.random) << 1;
            vec![("elastic-apm-traceparent".into(), format!("00-{trace}-{span}-{flags:02x}"))]
        }
        other => panic!("{other:?} is not a further format"),
    }
}

/// Adds what a receiver of this format sees.
pub(crate) fn see(format: Format, lines: &Lines, seen: &mut Seen) {
    match format {
        Format::Elastic => {
            let Some(value) = get(lines, "elastic-apm-traceparent") else { return };
            let parts: Vec<&str> = value.split('-').collect();
            let flags = u8::from_str_radix(parts[3], 16).expect("flags");
            (seen.trace_id, seen.span_id) = (hex128(parts[1]), hex64(parts[2]));
            seen.random = flags & 2 != 0;
            seen.decision = Some(if flags & 1 == 1 { "sampled" } else { "not sampled" });
        }
        other => panic!("{other:?} is not a further format"),
    }
}
