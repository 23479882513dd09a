//! Sends load for a long time and checks every context. See [`traceprop_examples::soak`].

use std::process::ExitCode;
use std::time::Duration;

use traceprop_examples::soak::{self, Figures, TASKS};

const USAGE: &str = "\
usage: soak [--seconds N]

  sends requests through three services on loopback for N seconds (default 600), checks the context of each request at
  every step, and measures the memory of the process; fails if a task has the context of another request, or if memory
  grows";

fn seconds(arguments: &[String]) -> Option<u64> {
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => Some(600),
        ["--seconds", seconds] => seconds.parse().ok().filter(|seconds| *seconds > 0),
        _ => None,
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let Some(seconds) = seconds(&arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match soak::run(Duration::from_secs(seconds)).await {
        Ok(figures) => {
            print(&figures);
            if figures.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("soak: {error}");
            ExitCode::from(2)
        }
    }
}

fn print(figures: &Figures) {
    let time = figures.time.as_secs_f64();
    println!("time      {time:.1} s, {TASKS} requests at a time");
    println!("requests  {}, {:.0} a second", figures.requests, figures.requests as f64 / time);
    println!("contexts  {} checked, {} faults", figures.contexts, figures.faults);
    match figures.memory.growth() {
        Some(growth) => println!("memory    {growth}"),
        None => println!("memory    not available on this system"),
    }
    for fault in &figures.told {
        println!("fault     {fault}");
    }
    println!("{}", if figures.is_clean() { "no fault" } else { "FAILED" });
}
