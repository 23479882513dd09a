//! What survives a conversion to a format and back.
//!
//! `rows` has each field that is promised to cross a hop that speaks only W3C. `table` says for every pair of formats
//! what becomes of each attribute, `pairs` holds the library to it over any contexts, and `document` holds the section
//! "Pairs" of INTEROP.md to it. Requests are written, and answers read, by plain code of the tests (`said`, `seen`),
//! so that no mistake of the library can cancel itself out.
#![cfg(feature = "std")]

mod document;
mod edge;
mod format;
mod further;
#[path = "../support/known.rs"]
mod known;
mod pairs;
mod restart;
mod rows;
mod said;
mod seen;
mod strangers;
mod table;
mod text;

use proptest::prelude::ProptestConfig;

/// Returns a configuration with few cases, so that a run is short; `PROPTEST_CASES` sets more.
fn cases(few: u32) -> ProptestConfig {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config,
        None => ProptestConfig { cases: few, ..config },
    }
}
