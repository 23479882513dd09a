//! The gate on the instructions of traceprop-opentelemetry.

use std::process::ExitCode;

use traceprop_adapter::GATE;

const USAGE: &str = "\
usage: cargo run --profile counts -p traceprop-adapter [-- --write]
    compares with benches/adapter/instructions.txt; exit code 1: a count grew, 3: nothing was compared
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
