//! One result: what one peer, in one configuration, understood of one thing.

use std::fmt;

/// What a cell is about. Each part is a name without spaces, except for the version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// A section of the matrix: `python`, `envoy`.
    pub(crate) group: String,
    /// The program on the other side: `ddtrace`.
    pub(crate) peer: String,
    /// Its version, as it says itself.
    pub(crate) version: String,
    /// Its configuration: `datadog`, `b3multi`.
    pub(crate) config: String,
    /// Who writes and who reads: a column of the matrix.
    pub(crate) direction: &'static str,
    /// The request: `span`, `not-sampled`.
    pub(crate) case: String,
    /// What is compared: `trace_id`, `baggage`.
    pub(crate) thing: String,
}

/// The result of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    Failed(String),
    /// Failed, and the peer is at fault: the index of the reason in the list of what is known.
    Known(usize, String),
}

/// A place and its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) place: Place,
    pub(crate) verdict: Verdict,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { peer, config, direction, case, thing, .. } = self;
        write!(f, "{peer} {config}, {direction}, {case}: {thing}")
    }
}
