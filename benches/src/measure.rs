//! Every case in one run, the contenders taking turns.
//!
//! Two runs on a busy machine can differ by more than two crates do. So no contender is measured alone: a round gives
//! each contender of each case a few short samples and keeps its fastest; what counts is the median over many rounds.

use std::time::Duration;

use crate::{Case, Contender, allocations};

/// Samples of one contender in one round.
const SAMPLES: usize = 8;
/// Short enough that some sample in a round is not interrupted.
const SAMPLE: Duration = Duration::from_micros(40);
/// Runs over which allocations are averaged.
const COUNTED: u64 = 100;

/// What one contender took for one case.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub case: String,
    pub contender: String,
    pub ns: f64,
    pub allocations: f64,
}

struct Measured {
    contender: Contender,
    runs: u64,
    fastest: Vec<f64>,
    allocations: f64,
}

/// Measures all of them. Allocations are 0 in a program that has not installed [`allocations::Counting`].
pub fn measure(cases: Vec<Case>, rounds: usize) -> Vec<Row> {
    let mut cases: Vec<(String, Vec<Measured>)> = cases
        .into_iter()
        .map(|Case { name, contenders }| (name, contenders.into_iter().map(Measured::new).collect()))
        .collect();
    for round in 0..rounds {
        for (_, contenders) in &mut cases {
            // Another contender begins each time, so that none always finds the caches as one rival left them.
            let first = round % contenders.len();
            let (after, before) = contenders.split_at_mut(first);
            for measured in before.iter_mut().chain(after) {
                measured.round();
            }
        }
    }
    let rows = cases.iter().flat_map(|(case, contenders)| {
        contenders.iter().map(|measured| Row {
            case: case.clone(),
            contender: measured.contender.name.to_owned(),
            ns: measured.median(),
            allocations: measured.allocations,
        })
    });
    rows.collect()
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
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    }
}
