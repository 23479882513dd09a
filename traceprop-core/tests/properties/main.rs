//! What holds for every input: grammars against a second reading of them, round trips, limits, and no panic.
#![cfg(feature = "std")]

mod contexts;
mod current;
mod input;
mod leaves;
mod received;
mod requests;
mod rule;
mod types;
mod values;
mod writing;

use proptest::prelude::ProptestConfig;

/// Returns a configuration with few cases, so that a run is short; `PROPTEST_CASES` sets more.
///
/// A failing input is printed whole, so none is kept in a file.
fn cases(few: u32) -> ProptestConfig {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config,
        None => ProptestConfig { cases: few, ..config },
    }
}
