//! Parallel load for a long time, through three services on loopback. Each request has its own ids and baggage. No task may
//! have the context of another request, and memory must not grow.
//!
//! ```text
//! load -> edge -> cart
//!              -> stock (every seventh call is redirected) -> edge
//! ```
//!
//! - [`load`]: the requests and their expected contexts.
//! - [`services`]: the services. They check the context at every step.
//! - [`guards`]: contexts that are entered and left in random order.
//! - [`watch`]: counts checked contexts and faults.
//! - [`memory`]: measures the memory of the process.

pub mod guards;
pub mod load;
pub mod memory;
pub mod services;
pub mod watch;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use load::Load;
use memory::Memory;
use services::Services;
use watch::Watch;

/// The number of parallel requests.
pub const TASKS: usize = 64;

/// Why a soak cannot run.
#[derive(Debug, thiserror::Error)]
pub enum SoakError {
    #[error("cannot listen on loopback: {0}")]
    Io(#[from] io::Error),
    #[error("the formats cannot be combined: {0}")]
    Formats(#[from] traceprop_core::ConfigError),
    #[error("the rules are invalid: {0}")]
    Rules(#[from] traceprop_reqwest::RulesError),
    #[error("cannot build the client of the services: {0}")]
    Client(#[from] traceprop_reqwest::BuildError),
    #[error("cannot build the client of the load: {0}")]
    Load(#[from] reqwest::Error),
}

/// The results of a run.
#[derive(Debug)]
pub struct Figures {
    pub time: Duration,
    pub requests: u64,
    pub contexts: u64,
    pub faults: u64,
    /// The messages of the first faults.
    pub told: Vec<String>,
    pub memory: Memory,
}

impl Figures {
    /// Returns whether the run has no fault and no growth of memory.
    pub fn is_clean(&self) -> bool {
        self.faults == 0 && self.requests > 0 && self.memory.growth().is_none_or(|growth| growth.is_allowed())
    }
}

/// Sends requests for this time.
///
/// # Errors
/// Returns [`SoakError`] if the services or a client cannot start.
pub async fn run(time: Duration) -> Result<Figures, SoakError> {
    let watch = Arc::new(Watch::default());
    let services = Services::start(&watch).await?;
    let client = crate::fleet::client()?;
    let begin = Instant::now();
    let next = Arc::new(AtomicU64::new(1));
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (client, url, next, watch) = (client.clone(), services.url(), Arc::clone(&next), Arc::clone(&watch));
            tokio::spawn(async move {
                while begin.elapsed() < time {
                    let load = Load::new(next.fetch_add(1, Ordering::Relaxed));
                    send(&client, &url, load, &watch).await;
                }
            })
        })
        .collect();
    let mut memory = Memory::new(time);
    while begin.elapsed() < time {
        tokio::time::sleep(memory.pause()).await;
        memory.sample(begin.elapsed());
    }
    for task in tasks {
        if task.await.is_err() {
            watch.fault("a task of the load panicked".to_owned());
        }
    }
    let (contexts, faults, told) = watch.figures();
    let requests = next.load(Ordering::Relaxed) - 1;
    Ok(Figures { time: begin.elapsed(), requests, contexts, faults, told, memory })
}

/// Sends one request, and checks that no context remains on the thread that it is sent from.
async fn send(client: &reqwest::Client, url: &str, load: Load, watch: &Watch) {
    guards::shuffle(watch, None);
    let mut request = client.get(format!("{url}/{}", load.number()));
    for (name, value) in load.headers() {
        request = request.header(name, value);
    }
    let answer = match request.send().await.and_then(reqwest::Response::error_for_status) {
        Ok(answer) => answer.text().await,
        Err(error) => Err(error),
    };
    watch.none_here(load);
    match answer {
        Ok(text) if text == load.trace_id().to_string() => {}
        Ok(text) => watch.fault(format!("request {} was answered with {text}", load.number())),
        Err(error) => watch.fault(format!("request {} failed: {error}", load.number())),
    }
}
