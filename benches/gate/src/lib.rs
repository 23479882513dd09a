//! How many instructions one call of each path takes, compared with what it took before.
//!
//! Valgrind counts a run of n calls and one of 2n; the difference, divided by n, is one call, free of start-up. It is the
//! same count each time, on a busy machine as on an idle one, which a time is not. The README of `counts` says what else it
//! does not depend on, and how.

mod record;
mod valgrind;

use std::error::Error;
use std::hint::black_box;
use std::process::ExitCode;

use record::{Judgement, Record};
pub use valgrind::CALLS;

/// The allowed growth of a count. Counts are exact, so this allows for the side effects of a change, not for noise.
const MARGIN_PERCENT: u64 = 3;

/// What a script sees where nothing could be compared.
const NOT_COMPARED: u8 = 3;

/// A name, and what does the work so many times.
pub type Path = (&'static str, fn(usize));

/// Not ours, but part of what is counted: see [`c_library`].
const C_LIBRARY: Path = ("c-library", c_library);

/// The paths of a program, and the counts that they may have.
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    pub paths: &'static [Path],
    /// The file with the counts of the last change.
    pub last: &'static str,
    /// How the file is written: the first lines of it say so.
    pub command: &'static str,
    pub first: Option<First>,
}

/// The counts of the first version, which no command writes.
#[derive(Clone, Copy, Debug)]
pub struct First {
    pub file: &'static str,
    /// How much more a path may take than then, in percent.
    pub margin: fn(&str) -> u64,
}

impl Gate {
    /// Does what the arguments say. Returns `None` if they are for another.
    pub fn run(&self, arguments: &[&str]) -> Option<Result<ExitCode, Box<dyn Error>>> {
        match *arguments {
            // What runs inside valgrind.
            ["--run", name, calls] => Some(self.run_path(name, calls)),
            [] => Some(self.compare()),
            ["--write"] => Some(self.write()),
            _ => None,
        }
    }

    /// Returns the counts of the file.
    pub fn counts(&self) -> Result<Vec<(String, u64)>, String> {
        Ok(Record::read(self.last)?.into_counts())
    }

    fn with_library(&self) -> impl Iterator<Item = Path> {
        [C_LIBRARY].into_iter().chain(self.paths.iter().copied())
    }

    fn run_path(&self, name: &str, calls: &str) -> Result<ExitCode, Box<dyn Error>> {
        let (_, path) = self.with_library().find(|(known, _)| *known == name).ok_or("no such path")?;
        let calls: usize = calls.parse()?;
        // A stack of its own begins where a page does. That of the main thread begins below the environment, and how a
        // copy runs can depend on where its bytes lie.
        let thread = std::thread::Builder::new().stack_size(4 << 20).spawn(move || counted(path, calls))?;
        thread.join().map_err(|_| "the path has a wrong result")?;
        Ok(ExitCode::SUCCESS)
    }

    fn compare(&self) -> Result<ExitCode, Box<dyn Error>> {
        let before = Record::read(self.last)?;
        let first = self.first.map(|first| Ok::<_, String>((Record::read(first.file)?, first.margin))).transpose()?;
        if let Some(reason) = before.taken_otherwise() {
            return Ok(not_compared(&reason));
        }
        // The C library is not of our making, so a change of it must not look like one of ours.
        let library = match valgrind::instructions(C_LIBRARY.0) {
            Ok(count) => count,
            Err(error) => return Ok(not_compared(&error.to_string())),
        };
        if let Some(reason) = before.other_library(library) {
            return Ok(not_compared(&reason));
        }
        println!(
            "{:<40} {:>7} {:>7} {:>8} {:>18}",
            "instructions of one call", "before", "now", "change", "since first"
        );
        let (mut grown, mut fallen, mut beyond_first) = (Vec::new(), Vec::new(), Vec::new());
        for (name, _) in self.with_library() {
            let now = valgrind::instructions(name)?;
            let judgement = before.judge(name, now, MARGIN_PERCENT);
            let since_first = first.as_ref().map(|(first, margin)| first.judge(name, now, margin(name)));
            let change = since_first.and_then(Judgement::change);
            let change = change.map_or("-".to_owned(), |change| format!("{change:+.1} %"));
            println!("{name:<40} {judgement:<30} {change:>12}");
            if let Some(Judgement::Grown { .. }) = since_first {
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
            eprintln!("error: more instructions than the first version allows: {}.", beyond_first.join(", "));
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

    fn write(&self) -> Result<ExitCode, Box<dyn Error>> {
        let mut record = Record::of_this_compiler();
        for (name, _) in self.with_library() {
            let count = valgrind::instructions(name)?;
            println!("{name:<40} {count:>7}");
            record.add(name, count);
        }
        record.write(self.last, self.command)?;
        Ok(ExitCode::SUCCESS)
    }

    /// Panics unless the file has each path once, and each path of the first version is still counted.
    pub fn assert_files_have_the_paths(&self) {
        let paths: Vec<_> = self.with_library().map(|(name, _)| name.to_owned()).collect();
        let names = |file| -> Vec<_> {
            let counts = Record::read(file).expect("a file").into_counts();
            counts.into_iter().map(|(name, _)| name).collect()
        };
        assert_eq!(names(self.last), paths);
        if let Some(first) = self.first {
            let first = names(first.file);
            assert!(!first.is_empty());
            first.iter().for_each(|name| assert!(paths.contains(name), "{name}"));
        }
    }
}

fn not_compared(reason: &str) -> ExitCode {
    eprintln!("WARNING: NO INSTRUCTIONS WERE COUNTED, so nothing keeps them from growing: {reason}");
    ExitCode::from(NOT_COMPARED)
}

/// Runs a path. Valgrind counts only here: the code before it reads the process's own memory map, which differs.
#[inline(never)]
fn counted(path: fn(usize), calls: usize) {
    path(black_box(calls));
}

/// Runs the work of the C library alone: it allocates, copies, compares and frees.
fn c_library(calls: usize) {
    const TEXT: [u8; 2400] = [b'x'; 2400];
    for _ in 0..calls {
        for length in [16, 55, 300, 1200, 2400] {
            let text = &black_box(&TEXT)[..length];
            let copy = black_box(text.to_vec());
            assert!(black_box(copy.as_slice()) == black_box(text));
        }
    }
}
