//! traceprop-opentelemetry next to the propagators of OpenTelemetry, as propagators of OpenTelemetry. See the README.
//!
//! It prints instructions, as `benches/adapter/instructions.txt` has them, nanoseconds and allocations of each case.

use std::error::Error;
use std::time::Instant;

use traceprop_adapter::{GATE, PAIRS, PATHS, Pair};
use traceprop_benches::allocations;

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

/// What a case takes: instructions, nanoseconds if they can be measured, and allocations.
struct Cost(u64, Option<u128>, u64);

fn cost(counts: &[(String, u64)], name: &str) -> Result<Cost, Box<dyn Error>> {
    let (_, run) = PATHS.iter().find(|(known, _)| *known == name).ok_or("no such case")?;
    let (_, instructions) = counts.iter().find(|(known, _)| known == name).ok_or("no count")?;
    Ok(Cost(*instructions, nanoseconds(name, *run), allocations(*run)))
}

fn nanoseconds(name: &str, run: fn(usize)) -> Option<u128> {
    const CALLS: usize = 20_000;
    // A layer uses its requests up, and only a few are prepared.
    if name.starts_with("serve/") {
        return None;
    }
    let time = || {
        let start = Instant::now();
        run(CALLS);
        start.elapsed().as_nanos() / CALLS as u128
    };
    (0..15).map(|_| time()).min()
}

fn allocations(run: fn(usize)) -> u64 {
    let count = |calls| {
        let before = allocations::so_far();
        allocations::counted(|| run(calls));
        allocations::so_far() - before
    };
    count(1);
    count(2) - count(1)
}

fn main() -> Result<(), Box<dyn Error>> {
    let counts = GATE.counts()?;
    println!("| case | instructions | of theirs | ns | allocations |\n|---|---|---|---|---|");
    for Pair { ours, theirs, .. } in PAIRS {
        let (Cost(ours_in, ours_ns, ours_al), Cost(in_, ns, al)) = (cost(&counts, ours)?, cost(&counts, theirs)?);
        let ratio = ours_in as f64 / in_ as f64;
        let [ours_ns, ns] = [ours_ns, ns].map(Option::unwrap_or_default);
        println!("| {ours} | {ours_in} / {in_} | {ratio:.2} | {ours_ns} / {ns} | {ours_al} / {al} |");
    }
    let is_alone = |name: &str| PAIRS.iter().all(|pair| pair.ours != name && pair.theirs != name);
    for (name, _) in PATHS.iter().filter(|(name, _)| is_alone(name)) {
        let Cost(instructions, ns, allocations) = cost(&counts, name)?;
        let ns = ns.map_or("-".to_owned(), |ns| ns.to_string());
        println!("| {name} | {instructions} | - | {ns} | {allocations} |");
    }
    Ok(())
}
