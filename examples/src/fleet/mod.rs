//! The demo fleets: services that call each other on loopback, and one trace through all of them.
//!
//! - [`plan`]: the services, their formats and their calls.
//! - [`service`]: one service. Two of its lines concern tracing.
//! - [`requests`]: the requests and their expected results.
//! - [`verdict`]: compares a result with the expected one.
//! - [`print`](mod@print): prints the results.
//! - [`page`]: shows the results in a browser, for requests that the reader chooses.

pub mod page;
pub mod plan;
pub mod print;
pub mod requests;
pub mod service;
pub mod verdict;

use std::io::{self, Write};

use plan::FLEETS;
use service::{Hop, Route, Running};
use verdict::Broken;

/// Why a fleet cannot run.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    #[error("cannot listen on loopback, or cannot print: {0}")]
    Io(#[from] io::Error),
    #[error("a request failed: {0}")]
    Request(#[from] reqwest::Error),
    #[error("the formats cannot be combined: {0}")]
    Formats(#[from] traceprop_core::ConfigError),
}

/// How much is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Each hop, with its received and sent headers.
    Hops,
    /// The result of each request.
    Verdicts,
}

/// Returns the client that calls services on loopback.
///
/// # Errors
/// Returns an error if the client cannot be built.
pub fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().no_proxy().timeout(service::TIMEOUT).build()
}

/// Starts each fleet, sends its requests and prints the results. Returns true if each request was one trace.
///
/// # Errors
/// Returns [`FleetError`] if a fleet cannot run.
pub async fn run(out: &mut impl Write, detail: Detail) -> Result<bool, FleetError> {
    let client = client()?;
    let mut broken: Vec<(usize, Broken)> = Vec::new();
    let mut number = 0;
    for fleet in FLEETS {
        let running = Running::start(fleet, &client).await?;
        if number > 0 {
            writeln!(out)?;
        }
        print::fleet(out, fleet)?;
        for request in fleet.requests {
            number += 1;
            print::request(out, number, request)?;
            let mut builder = client.get(running.url(request.to, &Route::default()));
            for (name, value) in request.headers {
                builder = builder.header(*name, *value);
            }
            let hop: Hop = builder.send().await?.error_for_status()?.json().await?;
            if detail == Detail::Hops {
                print::hop(out, &hop)?;
            }
            let verdict = verdict::one_trace(&hop).and_then(|()| (request.expect)(&hop));
            print::verdict(out, &hop, verdict)?;
            broken.extend(verdict.err().map(|broken| (number, broken)));
        }
    }
    print::end(out, number, &broken)?;
    Ok(broken.is_empty())
}
