//! What a whole request costs: an axum service on loopback, with our layers, with others and without.
//!
//! ```text
//! end-to-end             counts the instructions of a request; fails if one grew
//! end-to-end --write     takes the counts of now as those to compare with
//! end-to-end --load      measures requests a second and the 99th percentile; writes ../results/end-to-end.csv
//! ```

mod load;
mod paths;
mod request;
mod service;

use std::process::ExitCode;

use traceprop_gate::Gate;

const GATE: Gate = Gate {
    paths: paths::PATHS,
    last: concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.txt"),
    command: "cargo run --profile counts --manifest-path benches/Cargo.toml -p traceprop-end-to-end -- --write",
    first: None,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        ["--load"] => load::measure(),
        ["--serve", name] => load::serve(name),
        _ => GATE.run(&arguments).unwrap_or_else(|| Err("unknown option; ../README.md lists the options".into())),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn ok_each_path_is_in_the_file() {
        super::GATE.assert_files_have_the_paths();
    }
}
