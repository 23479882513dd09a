//! What becomes of each attribute between each two formats: the promise, as data.

use crate::format::{Attribute, Format};
use crate::further;
use Attribute as A;
use Fate::{As, Kept, Lost};
use Format::{B3, Correlation, Datadog, Jaeger, Sw8, W3c};
use Word::{Anew, Between, LowHalf, NotSampled, PriorityTwo, Sampled, ZeroOrOne};

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
    /// The low half of a trace id.
    LowHalf,
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
            As(LowHalf) => "right 64 bits",
        }
    }
}

/// Out of the first format into the second, and back into the first from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) there: Fate,
    pub(crate) back: Fate,
}

pub(crate) const fn both(fate: Fate) -> Cell {
    Cell { there: fate, back: fate }
}

pub(crate) const fn then(there: Fate, back: Fate) -> Cell {
    Cell { there, back }
}

pub(crate) const K: Cell = both(Kept);
pub(crate) const L: Cell = both(Lost);
/// Not to be seen there, and back again.
pub(crate) const B: Cell = then(Lost, Kept);
pub(crate) const NO: Cell = both(As(NotSampled));
pub(crate) const YES: Cell = both(As(Sampled));
/// A priority of 2 is Datadog's debug, and also a person's decision to keep the trace.
pub(crate) const DEBUG_TO_DATADOG: Cell = then(As(PriorityTwo), As(Sampled));
pub(crate) const ANEW: Cell = then(Lost, As(Anew));
pub(crate) const NUMBER: Cell = then(Lost, As(ZeroOrOne));

/// The attributes of a format, and their fate in each other one. In its own column: through a service of ours that
/// speaks just that; for B3, from one of its encodings to the other.
type Row = (Format, Attribute, [Cell; 6]);

/// The formats of the columns of [`ROWS`]. Cells of other formats follow from rules: see [`further`](crate::further).
const COLUMNS: [Format; 6] = [W3c, B3, Datadog, Jaeger, Sw8, Correlation];

#[rustfmt::skip]
const ROWS: &[Row] = &[
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

/// Returns the attributes of a format.
pub(crate) fn attributes(from: Format) -> impl Iterator<Item = Attribute> {
    let written_out = ROWS.iter().filter(move |(format, ..)| *format == from).map(|(_, attribute, _)| *attribute);
    written_out.chain(further::attributes(from).iter().copied())
}

/// Returns what becomes of an attribute of one format in another one.
fn cell(from: Format, attribute: Attribute, to: Format) -> Cell {
    let row = ROWS.iter().find(|(format, known, _)| (*format, *known) == (from, attribute));
    let place = COLUMNS.iter().position(|format| *format == to);
    match row.zip(place) {
        Some(((.., cells), place)) => cells[place],
        None => further::cell(from, attribute, to),
    }
}

/// Returns what becomes of each attribute of a format in another one.
pub(crate) fn column(from: Format, to: Format) -> impl Iterator<Item = (Attribute, Cell)> {
    attributes(from).map(move |attribute| (attribute, cell(from, attribute, to)))
}

/// Returns the rows of a format, with a cell for each format that can be written.
pub(crate) fn rows(from: Format) -> impl Iterator<Item = (Attribute, Vec<Cell>)> {
    attributes(from).map(move |attribute| (attribute, Format::written().map(|to| cell(from, attribute, to)).collect()))
}

#[test]
fn ok_a_format_has_each_attribute_once() {
    for format in Format::ALL.iter().copied() {
        let attributes: Vec<_> = attributes(format).collect();
        for (place, attribute) in attributes.iter().enumerate() {
            assert!(!attributes[place + 1..].contains(attribute), "{format:?}: {attribute:?}");
            // Its own headers hold all that a format can say, but for what a new span makes old.
            let replaced = [A::B3Parent, A::LastSpan, A::Width, A::SpanId].contains(attribute);
            assert!(cell(format, *attribute, format) == K || replaced, "{format:?}: {attribute:?}");
        }
    }
}
