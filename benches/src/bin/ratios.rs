//! Every case in one run. See the README beside the manifest.
//!
//! ```text
//! ratios [--rounds N] [WORD]...   measures the cases whose name holds one of the words, or all, and prints a table
//! ratios [--rounds N] --write     measures all and the curves, and rewrites data, tables and charts
//! ratios --draw                   rewrites tables and charts from the data that is there
//! ratios --targets                prints the table of targets from the data that is there
//! ```

use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

use traceprop_benches::measure::measure;
use traceprop_benches::results::{self, home};
use traceprop_benches::{Case, allocations, chart, client, composite, curves, dialects, server, targets, w3c};

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
    let done = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--write"] => write(rounds).and_then(|()| draw()),
        ["--draw"] => draw(),
        ["--targets"] => load("ratios").map(|rows| print!("{}", targets::table(&targets::targets(&rows)))),
        _ if words.iter().any(|word| word.starts_with("--")) => Err(io::Error::other("the README says what it takes")),
        _ => {
            let is_wanted =
                |case: &Case| words.is_empty() || words.iter().any(|word| case.name.contains(word.as_str()));
            let chosen = cases().into_iter().chain(curves::cases()).filter(is_wanted).collect();
            print!("{}", results::table(&measure(chosen, rounds)));
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Further areas join here.
fn cases() -> Vec<Case> {
    let areas = [w3c::cases(), dialects::cases(), composite::cases(), server::cases(), client::cases()];
    areas.into_iter().flatten().collect()
}

/// Measures, and keeps the data.
fn write(rounds: usize) -> io::Result<()> {
    if cfg!(not(feature = "skywalking")) {
        return Err(io::Error::other(
            "the data has SkyWalking in it: build with --features skywalking, which needs protoc",
        ));
    }
    fs::create_dir_all(home().join("results"))?;
    results::save(&data("ratios"), &measure(cases(), rounds))?;
    results::save(&data("curves"), &measure(curves::cases(), rounds))?;
    fs::write(home().join("results/machine.txt"), results::machine(rounds) + "\n")
}

/// Shows the data.
fn draw() -> io::Result<()> {
    let (ratios, curves) = (load("ratios")?, load("curves")?);
    let reached = targets::table(&targets::targets(&ratios));
    results::replace_between(&home().join("../README.md"), "targets", &reached)?;
    let readme = home().join("README.md");
    results::replace_between(&readme, "targets", &reached)?;
    results::replace_between(&readme, "growth", &chart::slopes(&curves))?;
    let machine = fs::read_to_string(home().join("results/machine.txt"))?;
    let all = results::short_table(&ratios, "/16-other");
    results::replace_between(&readme, "results", &format!("{}.\n\n{all}", machine.trim_end()))?;
    let docs = home().join("../docs");
    for theme in &chart::THEMES {
        fs::write(docs.join(format!("speed-{}.svg", theme.name)), chart::speed(&ratios, theme))?;
        fs::write(docs.join(format!("growth-{}.svg", theme.name)), chart::growth(&curves, theme))?;
    }
    Ok(())
}

fn data(name: &str) -> std::path::PathBuf {
    home().join("results").join(name).with_extension("csv")
}

fn load(name: &str) -> io::Result<Vec<traceprop_benches::measure::Row>> {
    results::load(Path::new(&data(name)))
}
