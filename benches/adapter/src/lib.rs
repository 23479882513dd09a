//! traceprop-opentelemetry next to OpenTelemetry's own propagators: the instructions of one call, and a gate on them.
//!
//! The README of `benches` has the table and says what is compared.

mod current;
mod input;
mod propagators;
mod server;

use traceprop_gate::{Gate, Path};

/// Each case, ours and theirs.
pub const PATHS: &[Path] = &[
    ("extract/w3c", |calls| propagators::extract(&propagators::w3c(), input::W3C, calls)),
    ("extract/w3c/theirs", |calls| propagators::extract(&propagators::their_w3c(), input::W3C, calls)),
    ("extract/w3c+baggage/three", |calls| propagators::extract(&propagators::three(), input::W3C_BAGGAGE, calls)),
    ("extract/w3c+baggage/all", |calls| propagators::extract(&propagators::all(), input::W3C_BAGGAGE, calls)),
    ("extract/w3c+baggage/theirs", |calls| {
        propagators::extract(&propagators::their_three(), input::W3C_BAGGAGE, calls);
    }),
    ("extract/b3/three", |calls| propagators::extract(&propagators::three(), input::B3, calls)),
    ("extract/b3/theirs", |calls| propagators::extract(&propagators::their_three(), input::B3, calls)),
    ("extract/nothing/w3c", |calls| propagators::extract(&propagators::w3c(), &[], calls)),
    ("extract/nothing/w3c/theirs", |calls| propagators::extract(&propagators::their_w3c(), &[], calls)),
    ("extract/nothing/all", |calls| propagators::extract(&propagators::all(), &[], calls)),
    ("extract/nothing/three/theirs", |calls| propagators::extract(&propagators::their_three(), &[], calls)),
    ("inject/w3c", |calls| propagators::inject(&propagators::w3c(), input::W3C, calls)),
    ("inject/w3c/theirs", |calls| propagators::inject(&propagators::their_w3c(), input::W3C, calls)),
    ("inject/w3c+baggage+b3", |calls| propagators::inject(&propagators::three(), input::W3C_BAGGAGE, calls)),
    ("inject/w3c+baggage+b3/theirs", |calls| {
        propagators::inject(&propagators::their_three(), input::W3C_BAGGAGE, calls);
    }),
    ("current/entered", current::entered),
    ("serve/extract-layer", server::extract_layer),
    // From here on `install` was called, for the rest of the process.
    ("current/span", current::span),
    ("current/span-and-entered", current::span_and_entered),
    ("serve/extract-layer/installed", server::extract_layer_installed),
    ("serve/server-layer", server::server_layer),
];

/// A case of ours that is compared with one of theirs.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    pub ours: &'static str,
    pub theirs: &'static str,
    /// The most instructions that ours may take, as a multiple of theirs.
    pub limit: f64,
}

const fn pair(ours: &'static str, theirs: &'static str, limit: f64) -> Pair {
    Pair { ours, theirs, limit }
}

/// Where a limit is above 1, the README says what ours does in addition.
pub const PAIRS: &[Pair] = &[
    pair("extract/w3c", "extract/w3c/theirs", 1.2),
    pair("extract/w3c+baggage/three", "extract/w3c+baggage/theirs", 1.06),
    pair("extract/w3c+baggage/all", "extract/w3c+baggage/theirs", 1.08),
    pair("extract/b3/three", "extract/b3/theirs", 1.28),
    pair("extract/nothing/w3c", "extract/nothing/w3c/theirs", 1.87),
    pair("extract/nothing/all", "extract/nothing/three/theirs", 1.0),
    pair("inject/w3c", "inject/w3c/theirs", 1.0),
    pair("inject/w3c+baggage+b3", "inject/w3c+baggage+b3/theirs", 1.0),
];

pub const GATE: Gate = Gate {
    paths: PATHS,
    last: concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.txt"),
    command: "cargo run --profile counts -p traceprop-adapter -- --write",
    first: None,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_each_path_is_in_the_file() {
        GATE.assert_files_have_the_paths();
    }

    #[test]
    fn ok_no_case_takes_more_than_its_limit() {
        let counts = GATE.counts().expect("a file");
        let count = |name: &str| counts.iter().find(|(known, _)| known == name).expect("a count").1 as f64;
        for Pair { ours, theirs, limit } in PAIRS {
            let ratio = count(ours) / count(theirs);
            assert!(ratio <= *limit, "{ours} takes {ratio:.3} times {theirs}, more than {limit}");
        }
    }
}
