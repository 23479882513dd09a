//! How many instructions one call of each of the hottest paths takes, compared with what it took before.

mod input;
mod paths;

use std::process::ExitCode;

use traceprop_gate::{First, Gate};

const GATE: Gate = Gate {
    paths: paths::PATHS,
    last: concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.txt"),
    command: "cargo run --profile counts -p traceprop-counts -- --write",
    first: Some(First { file: concat!(env!("CARGO_MANIFEST_DIR"), "/instructions-0.txt"), margin: margin_since_first }),
};

/// How much more a path may take than in the first version, whatever was added since.
const MARGIN_SINCE_FIRST_PERCENT: u64 = 10;

/// Paths that do more than in the first version on purpose, with what they may take more, in percent.
const MORE_SINCE_FIRST: &[(&str, u64)] = &[
    // A context carries the trust of its caller and which formats were read, so that nothing refused leaves. Half of what
    // these paths take more was there before that: names that a user may give, and one table of formats.
    ("extract/b3", 16),
    ("extract/x-b3", 15),
    ("extract/x-datadog+tags", 15),
    ("extract/malformed/traceparent", 15),
    // More formats are read: each name is compared where no other header tells them apart, and reported.
    ("extract/absent/all", 22),
    ("explain/datadog-rum/all", 22),
    // The carrier is asked for baggage, which is not in either list.
    ("inject/traceparent+tracestate", 12),
    // The member `dd` and the headers of Datadog say the same.
    ("inject/tracecontext,b3,datadog", 16),
    // Whether a request without a trace makes a context depends on which of its headers were read.
    ("passthrough/nothing", 42),
    // Each line is judged by its trace and decision.
    ("passthrough/traceparent", 15),
    // Each member of the baggage that a request already has is judged.
    ("call/baggage/reqwest-rules", 20),
];

fn margin_since_first(path: &str) -> u64 {
    let more = MORE_SINCE_FIRST.iter().find(|(name, _)| *name == path);
    more.map_or(MARGIN_SINCE_FIRST_PERCENT, |(_, percent)| *percent)
}

const USAGE: &str = "\
usage: cargo run --profile counts -p traceprop-counts [-- --write]
    compares with benches/counts/instructions.txt; exit code 1: a count grew, 3: nothing was compared
    --write    takes the counts of now as those to compare with";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = GATE.run(&arguments).unwrap_or_else(|| Err(USAGE.into()));
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn ok_each_path_is_in_the_files() {
        super::GATE.assert_files_have_the_paths();
    }
}
