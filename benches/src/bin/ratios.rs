//! Runs every case. See the README of this folder.
//!
//! ```text
//! ratios [--rounds N] [WORD]...   measures all cases, or those with one of the words in their name; prints a table
//! ratios [--rounds N] --write     measures all cases and the curves; rewrites the data, the tables and the charts
//! ratios --draw                   rewrites the tables and the charts from the stored data
//! ratios --targets                prints the table of targets from the stored data
//! ```

use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

use traceprop_benches::measure::measure;
use traceprop_benches::results::{self, home};
use traceprop_benches::{
    Case, allocations, chart, client, composite, curves, end_to_end, formats, server, targets, w3c,
};

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
            eprintln!("--rounds needs a number greater than zero");
            return ExitCode::FAILURE;
        }
    }
    let done = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--write"] => write(rounds).and_then(|()| draw()),
        ["--draw"] => draw(),
        ["--targets"] => load("ratios").map(|rows| print!("{}", targets::table(&rows))),
        _ if words.iter().any(|word| word.starts_with("--")) => {
            Err(io::Error::other("unknown option; README.md lists the options"))
        }
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

/// Returns the cases of all areas.
fn cases() -> Vec<Case> {
    let areas = [w3c::cases(), formats::cases(), composite::cases(), server::cases(), client::cases()];
    areas.into_iter().flatten().collect()
}

/// Measures, and stores the data.
fn write(rounds: usize) -> io::Result<()> {
    if cfg!(not(feature = "skywalking")) {
        return Err(io::Error::other(
            "the data includes SkyWalking: build with --features skywalking, which needs protoc",
        ));
    }
    fs::create_dir_all(home().join("results"))?;
    results::save(&data("ratios"), &measure(cases(), rounds))?;
    results::save(&data("curves"), &measure(curves::cases(), rounds))?;
    fs::write(home().join("results/machine.txt"), results::machine(rounds) + "\n")
}

/// Writes the tables and charts of the stored data.
fn draw() -> io::Result<()> {
    let (ratios, curves) = (load("ratios")?, load("curves")?);
    let reached = targets::table(&ratios);
    let readme = home().join("README.md");
    results::replace_between(&readme, "targets", &reached)?;
    results::replace_between(&readme, "growth", &chart::slopes(&curves))?;
    let machine = fs::read_to_string(home().join("results/machine.txt"))?;
    let all = results::short_table(&ratios, "/16-other");
    results::replace_between(&readme, "results", &format!("{}.\n\n{all}", machine.trim_end()))?;
    let services = end_to_end::load(&data("end-to-end"))?;
    results::replace_between(&readme, "requests", &end_to_end::table(&services))?;
    let docs = home().join("../docs");
    for theme in &chart::THEMES {
        fs::write(docs.join(format!("speed-{}.svg", theme.name)), chart::speed(&ratios, theme))?;
        fs::write(docs.join(format!("growth-{}.svg", theme.name)), chart::growth(&curves, theme))?;
        fs::write(docs.join(format!("requests-{}.svg", theme.name)), chart::requests(&services, theme))?;
    }
    Ok(())
}

fn data(name: &str) -> std::path::PathBuf {
    home().join("results").join(name).with_extension("csv")
}

fn load(name: &str) -> io::Result<Vec<traceprop_benches::measure::Row>> {
    results::load(Path::new(&data(name)))
}
