//! Every case in one run, the contenders taking turns, as a markdown table.
//!
//! Two runs on a busy machine can differ by more than two crates do. So nobody is measured alone: a round gives each
//! contender of each case a few short samples and keeps its fastest; the table shows the median over many rounds.
//!
//! `ratios [--rounds N] [WORD]...` measures the cases whose name holds one of the words, or all.

use std::process::ExitCode;
use std::time::Duration;

use traceprop_benches::{Case, Contender, OURS, allocations, server, w3c};

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

const ROUNDS: usize = 101;
/// Samples of one contender in one round.
const SAMPLES: usize = 8;
/// Short enough that some sample in a round is not interrupted.
const SAMPLE: Duration = Duration::from_micros(40);
/// Runs over which allocations are averaged.
const COUNTED: u64 = 100;

struct Measured {
    contender: Contender,
    runs: u64,
    fastest: Vec<f64>,
    allocations: f64,
}

fn main() -> ExitCode {
    let mut rounds = ROUNDS;
    let mut words = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument != "--rounds" {
            words.push(argument);
        } else if let Some(count) = arguments.next().and_then(|count| count.parse().ok()).filter(|&count| count > 0) {
            rounds = count;
        } else {
            eprintln!("--rounds wants a number above zero");
            return ExitCode::FAILURE;
        }
    }

    // Further areas join here.
    let areas = [w3c::cases(), server::cases()];
    let mut cases: Vec<(String, Vec<Measured>)> = areas
        .into_iter()
        .flatten()
        .filter(|case| words.is_empty() || words.iter().any(|word| case.name.contains(word.as_str())))
        .map(|Case { name, contenders }| (name, contenders.into_iter().map(Measured::new).collect()))
        .collect();

    for round in 0..rounds {
        for (_, contenders) in &mut cases {
            // Somebody else begins each time, so that nobody always finds the caches as the same rival left them.
            let first = round % contenders.len();
            let (after, before) = contenders.split_at_mut(first);
            for measured in before.iter_mut().chain(after) {
                measured.round();
            }
        }
    }

    println!("| case | contender | ns | ratio to ours | allocations |");
    println!("|---|---|--:|--:|--:|");
    for (name, contenders) in &cases {
        let ours = contenders.iter().find(|measured| measured.contender.name == OURS).map(Measured::median);
        for measured in contenders {
            let ns = measured.median();
            let ratio = ours.map_or("-".to_owned(), |ours| format!("{:.2}", ns / ours));
            println!("| {name} | {} | {ns:.1} | {ratio} | {} |", measured.contender.name, measured.allocations);
        }
    }
    ExitCode::SUCCESS
}

impl Measured {
    fn new(mut contender: Contender) -> Self {
        // Also warms up: what is made once and kept is not counted.
        let mut runs = 1;
        while contender.run(runs).elapsed < SAMPLE {
            runs *= 2;
        }
        let counted = allocations::counted(|| contender.run(COUNTED)).allocations;
        Self { contender, runs, fastest: Vec::new(), allocations: counted as f64 / COUNTED as f64 }
    }

    fn round(&mut self) {
        let fastest = (0..SAMPLES).map(|_| self.contender.run(self.runs).elapsed).min().unwrap_or_default();
        self.fastest.push(fastest.as_secs_f64() * 1e9 / self.runs as f64);
    }

    fn median(&self) -> f64 {
        let mut sorted = self.fastest.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }
}
