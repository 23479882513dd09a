//! The demo fleet: four services, and one trace through all of them.
//!
//! ```text
//! you -> edge -> orders -> stock      (ours: gets the baggage key "tenant")
//!                       -> partner    (not ours: gets trace context alone)
//! ```
//!
//! [`service`] is what one service does, two lines of which are about tracing; [`requests`] is what is sent and what has to
//! come of it; [`verdict`] judges; [`print`](mod@print) tells.

pub mod print;
pub mod requests;
pub mod service;
pub mod verdict;

use std::io::{self, Write};
use std::sync::Arc;

use traceprop_core::Propagator;

use requests::REQUESTS;
use service::{Hop, Running};
use verdict::Broken;

/// Why the fleet could not run at all.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    #[error("cannot listen on loopback, or cannot print: {0}")]
    Io(#[from] io::Error),
    #[error("a request failed: {0}")]
    Request(#[from] reqwest::Error),
    #[error("the formats do not go together: {0}")]
    Formats(#[from] traceprop_core::ConfigError),
}

/// Starts the fleet, sends the requests through it and tells what happened. True if each request was one trace.
///
/// # Errors
/// See [`FleetError`].
pub async fn run(out: &mut impl Write) -> Result<bool, FleetError> {
    let propagator = Arc::new(Propagator::from_names("tracecontext,baggage", "tracecontext,baggage")?);
    let client = reqwest::Client::builder().no_proxy().timeout(service::TIMEOUT).build()?;
    let fleet = Running::start(&propagator, &client).await?;
    print::fleet(out, &fleet)?;

    let mut broken: Vec<(usize, Broken)> = Vec::new();
    for (place, request) in REQUESTS.iter().enumerate() {
        print::request(out, place + 1, request)?;
        let mut builder = client.get(fleet.url(service::EDGE));
        for (name, value) in request.headers {
            builder = builder.header(*name, *value);
        }
        let hop: Hop = builder.send().await?.error_for_status()?.json().await?;
        print::hop(out, &hop)?;
        let verdict = verdict::one_trace(&hop).and_then(|()| (request.expect)(&hop));
        print::verdict(out, &hop, verdict)?;
        broken.extend(verdict.err().map(|broken| (place + 1, broken)));
    }
    print::end(out, REQUESTS.len(), &broken)?;
    Ok(broken.is_empty())
}
