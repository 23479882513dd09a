//! Requests a second, and how long the slowest take: a picture of one machine on one day, and no gate.
//!
//! Each service is a process with one thread. A round sends each of them the same number of requests, one service after
//! the other, so that a busy machine slows all of them.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;
use std::{env, fs, io};

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::GATE;
use crate::request::{connect, send};
use crate::service::{SERVICES, by_name};

const ROUNDS: usize = 31;
const CONNECTIONS: usize = 16;
/// Of each connection, in each round.
const REQUESTS: usize = 300;

const RESULTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../results/end-to-end.csv");
/// Written by the program that draws the tables too.
const HEADER: &str = "service,instructions,requests_per_second,p99_us";

/// A service in a process of its own, which ends with this value.
struct Server {
    process: Child,
    port: u16,
    rates: Vec<f64>,
    slowest: Vec<f64>,
}

/// Serves on a free port until the process is ended, and prints the port.
pub(crate) fn serve(name: &str) -> Result<ExitCode, Box<dyn Error>> {
    let service = by_name(name).ok_or("no such service")?;
    runtime()?.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        println!("{}", listener.local_addr()?.port());
        axum::serve(listener, service).await
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Measures all services, prints what they did, and writes it with the stored counts of instructions.
pub(crate) fn measure() -> Result<ExitCode, Box<dyn Error>> {
    let mut servers = SERVICES.iter().map(|(name, _)| Server::start(name)).collect::<Result<Vec<_>, _>>()?;
    let client = runtime()?;
    for round in 0..ROUNDS {
        // Another service begins each time.
        let first = round % servers.len();
        let (after, before) = servers.split_at_mut(first);
        for server in before.iter_mut().chain(after) {
            let (rate, slowest) = client.block_on(load(server.port))?;
            server.rates.push(rate);
            server.slowest.push(slowest);
        }
    }
    let counts = GATE.counts()?;
    let mut text = format!("{HEADER}\n");
    for ((name, _), server) in SERVICES.iter().zip(&mut servers) {
        let (_, count) = counts.iter().find(|(known, _)| known == name).ok_or("no count: run --write first")?;
        let (rate, slowest) = (median(&mut server.rates), median(&mut server.slowest));
        println!("{name:<40} {rate:>8.0} requests a second, 99 % below {slowest:.0} us");
        writeln!(text, "{name},{count},{rate:.0},{slowest:.0}")?;
    }
    fs::write(RESULTS, text)?;
    Ok(ExitCode::SUCCESS)
}

/// Sends a round of requests. Returns requests a second, and the 99th percentile in microseconds.
async fn load(port: u16) -> io::Result<(f64, f64)> {
    let start = Instant::now();
    let connections: Vec<_> = (0..CONNECTIONS).map(|_| tokio::spawn(requests(port))).collect();
    let mut took = Vec::with_capacity(CONNECTIONS * REQUESTS);
    for connection in connections {
        took.extend(connection.await??);
    }
    let elapsed = start.elapsed().as_secs_f64();
    took.sort_by(f64::total_cmp);
    Ok((took.len() as f64 / elapsed, took[took.len() * 99 / 100]))
}

/// Returns how long each request of a connection took, in microseconds.
async fn requests(port: u16) -> io::Result<Vec<f64>> {
    let mut client = connect(port).await?;
    let mut took = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        let start = Instant::now();
        send(&mut client).await?;
        took.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(took)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

impl Server {
    fn start(name: &str) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(env::current_exe()?);
        let mut process = command.args(["--serve", name]).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let output = process.stdout.take().ok_or("no output")?;
        BufReader::new(output).read_line(&mut line)?;
        let port = line.trim().parse().map_err(|_| format!("{name} did not start"))?;
        Ok(Self { process, port, rates: Vec::new(), slowest: Vec::new() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
