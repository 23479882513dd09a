//! Every case in one run, as a markdown table. See the README beside the manifest.
//!
//! `ratios [--rounds N] [WORD]...` measures the cases whose name holds one of the words, or all.

use std::process::ExitCode;

use traceprop_benches::measure::{Row, measure};
use traceprop_benches::{Case, OURS, allocations, client, composite, dialects, server, w3c};

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

const ROUNDS: usize = 101;

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
    let areas = [w3c::cases(), dialects::cases(), composite::cases(), server::cases(), client::cases()];
    let is_wanted = |case: &Case| words.is_empty() || words.iter().any(|word| case.name.contains(word.as_str()));
    let rows = measure(areas.into_iter().flatten().filter(is_wanted).collect(), rounds);
    print(&rows);
    ExitCode::SUCCESS
}

fn print(rows: &[Row]) {
    println!("| case | contender | ns | ratio to ours | allocations |");
    println!("|---|---|--:|--:|--:|");
    for row in rows {
        let ours = rows.iter().find(|other| other.case == row.case && other.contender == OURS);
        let ratio = ours.map_or("-".to_owned(), |ours| format!("{:.2}", row.ns / ours.ns));
        println!("| {} | {} | {:.1} | {ratio} | {} |", row.case, row.contender, row.ns, row.allocations);
    }
}
