//! What becomes of each attribute between each two formats: the promise, as data.

use crate::format::{Attribute, Format};
use Attribute as A;
use Fate::{As, Kept, Lost};
use Format::{B3, Correlation, Datadog, Jaeger, Sw8, W3c};
use Word::{Anew, Between, NotSampled, PriorityTwo, Sampled, ZeroOrOne};

/// What becomes of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Kept,
    Lost,
    As(Word),
}

/// What replaces an attribute that a format cannot say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Sampled,
    NotSampled,
    PriorityTwo,
    ZeroOrOne,
    /// Nobody has decided, as far as the format can say that.
    Anew,
    /// The span of the service in between.
    Between,
}

impl Fate {
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Kept => "kept",
            Lost => "lost",
            As(Sampled) => "sampled",
            As(NotSampled) => "not sampled",
            As(PriorityTwo) => "priority 2",
            As(ZeroOrOne) => "0 or 1",
            As(Anew) => "undecided",
            As(Between) => "span in between",
        }
    }
}

/// Out of the first format into the second, and back into the first from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) there: Fate,
    pub(crate) back: Fate,
}

const fn both(fate: Fate) -> Cell {
    Cell { there: fate, back: fate }
}

const fn then(there: Fate, back: Fate) -> Cell {
    Cell { there, back }
}

const K: Cell = both(Kept);
const L: Cell = both(Lost);
/// Not to be seen there, and back again.
const B: Cell = then(Lost, Kept);
const NO: Cell = both(As(NotSampled));
const YES: Cell = both(As(Sampled));
/// A priority of 2 is Datadog's debug, and also a person's decision to keep the trace.
const DEBUG_TO_DATADOG: Cell = then(As(PriorityTwo), As(Sampled));
const ANEW: Cell = then(Lost, As(Anew));
const NUMBER: Cell = then(Lost, As(ZeroOrOne));

/// The attributes of a format, and their fate in each other one. In its own column: through a service of ours that
/// speaks just that; for B3, from one of its encodings to the other.
pub(crate) type Row = (Format, Attribute, [Cell; 6]);

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    //                              W3C  B3   Datadog            Jaeger  sw8  correlation
    (W3c, A::TraceId,              [K,   K,   K,                 K,      K,   K]),
    (W3c, A::SpanId,               [K,   K,   K,                 K,      K,   L]),
    (W3c, A::Decision,             [K,   K,   K,                 K,      K,   ANEW]),
    (W3c, A::Random,               [K,   L,   L,                 L,      L,   L]),
    (W3c, A::Members,              [K,   L,   L,                 L,      L,   L]),
    (W3c, A::Debug,                [K,   K,   DEBUG_TO_DATADOG,  K,      YES, ANEW]),
    (W3c, A::Deferred,             [K,   K,   then(Kept, As(NotSampled)), NO, YES, ANEW]),
    (W3c, A::Priority,             [K,   L,   K,                 L,      L,   L]),
    (W3c, A::Origin,               [K,   L,   K,                 L,      L,   L]),
    (W3c, A::Tags,                 [K,   L,   K,                 L,      L,   L]),
    (W3c, A::LastSpan,             [K,   L,   then(Lost, As(Between)), L, L,  L]),
    (W3c, A::JaegerFlags,          [K,   L,   L,                 K,      L,   L]),
    (W3c, A::Sw8Text,              [K,   L,   L,                 L,      K,   L]),
    (W3c, A::CorrelationText,      [K,   L,   L,                 L,      L,   K]),
    (W3c, A::Baggage,              [K,   L,   L,                 L,      L,   L]),

    (B3, A::TraceId,               [K,   K,   K,                 K,      K,   K]),
    (B3, A::Width,                 [L,   K,   then(Kept, Lost),  L,      L,   L]),
    (B3, A::SpanId,                [K,   K,   K,                 K,      K,   L]),
    (B3, A::B3Parent,              [L,   L,   L,                 L,      L,   L]),
    (B3, A::Decision,              [K,   K,   K,                 K,      K,   ANEW]),
    (B3, A::Debug,                 [then(As(Sampled), Kept), K, DEBUG_TO_DATADOG, K, YES, ANEW]),
    (B3, A::Deferred,              [then(As(NotSampled), Kept), K, K, NO, YES, ANEW]),

    (Datadog, A::TraceId,          [K,   K,   K,                 K,      K,   K]),
    (Datadog, A::Width,            [B,   B,   K,                 B,      B,   B]),
    (Datadog, A::SpanId,           [K,   K,   K,                 K,      K,   L]),
    (Datadog, A::Decision,         [K,   K,   K,                 K,      K,   ANEW]),
    (Datadog, A::Deferred,         [NO,  K,   K,                 NO,     YES, ANEW]),
    (Datadog, A::Priority,         [K,   NUMBER, K,              NUMBER, NUMBER, L]),
    (Datadog, A::Origin,           [K,   L,   K,                 L,      L,   L]),
    (Datadog, A::Tags,             [K,   L,   K,                 L,      L,   L]),
    (Datadog, A::LastSpan,         [K,   L,   L,                 L,      L,   L]),

    (Jaeger, A::TraceId,           [K,   K,   K,                 K,      K,   K]),
    (Jaeger, A::Width,             [L,   L,   then(Kept, Lost),  L,      L,   L]),
    (Jaeger, A::SpanId,            [K,   K,   K,                 K,      K,   L]),
    (Jaeger, A::Decision,          [K,   K,   K,                 K,      K,   ANEW]),
    (Jaeger, A::Debug,             [then(As(Sampled), Kept), K, DEBUG_TO_DATADOG, K, YES, ANEW]),
    (Jaeger, A::JaegerFlags,       [B,   L,   L,                 K,      L,   L]),
    (Jaeger, A::Baggage,           [L,   L,   L,                 K,      L,   L]),

    (Sw8, A::TraceId,              [K,   K,   K,                 K,      K,   K]),
    (Sw8, A::SpanId,               [K,   K,   K,                 K,      K,   L]),
    (Sw8, A::Decision,             [K,   K,   K,                 K,      K,   ANEW]),
    (Sw8, A::Sw8Text,              [B,   L,   L,                 L,      K,   L]),
    (Sw8, A::Baggage,              [L,   L,   L,                 L,      K,   L]),

    (Correlation, A::TraceId,      [K,   K,   K,                 K,      K,   K]),
    (Correlation, A::SpanId,       [K,   K,   K,                 K,      K,   L]),
    (Correlation, A::CorrelationText, [B, L,  L,                 L,      L,   K]),
];

/// Returns the rows of a format.
pub(crate) fn rows(from: Format) -> impl Iterator<Item = (Attribute, &'static [Cell; 6])> {
    ROWS.iter().filter(move |(format, ..)| *format == from).map(|(_, attribute, cells)| (*attribute, cells))
}

#[test]
fn ok_a_format_has_each_attribute_once() {
    for (place, row) in ROWS.iter().enumerate() {
        assert!(ROWS[place + 1..].iter().all(|other| (other.0, other.1) != (row.0, row.1)), "{row:?}");
        // Its own headers hold all that a format can say, but for what a new span makes old.
        let own = Format::ALL.iter().position(|format| *format == row.0).expect("one of all");
        let replaced = [A::B3Parent, A::LastSpan, A::Width, A::SpanId].contains(&row.1);
        assert!(row.2[own] == K || replaced, "{row:?}");
    }
}
