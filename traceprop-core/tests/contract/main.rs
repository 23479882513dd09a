//! What every format owes: the built-in ones under each of their settings, and one of a user's own.
//!
//! The tests are the same for all. [`subject::Subject`] says in what a format may differ (which decisions it can say,
//! what a second line means), `formats` says it for each, and a format that is added there is tested by everything.
#![cfg(feature = "std")]

mod acme;
mod allocations;
mod formats;
#[path = "../support/known.rs"]
mod known;
mod limits;
mod passing_on;
mod reading;
mod requests;
mod subject;
mod table;
mod writing;

use proptest::prelude::ProptestConfig;

/// Returns a configuration with few cases, so that a run is short; `PROPTEST_CASES` sets more.
fn cases(few: u32) -> ProptestConfig {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config,
        None => ProptestConfig { cases: few, ..config },
    }
}
