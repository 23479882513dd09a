//! How many instructions one call of each of the hottest paths takes, compared with what it took before.
//!
//! Valgrind counts a run of n calls and one of 2n; the difference, divided by n, is one call, free of start-up. It is the
//! same count each time, on a busy machine as on an idle one, which a time is not. README.md says what else it does
//! not depend on, and how.

mod input;
mod paths;
mod record;
mod valgrind;

use std::error::Error;
use std::process::ExitCode;

use record::{Judgement, Record};

/// The allowed growth of a count. Counts are exact, so this allows for the side effects of a change, not for noise.
const MARGIN_PERCENT: u64 = 3;

/// How much more a path may take than in the first version, whatever was added since.
const MARGIN_SINCE_FIRST_PERCENT: u64 = 10;

/// Paths that do more than in the first version on purpose, with what they may take more, in percent.
const MORE_SINCE_FIRST: &[(&str, u64)] = &[
    // A context carries the trust of its caller and which formats were read, so that nothing refused leaves. Half of what
    // these paths take more was there before that: names that a user may give, and one table of formats.
    ("extract/b3", 16),
    ("extract/x-b3", 15),
    ("extract/x-datadog+tags", 15),
    ("extract/malformed/traceparent", 15),
    // More formats are read: each name is compared where no other header tells them apart, and reported.
    ("extract/absent/all", 22),
    ("explain/datadog-rum/all", 22),
    // The carrier is asked for baggage, which is not in either list.
    ("inject/traceparent+tracestate", 12),
    // The member `dd` and the headers of Datadog say the same.
    ("inject/tracecontext,b3,datadog", 16),
    // Whether a request without a trace makes a context depends on which of its headers were read.
    ("passthrough/nothing", 42),
    // Each line is judged by its trace and decision.
    ("passthrough/traceparent", 15),
    // Each member of the baggage that a request already has is judged.
    ("call/baggage/reqwest-rules", 20),
];

fn margin_since_first(path: &str) -> u64 {
    let more = MORE_SINCE_FIRST.iter().find(|(name, _)| *name == path);
    more.map_or(MARGIN_SINCE_FIRST_PERCENT, |(_, percent)| *percent)
}

/// What a script sees where nothing could be compared.
const NOT_COMPARED: u8 = 3;

const USAGE: &str = "\
usage: cargo run --profile counts -p traceprop-counts [-- --write]
    compares with benches/counts/instructions.txt; exit code 1: a count grew, 3: nothing was compared
    --write    takes the counts of now as those to compare with";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        // What runs inside valgrind.
        ["--run", name, calls] => run(name, calls),
        [] => compare(),
        ["--write"] => write(),
        _ => Err(USAGE.into()),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

fn run(name: &str, calls: &str) -> Result<ExitCode, Box<dyn Error>> {
    let &(_, path) = paths::PATHS.iter().find(|(known, _)| *known == name).ok_or("no such path")?;
    let calls: usize = calls.parse()?;
    // A stack of its own begins where a page does. That of the main thread begins below the environment, and how a
    // copy runs can depend on where its bytes lie.
    let thread = std::thread::Builder::new().stack_size(4 << 20).spawn(move || counted(path, calls))?;
    thread.join().map_err(|_| "the path has a wrong result")?;
    Ok(ExitCode::SUCCESS)
}

/// Runs a path. Valgrind counts only here: the code before it reads the process's own memory map, which differs.
#[inline(never)]
fn counted(path: fn(usize), calls: usize) {
    path(std::hint::black_box(calls));
}

fn compare() -> Result<ExitCode, Box<dyn Error>> {
    let (before, first) = (Record::read(record::LAST)?, Record::read(record::FIRST)?);
    if let Some(reason) = before.taken_otherwise() {
        return Ok(not_compared(&reason));
    }
    // The C library is not of our making, so a change of it must not look like one of ours.
    let library = match valgrind::instructions(paths::C_LIBRARY) {
        Ok(count) => count,
        Err(error) => return Ok(not_compared(&error.to_string())),
    };
    if let Some(reason) = before.other_library(library) {
        return Ok(not_compared(&reason));
    }
    println!("{:<40} {:>7} {:>7} {:>8} {:>18}", "instructions of one call", "before", "now", "change", "since first");
    let (mut grown, mut fallen, mut beyond_first) = (Vec::new(), Vec::new(), Vec::new());
    for &(name, _) in paths::PATHS {
        let now = valgrind::instructions(name)?;
        let judgement = before.judge(name, now, MARGIN_PERCENT);
        let since_first = first.judge(name, now, margin_since_first(name));
        let change = since_first.change().map_or("-".to_owned(), |change| format!("{change:+.1} %"));
        println!("{name:<40} {judgement:<30} {change:>12}");
        if let Judgement::Grown { .. } = since_first {
            beyond_first.push(name);
        }
        match judgement {
            Judgement::Grown { .. } | Judgement::Unknown { .. } => grown.push(name),
            Judgement::Fallen { .. } => fallen.push(name),
            Judgement::Same { .. } => {}
        }
    }
    if !fallen.is_empty() {
        println!("less than before: {}. Keep it: run this with --write, and commit the file.", fallen.join(", "));
    }
    if !beyond_first.is_empty() {
        eprintln!(
            "error: more instructions than the first version allows ({MARGIN_SINCE_FIRST_PERCENT} %, or what is listed): {}.",
            beyond_first.join(", "),
        );
        return Ok(ExitCode::FAILURE);
    }
    if grown.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!(
        "error: more than {MARGIN_PERCENT} % more instructions than before, or not known before: {}.\n\
         Where a path now does more on purpose, run this with --write and say in the commit what the rest is for.",
        grown.join(", "),
    );
    Ok(ExitCode::FAILURE)
}

fn not_compared(reason: &str) -> ExitCode {
    eprintln!("WARNING: NO INSTRUCTIONS WERE COUNTED, so nothing keeps them from growing: {reason}");
    ExitCode::from(NOT_COMPARED)
}

fn write() -> Result<ExitCode, Box<dyn Error>> {
    let mut record = Record::of_this_compiler();
    for &(name, _) in paths::PATHS {
        let count = valgrind::instructions(name)?;
        println!("{name:<40} {count:>7}");
        record.add(name, count);
    }
    record.write()?;
    Ok(ExitCode::SUCCESS)
}
